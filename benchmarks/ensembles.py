"""Thousands of XOR networks trained at once: `jaxnet` against the hand-written scan and step, all under `jax.vmap`.

`python benchmarks/ensembles.py` prints nanoseconds per step and network, and ratios to the yardstick, the vmap of the
hand-written scan: medians over rounds, in each of which all run in turn, with the smallest and the largest ratio.
Parameters differ from network to network; the examples, all four at each step, are the same for all.
"""

import argparse
import itertools
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import optax
from common import by_hand
from common.timing import in_turn, report
from tqdm import tqdm

import jaxnet

SCAN = "vmap(scan)"
OPTIMIZERS = {"sgd": optax.sgd(0.5), "adam": optax.adam(0.01)}
# Networks, steps of a scan, of a loop.
ENSEMBLES = ((256, 2_000, 500), (4_096, 200, 100))
CASES = [
    (f"{n} x {'-'.join(map(str, sizes))} {optimizer}", sizes, OPTIMIZERS[optimizer], n, *steps)
    for sizes, optimizer, (n, *steps) in itertools.product(((2, 2, 1), (2, 4, 1)), OPTIMIZERS, ENSEMBLES)
]


def contestants(sizes, optimizer, n, scan_steps, loop_steps):
    """Return functions that give the losses, `(networks, steps)` or of the last step; and how many steps each makes."""
    random = np.random.default_rng(0)
    layers = [
        (random.normal(0, fan_in**-0.5, (n, units, fan_in)).astype(np.float32), np.zeros((n, units), np.float32))
        for fan_in, units in itertools.pairwise(sizes)
    ]
    x = jnp.array([[0, 0], [1, 0], [0, 1], [1, 1]], jnp.float32)
    y, key = jnp.array([[0], [1], [1], [0]], jnp.float32), jax.random.key(0)

    params = [(jnp.asarray(w.mT), jnp.asarray(b)) for w, b in layers]
    start = params, jax.vmap(optimizer.init)(params)
    scan = jax.jit(jax.vmap(by_hand.scan_of(by_hand.forward, optimizer, None, scan_steps), (0, None, None, None)))
    step = jax.jit(jax.vmap(by_hand.step_of(by_hand.forward, optimizer), (0, None, None)))

    def loop():
        state, losses = start, None
        for _ in range(loop_steps):
            state, losses = step(state, x, y)
        return losses

    net = jaxnet.mlp(sizes)

    def loss(params, batch):
        return jaxnet.squared_error(net.apply(params, batch[0]), batch[1]).mean()

    rule = jaxnet.gradient_descent(loss, optimizer)
    states = jax.vmap(rule.init)(tuple(jaxnet.Neuron(jnp.asarray(w), jnp.asarray(b)) for w, b in layers))
    keys = jax.random.split(key, n)
    vmap_of_train = jax.jit(jax.vmap(partial(one_run, rule, scan_steps), (0, None, 0)))

    return {
        SCAN: (lambda: scan(params, x, y, key)[1], scan_steps),
        "vmap(jaxnet.train)": (lambda: vmap_of_train(states, (x, y), keys), scan_steps),
        "jaxnet.train_ensemble": (partial(many_runs, rule, scan_steps, states, (x, y), keys), scan_steps),
        "loop over vmap(step)": (loop, loop_steps),
    }


def one_run(rule, steps, state, data, key):
    return jaxnet.train(rule, state, data, steps=steps, key=key)[1]["loss"]


def many_runs(rule, steps, states, data, keys):
    return jaxnet.train_ensemble(rule, states, data, steps=steps, keys=keys)[1]["loss"]


def check(runs):
    """Assert that every network has the yardstick's loss after as many steps."""
    losses = np.asarray(runs[SCAN][0]())
    assert losses[:, -1].mean() < losses[:, 0].mean(), f"{SCAN}: the mean loss did not fall"
    for name, (run, steps) in runs.items():
        found = np.asarray(run()).reshape(len(losses), -1)
        np.testing.assert_allclose(found[:, -1], losses[:, steps - 1], rtol=1e-3, err_msg=name)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", default="", help="only those whose name has this in it, such as 4096, or adam")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--quick", action="store_true", help="short rounds: does it all run?")
    options = parser.parse_args()
    cases = [case for case in CASES if options.case in case[0]]
    if not cases:
        parser.error(f"no case has {options.case!r} in its name: {'; '.join(case[0] for case in CASES)}")

    print(f"{jax.devices()[0].device_kind}, jax {jax.__version__}, {options.rounds} rounds")
    print(f"{'case':32} {'contestant':22} {'ns / step':>10} {'/ scan':>7}  (min .. max)")
    for name, sizes, optimizer, n, *steps in tqdm(cases, leave=False, disable=None):
        runs = contestants(sizes, optimizer, n, *steps)
        check(runs)
        times = in_turn({k: run for k, (run, _) in runs.items()}, options.rounds, turn=0.01 if options.quick else 0.1)
        report(name, {k: times[k] / (n * steps) for k, (_, steps) in runs.items()}, SCAN, unit=1e-9)


if __name__ == "__main__":
    main()

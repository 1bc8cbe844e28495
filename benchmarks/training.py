"""A training run by `jaxnet.train` and `jaxnet.fit` against the same run written by hand, and by other libraries.

`python benchmarks/training.py` prints microseconds per step and ratios to the yardstick, the obvious hand-written scan:
medians over rounds, in each of which all run in turn, with the smallest and the largest ratio. The scan by hand comes
twice, so that the cost of the order of weights is seen: as (inputs, outputs), the yardstick, and as (outputs, inputs).
Where a loop is slow it makes fewer steps than the scan. All must have the same loss after as many steps.
"""

import argparse
import itertools
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from common import by_hand
from common.peers import Contestant, Task, found, loop
from common.timing import in_turn, report
from tqdm import tqdm

import jaxnet

SCAN = "scan, x @ w + b"


class Case(NamedTuple):
    """Sizes, examples, batch (None: all of them), optimiser and step size, steps of a scan and of a loop."""

    sizes: tuple[int, ...]
    n: int
    batch_size: int | None
    optimizer: str
    step_size: float
    scan_steps: int
    loop_steps: int

    @property
    def name(self):
        """The name that is printed, and that `--case` looks into."""
        batch = "" if self.batch_size is None else f", batch {self.batch_size}"
        return f"{'-'.join(map(str, self.sizes))} {self.optimizer}{batch}"


CASES = (
    Case((2, 2, 1), 4, None, "sgd", 0.5, 100_000, 1_000),
    Case((2, 4, 1), 4, None, "sgd", 0.5, 100_000, 1_000),
    Case((2, 4, 1), 4, None, "adam", 0.01, 100_000, 1_000),
    Case((2, 16, 1), 4, None, "sgd", 0.5, 100_000, 1_000),
    Case((2, 16, 1), 4, None, "adam", 0.01, 100_000, 1_000),
    Case((64, 32, 10), 1_792, 32, "sgd", 0.5, 5_600, 1_120),
    Case((784, 128, 10), 12_800, 128, "sgd", 0.1, 300, 300),
    Case((784, 1024, 1024, 10), 5_120, 512, "sgd", 0.01, 10, 10),
)


def examples(case):
    """Return XOR, or random inputs and random bits."""
    if case.n == 4:
        x = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float32)
        return x, x[:, :1] != x[:, 1:]
    random = np.random.default_rng(0)
    return random.random((case.n, case.sizes[0]), np.float32), random.random((case.n, case.sizes[-1])) < 0.5


def contestants(case, makers):
    """Return all runs; the first is the yardstick, `makers` make those of the peers."""
    random = np.random.default_rng(1)
    layers = [
        (random.normal(0, n**-0.5, (m, n)).astype(np.float32), np.zeros(m, np.float32))
        for n, m in itertools.pairwise(case.sizes)
    ]
    x, y = examples(case)
    y, key = y.astype(np.float32), jax.random.key(0)
    rows = by_hand.order(key, case.n, case.batch_size, case.loop_steps)
    task = Task(
        layers, x, y, None if rows is None else np.asarray(rows), case.loop_steps, case.optimizer, case.step_size
    )
    optimizer, data = task.transform, (jnp.asarray(x), jnp.asarray(y))

    params = [(jnp.asarray(w.T), jnp.asarray(b)) for w, b in layers]
    transposed = [(jnp.asarray(w), jnp.asarray(b)) for w, b in layers]
    scan = jax.jit(by_hand.scan_of(by_hand.forward, optimizer, case.batch_size, case.scan_steps))
    transposed_scan = jax.jit(by_hand.scan_of(by_hand.transposed_forward, optimizer, case.batch_size, case.scan_steps))
    step = jax.jit(by_hand.step_of(by_hand.forward, optimizer))

    net = jaxnet.mlp(case.sizes)

    def loss(params, batch):
        return jaxnet.squared_error(net.apply(params, batch[0]), batch[1]).mean()

    rule = jaxnet.gradient_descent(loss, optimizer)
    state = rule.init(tuple(jaxnet.Neuron(w, b) for w, b in transposed))

    def train():
        return jaxnet.train(rule, state, data, steps=case.scan_steps, batch_size=case.batch_size, key=key)[1]["loss"]

    def fit(every):
        """Run `jaxnet.fit`, which reads and checks what it has after every so many steps."""
        run = jaxnet.fit(
            rule, state.params, data, steps=case.loop_steps, batch_size=case.batch_size, key=key, every=every,
            progress=False,
        )  # fmt: skip
        return run.history["loss"]

    return {
        SCAN: Contestant(lambda: scan(params, *data, key)[1], case.scan_steps),
        "scan, x @ w.T + b": Contestant(lambda: transposed_scan(transposed, *data, key)[1], case.scan_steps),
        "jaxnet.train": Contestant(train, case.scan_steps),
        "jaxnet.fit": Contestant(lambda: fit(case.loop_steps), case.loop_steps),
        "the same, every=1": Contestant(lambda: fit(1), case.loop_steps),
        "loop over jitted step": loop(step, (params, optimizer.init(params)), task),
    } | {name: make(task) for name, make in makers.items()}


def check(runs):
    """Assert that all learn, and have the yardstick's loss after as many steps where they can."""
    losses = np.asarray(runs[SCAN].run())
    assert losses[-1] < losses[0], f"{SCAN}: the loss went from {losses[0]} to {losses[-1]}"
    for name, (run, steps, same) in runs.items():
        found = np.ravel(run())
        if same:
            np.testing.assert_allclose(found[-1], losses[steps - 1], rtol=1e-4, err_msg=name)
        else:
            assert found[-1] < found[0], f"{name}: the loss went from {found[0]} to {found[-1]}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--case", default="", help="only those whose name has this in it, such as 2-4-1, or adam")
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--peers", action=argparse.BooleanOptionalAction, default=True, help="other libraries")
    parser.add_argument("--quick", action="store_true", help="a tenth of the steps, short rounds: does it all run?")
    options = parser.parse_args()
    cases = [case for case in CASES if options.case in case.name]
    if not cases:
        parser.error(f"no case has {options.case!r} in its name: {'; '.join(case.name for case in CASES)}")

    makers = found() if options.peers else {}
    print(f"{jax.devices()[0].device_kind}, jax {jax.__version__}, {options.rounds} rounds")
    print(f"{'case':32} {'contestant':22} {'us / step':>10} {'/ scan':>7}  (min .. max)")
    for case in tqdm(cases, leave=False, disable=None):
        if options.quick:
            scan_steps, loop_steps = (max(3, steps // 10) for steps in (case.scan_steps, case.loop_steps))
            case = case._replace(scan_steps=scan_steps, loop_steps=loop_steps)
        runs = contestants(case, makers)
        check(runs)
        times = in_turn({name: c.run for name, c in runs.items()}, options.rounds, turn=0.01 if options.quick else 0.1)
        report(case.name, {name: times[name] / c.steps for name, c in runs.items()}, SCAN)


if __name__ == "__main__":
    main()

"""Large sparse graphs of units: `jaxnet.evaluate` against one sparse matrix per level, by SciPy and by JAX.

`python benchmarks/wirings.py` prints nanoseconds per edge and example, ratios to SciPy, and the cost of a gradient in
forward passes: for isolated calls, and for steps of one compiled scan, whose memory is not fresh, as in training. Then
come the seconds and megabytes that the graph itself takes. Each graph has a process of its own, in which memory is
measured first, smallest batch first. `--large` adds 10^6 units with 10^7 edges, which takes minutes and gigabytes.
"""

import argparse
import resource
import sys
import time
from concurrent.futures import ProcessPoolExecutor
from functools import partial
from multiprocessing import get_context

import jax
import jax.numpy as jnp
import numpy as np
import scipy.sparse
import scipy.special
from common.timing import in_turn, ratio
from jax.experimental import sparse
from tqdm import tqdm

import jaxnet

ROUNDS, STEPS = 5, 10
# Name, levels, units per level, fan-in.
CASES = (("10^4 units", 10, 1_000, 10), ("10^5 units", 10, 10_000, 10), ("10,000 levels", 10_000, 10, 3))
LARGE = ("10^6 units", 10, 100_000, 10)
BATCHES = (1, 8, 32)
SCIPY, BCSR = "scipy CSR", "jax BCSR"


def layered(levels, width, fan_in):
    """Return a graph of levels; each unit reads random nodes of the level before, the last level is the output."""
    random = np.random.default_rng(0)
    sources = np.sort(random.integers(width, size=(levels, width, fan_in)))
    sources += width * np.arange(levels)[:, None, None]
    units = levels * width
    wiring = jaxnet.Wiring(width, fan_in * np.arange(units + 1), sources.ravel(), np.arange(units, units + width))
    w = random.normal(0, 3 * fan_in**-0.5, units * fan_in).astype(np.float32)
    return wiring, jaxnet.Neuron(w, random.normal(0, 1, units).astype(np.float32))


def peers(levels, width, fan_in, wiring, params, x):
    """Return runs by one sparse matrix per level, which give the outputs, `(units, batch)`."""
    columns, offsets = wiring.sources.reshape(levels, -1) % width, fan_in * np.arange(width + 1)
    w, b = params.w.reshape(levels, -1), params.b.reshape(levels, width, 1)
    parts = [(scipy.sparse.csr_array((w[i], columns[i], offsets), (width, width)), b[i]) for i in range(levels)]
    inputs = np.ascontiguousarray(x.T)

    def by_scipy():
        v = inputs
        for matrix, b in parts:
            z = matrix @ v
            z += b
            v = scipy.special.expit(z, out=z)
        return v

    runs = {SCIPY: by_scipy}
    if len(parts) <= 100:  # One operation per level: thousands of them do not compile in reasonable time.
        matrices = [(sparse.BCSR.from_scipy_sparse(matrix), jnp.asarray(b)) for matrix, b in parts]

        @jax.jit
        def by_bcsr(matrices, v):
            for matrix, b in matrices:
                v = jax.nn.sigmoid(matrix @ v + b)
            return v

        runs[BCSR] = partial(by_bcsr, matrices, jnp.asarray(inputs))
    return runs


def contestants(ready, params, x):
    """Return forward passes and gradients: isolated, and as steps of a scan that change the parameters alike."""

    def loss(params, ready, x):
        return jnp.mean(jaxnet.evaluate(ready, params, x) ** 2)

    def forward_step(params, ready, x):
        value = loss(params, ready, x)
        return jax.tree.map(lambda p: p - 1e-6 * value, params)

    def gradient_step(params, ready, x):
        return jax.tree.map(lambda p, g: p - 1e-6 * g, params, jax.grad(loss)(params, ready, x))

    def scan(step):
        def run(params, ready, x):
            return jax.lax.scan(lambda params, _: (step(params, ready, x), None), params, length=STEPS)[0]

        return jax.jit(run)

    functions = {
        "forward": jax.jit(lambda params, ready, x: jaxnet.evaluate(ready, params, x)),
        "gradient": jax.jit(jax.grad(loss)),
        "forward scan": scan(forward_step),
        "gradient scan": scan(gradient_step),
    }
    return {name: partial(f, params, ready, x) for name, f in functions.items()}


def peak():
    """Return the most megabytes of resident memory so far; the system counts bytes on macOS, kilobytes elsewhere."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3)


def timed(run):
    """Return the result of a call, and its seconds."""
    start = time.perf_counter()
    result = jax.block_until_ready(run())
    return result, time.perf_counter() - start


def measure(case):
    """Return a row for each batch of one graph, in a process that has run nothing else."""
    jax.block_until_ready(jnp.ones(1) + 1)
    before = peak()
    wiring, params = layered(*case)
    ready, to_schedule = timed(lambda: jaxnet.level_schedule(wiring))
    arrays, scheduled = jax.tree.map(jnp.asarray, params), peak() - before
    prepared = []
    for batch in BATCHES:
        x = np.random.default_rng(1).random((batch, wiring.n_inputs), np.float32)
        runs = contestants(ready, arrays, jnp.asarray(x))
        first_calls = {name: timed(runs[name])[1] for name in ("forward", "gradient")}
        prepared.append((x, runs, first_calls, peak() - before))

    rows = []
    for batch, (x, runs, first_calls, used) in zip(BATCHES, prepared, strict=True):
        others = peers(*case, wiring=wiring, params=params, x=x)
        for run in others.values():
            np.testing.assert_allclose(np.asarray(run()).T, runs["forward"](), atol=1e-4)
        times = in_turn(runs | others, ROUNDS)
        compiling = [max(0, first - np.median(times[name])) for name, first in first_calls.items()]
        needed = (8 * wiring.n_edges + 4 * batch * (wiring.n_inputs + wiring.n_units)) / 1e6
        rows.append((times, wiring.n_edges * batch, (to_schedule, *compiling), (scheduled, used, needed)))
    return rows


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--large", action="store_true", help="10^6 units too")
    cases = (*CASES, LARGE) if parser.parse_args().large else CASES
    with ProcessPoolExecutor(1, mp_context=get_context("spawn"), max_tasks_per_child=1) as pool:
        found = pool.map(measure, [case for _, *case in cases])
        found = list(tqdm(found, total=len(cases), leave=False, disable=None))
    rows = [
        (f"{name:14} {batch:5}", *row)
        for (name, *_), of_graph in zip(cases, found, strict=True)
        for batch, row in zip(BATCHES, of_graph, strict=True)
    ]

    print(f"{jax.devices()[0].device_kind}, jax {jax.__version__}, {ROUNDS} rounds")
    print(f"{'graph':14} {'batch':>5} {'forward':16} {'ns / edge':>10} {'/ scipy':>7}  (min .. max)")
    for title, times, work, _, _ in rows:
        for label, name in (("jaxnet", "forward"), (SCIPY, SCIPY), (BCSR, BCSR)):
            if name in times:
                nanoseconds = 1e9 * np.median(times[name]) / work
                print(f"{title} {label:16} {nanoseconds:10.3f} {ratio(times[name], times[SCIPY])}")
    heads = f"{'forward ns':>10} {'gradient ns':>11} {'ratio':>7}"
    print(f"\n{'graph':14} {'batch':>5} {'jaxnet':16} {heads}  (min .. max)")
    for title, times, work, _, _ in rows:
        for label, suffix, steps in (("isolated calls", "", 1), ("steps of a scan", " scan", STEPS)):
            forward, gradient = (times[name + suffix] / steps for name in ("forward", "gradient"))
            each = (1e9 * np.median(measured) / work for measured in (forward, gradient))
            print("{} {:16} {:10.3f} {:11.3f} {}".format(title, label, *each, ratio(gradient, forward)))
    heads = f"{'schedule s':>10} {'compile forward s':>17} {'gradient s':>10} {'schedule MB':>11} {'peak MB':>8}"
    print(f"\n{'graph':14} {'batch':>5} {heads} {'least MB':>8}")
    for title, _, _, seconds, memory in rows:
        print("{} {:10.2f} {:17.2f} {:10.2f} {:11.0f} {:8.0f} {:8.1f}".format(title, *seconds, *memory))


if __name__ == "__main__":
    main()

"""A training run by `jaxnet.train` against the same run written by hand, as a scan and as a loop over a jitted step.

`python benchmarks/training.py` prints microseconds a step and ratios to the obvious hand-written scan, the
yardstick: medians over rounds, in each of which all run in turn, with the smallest and the largest ratio.
"""

import time

import jax
import jax.numpy as jnp
import numpy as np
import optax
from tqdm import tqdm

import jaxnet

ROUNDS = 9
# Name, sizes, examples, batch (None: all), steps of the scans, steps of the loop (which is much slower).
CASES = (
    ("XOR, full batch", (2, 2, 1), 4, None, 100_000, 3_000),
    ("digits-sized, batch 32", (64, 32, 10), 1_792, 32, 5_000, 1_500),
    ("MNIST-sized, batch 128", (784, 128, 10), 12_800, 128, 300, 300),
)


def contestants(sizes, n, batch_size, n_scan, n_loop):
    """Functions that make a whole run, and how many steps each makes."""
    random = np.random.default_rng(0)
    data = (
        jnp.asarray(random.random((n, sizes[0]), np.float32)),
        jnp.asarray(random.random((n, sizes[-1])) < 0.5, float),
    )
    net = jaxnet.mlp(sizes)
    params = net.init(jax.random.key(0))
    optimizer = optax.sgd(0.5)

    def loss(params, batch):
        x, y = batch
        for w, b in params:
            x = jax.nn.sigmoid(x @ w.T + b)
        return jnp.mean(jnp.sum((x - y) ** 2, axis=-1)) / 2

    def step(state, batch):
        params, optimizer_state = state
        value, gradient = jax.value_and_grad(loss)(params, batch)
        updates, optimizer_state = optimizer.update(gradient, optimizer_state)
        return (optax.apply_updates(params, updates), optimizer_state), value

    def batches(steps, key):
        """Shuffled on the device, in both hand-written runs, as `train` does it."""
        if batch_size is None:
            return None
        keys = jax.random.split(key, -(-steps * batch_size // n))
        order = jax.vmap(lambda k: jax.random.permutation(k, n))(keys).reshape(-1)
        return order[: steps * batch_size].reshape(steps, batch_size)

    def rows(batch):
        return data if batch is None else jax.tree.map(lambda a: a[batch], data)

    @jax.jit
    def scan(state, key):
        return jax.lax.scan(lambda s, b: step(s, rows(b)), state, batches(n_scan, key), length=n_scan)

    shuffled = jax.jit(lambda key: batches(n_loop, key))
    jitted_step = jax.jit(lambda state, batch: step(state, rows(batch)))
    start, key = (params, optimizer.init(params)), jax.random.key(1)

    def loop():
        state, order = start, None if batch_size is None else np.asarray(shuffled(key))
        for i in range(n_loop):
            state, _ = jitted_step(state, None if order is None else order[i])
        return state

    def train_loss(params, batch):
        return jaxnet.squared_error(net.apply(params, batch[0]), batch[1]).mean()

    rule = jaxnet.gradient_descent(train_loss, optimizer)
    state = rule.init(params)
    return {
        "hand-written scan": (lambda: scan(start, key), n_scan),
        "jaxnet.train": (lambda: jaxnet.train(rule, state, data, steps=n_scan, batch_size=batch_size, key=key), n_scan),
        "loop over jitted step": (loop, n_loop),
    }


def seconds(run):
    start = time.perf_counter()
    jax.block_until_ready(run())
    return time.perf_counter() - start


def main():
    print(f"{jax.devices()[0].device_kind}, jax {jax.__version__}, {ROUNDS} rounds")
    print(f"{'case':24} {'contestant':22} {'us a step':>10} {'time / scan':>12}  (min .. max)")
    for name, *case in CASES:
        runs = contestants(*case)
        for run, _ in runs.values():
            seconds(run)
        times = {contestant: [] for contestant in runs}
        for _ in tqdm(range(ROUNDS), desc=name, leave=False, disable=None):
            for contestant, (run, steps) in runs.items():
                times[contestant].append(1e6 * seconds(run) / steps)
        limit = np.array(times["hand-written scan"])
        for contestant, measured in times.items():
            ratio = np.array(measured) / limit
            spread = f"({ratio.min():.2f} .. {ratio.max():.2f})"
            print(f"{name:24} {contestant:22} {np.median(measured):10.3f} {np.median(ratio):12.2f}  {spread}")


if __name__ == "__main__":
    main()

"""What can be said of trained networks: how many of 200 seeds are proved, by units or by function, and how fast.

Counted among the networks that are right on their rows: parity of 4, the full adder and c17, on the cube; MONK-1 and
MONK-3, on their training rows (of MONK-3 one in twenty is wrong), and proved on the 432 valid ones. Adam learns each in
three ways: with the squared error, as in `compare`; with the cross-entropy; and with the cross-entropy alone for the
first half of the steps, for the second with the margin penalty too and a gain that grows to 12. Kept apart are networks
whose outputs stay even if each hidden unit errs as much as on its worst row, all at once.
"""

import os
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
from scipy.special import expit

import circuits
import jaxnet
from circuits.study.learned_networks import learn
from jaxnet.pytrees import Params

SEEDS, CHECKS, DISTANCE = 200, 4, 1000
STEPS, GAIN, MARGIN, PENALTY = 8000, 12.0, 12.0, 0.1
TASKS = {
    "parity of 4": (circuits.library.parity(4), (4, 8, 1)),
    "full adder": (circuits.parse("s = a ^ b ^ c; carry = maj(a, b, c)"), (3, 4, 2)),
    "c17": (circuits.read(circuits.c17_path), (5, 6, 2)),
}


MONK_SIZES = (3, 3, 2, 3, 4, 2)


class _Bar:
    def update(self) -> None:
        pass


def monk(number: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the training rows of a MONK's problem, one-hot, and their values; None without the data."""
    path = Path(os.environ.get("JAXNET_DATA", "shared/data")) / "learning" / "monk" / f"monks-{number}.train"
    if not path.is_file():
        return None
    lines = np.array([line.split()[:7] for line in path.read_text().splitlines() if line.strip()], int)
    table = {f"a{i}": lines[:, i] for i in range(1, 7)}
    levels = {f"a{i}": range(1, size + 1) for i, size in enumerate(MONK_SIZES, 1)}
    return circuits.fit_encoding(table, levels=levels).encode(table), lines[:, :1] == 1


def with_cross_entropy(sizes: tuple[int, ...], data: tuple, anneal: bool) -> Params:
    """Train a network per seed, from starts twice as wide as Glorot's; the second half annealed, or like the first."""
    network = jaxnet.mlp(sizes, weights=jax.nn.initializers.variance_scaling(4.0, "fan_avg", "normal"))
    sums = jaxnet.mlp(sizes, [jaxnet.sigmoid] * (len(sizes) - 2) + [jaxnet.identity])

    def loss(params, batch):
        return jaxnet.binary_cross_entropy(sums.apply(params, batch[0]), batch[1]).mean()

    def hardening(params, batch):
        return loss(params, batch) + PENALTY * jaxnet.margin_penalty(network, params, batch[0], MARGIN)

    rule = again = jaxnet.gradient_descent(loss, optax.adam(0.03))
    if anneal:
        gain = optax.exponential_decay(1.0, int(0.8 * STEPS / 2), GAIN, end_value=GAIN)
        hidden = (True,) * (len(sizes) - 2) + (False,)
        grow = optax.masked(jaxnet.anneal_gain(gain), hidden)
        again = jaxnet.gradient_descent(hardening, optax.chain(optax.adam(0.03), grow))
    keys = jax.random.split(jax.random.key(0), SEEDS)
    params = jax.vmap(network.init)(keys)
    for each in (rule, again):
        steps = STEPS // 2
        states = jax.vmap(each.init)(params)
        states, _ = jaxnet.train_ensemble(each, states, data, keys=keys, steps=steps, record_every=steps)
        params = states.params
    return jax.device_get(params)


def keep_apart(params: Params, rows: np.ndarray) -> bool:
    """Return whether outputs stay as they are even if all hidden units err at once, each as much as on its worst row.

    In float64, not proved: it says how Boolean the hidden units are. Of one hidden layer.
    """
    (w, b), last = (map(np.float64, layer) for layer in params)
    z = rows @ w.T + b
    w, b = last
    return bool((abs((z >= 0) @ w.T + b) > abs(w) @ expit(-abs(z)).max(axis=0)).all())


def measure(name: str, sizes: tuple[int, ...], x: np.ndarray, y: np.ndarray, domain: circuits.Domain) -> None:
    data = jnp.asarray(x, jnp.float32), jnp.asarray(y, jnp.float32)
    network = jaxnet.mlp(sizes)
    ways = {
        "squared error": learn(sizes, 0.05, data, SEEDS, DISTANCE, CHECKS, 0, _Bar())[0],
        "cross-entropy": with_cross_entropy(sizes, data, anneal=False),
        "then annealed, with margins": with_cross_entropy(sizes, data, anneal=True),
    }
    said = {way: np.asarray(jax.vmap(network.apply, (0, None))(p, data[0])) for way, p in ways.items()}
    right = {way: np.all(abs(outputs - y) < 0.5, axis=(1, 2)) for way, outputs in said.items()}
    found, apart, rows = {way: [] for way in ways}, dict.fromkeys(ways, 0), domain.block(0, domain.n_rows)
    seconds = {way: [] for way in ways}
    # In turn, so that a busy machine slows all of them.
    for seed in range(SEEDS):
        for way, params in ways.items():
            if right[way][seed]:
                own = jax.tree.map(lambda p, seed=seed: p[seed], params)
                start = time.process_time()
                found[way].append(circuits.from_network(network, own, domain))
                seconds[way].append(time.process_time() - start)
                apart[way] += keep_apart(own, rows)
    for way, each in found.items():
        assert all((np.asarray(circuits.evaluate(one.circuit, x)) == y).all() for one in each)
        kinds = [one.guarantee for one in each]
        counts = [kinds.count(kind) for kind in ("structural", "functional", "statistical")]
        refitted = sum(bool(one.certificate.data.get("refitted")) for one in each)
        checked = sum(one.certificate.check() for one in each)
        cells = [name, "-".join(map(str, sizes)), way, len(each), *counts, refitted, apart[way], checked]
        share, took = 100 * counts[0] / max(1, len(each)), 1000 * np.median(seconds[way] or [0])
        print("|", " | ".join(map(str, cells)), f"| {share:.1f} % | {took:.1f} |", flush=True)


def main() -> None:
    columns = (
        "function, network, learned with, right, structural, functional, statistical, refitted, kept apart, checked"
    )
    columns = [*columns.split(", "), "share that is structural", "median ms, CPU"]
    print("|", " | ".join(columns), "|\n|" + "---|" * len(columns))
    for name, (circuit, sizes) in TASKS.items():
        n = sizes[0]
        measure(name, sizes, circuits.rows(n), np.asarray(circuits.truth_table(circuit)), circuits.Domain.cube(n))
    for number in (1, 3):
        if (data := monk(number)) is not None:
            measure(f"MONK-{number}", (17, 4, 1), *data, circuits.Domain.one_hot(MONK_SIZES))


if __name__ == "__main__":
    main()

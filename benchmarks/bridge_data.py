"""Circuits out of networks that learned from real tables, and of which kind the guarantee is on all valid rows.

Breast cancer (thermometers, so coarse that all rows are enumerated), mushrooms and king-rook-king-pawn (one-hot groups,
with steps and with sigmoids), and handwritten digits on local domains: a test image with some pixels free. A fifth of
the rows is held out, and another fifth chooses between seeds.
"""

import csv
import os
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
from common.digits import read_digits

import circuits
import jaxnet

DATA = Path(os.environ.get("JAXNET_DATA", "shared/data")) / "learning"
SEEDS, STEPS, STEP_SIZE = 8, 2000, 0.02
CUTS = 3
TIME_LIMIT = 10.0
DECAY = 0.3
FREE_PIXELS, IMAGES = (10, 20, 40, 60), 10


def table_of(name: str) -> list[list[str]] | None:
    path = DATA / name
    return [row for row in csv.reader(path.read_text().splitlines()) if row] if path.is_file() else None


def breast_cancer() -> tuple[np.ndarray, np.ndarray, circuits.Domain] | None:
    """Nine attributes 1..10, each a thermometer of the training rows' quantiles; rows with a gap are left out."""
    rows = table_of("breast_cancer/breast-cancer-wisconsin.data")
    if rows is None:
        return None
    numbers = np.array([row for row in rows if "?" not in row], int)
    attributes, y = numbers[:, 1:10], numbers[:, 10] == 4
    training = attributes[parts_of(len(y))[0]]
    table = {f"a{i}": column for i, column in enumerate(attributes.T)}
    # Quantiles of the distinct values: most rows have the lowest.
    cuts = {f"a{i}": circuits.cut_points(np.unique(column), CUTS) for i, column in enumerate(training.T)}
    encoding = circuits.fit_encoding(table, thresholds=cuts)
    return encoding.encode(table), y, encoding.domain


def one_hot(name: str, label: int, positive: str) -> tuple[np.ndarray, np.ndarray, circuits.Domain] | None:
    rows = table_of(name)
    if rows is None:
        return None
    rows = rows[1:] if rows[0][label] == "edibility" else rows
    columns = np.array(rows)
    y = columns[:, label] == positive
    table = {f"a{i}": column for i, column in enumerate(np.delete(columns, label, axis=1).T)}
    encoding = circuits.fit_encoding(table)
    return encoding.encode(table), y, encoding.domain


def parts_of(rows: int) -> list[np.ndarray]:
    """Return which rows are for training, for validation and held out."""
    order = np.random.default_rng(0).permutation(rows)
    return np.split(order, [rows * 3 // 5, rows * 4 // 5])


def learned(network, data, validation, loss, optimizer, seeds: int = SEEDS, steps: int = STEPS, batch_size=None):
    """Return the parameters of the seed that is best on the validation rows."""
    rule = jaxnet.gradient_descent(loss, optimizer)
    keys = jax.random.split(jax.random.key(0), seeds)
    states = jax.vmap(lambda key: rule.init(network.init(key)))(keys)
    run = jax.jit(
        lambda s, d, k: jaxnet.train_ensemble(rule, s, d, keys=k, steps=steps, batch_size=batch_size, record_every=100)[
            0
        ]
    )
    params = run(states, data, keys).params
    losses = jax.vmap(lambda p: loss(p, validation))(params)
    best = int(jnp.argmin(losses))
    return jax.tree.map(lambda p: jax.device_get(p[best]), params)


def measure(name: str, hidden: int, activation, data: tuple[np.ndarray, np.ndarray, circuits.Domain]) -> None:
    x, y, domain = data
    training, validation, held_out = (
        (jnp.asarray(x[part], jnp.float32), jnp.asarray(y[part, None], jnp.float32)) for part in parts_of(len(y))
    )
    network = jaxnet.mlp([x.shape[1], hidden, 1], [activation, jaxnet.identity])

    def loss(params, batch):
        return jaxnet.binary_cross_entropy(network.apply(params, batch[0]), batch[1]).mean()

    params = learned(network, training, validation, loss, optax.adam(STEP_SIZE))
    start = time.perf_counter()
    found = circuits.from_network(network, params, domain, time_limit=TIME_LIMIT)
    seconds = time.perf_counter() - start
    rows, values = np.asarray(held_out[0], bool), np.asarray(held_out[1], bool)
    says = np.asarray(network.apply(params, held_out[0])) >= 0
    accuracy = [
        f"{100 * (bits == values).mean():.1f}" for bits in (says, np.asarray(circuits.evaluate(found.circuit, rows)))
    ]
    said = found.certificate.data
    how = said["method"] + (f", {said['nodes']:,} boxes" if "nodes" in said else "")
    how += ", a counterexample" if found.counterexample is not None else ""
    start = time.perf_counter()
    checked = "yes" if found.certificate.check() else "NO"
    again = time.perf_counter() - start
    size = f"{x.shape[1]}-{hidden}-1 {getattr(activation, '__name__', activation)}"
    print(
        f"| {name} | {size} | {domain.n_rows:.3g} | {' | '.join(accuracy)} | {found.guarantee} | {how} | {seconds:.2f} "
        f"| {checked}, {again:.2f} |",
        flush=True,
    )


def digits() -> tuple[np.ndarray, ...] | None:
    parts = [read_digits(DATA / "mnist", part) for part in ("train", "t10k")]
    if parts[0] is None or parts[1] is None:
        return None
    return tuple(array for images, classes in parts for array in (images >= 128, classes))  # type: ignore[misc]


def measure_digits(data: tuple[np.ndarray, ...]) -> None:
    x, labels, test_x, test_labels = data
    network = jaxnet.mlp([784, 16, 10], [jaxnet.sigmoid, jaxnet.identity])

    def loss(params, batch):
        return jaxnet.softmax_cross_entropy_with_integer_labels(network.apply(params, batch[0]), batch[1]).mean()

    def pair(a, b):
        return jnp.asarray(a, jnp.float32), jnp.asarray(b, int)

    # Decay takes away the weights of pixels that no image uses, which would matter once they are free.
    training, validation = pair(x[:55000], labels[:55000]), pair(x[55000:], labels[55000:])
    params = learned(network, training, validation, loss, optax.adamw(0.004, weight_decay=DECAY), 1, 4000, 128)
    accuracy = (
        100 * (np.asarray(network.apply(params, pair(test_x, test_labels)[0])).argmax(axis=1) == test_labels).mean()
    )
    print(f"\nMNIST, 784-16-10, {accuracy:.1f} % of the test images; on domains around {IMAGES} of them:\n")
    print("| free pixels | structural | functional | statistical | checked | answers differ on samples | ms each |")
    print("|---|---|---|---|---|---|---|")
    for free in FREE_PIXELS:
        counts = {"structural": 0, "functional": 0, "statistical": 0}
        checked = differ = 0
        seconds = []
        for row in test_x[:IMAGES]:
            chosen = np.random.default_rng(0).permutation(784)[:free]
            start = time.perf_counter()
            domain = circuits.Domain.around(row, chosen)
            found = circuits.from_network(network, params, domain, read="argmax", time_limit=TIME_LIMIT)
            seconds.append(time.perf_counter() - start)
            counts[found.guarantee] += 1
            checked += found.certificate.check()
            sample = jnp.asarray(domain.sample(4000, np.random.default_rng(1)), jnp.float32)
            differ += len(np.unique(np.asarray(network.apply(params, sample)).argmax(axis=1))) > 1
        shown = " | ".join(map(str, counts.values()))
        print(f"| {free} | {shown} | {checked} | {differ} | {1000 * np.median(seconds):.1f} |", flush=True)


def main() -> None:
    print("| data | network | rows | network right, % | circuit right, % | guarantee | by | s | checked, s |")
    print("|---|---|---|---|---|---|---|---|---|")
    if (data := breast_cancer()) is not None:
        measure("breast cancer", 4, jaxnet.sigmoid, data)
    for name, file, label, positive in (
        ("mushroom", "mushroom/agaricus-lepiota.data", 0, "p"),
        ("king-rook-king-pawn", "krkp/kr-vs-kp.data", 36, "1"),
    ):
        if (data := one_hot(file, label, positive)) is not None:
            measure(name, 8, jaxnet.straight_through_step, data)
            measure(name, 8, jaxnet.sigmoid, data)
    if (data := digits()) is not None:
        measure_digits(data)


if __name__ == "__main__":
    main()

"""Tables learned by logic gate networks, against a decision tree, gradient boosting and an MLP of scikit-learn.

`python benchmarks/gate_network_tables.py` prints the share of test rows that are right, in %, mean and spread over
runs, of what each contestant chose on rows that it held out itself: settings, seeds, and where trees stop growing. Ours
is the simplified circuit; gates are those of its votes, and of all with the votes counted; "proved" says for how many
runs it is proved, within a minute, to be the hardened network. MONK's problems, Adult and
their test rows are as published; of the other tables a fifth is the test. The test is read once, at the end. Under the
table: MONK-1 for ten seeds, MONK-2 by the training rows of 64 seeds, and what the circuits of the small tables say.
`--only` names a table, `--runs` says how many runs. scikit-learn is compared where it is installed.
"""

import argparse
import csv
import itertools
import os
import time
import warnings
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

import circuits
import jaxnet
from circuits.gate_networks.class_formulas import class_bits, short_formula

# On shared cores a thread of scikit-learn that spins while it waits takes the time that the others need.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

DATA = Path(os.environ.get("JAXNET_DATA", "shared/data")) / "learning"
VALIDATION = 0.2
ADULT = [
    *("age", "workclass", "fnlwgt", "education", "education-num", "marital-status", "occupation", "relationship"),
    *("race", "sex", "capital-gain", "capital-loss", "hours-per-week", "native-country", "income"),
]
MONK = ["class", *(f"a{k}" for k in range(1, 7))]
BREAST = [
    "id",
    "clump",
    "size",
    "shape",
    "adhesion",
    "epithelial",
    "nuclei",
    "chromatin",
    "nucleoli",
    "mitoses",
    "class",
]


def rows_of(name, separator=True):
    """Return the rows of a file as texts, without spaces and full stops around them; none where it is absent."""
    path = DATA / name
    lines = path.read_text().splitlines() if path.is_file() else []
    rows = csv.reader(lines, skipinitialspace=True) if separator else map(str.split, lines)
    return [[text.strip(" .") for text in row] for row in rows if len(row) > 1]


def table_of(names, rows, numbers=True):
    """Return rows as a table: columns of whole numbers as such, the others as texts; None where `?` stands."""
    table = {}
    for name, texts in zip(names, zip(*rows, strict=True), strict=True):
        known = [None if text == "?" else text for text in texts]
        whole = numbers and all(text is None or text.lstrip("-").isdigit() for text in known)
        table[name] = [int(text) if whole and text is not None else text for text in known]
    return table


def parted(table):
    """Return four fifths of a table, and the rest as its test."""
    columns = {name: np.array(values, object) for name, values in table.items()}
    order = np.random.default_rng(0).permutation(len(next(iter(columns.values()))))
    test, rest = np.split(order, [len(order) // 5])
    return tuple({name: values[part].tolist() for name, values in columns.items()} for part in (rest, test))


def monk(number):
    """Return the published parts of one of MONK's problems; None where the files are absent, as all that follow."""
    parts = [rows_of(f"monk/monks-{number}.{part}", False) for part in ("train", "test")]
    return tuple(table_of(MONK, [row[:7] for row in rows], numbers=False) for rows in parts) if all(parts) else None


def adult():
    parts = [rows_of(f"adult/adult.{part}") for part in ("data", "test")]
    return tuple(table_of(ADULT, [r for r in rows if len(r) == len(ADULT)]) for rows in parts) if all(parts) else None


def headed(name):
    rows = rows_of(name)
    return parted(table_of(rows[0], rows[1:])) if rows else None


def breast_cancer():
    rows = rows_of("breast_cancer/breast-cancer-wisconsin.data")
    return parted(table_of(BREAST[1:], [row[1:] for row in rows])) if rows else None


def king_rook_king_pawn():
    rows = rows_of("krkp/kr-vs-kp.data")
    return parted(table_of([*(f"f{i}" for i in range(36)), "won"], rows)) if rows else None


# Where a table comes from, its target, and the settings from which validation rows choose.
TABLES = {
    "MONK-1": (lambda: monk(1), "class", [{"gates": 24, "seeds": 10, "tau": tau} for tau in (2.4, 1.2)]),
    "MONK-2": (lambda: monk(2), "class", [{"gates": 12, "seeds": 64, "tau": 1.0, "steps": 3000}]),
    "MONK-3": (
        lambda: monk(3),
        "class",
        [{"gates": 12, "seeds": 32, "steps": steps, "learning_rate": 0.02, "tau": 1.7} for steps in (200, 500, 1500)],
    ),
    "tic-tac-toe": (
        lambda: headed("tictactoe/tic-tac-toe.data"),
        "outcome",
        [{"gates": 200, "layers": 6}, {"gates": [200, 200, 100, 40], "steps": 4000}],
    ),
    "breast cancer": (
        breast_cancer,
        "class",
        [{"gates": [100, 50, 24], "steps": steps, "learning_rate": 0.02, "tau": 3.5} for steps in (250, 500, 1000)],
    ),
    "mushroom": (lambda: headed("mushroom/agaricus-lepiota.data"), "edibility", [{"gates": [200, 100, 100, 40]}]),
    "king-rook-pawn": (king_rook_king_pawn, "won", [{"gates": [400, 200, 200, 100, 50], "steps": 4000}]),
    "Adult": (
        adult,
        "income",
        [{"gates": 400, "layers": 4, "learning_rate": 0.03, "seeds": 3}],
    ),
}


def ours(table, target, test, settings, run):
    """Return the share of test rows that are right, and what was learned, of the setting best on validation rows.

    A setting is judged by the mean over its seeds: the best of many seeds on few rows is mostly luck.
    """
    found = [
        circuits.learn_table(table, target, validation=VALIDATION, seed=100 * run, progress=False, **setting)
        for setting in settings
    ]
    best = max(found, key=lambda learned: learned.members[:, 1].mean())
    right = [a == b for a, b in zip(best.predict(test), test[target], strict=True)]
    return float(np.mean(right)), best


def features(table, test, target):
    """Return numbers, standardised with missing ones in the middle, and categories one-hot, of table and test."""
    both = []
    for name in table:
        if name == target:
            continue
        if all(value is None or isinstance(value, int) for value in table[name]):
            values, more = (np.array(t[name], float)[:, None] for t in (table, test))
            middle, spread = np.nanmean(values), np.nanstd(values) or 1.0
            both.append([np.nan_to_num((v - middle) / spread) for v in (values, more)])
        else:
            levels = sorted({str(value) for value in table[name]})
            both.append([np.array([str(v) for v in t[name]])[:, None] == levels for t in (table, test)])
    return (np.concatenate(parts, axis=1).astype(np.float32) for parts in zip(*both, strict=True))


def peers():
    """Return models of scikit-learn by name: functions of seed and rows that make the settings to choose from."""
    try:
        from sklearn.ensemble import HistGradientBoostingClassifier  # pyright: ignore[reportMissingImports]
        from sklearn.neural_network import MLPClassifier  # pyright: ignore[reportMissingImports]
        from sklearn.tree import DecisionTreeClassifier  # pyright: ignore[reportMissingImports]
    except ImportError:
        return {}
    return {
        "tree": lambda seed, rows: [
            DecisionTreeClassifier(max_depth=depth, min_samples_leaf=leaf, random_state=seed)
            for depth, leaf in itertools.product((3, 6, 10, None), (1, 5))
        ],
        "boosting": lambda seed, rows: [
            HistGradientBoostingClassifier(max_iter=rounds, learning_rate=0.1, random_state=seed, early_stopping=False)  # pyright: ignore[reportArgumentType]
            for rounds in (30, 100, 300)
        ],
        "MLP": lambda seed, rows: [
            MLPClassifier((64,), alpha=decay, max_iter=epochs, random_state=seed)
            for decay, epochs in itertools.product((1e-4, 1e-1), (max(2, 40_000 // rows), max(10, 200_000 // rows)))
        ],
    }


def theirs(models, x, y, x_test, y_test, run):
    """Return the share of test rows that are right, of the model best on validation rows."""
    held_out, rest = np.split(np.random.default_rng(100 * run).permutation(len(y)), [round(len(y) * VALIDATION)])
    fitted = [model.fit(x[rest], y[rest]) for model in models(run, len(y))]
    best = max(fitted, key=lambda model: model.score(x[held_out], y[held_out]))
    return best.score(x_test, y_test)


def shown(shares):
    return f"{100 * np.mean(shares):6.2f} +- {100 * np.std(shares):4.2f}"


def measure(name, models, runs):
    """Print the line of a table; return the last circuit learned."""
    source, target, settings = TABLES[name]
    tables = source()
    if tables is None:
        print(f"{name:14} no folder {DATA}: skipped")
        return None
    table, test = tables
    start = time.process_time()
    results = [ours(table, target, test, settings, run) for run in range(runs)]
    seconds = (time.process_time() - start) / runs
    proofs = (circuits.equivalent(best.circuit, best.simplified, time_limit=60) for _, best in results)
    proved = sum(isinstance(proof, circuits.Equivalent) for proof in proofs)
    x, x_test = features(table, test, target)
    y, y_test = (np.array([str(label) for label in t[target]]) for t in (table, test))
    others = [shown([theirs(models[peer], x, y, x_test, y_test, run) for run in range(runs)]) for peer in models]
    gap = np.mean([best.parts["validation"].soft - best.parts["validation"].hard for _, best in results])
    gates = [f"{np.mean(counts):6,.0f}" for counts in zip(
        *([*best.votes, best.simplified.n_gates] for _, best in results), strict=True
    )]  # fmt: skip
    commonest = max(np.mean(y_test == label) for label in set(y))
    cells = [f"{100 * commonest:6.2f}", shown([share for share, _ in results]), *others]
    print(
        f"{name:14} {'  '.join(cells)}   {' '.join(gates)}  {100 * gap:5.2f}  {seconds:6.1f}  {proved} of {runs}",
        flush=True,
    )
    return max(results, key=lambda result: result[1].parts["validation"].hard)[1]


def all_seeds(number, widths, seeds, tau=None, rate=0.1, steps=2000):
    """Return the shares of training and test rows of MONK's problem that are right, for each seed: `(2, seeds)`."""
    tables = monk(number) or ({}, {})
    encoding = circuits.fit_encoding({name: values for name, values in tables[0].items() if name != "class"})
    (x, y), (x_test, y_test) = ((encoding.encode(t), np.array(t["class"], int)) for t in tables)
    networks = [circuits.gate_network(x.shape[1], widths, classes=2, tau=tau, seed=seed) for seed in range(seeds)]
    joint = circuits.side_by_side(networks)
    rule = jaxnet.gradient_descent(
        circuits.joint_loss(joint), optax.adam(optax.cosine_decay_schedule(rate, steps)), has_aux=True
    )
    state = rule.init(joint.init(jax.random.key(0)))
    data = jnp.asarray(x), jnp.asarray(y)
    state, _ = jaxnet.train(rule, state, data, steps=steps, record_every=steps, key=jax.random.key(1))
    hard = [circuits.joint_outputs(joint, state.params, rows, forward="hard").argmax(-1) for rows in (x, x_test)]
    return np.stack([(np.asarray(h) == c[:, None]).mean(axis=0) for h, c in zip(hard, (y, y_test), strict=True)])


def monks():
    """Print MONK-1 for ten seeds and MONK-2 for 64, the network of the best training accuracy among them."""
    if monk(1) is None:
        return
    _, test = all_seeds(1, [24] * 6, 10)
    least, most = 100 * test.min(), 100 * test.max()
    print(f"\nMONK-1, 144 gates, 10 seeds: mean {100 * test.mean():.1f}, {least:.1f} to {most:.1f} % of the test rows")
    training, test = all_seeds(2, [12] * 6, 64, tau=1.0, steps=3000)
    best = 100 * test[training == training.max()]
    print(f"MONK-2, 72 gates, 64 seeds: mean {100 * test.mean():.1f} +- {100 * test.std():.1f}; best training accuracy")
    print(f"{100 * training.max():.1f} %, of {len(best)}, which have {best.min():.1f} to {best.max():.1f} %")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", help="part of the name of a table")
    parser.add_argument("--runs", type=int, default=3)
    options = parser.parse_args()
    warnings.filterwarnings("ignore", module="sklearn")  # epochs are among the settings to choose from
    models = peers()
    heads = ["commonest", "circuit".ljust(14), *(name.ljust(14) for name in models)]
    print(f"{'% of test rows':14} {'  '.join(heads)}   gates, simplified, counted    gap   cpu s  proved")
    learned = {name: measure(name, models, options.runs) for name in TABLES if options.only in name}
    if "MONK-2" in learned:
        monks()
    for name, best in learned.items():
        if best is None:
            continue
        outputs = [f"{best.target}={label}" for label in best.classes]
        text = short_formula(class_bits(best.simplified, outputs), best.encoding, outputs[-1])
        if text:
            print(f"{name}: {outputs[-1]} where {text}")


if __name__ == "__main__":
    main()

"""The command of logic gate networks, `learn`, as those of `commands`: from a table to a circuit with its proof."""

import argparse
from collections.abc import Iterator

from circuits.bridge.table_files import read_table
from circuits.errors import ParseError
from circuits.gate_networks.certified_files import certify
from circuits.gate_networks.class_formulas import class_bits, short_formula
from circuits.gate_networks.hardened_circuits import harden
from circuits.gate_networks.table_learning import Learned, learn_table
from circuits.netlist import depth

# How many conditions a formula may have that is printed.
_MOST_CONDITIONS = 24


def learn(options: argparse.Namespace) -> int:
    """Learn to predict a column of a table, print what came of it, and write the circuit with its certificate."""
    table = read_table(options.data)
    asked = {"--target": [options.target], "--without": options.without, "--categories": options.categories}
    for flag, names in asked.items():
        unknown = next((name for name in names if name not in table), None)
        if unknown is not None:
            raise ParseError(f"{flag}: there is no column {unknown!r}, only {', '.join(table)}", source=options.data)
    table = {name: values for name, values in table.items() if name not in options.without or name == options.target}
    test = None if options.test is None else read_table(options.test, like=table)
    try:
        learned = learn_table(
            table,
            options.target,
            test=test,
            categories=options.categories,
            cuts=options.cuts,
            gates=options.gates,
            layers=options.layers,
            seeds=options.seeds,
            steps=options.steps,
            validation=options.validation,
            seed=options.seed,
        )
    except ValueError as error:
        raise ParseError(str(error).removeprefix("learn_table: "), source=options.data) from None
    print("\n".join(_report(learned)), flush=True)
    if options.out is not None:
        votes = harden(learned.network, learned.params, input_names=learned.encoding.names)
        print(certify(votes, options.out, classes=len(learned.classes), scores="class"))
    return 0


def _report(learned: Learned) -> Iterator[str]:
    """Yield what was learned, how often it is right, how large it is and what it says."""
    encoding, classes = learned.encoding, learned.classes
    seeds = len(learned.members)
    by = "validation" if "validation" in learned.parts else "training"
    columns = f"{len(encoding.fields):,} columns as {len(encoding.names):,} Booleans"
    yield f"{columns}; {len(classes)} classes of {learned.target}"
    best = f", of {seeds:,} the best on the {by} rows" if seeds > 1 else ""
    yield f"network {learned.network.structure!r}{best}"
    yield f"{'':10} {'rows':>8} {'network':>9} {'circuit':>9} {'majority':>9}"
    for name, part in learned.parts.items():
        shares = " ".join(f"{100 * share:7.2f} %" for share in (part.soft, part.hard, part.majority))
        yield f"{name:10} {part.rows:8,} {shares}"
    if seeds > 1:
        shares = 100 * learned.members[:, -1]
        yield (
            f"all {seeds:,}: circuits right on {shares.mean():.2f} % of the {by} rows in the mean, "
            f"{shares.min():.2f} to {shares.max():.2f} %"
        )
    gap = 100 * (learned.parts[by].soft - learned.parts[by].hard)
    yield f"discretisation gap: {gap:.2f} points on the {by} rows"
    before, after = learned.votes
    yield (
        f"gates: {before:,}, {after:,} after simplify; with the votes counted {learned.circuit.n_gates:,}, "
        f"{learned.simplified.n_gates:,} after it, depth {depth(learned.simplified):,}"
    )
    yield from _formulas(learned)


def _formulas(learned: Learned) -> Iterator[str]:
    """Yield what the circuit says of each class; of the second alone where there are two."""
    names = [f"{learned.target}={label}" for label in learned.classes]
    bits = class_bits(learned.simplified, names)
    shown = names[1:] if len(names) == 2 else names
    found = {name: short_formula(bits, learned.encoding, name, _MOST_CONDITIONS) for name in shown}
    if not any(found.values()):
        yield f"no formula of up to {_MOST_CONDITIONS} conditions"
        return
    for name, text in found.items():
        yield f"{name}: {text}" if text else f"{name}: no formula of up to {_MOST_CONDITIONS} conditions"

"""The commands of the command line, a function each.

Each takes the parsed options, prints, and returns the exit status. What only one needs is imported when it runs.
"""

import argparse
import os
import sys
import time
from collections.abc import Sequence

import jax
import numpy as np
from tqdm import tqdm

from circuits.bridge.network_files import is_network_file
from circuits.circuit_arguments import (
    format_to_write,
    lines_of_rows,
    load,
    load_all,
    load_any,
    name_of,
    refuse_flags,
    rows_of_texts,
    save,
    standard_input,
)
from circuits.errors import ParseError
from circuits.netlist import Circuit, depth
from circuits.threshold.trades import MinimalSum, TradingTransform
from circuits.threshold.units import ThresholdUnit
from jaxnet.networks.summaries import Summary, summary
from jaxnet.training.checkpoints import CheckpointError
from jaxnet.training.saved_networks import load_network

# Exit statuses: equal, different and undecided are answers of `prove`.
EQUAL, DIFFERENT, BAD_INPUT, NOT_KNOWN = 0, 1, 2, 3

# Exit status of `recognise` where an output is no unit.
NO_UNIT = 1

# The functions of `compare` without arguments, and of `make demo`.
DEMO = {
    "AND": "a & b",
    "OR": "a | b",
    "XOR": "a ^ b",
    "majority of 3": "maj(a, b, c)",
    "4-bit parity": "a ^ b ^ c ^ d",
    "full adder": "s = a ^ b ^ c; carry = maj(a, b, c)",
}

# Rows that `simulate` evaluates and prints at once.
_MOST_ROWS = 2**20


def stats(options: argparse.Namespace) -> int:
    """Print gates by function, levels, fan-out and size of circuits, and the layers and parameters of networks."""
    from circuits.measures import statistics

    texts = [text for text in options.circuits if not is_network_file(text)]
    if not texts:
        refuse_flags(options.circuits[0], options)
    circuits = load_all(texts, options)
    for place, text in enumerate(options.circuits):
        found = _summary(text) if is_network_file(text) else statistics(next(circuits))
        if len(options.circuits) > 1:
            print(f"{'' if place == 0 else os.linesep}{name_of(text)}")
        print(found)
    return 0


def _summary(path: str) -> Summary:
    """Return what a network on file is made of."""
    with open(path, "rb"):
        pass  # for an error with the name of the file
    try:
        with jax.enable_x64(True):
            return summary(*load_network(path))
    except CheckpointError as error:
        raise ParseError(str(error).removeprefix(f"load_network: {path}: "), source=path) from None


def convert(options: argparse.Namespace) -> int:
    """Write a circuit in another format."""
    circuit = load_any(options.circuit, options)
    save(circuit, options.out, options)
    return 0


def simplify(options: argparse.Namespace) -> int:
    """Write a circuit with fewer gates, or print how many are needed."""
    from circuits.synthesis.optimisation import optimise
    from circuits.synthesis.simplification import simplify

    before = load(options.circuit, options)
    try:
        after = (optimise if options.deep else simplify)(before)
    except ImportError as error:
        raise ParseError(str(error)) from None
    if options.out is not None:
        save(after, options.out, options)
    counts = f"{before.n_gates:,} gates, depth {depth(before):,} -> {after.n_gates:,} gates, depth {depth(after):,}"
    print(counts, file=sys.stderr if options.out == "-" else sys.stdout)
    return 0


def map(options: argparse.Namespace) -> int:  # noqa: A001 - the name of the command
    """Write a circuit as few threshold units, or print how many are needed."""
    from circuits.mapping.portfolio import map_to_units
    from circuits.threshold.gate_conversion import from_circuit

    if options.out is not None:
        format_to_write(options.out, options)
    before = load(options.circuit, options)
    units = map_to_units(before, max_fan_in=options.fan_in, max_weight=options.weight, progress=sys.stderr.isatty())
    if options.out is not None:
        save(units, options.out, options)
    plain = from_circuit(before)
    counts = (
        f"{before.n_gates:,} gates, {plain.n_units:,} units gate by gate -> {units.n_units:,} units, "
        f"depth {depth(units):,}, proved equal"
    )
    print(counts, file=sys.stderr if options.out == "-" else sys.stdout)
    return 0


def simulate(options: argparse.Namespace) -> int:
    """Print the outputs for patterns, or how often inputs and outputs are 1 and change."""
    from circuits.simulation.simulator import evaluate

    circuit = load(options.circuit, options)
    if options.activity:
        return _activity(circuit, options)
    x = _patterns(circuit, options)
    print("#", *circuit.input_names, "->", *circuit.output_names)
    for start in range(0, len(x), _MOST_ROWS):
        rows = x[start : start + _MOST_ROWS]
        y = np.asarray(evaluate(circuit, rows))
        digits = np.full((len(rows), x.shape[1] + 1 + y.shape[1] + 1), ord(" "), np.uint8)
        digits[:, : x.shape[1]] = rows + ord("0")
        digits[:, x.shape[1] + 1 : -1] = y + ord("0")
        digits[:, -1] = ord("\n")
        sys.stdout.write(digits.tobytes().decode())
    return 0


def _activity(circuit: Circuit, options: argparse.Namespace) -> int:
    from circuits.simulation.packing import pack
    from circuits.simulation.patterns import exhaustive_patterns
    from circuits.simulation.switching_activity import activity

    start = time.perf_counter()
    drawn = not options.patterns and options.all != (options.random is not None)
    x = None if drawn else _patterns(circuit, options)
    if x is not None and len(x) % 32:
        raise ParseError(f"--activity: expected a multiple of 32 patterns, got {len(x)}")
    if x is not None:
        words = pack(x)
    elif options.all:
        _check_all(circuit, most=24)
        words = exhaustive_patterns(circuit.n_inputs, 2**24)[0]
    else:
        words = _random_words(circuit, options)
    ones, toggles = activity(circuit, words)
    print(f"{'node':24} {'ones':>8} {'toggles':>8}")
    nodes = [*enumerate(circuit.input_names, 1), *zip(circuit.outputs.tolist(), circuit.output_names, strict=True)]
    for node, name in nodes:
        print(f"{name:24} {ones[node]:8.4f} {toggles[node]:8.4f}")
    print(f"{32 * words.shape[1]:,} patterns in {time.perf_counter() - start:.2f} s", file=sys.stderr)
    return 0


def _patterns(circuit: Circuit, options: argparse.Namespace) -> np.ndarray:
    """Return the patterns that the options ask for, `(patterns, n)` bool."""
    from circuits.simulation.packing import unpack
    from circuits.simulation.truth_tables import rows

    n = circuit.n_inputs
    if bool(options.patterns) + options.all + (options.random is not None) > 1:
        raise ParseError("expected one of patterns, --all and --random, got more")
    if options.all:
        _check_all(circuit, most=20)
        return rows(n)
    if options.random is not None:
        return np.asarray(unpack(np.asarray(_random_words(circuit, options)), options.random))
    if not options.patterns:
        raise ParseError("expected patterns such as 0110, - for standard input, --all or --random N")
    if options.patterns == ["-"]:
        return rows_of_texts(lines_of_rows(standard_input(), "<stdin>"), n, "<stdin>")
    return rows_of_texts(list(enumerate(options.patterns, 1)), n, "pattern")


def _check_all(circuit: Circuit, most: int) -> None:
    if circuit.n_inputs > most:
        raise ParseError(f"--all: expected at most {most} inputs, got {circuit.n_inputs}; --random N draws some")


def _random_words(circuit: Circuit, options: argparse.Namespace) -> jax.Array:
    from circuits.simulation.patterns import random_patterns

    return random_patterns(circuit.n_inputs, -(-options.random // 32), key=jax.random.key(options.seed))


def prove(options: argparse.Namespace) -> int:
    """Prove that two circuits are the same function, or print inputs for which they are not."""
    from circuits.verification.answers import Counterexample, Equivalent
    from circuits.verification.equivalence import equivalent

    a, b = load_all(options.circuits, options)
    names = _names(options.names)
    asked = {"time_limit": options.time_limit, "proof": options.proof, "seed": options.seed, "progress": True}
    try:
        answer = equivalent(a, b, by=options.by, names=names, **asked)
    except ValueError as error:
        raise ParseError(str(error)) from None
    match answer:
        case Equivalent():
            print(f"equivalent, by {answer.method} in {answer.seconds:.2f} s")
            if answer.matching is not None:
                print("inputs", *(f"{x}={y}" for x, y in answer.matching.inputs.items()))
                print("outputs", *(f"{x}={y}" for x, y in answer.matching.outputs.items()))
            if answer.proof is not None:
                print(f"the question is in {answer.proof.cnf}, its proof in {answer.proof.drat}")
            return EQUAL
        case Counterexample():
            print(f"not equivalent, found by {answer.method} in {answer.seconds:.2f} s")
            print("inputs", *(f"{name}={value:d}" for name, value in answer.inputs.items()))
            outputs = zip(answer.outputs_a.items(), answer.outputs_b.items(), strict=True)
            if options.by == "name":
                partners = {name: (names or {}).get(name, name) for name in answer.outputs_a}
                outputs = (((x, answer.outputs_a[x]), (y, answer.outputs_b[y])) for x, y in partners.items())
            for (name_a, x), (name_b, y) in outputs:
                if x != y:
                    print(f"output {name_a}={x:d} of the first, {name_b}={y:d} of the second")
            return DIFFERENT
    print(f"undecided: {answer.reason}; tried", "; ".join(answer.what_was_tried))
    return NOT_KNOWN


def _names(pairs: list[str] | None) -> dict[str, str] | None:
    """Return the ports of the first circuit with their names in the second, from a=b."""
    if pairs is None:
        return None
    names = {}
    for pair in pairs:
        name, equals, other = pair.partition("=")
        if not (name and equals and other) or name in names:
            raise ParseError(f"--names: expected a=b, each a once, got {pair!r}")
        names[name] = other
    return names


def recognise(options: argparse.Namespace) -> int:
    """Print each output as one threshold unit, or why it is none."""
    from circuits.composition import cone
    from circuits.simulation.truth_tables import truth_table
    from circuits.threshold.packed_tables import MAX_INPUTS
    from circuits.threshold.recognition import recognise

    circuit = load(options.circuit, options)
    if not circuit.n_outputs:
        raise ParseError("expected at least one output", source=options.circuit)
    parts = {name: cone(circuit, [name]) for name in circuit.output_names}
    for name, part in parts.items():
        if part.n_inputs > MAX_INPUTS:
            text = f"output {name} reads {part.n_inputs} inputs, expected at most {MAX_INPUTS}"
            raise ParseError(text, source=options.circuit)
    status = 0
    for name, part in parts.items():
        answer = recognise(truth_table(part)[:, 0], part.n_inputs)
        if isinstance(answer, ThresholdUnit):
            _print_unit(name, answer, part.input_names)
        else:
            _print_refutation(name, answer.certificate, part.input_names)
            status = NO_UNIT
        sys.stdout.flush()
    return status


def _print_unit(output: str, unit: ThresholdUnit, inputs: Sequence[str]) -> None:
    from circuits.threshold.propositions import inequality, proposition
    from circuits.threshold.recognition import minimality

    print(f"{output} = [{inequality(unit, inputs)}]")
    print(f"  {proposition(unit, inputs)}")
    known = minimality(unit)
    total = f"sum of |w| {np.abs(unit.weights).sum():,}"
    if known.certificate is not None:
        print(f"  {total}: the least, by a {known.by}; certificate {_checked(known.certificate)}")
    elif known.minimal:
        print(f"  {total}: the least, by an {known.by}, without a certificate")
    else:
        print(f"  {total}: perhaps not the least, which is at least {known.bound:,}")


def _print_refutation(output: str, trade: TradingTransform, inputs: Sequence[str]) -> None:
    print(f"{output} is no threshold unit")
    if trade.binate is not None:
        print(f"  it both rises and falls with {inputs[trade.binate]}")
    print(f"  rows of {' '.join(inputs)}: {trade}; certificate {_checked(trade)}")


def _checked(certificate: TradingTransform | MinimalSum) -> str:
    return "checked" if certificate.check() else "fails its check"


def compare(options: argparse.Namespace) -> int:
    """Compare Boolean neurons with sigmoid networks."""
    from circuits import c17_path
    from circuits.study.comparison import compare
    from circuits.study.tables import HEADER, LEGEND, row

    functions = [(name_of(text), text) for text in options.functions] or [*DEMO.items(), ("c17", c17_path)]
    circuits = load_all([text for _, text in functions], options)
    loaded = [(name, circuit) for (name, _), circuit in zip(functions, circuits, strict=True)]
    for name, circuit in loaded:
        if not circuit.n_inputs or not circuit.n_outputs:
            raise ParseError("expected at least one input and one output", source=name)
    studies = []
    tqdm.write(HEADER.format(seeds=options.seeds))
    for name, circuit in loaded:
        study = compare(circuit, name=name, seeds=options.seeds, steps=options.steps)
        studies.append(study)
        tqdm.write(row(study))
        sys.stdout.flush()
    print(f"\n{LEGEND.format(asked=studies[0].constructed.asked)}")
    if options.out:
        from circuits.study.figures import draw_comparison

        draw_comparison(studies, path=options.out)
        print(f"figure: {options.out}")
    return 0

"""The commands of the command line, a function each.

Each takes the parsed options, prints, and returns the exit status. What only one needs is imported when it runs.
"""

import argparse
import os
import re
import sys
import time
from pathlib import Path
from typing import TextIO

import jax
import numpy as np
from tqdm import tqdm

from circuits.errors import ParseError
from circuits.expressions import parse
from circuits.formats.files import FORMATS, content_of, dumps, extension_of, loads, read
from circuits.netlist import Circuit, depth
from circuits.threshold.gate_conversion import from_circuit, to_circuit
from circuits.threshold.threshold_circuits import ThresholdCircuit

# Exit statuses: equal, different and undecided are answers of `prove`.
EQUAL, DIFFERENT, BAD_INPUT, NOT_KNOWN = 0, 1, 2, 3

# The functions of `compare` without arguments, and of `make demo`.
DEMO = {
    "AND": "a & b",
    "OR": "a | b",
    "XOR": "a ^ b",
    "majority of 3": "maj(a, b, c)",
    "4-bit parity": "a ^ b ^ c ^ d",
    "full adder": "s = a ^ b ^ c; carry = maj(a, b, c)",
}

# Options of the readers, each of which has a flag.
READ_OPTIONS = ("registers", "undriven", "dont_cares", "model", "exdc", "properties")

# Rows that `simulate` evaluates and prints at once.
_MOST_ROWS = 2**20


def stats(options: argparse.Namespace) -> int:
    """Print gates by function, levels, fan-out and size of circuits."""
    from circuits.measures import statistics

    for place, text in enumerate(options.circuits):
        circuit = load(text, options)
        if len(options.circuits) > 1:
            print(f"{'' if place == 0 else os.linesep}{name_of(text)}")
        print(statistics(circuit))
    return 0


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
    from circuits.simulation.patterns import exhaustive_patterns, pack
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
    from circuits.simulation.patterns import unpack
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
    given = [("pattern", number, text) for number, text in enumerate(options.patterns, 1)]
    if options.patterns == ["-"]:
        stripped = ((number, line.split("#")[0].strip()) for number, line in enumerate(_stdin(), 1))
        try:
            given = [("<stdin>", number, text) for number, text in stripped if text]
        except UnicodeDecodeError:
            raise ParseError("expected lines of digits 0 and 1, got bytes that are no text", source="<stdin>") from None
    for source, number, text in given:
        if len(text) != n or set(text) - {"0", "1"}:
            raise ParseError(f"expected {n} digits 0 or 1, one per input, got {text!r}", source=source, line=number)
    digits = "".join(text for _, _, text in given).encode()
    return np.frombuffer(digits, np.uint8).reshape(len(given), n) == ord("1")


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

    a, b = (load(text, options) for text in options.circuits)
    try:
        answer = equivalent(
            a, b, by=options.by, time_limit=options.time_limit, proof=options.proof, progress=True, seed=options.seed
        )
    except ValueError as error:
        raise ParseError(str(error).replace('by="position"', "--by position")) from None
    match answer:
        case Equivalent():
            print(f"equivalent, by {answer.method} in {answer.seconds:.2f} s")
            if answer.proof is not None:
                print(f"the question is in {answer.proof.cnf}, its proof in {answer.proof.drat}")
            return EQUAL
        case Counterexample():
            print(f"not equivalent, found by {answer.method} in {answer.seconds:.2f} s")
            print("inputs", *(f"{name}={value:d}" for name, value in answer.inputs.items()))
            outputs = zip(answer.outputs_a.items(), answer.outputs_b.items(), strict=True)
            if options.by == "name":
                outputs = (((name, x), (name, answer.outputs_b[name])) for name, x in answer.outputs_a.items())
            for (name_a, x), (name_b, y) in outputs:
                if x != y:
                    print(f"output {name_a}={x:d} of the first, {name_b}={y:d} of the second")
            return DIFFERENT
    print(f"undecided: {answer.reason}; tried", "; ".join(answer.what_was_tried))
    return NOT_KNOWN


def compare(options: argparse.Namespace) -> int:
    """Compare Boolean neurons with sigmoid networks."""
    from circuits import c17_path
    from circuits.study.comparison import compare
    from circuits.study.tables import HEADER, LEGEND, row

    functions = [(name_of(text), text) for text in options.functions] or [*DEMO.items(), ("c17", c17_path)]
    loaded = [(name, load(text, options)) for name, text in functions]
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


def load(text: str, options: argparse.Namespace) -> Circuit:
    """Return what `load_any` does, with threshold units made into gates.

    Args:
        text: as it was typed.
        options: with `from_` and those of `READ_OPTIONS`, which are for files.

    Raises:
        ParseError: if it is no circuit.
        OSError: if the file cannot be read.

    >>> load("a & b", argparse.Namespace(from_=None))
    Circuit(2 inputs, 1 outputs, 1 gates)
    """
    circuit = load_any(text, options)
    return to_circuit(circuit) if isinstance(circuit, ThresholdCircuit) else circuit


def load_any(text: str, options: argparse.Namespace) -> Circuit | ThresholdCircuit:
    """Return a circuit from an expression, a file, or standard input if the text is "-".

    Args:
        text: as it was typed.
        options: with `from_` and those of `READ_OPTIONS`, which are for files.

    Raises:
        ParseError: if it is no circuit.
        OSError: if the file cannot be read.
    """
    chosen = {name: getattr(options, name, None) for name in READ_OPTIONS}
    chosen = {name: value for name, value in chosen.items() if value is not None}
    # A text is a path if it ends like one, has a slash, or is a file; "a.b & c" is none of these.
    is_file = options.from_ is not None or _is_readable(Path(text)) or "/" in text or os.path.isfile(text)
    if not is_file and re.fullmatch(r"[\w.-]*\.[A-Za-z]\w*", text):
        raise ParseError(f"no such file; as an expression, write y = {text}", source=text)
    try:
        if text == "-":
            if options.from_ is None:
                raise ParseError("expected --from FORMAT, such as --from .blif", source="<stdin>")
            return loads(_stdin().buffer.read(), options.from_, source="<stdin>", **chosen)
        return read(text, options.from_, **chosen) if is_file else parse(text)
    except TypeError:
        named = " or ".join(f"--{name.replace('_', '-')}" for name in chosen)
        raise ParseError(f"this format has no option {named}", source=text) from None


def save(circuit: Circuit | ThresholdCircuit, out: str, options: argparse.Namespace) -> None:
    """Write a circuit into a file, or to standard output if that is "-".

    Args:
        circuit: a `Circuit` or a `ThresholdCircuit`; converted to the kind that the format holds.
        out: the path, or "-".
        options: with `to`, the format if the path does not give it, and `output`, for DIMACS.

    Raises:
        ParseError: if the format is unknown, or cannot hold the circuit.
        OSError: if the file cannot be written.
    """
    if out == "-" and options.to is None:
        raise ParseError("expected --to FORMAT, such as --to .blif", source="<stdout>")
    format = (extension_of(Path(out)) if options.to is None else options.to).lower()
    if format not in FORMATS:
        raise ParseError(f"unknown format {format!r}, expected one of {', '.join(FORMATS)}", source=out)
    if format == ".th" and isinstance(circuit, Circuit):
        circuit = from_circuit(circuit)
    if format not in (".th", ".dot") and isinstance(circuit, ThresholdCircuit):
        circuit = to_circuit(circuit)
    chosen = {} if options.output is None else {"output": options.output}
    try:
        data = dumps(circuit, format, **chosen)
    except TypeError:
        raise ParseError("--output is for .cnf", source=out) from None
    except ValueError as error:
        raise ParseError(str(error)) from None
    data = data.encode() if isinstance(data, str) else data
    if out == "-":
        sys.stdout.flush()
        sys.stdout.buffer.write(data)
        sys.stdout.buffer.flush()
    else:
        Path(out).write_bytes(content_of(Path(out), data))


def name_of(text: str) -> str:
    """Return the name to print for a circuit: of a file its name without the extension, else the expression.

    Args:
        text: as it was typed.

    Returns:
        A name.

    >>> name_of("folder/c17.bench"), name_of("a & b")
    ('c17', 'a & b')
    """
    return Path(text).stem if _is_readable(Path(text)) else text


def _stdin() -> TextIO:
    if sys.stdin is None:
        raise ParseError("it is closed", source="<stdin>")
    return sys.stdin


def _is_readable(path: Path) -> bool:
    known = FORMATS.get(extension_of(path))
    return known is not None and known.loads is not None

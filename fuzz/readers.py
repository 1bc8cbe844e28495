"""Coverage-guided fuzzing of the readers: no exception but ParseError, no hang, no silent change of function.

`python fuzz/readers.py .blif` reads 10^6 inputs, made by Atheris from small valid files; `make fuzz` does so for all
formats. An input that is accepted must come back from the writer of its format as the same function. An input that is
not handled so is written to a file, which `python fuzz/readers.py .blif FILE` reads again.
"""

import argparse
import random
import sys
import tempfile
from pathlib import Path

import atheris  # pyright: ignore

with atheris.instrument_imports(include=["circuits.formats"]):  # pyright: ignore
    from circuits.formats import files as formats

from circuits import ParseError, ThresholdCircuit, from_circuit, library, parse, to_circuit

PATTERNS = 64
OPTIONS = {".bench": {"registers": "cut"}, ".blif": {"registers": "cut"}, ".pla": {"dont_cares": 0}}
OPTIONS |= {extension: {"registers": "cut", "properties": "outputs"} for extension in (".aag", ".aig")}


def values(circuit, words):
    """The outputs for 64 patterns, bits of one integer a net: quicker here than a compiled program for each circuit."""
    full, nodes = (1 << PATTERNS) - 1, [0, *words]
    if isinstance(circuit, ThresholdCircuit):
        circuit = to_circuit(circuit)
    for table, (a, b) in zip(circuit.tables.tolist(), circuit.fan_ins.tolist(), strict=True):
        a, b = nodes[a], nodes[b]
        rows = (~a & ~b, a & ~b, ~a & b, a & b)
        nodes.append(sum(row & full for r, row in enumerate(rows) if table >> r & 1))
    return [nodes[node] for node in circuit.outputs.tolist()]


def same(one, other):
    """Whether two circuits agree on random patterns, and in their names."""
    random_words = random.Random(0)
    words = [random_words.getrandbits(PATTERNS) for _ in range(one.n_inputs)]
    names = (one.input_names, one.output_names)
    return names == (other.input_names, other.output_names) and values(one, words) == values(other, words)


def checked(extension):
    """What Atheris calls with each input."""

    def check(data):
        try:
            circuit = formats.loads(data, extension, **OPTIONS.get(extension, {}))
        except ParseError:
            return
        try:
            written = formats.dumps(circuit, extension)
        except ValueError as error:
            # A truth table of so many inputs, or names that the format reads and does not write.
            if (extension in (".pla", ".v") and "expected" in str(error)) or "name" in str(error):
                return
            raise
        again = formats.loads(written, extension)
        if not same(circuit, again):
            raise AssertionError(f"read, written and read again as another function:\n{data!r}\n{written!r}")

    return check


def seeds(extension):
    """Small valid files."""
    circuits = [parse("y = ~(a & b); z = a ^ c | b; t = 1; u = a"), library.adder(2), library.multiplexer(2)]
    if extension == ".th":
        circuits = [from_circuit(circuit) for circuit in circuits]
    for circuit in circuits:
        written = formats.dumps(circuit, extension)
        yield written if isinstance(written, bytes) else written.encode()


def main():
    readable = [format.extension for format in formats.FORMATS.values() if format.loads]
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("extension", choices=readable)
    parser.add_argument("files", nargs="*", type=Path, help="read these only, and say what is wrong")
    parser.add_argument("--runs", type=int, default=1_000_000, help="how many inputs")
    options = parser.parse_args()
    check = checked(options.extension)
    if options.files:
        for file in options.files:
            check(file.read_bytes())
        return
    with tempfile.TemporaryDirectory() as folder:
        for i, data in enumerate(seeds(options.extension)):
            (Path(folder) / str(i)).write_bytes(data)
        # A second without an answer is a hang: all inputs are of a few hundred bytes, in C of some thousand.
        longest = 20_000 if options.extension == ".c" else 1000
        limits = [f"-runs={options.runs}", f"-max_len={longest}", "-timeout=10", "-rss_limit_mb=4000", folder]
        atheris.Setup([sys.argv[0], *limits], check)
        atheris.Fuzz()


if __name__ == "__main__":
    main()

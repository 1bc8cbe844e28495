"""The command line: `python -m circuits compare [EXPRESSION | FILE ...]`."""

import argparse
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

# What `compare` runs without arguments; `make demo`.
DEMO = {
    "AND": "a & b",
    "OR": "a | b",
    "XOR": "a ^ b",
    "majority of 3": "maj(a, b, c)",
    "4-bit parity": "a ^ b ^ c ^ d",
    "full adder": "s = a ^ b ^ c; carry = maj(a, b, c)",
}

EPILOG = """examples:
  python -m circuits compare                        the demo: AND, OR, XOR, ..., and the ISCAS-85 netlist c17
  python -m circuits compare "a ^ b" --out xor.png  one expression, with a picture
  python -m circuits compare c432.bench --seeds 16  a netlist
"""


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: as in `sys.argv[1:]`, which is taken if None.

    Returns:
        0; 2 if an argument or a file is no circuit, with one line on standard error; 130 after Ctrl-C.
    """
    parser = argparse.ArgumentParser(
        "python -m circuits", description=__doc__, epilog=EPILOG, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    commands = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
    compare = commands.add_parser(
        "compare",
        help="compare Boolean neurons with sigmoid networks",
        description="Compare Boolean neurons with sigmoid networks: by construction and by learning.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    compare.add_argument("functions", nargs="*", metavar="EXPRESSION|FILE", help='"a ^ b", or a netlist file')
    compare.add_argument("--out", metavar="FIGURE", type=_figure, help="draw the study into FIGURE (.png, .pdf, .svg)")
    compare.add_argument("--seeds", metavar="N", type=_positive, default=256, help="networks that learn (default 256)")
    compare.add_argument("--steps", metavar="N", type=_positive, default=2000, help="steps of learning (default 2000)")
    options = parser.parse_args(arguments)
    try:
        return _compare(options)
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader has gone; say nothing more, also not at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _compare(options: argparse.Namespace) -> int:
    # Imported here, so that --help and a mistyped option answer at once.
    from circuits import c17_path
    from circuits.comparison import compare
    from circuits.errors import ParseError
    from circuits.reports import HEADER, LEGEND, row

    functions = [(_name(text), text) for text in options.functions] or [*DEMO.items(), ("c17", c17_path)]
    try:
        loaded = [(name, _load(text)) for name, text in functions]
        for name, circuit in loaded:
            if not circuit.n_inputs or not circuit.n_outputs:
                raise ParseError("expected at least one input and one output", source=name)
    except (ParseError, OSError) as error:
        return _fail(_one_line(error))
    studies = []
    tqdm.write(HEADER.format(seeds=options.seeds))
    for name, circuit in loaded:
        study = compare(circuit, name=name, seeds=options.seeds, steps=options.steps)
        studies.append(study)
        tqdm.write(row(study))
        sys.stdout.flush()
    print(f"\n{LEGEND.format(asked=studies[0].constructed.asked)}")
    if options.out:
        from circuits.plots import draw_comparison

        try:
            draw_comparison(studies, options.out)
        except OSError as error:
            return _fail(_one_line(error))
        print(f"figure: {options.out}")
    return 0


def _load(text: str):
    from circuits.expansion import to_circuit
    from circuits.expressions import parse
    from circuits.formats import read
    from circuits.threshold_circuits import ThresholdCircuit

    # A path is what ends like one or is there; "a.b & c" is neither.
    path = Path(text)
    if _is_readable(path) or "/" in text or os.path.isfile(text):
        circuit = read(path)
        return to_circuit(circuit) if isinstance(circuit, ThresholdCircuit) else circuit
    return parse(text)


def _is_readable(path: Path) -> bool:
    from circuits.formats import FORMATS

    known = FORMATS.get(path.suffix.lower())
    return known is not None and known.loads is not None


def _name(text: str) -> str:
    return Path(text).stem if _is_readable(Path(text)) else text


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {(error.strerror or str(error)).lower()}"
    return str(error).splitlines()[0]


def _fail(message: str) -> int:
    print(f"circuits: {message}", file=sys.stderr)
    return 2


def _positive(text: str) -> int:
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"expected a positive integer, got {text!r}")
    return int(text)


def _figure(text: str) -> str:
    known = (".png", ".pdf", ".svg")
    if not text.lower().endswith(known):
        raise argparse.ArgumentTypeError(f"expected a file that ends in {', '.join(known)}, got {text!r}")
    if not Path(text).absolute().parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {Path(text).parent}")
    return text


if __name__ == "__main__":
    sys.exit(main())

"""The command line, `python -m circuits` or `circuits`: its options, its exit statuses, and how it ends."""

import argparse
import os
import re
import sys
import traceback
import warnings
from collections.abc import Callable, Sequence
from pathlib import Path

from circuits import bridge_commands, commands, gate_network_commands, picture_commands, playground_commands
from circuits.bridge.network_files import ACTIVATIONS
from circuits.circuit_arguments import add_flags, as_flags
from circuits.errors import ParseError
from jaxnet import __version__

_EPILOG = """A circuit is a file (.aag .aig .bench .blif .pla .v .th), text such as "a ^ b", or - (standard input).
A network is a .safetensors file of `network` or of jaxnet.save; stats, draw and extract take it.

examples:
  python -m circuits stats c432.bench
  python -m circuits convert c432.bench c432.aig
  python -m circuits prove c432.bench c432.aig
  python -m circuits compare                   the study of `make demo`

exit status: 0, or 2 if an argument or a file is wrong; prove: 1 if the circuits differ, 3 if it is undecided;
             recognise: 1 if an output is no threshold unit; network: 1 if nothing is proved;
             extract: if it could not go through all rows, 1 with a row on which they differ, 3 without one
"""

# For each command: what it does, and an example.
_COMMANDS = {
    "stats": ("count gates by function, levels, fan-out; parameters of a network", 'stats c432.bench "a ^ b"'),
    "convert": ("write a circuit in another format", "convert c432.bench - --to .blif | less"),
    "map": ("find few threshold units for a circuit, proved equal", "map c432.bench c432.th --fan-in 16"),
    "simplify": ("find fewer gates for the same function", "simplify c432.bench smaller.aig"),
    "simulate": ("evaluate a circuit on patterns of bits", 'simulate "s = a ^ b; carry = a & b" 01 11'),
    "prove": ("prove two circuits equal, or show where they differ", "prove c432.bench c432.aig --time-limit 60"),
    "recognise": ("find the threshold unit of each output, or why there is none", 'recognise "a & (b | c)"'),
    "network": (
        "make a network that computes a circuit, proved",
        "network c432.bench net.safetensors --activation tanh",
    ),
    "extract": ("read a circuit out of a network, with what is guaranteed", "extract net.safetensors c432.th"),
    "learn": (
        "learn a circuit from a table, and write it with its proof",
        "learn data.csv --target outcome --out learned",
    ),
    "draw": ("draw a circuit, or a network on file", 'draw "s = a ^ b; carry = a & b" adder.png --inputs 01'),
    "play": ("open a page in the browser: circuits, networks, training, proofs", "play --port 8000"),
    "compare": ("compare Boolean neurons with sigmoid networks", 'compare "a ^ b" c17.bench --out study.png'),
}

# Commands that answer by their status, and the files of those that are not in `commands`.
_ANSWER = ("prove", "recognise", "network", "extract")
_FILES = {"learn": gate_network_commands, "draw": picture_commands, "play": playground_commands}
_FILES |= dict.fromkeys(("network", "extract"), bridge_commands)
# Exit statuses if the reader of an answer has gone before it, and after a mistake in this program.
_GONE, _MISTAKE = 141, 70


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: as in `sys.argv[1:]`, which is taken if None.

    Returns:
        0; from `prove` 1 if the circuits differ and 3 if it is undecided; from `recognise` 1 if an output is no unit;
        from `network` 1 if nothing is proved; from `extract`, of networks with too many rows, 1 with a row on which
        the circuit differs and 3 without one; 2 if an argument or a file is wrong, with one line on standard error; 130
        after Ctrl-C; 70 after a mistake in this program.
    """
    options = _parser().parse_args(arguments)
    if sys.stdout is None:  # closed by the caller
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    # If the pipe closes before `prove` has answered, exit with 141, never with 0 (equal); likewise the others.
    status = _GONE if options.command in _ANSWER else 0
    try:
        with warnings.catch_warnings():
            warnings.showwarning = _warned
            status = getattr(_FILES.get(options.command, commands), options.command)(options)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader has gone: write nothing more, not even what is left in the buffer at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return status
    except (ParseError, OSError) as error:
        print(f"circuits: {_one_line(error)}", file=sys.stderr)
        return commands.BAD_INPUT
    except Exception:
        traceback.print_exc()
        return _MISTAKE


def _warned(message: Warning | str, *_: object) -> None:
    """Print a warning as errors are printed, without the place in this program."""
    print(f"circuits: {as_flags(str(message).splitlines()[0])}", file=sys.stderr)


class _CommandParser(argparse.ArgumentParser):
    """The parser of one command, which takes files and patterns after options too: `map a.bench --fan-in 4 out.th`."""

    _outermost = True

    def parse_known_args(self, args=None, namespace=None):  # type: ignore[override]
        if not self._outermost:  # parse_known_intermixed_args calls this method
            return super().parse_known_args(args, namespace)
        self._outermost = False
        try:
            return self.parse_known_intermixed_args(args, namespace)
        finally:
            self._outermost = True


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    what = "Convert, simplify, map, simulate, prove, recognise and study Boolean circuits; networks of them and back."
    parser = argparse.ArgumentParser("python -m circuits", description=what, epilog=_EPILOG, formatter_class=raw)
    parser.add_argument("--version", action="version", version=f"circuits {__version__}")
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND", parser_class=_CommandParser)
    command = {
        name: subparsers.add_parser(
            name,
            help=what,
            description=f"{what[0].upper()}{what[1:]}.",
            epilog=f"example:\n  python -m circuits {example}",
            formatter_class=raw,
        )
        for name, (what, example) in _COMMANDS.items()
    }
    command["stats"].add_argument(
        "circuits", nargs="+", metavar="CIRCUIT", help="a file, an expression, -, or a network on file, .safetensors"
    )
    command["recognise"].add_argument("circuit", metavar="CIRCUIT", help="a file, an expression, or -")
    for name in ("convert", "simplify", "map"):
        command[name].add_argument("circuit", metavar="CIRCUIT", help="a file, an expression, or -")
        if name == "convert":
            command[name].add_argument("out", metavar="OUT", help="file to write, or -")
        else:
            command[name].add_argument(
                "out", nargs="?", metavar="OUT", help="file to write, or -; without it, only count"
            )
        command[name].add_argument("--to", metavar="FORMAT", help="format of OUT, if its name has none, such as .dot")
        command[name].add_argument("--output", metavar="NAME", help="which output a .cnf is about")
    command["map"].add_argument(
        "--fan-in", metavar="N", type=_up_to(10**9, 3), default=16, help="the most inputs of a unit (default 16)"
    )
    command["map"].add_argument(
        "--weight", metavar="N", type=_up_to(10**9, 2), default=255, help="the largest weight (default 255)"
    )
    command["simplify"].add_argument(
        "--deep", action="store_true", help="use aigverse too, and prove the result (an extra)"
    )
    _add_simulate(command["simulate"])
    prove = command["prove"]
    prove.add_argument("circuits", nargs=2, metavar="CIRCUIT", help="a file, an expression, or -")
    prove.add_argument(
        "--by",
        choices=("name", "position", "function"),
        default="name",
        help="how inputs and outputs are paired (default name); function searches for a pairing",
    )
    prove.add_argument(
        "--names", nargs="+", action="extend", metavar="A=B", help="ports of the first and their names in the second"
    )
    prove.add_argument(
        "--time-limit", type=_seconds, metavar="SECONDS", help="stop after that time, with exit status 3"
    )
    prove.add_argument("--proof", metavar="PATH", help="write PATH.cnf and PATH.drat, for drat-trim")
    prove.add_argument("--seed", type=_seed, default=0, metavar="N", help="seed of the random patterns (default 0)")
    _add_network(command["network"])
    _add_extract(command["extract"])
    _add_learn(command["learn"])
    _add_draw(command["draw"])
    _add_play(command["play"])
    compare = command["compare"]
    compare.add_argument(
        "functions", nargs="*", metavar="CIRCUIT", help="a file, an expression, or -; without any, those of `make demo`"
    )
    compare.add_argument(
        "--out",
        metavar="FIGURE",
        type=_file(".png", ".pdf", ".svg"),
        help="draw the study into FIGURE (.png, .pdf, .svg)",
    )
    compare.add_argument(
        "--seeds", metavar="N", type=_up_to(10**6), default=256, help="how many networks learn (default 256)"
    )
    compare.add_argument(
        "--steps", metavar="N", type=_up_to(10**8), default=2000, help="how many steps they learn (default 2000)"
    )
    for name, each in command.items():
        if name not in ("extract", "learn", "play"):  # which read no circuit
            add_flags(each)
    return parser


def _add_simulate(simulate: argparse.ArgumentParser) -> None:
    simulate.add_argument("circuit", metavar="CIRCUIT", help="a file, an expression, or -")
    simulate.add_argument(
        "patterns", nargs="*", metavar="PATTERN", help="such as 0110, first input first; - reads lines"
    )
    simulate.add_argument("--all", action="store_true", help="all patterns, with the first input changing fastest")
    simulate.add_argument("--random", type=_up_to(2**22), metavar="N", help="N random patterns")
    simulate.add_argument("--seed", type=_seed, default=0, metavar="N", help="seed of the random patterns (default 0)")
    simulate.add_argument(
        "--activity", action="store_true", help="print how often inputs and outputs are 1, and change"
    )


def _add_network(network: argparse.ArgumentParser) -> None:
    add = network.add_argument
    add("circuit", metavar="CIRCUIT", help="a file, an expression, or -")
    model = _file(".safetensors")
    add("out", nargs="?", metavar="OUT", type=model, help="file to write, .safetensors; without it, only prove")
    names = [name for name in ACTIVATIONS if name != "identity"]
    add("--activation", choices=names, default="step", help="what its units are (default step)")
    add("--error", type=_number, metavar="E", help="how near sigmoids and tanhs come to the values (default 0.1)")
    add("--fan-in", metavar="N", type=_up_to(10**9, 3), help="the most inputs of a unit: find few such units first")
    add("--weight", metavar="N", type=_up_to(10**9, 2), help="the largest weight: find few such units first")
    add("--layered", action="store_true", help="make a multilayer perceptron")
    add("--certificate", metavar="FILE", type=_file(".json"), help="write the proof, which certificates.py checks")


def _add_extract(extract: argparse.ArgumentParser) -> None:
    add = extract.add_argument
    add("model", metavar="MODEL", help="a .safetensors file of `network`, of jaxnet.save or of another library")
    add("out", nargs="?", metavar="OUT", help="file to write, or -; without it, only say what is guaranteed")
    add("--to", metavar="FORMAT", help="format of OUT, if its name has none, such as .dot")
    add("--output", metavar="NAME", help="which output a .cnf is about")
    what = "what the units are, for all layers or one for each, such as tanh,sigmoid; for files that do not say"
    add("--activation", metavar="NAMES", type=_activations, help=what)
    domain = extract.add_mutually_exclusive_group()
    domain.add_argument("--one-hot", metavar="SIZES", type=_sizes, help="the inputs are one-hot groups, such as 3,3,2")
    domain.add_argument("--rows", metavar="FILE", help="the inputs are rows such as 0110, lines of a file or of -")
    add("--read", choices=("bits", "argmax"), default="bits", help="whether each output is a bit, or the largest is 1")
    add(
        "--threshold",
        type=_number,
        metavar="T",
        help="from where on a linear output is 1 (default 0, or of MODEL)",
    )
    add("--time-limit", metavar="SECONDS", type=_seconds, help="of branch and bound (default 10)")
    samples = "rows to draw where nothing is proved (default 65,536)"
    add("--samples", metavar="N", type=_up_to(2**22), default=2**16, help=samples)
    add("--functional", action="store_true", help="keep none of the units: a circuit of the values alone")
    add("--formula", action="store_true", help="print a formula of each output")
    add("--certificate", metavar="FILE", type=_file(".json"), help="write what is claimed, which can be checked")


def _add_draw(draw: argparse.ArgumentParser) -> None:
    add = draw.add_argument
    add("circuit", metavar="CIRCUIT", help="a file, an expression, - or a network on file, .safetensors")
    add("out", metavar="FIGURE", type=_file(".png", ".pdf", ".svg"), help="file to write, .png, .pdf or .svg")
    what = "show the values for inputs such as 01, of a network also 0.5,-1; with a sign first, --inputs=-1,2"
    add("--inputs", metavar="VALUES", help=what)
    add("--activation", metavar="NAMES", type=_activations, help="what the units are; for files that do not say")


def _add_play(play: argparse.ArgumentParser) -> None:
    play.add_argument(
        "--port", metavar="N", type=_up_to(65535), help="of the loopback address (default: the first that is free)"
    )
    play.add_argument("--headless", action="store_true", help="serve the page, and open no browser")


def _add_learn(learn: argparse.ArgumentParser) -> None:
    add = learn.add_argument
    add(
        "data",
        metavar="DATA.csv",
        help="a table: a header, then rows of numbers and categories; ? or nothing is missing",
    )
    add("--target", metavar="COLUMN", required=True, help="the column to predict, of 2 to 64 classes")
    add("--test", metavar="TEST.csv", help="a table with the same columns, measured at the end")
    out = "write NAME.aig, .blif, .v, .c, each proved, and the certificate NAME.json"
    add("--out", metavar="NAME", type=_base, help=out)
    add("--without", metavar="COLUMN", nargs="+", action="extend", default=[], help="columns to leave out")
    what = "columns of numbers that are categories"
    add("--categories", metavar="COLUMN", nargs="+", action="extend", default=[], help=what)
    add(
        "--cuts",
        metavar="N",
        type=_up_to(1000),
        default=8,
        help="the most thresholds of a column of numbers (default 8)",
    )
    gates = "how many gates each layer has, or such as 200,100,40 (default as many as Booleans, at least 12 a class)"
    add("--gates", metavar="N", type=_widths, help=gates)
    add("--layers", metavar="N", type=_up_to(1000), default=6, help="how many layers (default 6)")
    add("--seeds", metavar="N", type=_up_to(10**4), default=8, help="how many networks learn (default 8)")
    add("--steps", metavar="N", type=_up_to(10**8), default=2000, help="how many steps they learn (default 2000)")
    share = "the share of rows that choose the network, 0 for the training rows (default 0.2)"
    add("--validation", metavar="SHARE", type=_number, default=0.2, help=share)
    add("--seed", type=_seed, default=0, metavar="N", help="of wirings, parameters and rows held out (default 0)")


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {(error.strerror or str(error)).lower()}"
    return as_flags(str(error).splitlines()[0])


def _up_to(most: int, least: int = 1) -> Callable[[str], int]:
    """Return a reader of options that are whole numbers up to a limit, and positive."""

    def positive(text: str) -> int:
        if not (text.isascii() and text.isdecimal()) or int(text) < 1:
            raise argparse.ArgumentTypeError(f"expected a positive integer, got {text!r}")
        if int(text) > most:
            raise argparse.ArgumentTypeError(f"expected at most {most:,}, got {text}")
        if int(text) < least:
            raise argparse.ArgumentTypeError(f"expected at least {least}, got {text}")
        return int(text)

    return positive


def _seed(text: str) -> int:
    if not (text.isascii() and text.isdecimal()) or int(text) >= 2**32:
        raise argparse.ArgumentTypeError(f"expected a number, 0 or more and below 2^32, got {text!r}")
    return int(text)


def _seconds(text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not 0 < seconds < float("inf"):
        raise argparse.ArgumentTypeError(f"expected a number of seconds, got {text!r}")
    return seconds


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"expected a number, got {text!r}") from None


def _sizes(text: str) -> list[int]:
    sizes = text.split(",")
    if not all(re.fullmatch("[1-9][0-9]{0,8}", size) for size in sizes):
        raise argparse.ArgumentTypeError(f"expected sizes of groups such as 3,3,2, got {text!r}")
    return [int(size) for size in sizes]


def _widths(text: str) -> int | list[int]:
    widths = [_up_to(10**6)(width) for width in text.split(",")]
    return widths if len(widths) > 1 else widths[0]


def _activations(text: str) -> str | list[str]:
    names = text.split(",")
    for name in names:
        if name not in ACTIVATIONS:
            raise argparse.ArgumentTypeError(f"expected names among {', '.join(ACTIVATIONS)}, got {name!r}")
    return names if len(names) > 1 else text


def _base(text: str) -> str:
    """Return the name of files to write, without an extension, in a folder that there is."""
    if not Path(text).name or Path(text).suffix.lower() in (".aig", ".blif", ".v", ".c", ".json"):
        raise argparse.ArgumentTypeError(f"expected a name without extension, got {text!r}")
    if not Path(text).absolute().parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {Path(text).parent}")
    return text


def _file(*known: str) -> Callable[[str], str]:
    """Return a reader of options that are files to write, with one of these endings, in a folder that there is."""

    def file(text: str) -> str:
        if not text.lower().endswith(known):
            raise argparse.ArgumentTypeError(f"expected a file that ends in {', '.join(known)}, got {text!r}")
        if not Path(text).absolute().parent.is_dir():
            raise argparse.ArgumentTypeError(f"there is no folder {Path(text).parent}")
        return text

    return file

"""The command line, `python -m circuits` or `circuits`: its options, its exit statuses, and how it ends."""

import argparse
import os
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

from circuits import commands
from circuits.errors import ParseError

_EPILOG = """A circuit is a file (.aag .aig .bench .blif .pla .v .th), text such as "a ^ b", or - (standard input).

examples:
  python -m circuits stats c432.bench
  python -m circuits convert c432.bench c432.aig
  python -m circuits prove c432.bench c432.aig
  python -m circuits compare                   the study of `make demo`

exit status: 0; of prove 1 if the circuits differ and 3 if that is not known; 2 if an argument or a file is no good
"""

# Of each command: what it does, and an example with what it shows.
_COMMANDS = {
    "stats": ("gates by function, levels, fan-out, size", 'stats c432.bench "a ^ b"'),
    "convert": ("write a circuit in another format", "convert c432.bench - --to .blif | less"),
    "simplify": ("the same function by fewer gates", "simplify c432.bench smaller.aig"),
    "simulate": ("what a circuit gives for patterns", 'simulate "s = a ^ b; carry = a & b" 01 11'),
    "prove": ("prove two circuits equal, or show where they differ", "prove c432.bench c432.aig --time-limit 60"),
    "compare": ("compare Boolean neurons with sigmoid networks", 'compare "a ^ b" c17.bench --out study.png'),
}


# Exit statuses when the reader of `prove` has gone before the answer, and after a mistake in this program.
_GONE, _MISTAKE = 141, 70


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: as in `sys.argv[1:]`, which is taken if None.

    Returns:
        0; of `prove` 1 if the circuits differ and 3 if that is not known; 2 if an argument or a file is no circuit,
        with one line on standard error; 130 after Ctrl-C; 70 after a mistake of this program.
    """
    options = _parser().parse_args(arguments)
    if sys.stdout is None:  # closed by the caller
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
    # Of a proof, nobody is told that circuits are equal who does not know it.
    status = _GONE if options.command == "prove" else 0
    try:
        status = getattr(commands, options.command)(options)
        sys.stdout.flush()
        return status
    except KeyboardInterrupt:
        return 130
    except BrokenPipeError:
        # The reader has gone; say nothing more, also not at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return status
    except (ParseError, OSError) as error:
        print(f"circuits: {_one_line(error)}", file=sys.stderr)
        return commands.BAD_INPUT
    except Exception:
        traceback.print_exc()
        return _MISTAKE


def _parser() -> argparse.ArgumentParser:
    raw = argparse.RawDescriptionHelpFormatter
    parser = argparse.ArgumentParser("python -m circuits", description=__doc__, epilog=_EPILOG, formatter_class=raw)
    subparsers = parser.add_subparsers(dest="command", required=True, metavar="COMMAND")
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
    command["stats"].add_argument("circuits", nargs="+", metavar="CIRCUIT")
    for name in ("convert", "simplify"):
        command[name].add_argument("circuit", metavar="CIRCUIT")
        if name == "convert":
            command[name].add_argument("out", metavar="OUT", help="file to write, or -")
        else:
            command[name].add_argument("out", nargs="?", metavar="OUT", help="file to write, or -; if none, only count")
        command[name].add_argument("--to", metavar="FORMAT", help="of OUT, if its name does not say: .aig, .dot, ...")
        command[name].add_argument("--output", metavar="NAME", help="the output that a .cnf asks about")
    command["simplify"].add_argument("--deep", action="store_true", help="by aigverse too, and proved (an extra)")
    _add_simulate(command["simulate"])
    prove = command["prove"]
    prove.add_argument("circuits", nargs=2, metavar="CIRCUIT")
    prove.add_argument(
        "--by", choices=("name", "position"), default="name", help="what belongs together (default name)"
    )
    prove.add_argument("--time-limit", type=_seconds, metavar="SECONDS", help="then the exit status may be 3")
    prove.add_argument("--proof", metavar="PATH", help="write PATH.cnf and PATH.drat, for drat-trim")
    prove.add_argument("--seed", type=_seed, default=0, metavar="N", help="of random patterns")
    compare = command["compare"]
    compare.add_argument("functions", nargs="*", metavar="CIRCUIT", help="if none, those of the demo, and c17")
    compare.add_argument("--out", metavar="FIGURE", type=_figure, help="draw the study into FIGURE (.png, .pdf, .svg)")
    compare.add_argument(
        "--seeds", metavar="N", type=_up_to(10**6), default=256, help="networks that learn (default 256)"
    )
    compare.add_argument(
        "--steps", metavar="N", type=_up_to(10**8), default=2000, help="steps of learning (default 2000)"
    )
    for each in command.values():
        each.add_argument("--from", dest="from_", metavar="FORMAT", help="of files whose names do not say: .blif, ...")
        each.add_argument("--registers", choices=("refuse", "cut"), help="cut: into an input and an output each")
        each.add_argument("--dont-cares", type=int, choices=(0, 1), help="the value that a .pla leaves open")
    return parser


def _add_simulate(simulate: argparse.ArgumentParser) -> None:
    simulate.add_argument("circuit", metavar="CIRCUIT")
    simulate.add_argument("patterns", nargs="*", metavar="PATTERN", help="0110, the first input first; - reads lines")
    simulate.add_argument("--all", action="store_true", help="all patterns, the first input changing fastest")
    simulate.add_argument("--random", type=_up_to(2**22), metavar="N", help="N random patterns")
    simulate.add_argument("--seed", type=_seed, default=0, metavar="N", help="of the random patterns (default 0)")
    simulate.add_argument("--activity", action="store_true", help="how often inputs and outputs are 1, and change")


def _one_line(error: Exception) -> str:
    if isinstance(error, OSError) and error.filename is not None:
        return f"{error.filename}: {(error.strerror or str(error)).lower()}"
    return str(error).splitlines()[0]


def _up_to(most: int) -> Callable[[str], int]:
    """A type of options: a positive integer, up to what can be held."""

    def positive(text: str) -> int:
        if not (text.isascii() and text.isdecimal()) or int(text) < 1:
            raise argparse.ArgumentTypeError(f"expected a positive integer, got {text!r}")
        if int(text) > most:
            raise argparse.ArgumentTypeError(f"expected at most {most:,}, got {text}")
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


def _figure(text: str) -> str:
    known = (".png", ".pdf", ".svg")
    if not text.lower().endswith(known):
        raise argparse.ArgumentTypeError(f"expected a file that ends in {', '.join(known)}, got {text!r}")
    if not Path(text).absolute().parent.is_dir():
        raise argparse.ArgumentTypeError(f"there is no folder {Path(text).parent}")
    return text

"""Reading public benchmark sets: how many files of each read, and why the others are refused.

`python benchmarks/public_files.py FOLDER ...` reads every circuit below each folder, first as `read` does by default,
then with registers cut and with a value for what is left open. It prints one row a format, with the commonest reasons
of refusal below it. A folder is a clone of a public repository; docs/public_files.md has a table.
"""

import argparse
import re
import signal
import time
import warnings
from collections import Counter
from pathlib import Path

from tqdm import tqdm

from circuits import ParseError, read

# What a user chooses after the refusal by default; the message of the refusal names the option.
CHOICES = {
    ".blif": {"registers": "cut", "undriven": "input", "dont_cares": 0},
    ".bench": {"registers": "cut", "undriven": "input"},
    ".pla": {"dont_cares": 0},
    ".v": {"registers": "cut", "undriven": "input", "dont_cares": 0},
    ".aig": {"registers": "cut"},
    ".aag": {"registers": "cut"},
}
REASONS = 6


class TooSlowError(Exception):
    """A file that is not read within the limit."""


def stop(*_):
    """Raise what ends the reading of a file."""
    raise TooSlowError


def attempt(path, limit, **options):
    """Return None if a file reads, and otherwise the reason, without the names and numbers of this file."""
    signal.alarm(limit)
    try:
        read(path, **options)
    except TooSlowError:
        return f"longer than {limit} s"
    except (ParseError, ValueError) as error:
        reason = str(error).replace(str(path), "").lstrip(":0123456789 ")
        return re.sub(r"'[^']*'|\"[^\"]*\"|\b\d+\b|\[\d+(:\d+)?\]", "…", reason).split("\n")[0][:110]
    finally:
        signal.alarm(0)


def survey(folder, suffix, limit):
    """Print the row of a format, and the reasons of its refusals."""
    paths = sorted(path for path in folder.rglob(f"*{suffix}") if path.is_file())
    if not paths:
        return
    start = time.process_time()
    plain, chosen, refused = 0, 0, Counter()
    for path in tqdm(paths, desc=f"{folder.name} {suffix}", leave=False):
        if attempt(path, limit) is None:
            plain += 1
        elif (reason := attempt(path, limit, **CHOICES[suffix])) is None:
            chosen += 1
        else:
            refused[reason] += 1
    seconds = time.process_time() - start
    share = 100 * (plain + chosen) / len(paths)
    name = f"{folder.name} {suffix}"
    print(f"{name:44} {len(paths):6} {plain:8} {chosen:8} {refused.total():8} {share:7.1f} {seconds:9.1f}", flush=True)
    for reason, files in refused.most_common(REASONS):
        print(f"{files:12} {reason}", flush=True)


def main():
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path, help="clones of public repositories")
    parser.add_argument("--formats", nargs="+", choices=CHOICES, default=list(CHOICES), help="all if none is named")
    parser.add_argument("--seconds", type=int, default=60, help="the limit for one file (default: 60)")
    arguments = parser.parse_args()
    signal.signal(signal.SIGALRM, stop)
    warnings.simplefilter("ignore")
    print(f"{'set and format':44} {'files':>6} {'read':>8} {'chosen':>8} {'refused':>8} {'%':>7} {'CPU s':>9}")
    for folder in arguments.folders:
        for suffix in arguments.formats:
            survey(folder, suffix, arguments.seconds)


if __name__ == "__main__":
    main()

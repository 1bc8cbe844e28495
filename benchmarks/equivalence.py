"""Proofs that circuits are equal: each against its BLIF twin, and against itself in other gates, made by ABC.

`python benchmarks/equivalence.py` takes the EPFL benchmarks and c6288, c1908 of ISCAS-85, found in JAXNET_DATA; names
on the command line choose some. It prints the method, the calls of a SAT solver, and the median seconds over the
rounds, reading included; then the seconds of ABC's `cec`, which include its start and its reading of the files, and the
ratio; at the end the start of Python, the geometric mean of the ratios and the largest. Without ABC only the twins are
compared. `--files A B` compares two files of your own, such as EPFL's best results against its originals. `--itself`
compares random netlists of 10^4 to 3 x 10^5 gates with themselves as and-inverter graphs.
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from circuits import Circuit, Equivalent, Undecided, equivalent, read, write

DATA = Path(os.environ.get("JAXNET_DATA", Path(__file__).parents[2] / "shared" / "data")) / "circuits"
EPFL = ["adder", "arbiter", "bar", "cavlc", "ctrl", "dec", "i2c", "int2float", "max", "priority", "router", "sin"]
NAMES = [*EPFL, "square", "voter", "c1908", "c6288"]
RESYN2 = "balance; rewrite; refactor; balance; rewrite; rewrite -z; balance; refactor -z; rewrite -z; balance"
ABC = shutil.which("berkeley-abc") or shutil.which("abc")


def by_abc(commands, timeout=600):
    """Run ABC; return what it says and the seconds it took."""
    assert ABC is not None
    start = time.perf_counter()
    run = subprocess.run([ABC, "-c", commands], capture_output=True, text=True, check=True, timeout=timeout)
    return run.stdout, time.perf_counter() - start


def start_of_python():
    """Return the seconds that a process takes to start and to import what a proof needs."""
    start = time.perf_counter()
    subprocess.run([sys.executable, "-c", "from circuits import equivalent, read"], check=True)
    return time.perf_counter() - start


def forms(name, folder):
    """Yield for each comparison the AIGER or .bench file of a circuit, what the other form is, and its file."""
    bench = DATA / "iscas85" / "bench" / f"{name}.bench"
    file = bench if bench.exists() else DATA / "epfl" / "aig" / f"{name}.aig"
    if not bench.exists():
        yield file, "BLIF twin", DATA / "epfl" / "blif" / f"{name}.blif"
    if ABC is None:
        return
    reading = f"read {file}; strash"
    by_abc(f"{reading}; {RESYN2}; write_aiger -s {folder / name}.aig")
    yield file, "resyn2", folder / f"{name}.aig"
    by_abc(f"{reading}; if -K 6; write_blif {folder / name}.blif")
    yield file, "if -K 6", folder / f"{name}.blif"


def compared(arguments, folder):
    """Yield what to call a circuit, its file, what the other is, and its file."""
    if arguments.files:
        a, b = arguments.files
        yield a.stem, a, b.stem, b
        return
    for name in arguments.names or NAMES:
        for a, what, b in forms(name, folder):
            yield name, a, what, b


def row(name, a, what, b, rounds, limit):
    """Print a row of the table; return the median seconds, and the ratio to those of ABC."""
    took, theirs, said = [], [], ""

    def proved():
        start = time.perf_counter()
        first, second = read(a), read(b)
        assert isinstance(first, Circuit)
        assert isinstance(second, Circuit)
        answer = equivalent(first, second, by="position", time_limit=limit)
        took.append(time.perf_counter() - start)
        return first, second, answer

    first, second, answer = proved()
    for later in range(rounds):
        if later:
            proved()
        if ABC is not None:
            output, seconds = by_abc(f"cec -n {a} {b}")
            theirs.append(seconds)
            said = "" if "are equivalent" in output else "  undecided"
    found = "undecided" if isinstance(answer, Undecided) else "NOT EQUAL"
    calls = ""
    if isinstance(answer, Equivalent):
        found, calls = answer.method, f"{answer.calls:,}"
    seconds = statistics.median(took)
    line = f"{name:10} {what:10} {first.n_gates:7,} {second.n_gates:8,}  {found:13} {calls:>6} {seconds:8.2f}"
    if not theirs:
        print(line, flush=True)
        return seconds, None
    peer = statistics.median(theirs)
    print(f"{line} {peer:8.2f} {seconds / peer:8.2f}{said}", flush=True)
    return seconds, seconds / peer


def itself(gates):
    """Print the row of a random netlist against its own conversion, which ABC reads as two AIGER files."""
    random = np.random.default_rng(0)
    node = 257 + np.arange(gates)
    near = node - np.minimum(random.geometric(0.005, gates), node - 1)
    fan_ins = np.stack([near, random.integers(1, node)], axis=1)
    outputs = [f"y{i}" for i in range(64)]
    circuit = Circuit([f"x{i}" for i in range(256)], fan_ins, random.integers(1, 15, gates), node[-64:], outputs)
    with tempfile.TemporaryDirectory() as folder:
        one, other = Path(folder) / "one.aig", Path(folder) / "other.blif"
        write(circuit, one)
        write(circuit, other)
        converted = read(one)
        start = time.process_time()
        assert isinstance(converted, Circuit)
        answer = equivalent(circuit, converted)
        assert isinstance(answer, Equivalent)
        seconds = time.process_time() - start
        peer = f"{by_abc(f'cec -n {one} {other}')[1]:8.2f}" if ABC else ""
    print(f"{gates:21,} {converted.n_gates:8,}  {answer.method:13} {'':6} {seconds:8.2f} {peer}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", help="circuits; all if none is named")
    parser.add_argument("--files", nargs=2, type=Path, metavar=("A", "B"), help="two files instead")
    parser.add_argument("--itself", action="store_true", help="random netlists against themselves, CPU seconds")
    parser.add_argument("--rounds", type=int, default=1)
    parser.add_argument("--time-limit", type=float, default=300, help="seconds for each")
    arguments = parser.parse_args()
    if unknown := set(arguments.names) - set(NAMES):
        parser.error(f"unknown circuits {', '.join(sorted(unknown))}, expected some of {', '.join(NAMES)}")
    if arguments.itself:
        for gates in (10_000, 30_000, 100_000, 300_000):
            itself(gates)
        return
    if not arguments.files and not DATA.is_dir():
        print(f"The circuits are not in {DATA}.")
        print("They are no part of the repository: name the folder of the data in JAXNET_DATA.")
        return
    print(
        f"{'circuit':10} {'against':10} {'gates':>7} {'gates':>8}  {'method':13} {'calls':>6} {'seconds':>8} "
        f"{'cec':>8} {'ratio':>8}"
    )
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for name, a, what, b in compared(arguments, Path(folder)):
            rows.append(row(name, a, what, b, arguments.rounds, arguments.time_limit))
    total = sum(seconds for seconds, _ in rows)
    print(f"{total:.0f} seconds altogether, and {start_of_python():.2f} to start Python once")
    ratios = [ratio for _, ratio in rows if ratio is not None]
    if ratios:
        print(f"ratio to cec: geometric mean {statistics.geometric_mean(ratios):.2f}, largest {max(ratios):.2f}")


if __name__ == "__main__":
    main()

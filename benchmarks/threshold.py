"""Threshold logic: units recognised and proved, tables by the million, functions counted, circuits mapped.

`python benchmarks/threshold.py` prints all five parts; names on the command line choose some. Seconds are of CPU, on
one core: the median over the rounds, with the smallest and the largest, and their ratio to the bar, which is the goal
that was set before anything was measured. boofun, a library of Boolean functions, finds weights by a linear program
over all rows; where it is installed it gets the same tables. `--eight` counts the functions of eight variables too.
For `proofs` and `mapping`, JAXNET_DATA names the folder of real circuits and of the units that threABC needs for them.
"""

import argparse
import functools
import importlib.util
import os
import time
from pathlib import Path

import numpy as np
from common.timing import installed

import circuits
from circuits import Circuit, ThresholdUnit, count_threshold_functions, recognise
from circuits.threshold.trades import fires

DATA = Path(os.environ.get("JAXNET_DATA", Path(__file__).parents[2] / "shared" / "data"))
SIZES = (8, 10, 12, 14, 16)
PEER_SIZES = (8, 10, 12)  # 2^n rows and n + 1 columns: more takes minutes
TABLES = 10**6
# Goals, in seconds: of one table up to 12 inputs and of more, of 10^6 tables of 6 inputs, of all functions counted.
ONE, ONE_WIDE, MILLION, COUNTS = 0.3, 3.0, 1.0, {7: 3.0, 8: 300.0}
# Of a proof that a circuit of 1,001 inputs is a majority.
PROOF = 60.0
# The most inputs of a unit and the largest weight.
BOUNDS = (16, 255), (64, 10**7)
# Where a file of the table of mapped circuits may be.
PLACES = ("iscas85/bench/{}.bench", "epfl/aig/{}.aig", "mcnc/blif/{}.blif")


def cpu_seconds(run):
    """Return what a call returns, and the seconds of CPU it took."""
    start = time.process_time()
    result = run()
    return result, time.process_time() - start


def in_rounds(run, rounds):
    """Return what the last call returns, and the seconds of each."""
    answers, times = zip(*(cpu_seconds(run) for _ in range(rounds)), strict=True)
    return answers[-1], times


def print_row(case, times, bar):
    """Print the median of some seconds with the least and the most, and their ratio to a bar, in seconds too."""
    times, ratios = np.array(times), np.array(times) / bar
    print(
        f"{case:38} {np.median(times):9.2g} {f'({times.min():.2g} .. {times.max():.2g})':20} {np.median(bar):7.3g} "
        f"{np.median(ratios):10.2g}  ({ratios.min():.2g} .. {ratios.max():.2g})",
        flush=True,
    )


def header(what):
    print(f"\n{what:38} {'seconds':>9} {'(least .. most)':20} {'bar':>7} {'of the bar':>10}  (least .. most)")


def random_unit(n, weights, random):
    """Return the truth table of random weights, with a threshold that half of the rows reach."""
    w = random.integers(-9, 10, n) if weights == "small integers" else random.normal(size=n)
    sums = np.zeros(1, w.dtype)
    for weight in w:
        sums = np.concatenate([sums, sums + weight])
    return sums >= np.median(sums)


def recognised(rounds):
    """Time `recognise` on tables of random units, and boofun on the same tables."""
    header("recognise")
    boofun = installed("boofun")
    for n in SIZES:
        for weights in ("small integers", "Gaussian"):
            random = np.random.default_rng(n)
            ours, theirs = [], []
            for _ in range(rounds):
                table = random_unit(n, weights, random)
                unit, seconds = cpu_seconds(lambda table=table, n=n: recognise(table, n))
                assert isinstance(unit, ThresholdUnit)
                assert np.array_equal(fires(unit.weights, unit.threshold), table)
                ours.append(seconds)
                if boofun is not None and n in PEER_SIZES:
                    function = boofun.create(table.tolist())
                    find = boofun.analysis.ltf_analysis.find_ltf_weights
                    (found, least), seconds = cpu_seconds(lambda find=find, function=function: find(function))
                    assert len(found) == n
                    assert np.isfinite(least)
                    theirs.append(seconds)
            bar = ONE if n <= 12 else ONE_WIDE
            print_row(f"{n:2} inputs, {weights}", ours, bar)
            if theirs:
                print_row("    boofun, to the same bar", theirs, bar)
                print_row("    recognise, to boofun", ours, np.array(theirs))


def tables(rounds):
    """Time 10^6 random tables of six inputs in one call, few of them units, and 10^6 tables of units."""
    header("recognise, 10^6 tables of 6 inputs")
    random = np.random.default_rng(0)
    some = random.integers(0, 2**64, TABLES, dtype=np.uint64)
    sums = random.integers(-9, 10, (TABLES, 6)) @ (np.arange(64) >> np.arange(6)[:, None] & 1)
    units = circuits.pack_tables(sums >= random.integers(-9, 10, (TABLES, 1)), 6)[:, 0]
    for case, given in (("random tables", some), ("tables of random units", units)):
        answer, times = in_rounds(lambda given=given: recognise(given, 6), rounds)
        if given is units:
            assert answer.found.all()
        print_row(f"{case}: {answer.found.sum():,} units", times, MILLION)


def counts(rounds, eight):
    """Time the count of all functions of seven variables, and of eight."""
    header("count_threshold_functions")
    for n in (7, 8) if eight else (7,):
        found, times = in_rounds(lambda n=n: count_threshold_functions(n), rounds if n == 7 else 1)
        print_row(f"{n} variables: {found.functions:,}", times, COUNTS[n])


def bars():
    """Yield each file of the table of mapped circuits, and the fewest units that threABC needed."""
    for line in (DATA / "tables" / "threshold_mapping.md").read_text().splitlines():
        cells = [cell.strip() for cell in line.strip("|").split("|")]
        if len(cells) == 4 and cells[1].isdecimal():
            yield cells[0], min(int(cells[1]), int(cells[2]))


def proofs(rounds):
    """Time the proofs that circuits are one majority; the last one is wrong by one input."""
    header("is it one majority?")
    cases = [("tree of adders, 1,001 inputs", circuits.trace(tree_majority, x=1_001), 0)]
    if (file := DATA / "circuits" / "epfl" / "aig" / "voter.aig").is_file():
        voter = circuits.read(file)
        assert isinstance(voter, Circuit)
        cases += [("EPFL's voter, 1,001 inputs", voter, 0), ("the voter, threshold 500", voter, -1)]
    for name, circuit, more in cases:
        unit = ThresholdUnit(np.ones(circuit.n_inputs, int), circuit.n_inputs // 2 + 1 + more)
        answer, times = in_rounds(functools.partial(circuits.prove_unit, circuit, unit), rounds)
        assert isinstance(answer, circuits.Counterexample if more else circuits.Equivalent)
        print_row(name, times, PROOF)


def tree_majority(x):
    """Return whether more than half of some bits are on: halves are counted, and the two numbers added."""

    def count(bits):
        if len(bits) == 1:
            return list(bits)
        half = len(bits) // 2
        parts = count(bits[:half]), count(bits[half:])
        places = range(max(map(len, parts)))
        return circuits.library.add_columns([[word[i] for word in parts if i < len(word)] for i in places])

    reached = 1
    for place, digit in enumerate(count(list(x))):
        reached = digit & reached if (len(x) // 2 + 1) >> place & 1 else digit | reached
    return {"y": reached}


def mapping(rounds):
    """Count the units that circuits map to, proved equal, as a ratio to the better flow of threABC."""
    print()
    if not (DATA / "tables" / "threshold_mapping.md").is_file():
        print("JAXNET_DATA names no folder with tables/threshold_mapping.md: mapping skipped.")
        return
    extra = "with" if importlib.util.find_spec("aigverse") else "without"
    print(f"map_to_units {extra} aigverse: at most 16 inputs and weights of 255 a unit, then 64 inputs and any weights")
    head = f"{'units':>6} {'depth':>6} {'of the bar':>10} {'seconds':>8}"
    print(f"{'circuit':10} {'gates':>7} {'bar':>6} {head} {head}")
    ratios = {bounds: [] for bounds in BOUNDS}
    for name, bar in bars():
        found = [file for place in PLACES if (file := DATA / "circuits" / place.format(name)).is_file()]
        if not found:
            print(f"{name:10} is not there: skipped.")
            continue
        before = circuits.read(found[0])
        assert isinstance(before, Circuit)
        print(f"{name:10} {before.n_gates:7,} {bar:6,}", end="", flush=True)
        for bounds in BOUNDS:
            call = functools.partial(circuits.map_to_units, before, max_fan_in=bounds[0], max_weight=bounds[1])
            after, times = in_rounds(call, rounds)
            ratios[bounds].append(after.n_units / bar)
            counts = f"{after.n_units:6,} {circuits.depth(after):6,} {ratios[bounds][-1]:10.2f}"
            print(f" {counts} {np.median(times):8.1f}", end="", flush=True)
        print()
    for (fan_in, weight), each in ratios.items():
        if each:
            mean, worse = np.exp(np.mean(np.log(each))), sum(ratio > 1 for ratio in each)
            print(f"fan-in {fan_in}, weights {weight:,}: geometric mean {mean:.3f} of the bar, {worse} files above it")


def main():
    """Print the tables that were asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parts = {"recognise": recognised, "tables": tables, "counts": counts, "proofs": proofs, "mapping": mapping}
    parser.add_argument("parts", nargs="*", metavar="PART", help=f"some of {', '.join(parts)}")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--eight", action="store_true", help="count the functions of eight variables, for minutes")
    options = parser.parse_args()
    for name in options.parts or parts:
        if name not in parts:
            parser.error(f"expected some of {', '.join(parts)}, got {name}")
        if name == "counts":
            counts(options.rounds, options.eight)
        else:
            parts[name](options.rounds)


if __name__ == "__main__":
    main()

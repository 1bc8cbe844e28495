"""Bit-parallel simulation: ANDs times patterns per second on one core, `circuits.simulate` beside five others.

`python benchmarks/simulation.py` runs all `.aig` files of a folder, the 14 of EPFL if none is named, and then compares
two cores with one. The ANDs of the file count, whatever a program makes of the circuit.

- `circuits.simulate` on random words in memory, 16 MB of inputs and outputs together. The first call, which compiles,
  does not count.
- ABC's `&sim`, with the number of words W (`-W`) that is best of several. It takes only sequential circuits: the last
  input becomes a latch that takes the value of the first. It makes its random patterns itself, which takes a fifth of
  its time for the adder, and less with more ANDs per input. Its time is that of many frames less that of one frame, and
  its output must confirm that it has run them all.
- A loop in C (`common/simulate.c`), compiled here with -O3 -march=native: the ANDs in the order of the file, over rows
  of W words, no more rows than are live at once; W is the best of several. It reads the same array of words as
  `simulate` and fills a given array of the same shape. One call runs all blocks, and copies inputs in and outputs out
  for each. The answers of both must agree.
- aigverse, by complete truth tables up to 16 inputs (beyond, they take gigabytes), else as a sequential network that
  takes one pattern per clock cycle.
- py-aiger, one pattern per call; and by its `lift`, for any Boolean algebra, with rows of NumPy as values.

A process is bound to its cores from its start, so that XLA has as many threads. All run in turn, round after round.
"""

import argparse
import ctypes
import functools
import importlib
import importlib.util
import math
import os
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import NamedTuple

import jax
import numpy as np
from common.timing import in_turn, ratio, seconds

import circuits
from circuits.formats import aiger
from circuits.simulation.native_runs import simulate_natively
from circuits.simulation.simulator import program_of

WIDTHS = (32, 64, 128, 256, 512, 1024)  # words per row, of &sim and the loop in C
MOVED = 2**22  # words of all inputs and outputs in a call
ABC_SECONDS = 0.3
# The programs and modules to look for, and how to install each.
PEERS = {
    "berkeley-abc": "apt-get install berkeley-abc",
    "gcc": "apt-get install gcc",
    "aigverse": "pip install aigverse",
    "aiger": "pip install py-aiger",
}
GATE = np.dtype([("to", "i4"), ("a", "i4"), ("b", "i4"), ("not_a", "u4"), ("not_b", "u4")])
OUTPUT = np.dtype([("row", "i4"), ("inverted", "u4")])
HEADS = (
    f"{'circuit':10} {'ANDs':>6} {'simulate':>8} {'&sim':>8} {'W':>4} {'C loop':>8} {'W':>4} {'aigverse':>15} "
    f"{'py-aiger':>9} {'lifted':>7} {'simulate / &sim':>17} {'simulate / C loop':>26}"
)


class Aig(NamedTuple):
    """A binary AIGER file, read without `circuits`: literals of ANDs `(ands, 2)` and outputs `(m,)`."""

    n_inputs: int
    fan_ins: np.ndarray
    outputs: np.ndarray
    with_a_latch: bytes


def read_aig(path):
    header, _, data = path.read_bytes().partition(b"\n")
    kind, *counts = header.split()
    most, n, latches, m, n_ands = map(int, counts)
    if kind != b"aig" or latches or n < 2:
        raise ValueError(f"{path}: expected binary AIGER of two or more inputs and no latches, got {header!r}.")
    *outputs, data = data.split(b"\n", m)
    deltas, value, shift, end = [], 0, 0, 0
    while len(deltas) < 2 * n_ands:
        value |= (data[end] & 127) << shift
        shift += 7
        if data[end] < 128:
            deltas.append(value)
            value = shift = 0
        end += 1
    first, second = np.array(deltas, int).reshape(-1, 2).T
    a = 2 * (1 + n + np.arange(n_ands)) - first
    latched = b"\n".join([b"aig %d %d 1 %d %d" % (most, n - 1, m, n_ands), b"2", *outputs, data[:end]])
    return Aig(n, np.stack([a, a - second], axis=1), np.array(outputs, int), latched)


def rows_of(aig):
    """Return the row of every node, and the number of rows; a row is free again after its node is read last."""
    nodes = (aig.fan_ins >> 1).tolist()
    last = {node: gate for gate, fan_ins in enumerate(nodes) for node in fan_ins}
    kept = {0, *(aig.outputs >> 1).tolist()}
    rows, free = list(range(1 + aig.n_inputs)), []
    n_rows = len(rows)
    for gate, fan_ins in enumerate(nodes):
        free += [rows[node] for node in {*fan_ins} - kept if last[node] == gate]
        if not free:
            free.append(n_rows)
            n_rows += 1
        rows.append(free.pop())
    return np.array(rows, np.int32), n_rows


def masks(literals):
    return (-(literals & 1)).astype(np.uint32)


def c_loop(library, aig, words, width):
    """Return the run, with all its arrays prepared, and the array that it fills."""
    row, n_rows = rows_of(aig)
    gates, outputs = np.empty(len(aig.fan_ins), GATE), np.empty(len(aig.outputs), OUTPUT)
    gates["to"] = row[1 + aig.n_inputs :]
    for name, literals in zip("ab", aig.fan_ins.T, strict=True):
        gates[name], gates[f"not_{name}"] = row[literals >> 1], masks(literals)
    outputs["row"], outputs["inverted"] = row[aig.outputs >> 1], masks(aig.outputs)
    inputs, result = row[1 : 1 + aig.n_inputs], np.empty((len(outputs), words.shape[1]), np.uint32)
    rows = np.zeros(n_rows * width + 16, np.uint32)
    rows = rows[-rows.ctypes.data % 64 // 4 :]  # aligned to vectors
    arguments = []
    for array in (gates, inputs, outputs):
        arguments += [array.ctypes.data_as(ctypes.c_void_p), ctypes.c_int64(len(array))]
    arguments += [words.ctypes.data_as(ctypes.c_void_p), result.ctypes.data_as(ctypes.c_void_p)]
    arguments += [ctypes.c_int64(words.shape[1]), rows.ctypes.data_as(ctypes.c_void_p)]
    return functools.partial(ctypes.CDLL(library).simulate, *arguments), result


def cpu_seconds():
    """Return the CPU time of this process and of the children that have ended, for machines that others use as well."""
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def best_of(runs, turn, clock):
    """Return the key of the fastest run, and its seconds: the least of few rounds, as a busy machine can only add."""
    times = {key: rounds.min() for key, rounds in in_turn(runs, 3, turn, clock).items()}
    return min(times.items(), key=lambda item: item[1])


def best_c_loop(folder, aig, words, clock):
    loops = {width: c_loop(f"{folder}/simulate_{width}.so", aig, words, width) for width in WIDTHS}
    width, _ = best_of({width: run for width, (run, _) in loops.items()}, 0.005, clock)
    return *loops[width], width


def abc_sim(abc, file, width, frames):
    command = [abc, "-q", f"&r {file}; &sim -F {frames} -W {width}"]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    if f"simulating {frames} frames with {width} words" not in said:
        raise RuntimeError(f"{' '.join(command)}: expected it to simulate all frames, it said {said!r}.")


def best_abc_sim(abc, file, n_ands, clock):
    """Return the runs of many frames and of one, how many more patterns the first has, and the words per row."""
    words = max(WIDTHS) * math.ceil(2**26 / n_ands / max(WIDTHS))  # some hundredths of a second
    runs = {width: functools.partial(abc_sim, abc, file, width) for width in WIDTHS}
    width, spent = best_of({width: functools.partial(runs[width], words // width) for width in WIDTHS}, 0.001, clock)
    frames = math.ceil(ABC_SECONDS / spent * words / width)
    return *(functools.partial(runs[width], n) for n in (1 + frames, 1)), 32 * width * frames, width


def by_aigverse(path, n_inputs):
    """Return the name of the method, the run and its patterns."""
    io, algorithms = (importlib.import_module(f"aigverse.{name}") for name in ("io", "algorithms"))
    if n_inputs <= 16:
        network = io.read_aiger_into_aig(path)
        return "aigverse, tables", lambda: len(algorithms.simulate(network)), 2**n_inputs
    network, cycles = io.read_aiger_into_sequential_aig(path), 10
    stimulus = np.random.default_rng(0).integers(2, size=(cycles, n_inputs)).astype(bool).tolist()
    return "aigverse, cycles", lambda: len(algorithms.simulate_sequential(network, cycles, stimulus)), cycles


def by_py_aiger(path, names, words):
    """Return name, run and patterns, for one pattern per call and for the lifted run."""
    aig = importlib.import_module("aiger").load(str(path))
    pattern = dict(zip(names, (words[:, 0] & 1).astype(bool).tolist(), strict=True))
    rows = dict(zip(names, words[:, :2048], strict=True))
    lifted = functools.partial(aig, rows, lift=np.uint32)
    return ("py-aiger", lambda: len(aig(pattern)), 1), ("py-aiger, lifted", lambda: len(lifted()), 32 * 2048)


def prepared(path):
    """Return the circuit and random words, `(n, k)`, on the CPU whatever other devices JAX finds."""
    circuit = aiger.loads(path.read_bytes(), str(path))
    k = 2 ** int(np.clip(math.log2(MOVED / (circuit.n_inputs + circuit.n_outputs)), 10, 16))
    words = np.random.default_rng(0).integers(2**32, size=(circuit.n_inputs, k), dtype=np.uint32)
    return circuit, jax.device_put(words, jax.devices("cpu")[0])


def measure(path, rounds, found, folder, clock):
    """Return ANDs times patterns per second, `(rounds,)` for each contestant; the number of ANDs; the best widths."""
    aig, (circuit, words) = read_aig(path), prepared(path)
    on_host, n_ands, k = np.asarray(words), len(aig.fan_ins), words.shape[1]
    runs: dict[str, Callable] = {"simulate": lambda: circuits.simulate(circuit, words)}
    patterns, widths = {"simulate": 32 * k}, {}
    if "berkeley-abc" in found:
        file = Path(folder, "latched.aig")
        file.write_bytes(aig.with_a_latch)
        best = best_abc_sim(found["berkeley-abc"], file, n_ands, clock)
        runs["&sim"], runs["one frame"], patterns["&sim"], widths["&sim"] = best
    if "gcc" in found:
        runs["C loop"], result, widths["C loop"] = best_c_loop(folder, aig, on_host, clock)
        patterns["C loop"] = 32 * k
        np.testing.assert_array_equal(runs["simulate"](), result)
    if "aigverse" in found:
        name, runs[name], patterns[name] = by_aigverse(path, aig.n_inputs)
    if "aiger" in found:
        for name, run, count in by_py_aiger(path, circuit.input_names, on_host):
            runs[name], patterns[name] = run, count
    times = in_turn(runs, rounds, clock=clock)
    if "&sim" in times:
        times["&sim"] -= times.pop("one frame")
    return {name: n_ands * patterns[name] / times[name] for name in times}, n_ands, widths


def measure_parts(path, rounds, folder, clock):
    """Return milliseconds of a call, of its native part, of filling the memory of its outputs, and of the loop in C."""
    circuit, words = prepared(path)
    on_host, counts = np.asarray(words), (circuit.n_inputs, int(program_of(circuit).counts[1]), circuit.n_outputs)
    program, outputs = program_of(circuit, words.device), np.ones((circuit.n_outputs, words.shape[1]), np.uint32)
    c_runs, *_ = best_c_loop(folder, read_aig(path), on_host, clock)
    runs = {
        "simulate": lambda: circuits.simulate(circuit, words),
        "native part": lambda: len(simulate_natively(counts, program, [on_host], None)),
        "fill": lambda: outputs.fill(1),
        "C loop": c_runs,
    }
    return {name: 1e3 * np.median(times) for name, times in in_turn(runs, rounds, clock=clock).items()}


prepared_once = functools.lru_cache(1)(prepared)


def one_call(path):
    """Return the seconds of one call, in this process."""
    circuit, words = prepared_once(path)
    return seconds(lambda: circuits.simulate(circuit, words))


def process_on(cores):
    """Start a pool of one process that has these cores from its start, before it imports JAX."""
    allowed = os.sched_getaffinity(0)
    os.sched_setaffinity(0, cores)
    try:
        pool = ProcessPoolExecutor(1, mp_context=get_context("spawn"))
        if (got := pool.submit(os.sched_getaffinity, 0).result()) != cores:
            raise RuntimeError(f"expected a process on the cores {cores}, it runs on {got}.")
    finally:
        os.sched_setaffinity(0, allowed)
    return pool


def compile_c_loops(folder):
    source = Path(__file__).parent / "common" / "simulate.c"
    for width in WIDTHS:
        flags = ["-O3", "-march=native", "-shared", "-fPIC", f"-DWORDS={width}"]
        subprocess.run(["gcc", *flags, "-o", f"{folder}/simulate_{width}.so", source], check=True)


def find_peers():
    """Return where each peer is that is installed; print a line for each of the others."""
    found = {}
    for name, how in PEERS.items():
        spec = importlib.util.find_spec(name) if how.startswith("pip") else None
        if where := spec.origin if spec else shutil.which(name):
            found[name] = where
        else:
            print(f"{name} is not installed, n/a: {how}")
    return found


def line(circuit, rates, n_ands, widths):
    """Format a row of the table, in 10^9 per second."""
    rate = {name: f"{np.median(rounds) / 1e9:.3g}" for name, rounds in rates.items()}
    one, lifted, abc, c = (rate.get(name, "n/a") for name in ("py-aiger", "py-aiger, lifted", "&sim", "C loop"))
    aigverse = next((f"{rate[name]} {name[10:]}" for name in rate if name.startswith("aigverse")), "n/a")
    ratios = (ratio(rates["simulate"], rates[name]) if name in rates else "n/a" for name in ("&sim", "C loop"))
    return (
        f"{circuit:10} {n_ands:6} {rate['simulate']:>8} {abc:>8} {widths.get('&sim', ''):>4} {c:>8} "
        f"{widths.get('C loop', ''):>4} {aigverse:>15} {one:>9} {lifted:>7}  {'{:25} {}'.format(*ratios)}"
    )


def geometric_mean(ratios):
    """Return the geometric mean over the circuits, for each round."""
    return np.exp(np.mean(np.log(ratios), axis=0))


def compare_contestants(paths, rounds, core, clock):
    found, ratios = find_peers(), {}
    print(f"10^9 ANDs x patterns per second on one core\n{HEADS}  (min .. max)")
    with tempfile.TemporaryDirectory() as folder, process_on({core}) as pool:
        if "gcc" in found:
            compile_c_loops(folder)
        for path in paths:
            rates, *rest = pool.submit(measure, path, rounds, found, folder, clock).result()
            print(line(path.stem, rates, *rest), flush=True)
            for name in rates.keys() - {"simulate"}:
                ratios.setdefault(name, {})[path.stem] = rates["simulate"] / rates[name]
    print(f"\n{'simulate to':18} {'circuits':>8} {'geometric mean of ratios':>27}  (min .. max), least and most median")
    for name, of_circuits in sorted(ratios.items()):
        medians = sorted((np.median(rounds), circuit) for circuit, rounds in of_circuits.items())
        least, most = (f"{median:.2f} ({circuit})" for median, circuit in (medians[0], medians[-1]))
        mean = geometric_mean(list(of_circuits.values()))
        print(f"{name:18} {len(of_circuits):8} {ratio(mean, 1)}  {least}, {most}")


def compare_parts(paths, rounds, core, clock):
    with tempfile.TemporaryDirectory() as folder, process_on({core}) as pool:
        compile_c_loops(folder)
        for path in paths:
            parts = pool.submit(measure_parts, path, rounds, folder, clock).result()
            print(f"{path.stem:10} ms:", ", ".join(f"{name} {time:.2f}" for name, time in parts.items()), flush=True)


def compare_cores(paths, rounds, cores):
    print(f"\n{'circuit':10} {'1 core, s':>10} {'2 cores, s':>10} {'ratio':>7}  (min .. max)")
    ratios = []
    with process_on({cores[0]}) as one, process_on(set(cores)) as two:
        for path in paths:
            calls = [[pool.submit(one_call, path).result() for pool in (one, two)] for _ in range(2 + rounds)]
            times = np.array(calls)[2:].T  # the first compile
            ratios.append(times[0] / times[1])
            print(f"{path.stem:10} {np.median(times[0]):10.4f} {np.median(times[1]):10.4f} {ratio(*times)}", flush=True)
    print(f"{'geometric mean':32} {ratio(geometric_mean(ratios), 1)}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", nargs="?", type=Path, help="of .aig files; if none, that of EPFL in the real data")
    parser.add_argument("--circuits", nargs="*", help="names of files without .aig; all if none is named")
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--cpu-time", action="store_true", help="instead of the time on the wall, on a machine in use")
    parser.add_argument("--parts", action="store_true", help="only where the time of a call goes; needs gcc")
    arguments = parser.parse_args()
    data = Path(os.environ.get("JAXNET_DATA", Path(__file__).parents[2] / "shared" / "data"))
    folder = arguments.folder or data / "circuits" / "epfl" / "aig"
    paths = [path for path in sorted(folder.glob("*.aig")) if path.stem in (arguments.circuits or [path.stem])]
    if not paths:
        print(f"The .aig files are not in {folder}.")
        print(
            "They are no part of the repository: name their folder as an argument, or that of the data in JAXNET_DATA."
        )
        sys.exit(1 if arguments.folder else 0)  # without a folder asked for, there is nothing to do
    if not hasattr(os, "sched_setaffinity"):
        sys.exit("This benchmark needs Linux: elsewhere a process cannot be kept to a core.")
    cores = sorted(os.sched_getaffinity(0), reverse=True)
    print(f"jax {jax.__version__}, numpy {np.__version__}, {arguments.rounds} rounds")
    clock = cpu_seconds if arguments.cpu_time else time.perf_counter
    if arguments.parts:
        return compare_parts(paths, arguments.rounds, cores[0], clock)
    compare_contestants(paths, arguments.rounds, cores[0], clock)
    if len(cores) > 1:
        compare_cores(paths, arguments.rounds, cores[:2])


if __name__ == "__main__":
    main()

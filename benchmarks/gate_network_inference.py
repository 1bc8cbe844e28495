"""Inference of a hardened logic gate network on one core: Boolean rows in, classes out, in millions of rows per second.

A random network of 6 layers of 8,000 gates over 400 inputs, of which a share passes an input on, as after training from
a residual start; the classes are 10 groups of 800 outputs. The yardstick is the C that difflogic would write
(`common/gate_network.py`), compiled by gcc with -O1 and -O2; it takes the same rows and must give the same classes.

- pack: `circuits.pack`, rows to words, beside NumPy's `packbits` along the columns.
- simulate: the words of all 8,000 outputs.
- count: what then remains without gates that count: `unpack`, a sum for each class, and NumPy's arg max.
- end to end: `circuits.classify`, which counts with gates and unpacks the class alone.

The first call simplifies, lowers and compiles; it is that of a circuit which is new, in a process that has used JAX.
"""

import argparse
import ctypes
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # before JAX starts its threads

import numpy as np  # noqa: E402
from common.gate_network import c_source, random_gate_network  # noqa: E402
from common.timing import in_turn, ratio, seconds  # noqa: E402

import circuits  # noqa: E402

CLASSES = 10


def compiled(source, level, folder):
    """Compile C; return its function on Boolean rows, and the seconds that it took."""
    path, library = Path(folder, "network.c"), Path(folder, f"network{level}.so")
    path.write_text(source)
    start = time.perf_counter()
    subprocess.run(["gcc", level, "-march=native", "-shared", "-fPIC", "-o", library, path], check=True)
    spent = time.perf_counter() - start
    classify = ctypes.CDLL(str(library)).classify

    def run(x):
        classes = np.empty(len(x), np.int32)
        pointers = (array.ctypes.data_as(ctypes.c_void_p) for array in (x, classes))
        classify(*pointers, ctypes.c_int64(len(x)))
        return classes

    return run, spent


def counted(words, rows):
    ones = np.asarray(circuits.unpack(words, rows)).reshape(rows, CLASSES, -1).sum(axis=2)
    return ones.argmax(axis=1)


def packed_along_columns(x):
    return np.packbits(x.T, axis=1, bitorder="little")


def measure(residual, rows, rounds, levels):
    circuit = random_gate_network(400, 8000, 6, residual)
    x = np.random.default_rng(1).integers(2, size=(rows, 400)).astype(bool)
    cpu = time.process_time()
    first_call = seconds(lambda: circuits.classify(circuit, x[:1], classes=CLASSES))
    cpu = time.process_time() - cpu
    few = x[: min(rows, 8192)]
    words, outputs = circuits.pack(x), circuits.simulate(circuit, circuits.pack(few))
    answer = circuits.classify(circuit, x, classes=CLASSES)
    np.testing.assert_array_equal(answer[: len(few)], counted(outputs, len(few)))
    runs = {
        "packbits along columns": (lambda: packed_along_columns(x), rows),
        "pack": (lambda: circuits.pack(x), rows),
        "simulate": (lambda: circuits.simulate(circuit, words), rows),
        "count": (lambda: counted(outputs, len(few)), len(few)),
        "end to end": (lambda: circuits.classify(circuit, x, classes=CLASSES), rows),
    }
    print(
        f"\n{100 * residual:.0f} % pass an input on: {len(circuits.simplify(circuit))} of {len(circuit)} gates remain"
    )
    print(f"first call {first_call:.2f} s, {cpu:.2f} s of the processor")
    with tempfile.TemporaryDirectory() as folder:
        for level in levels:
            run, spent = compiled(c_source(circuit, CLASSES), level, folder)
            print(f"gcc {level} {spent:.1f} s", flush=True)
            np.testing.assert_array_equal(run(few), answer[: len(few)])
            runs[f"C, {level}"] = (lambda run=run: run(few), len(few))
        times = in_turn({name: run for name, (run, _) in runs.items()}, rounds)
    rates = {name: runs[name][1] / times[name] for name in runs}
    print(f"{'':24} {'10^6 rows/s':>11}   end to end to it (min .. max)")
    for name, rate in rates.items():
        print(f"{name:24} {np.median(rate) / 1e6:11.3f}   {ratio(rates['end to end'], rate)}", flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rows", type=int, default=2**17)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--residual", type=float, nargs="*", default=[0.6, 0.0])
    parser.add_argument("--levels", nargs="*", default=["-O1", "-O2"], help="of gcc; none to leave C out")
    arguments = parser.parse_args()
    levels = arguments.levels if shutil.which("gcc") else []
    if not levels:
        print("C n/a: gcc is not installed, or no level was asked for")
    circuits.simulate(circuits.parse("a & b"), np.zeros((2, 1), np.uint32))  # JAX starts
    for residual in arguments.residual:
        measure(residual, arguments.rows, arguments.rounds, levels)


if __name__ == "__main__":
    main()

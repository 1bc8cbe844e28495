"""Circuits as C: seconds of gcc, and gates times patterns a second on one core, with `simulate` beside.

`python benchmarks/c_functions.py` takes a random logic gate network of 6 x 8,000 gates on 784 inputs, each layer fed by
the one before, with 10 groups of outputs that are counted, and circuits of EPFL. Gates are those of the file, whatever
the compiler makes of them. `words` calls `NAME_words` on one block of 64 patterns over and over, `rows` calls `NAME` on
4,096 rows of bytes, packing included, and `classes` `NAME_classes`, on one core. `simulate` runs words in
memory, with one thread; then `evaluate` runs the same rows. The bits of all agree.
"""

import argparse
import ctypes
import os
import resource
import subprocess
import tempfile
from pathlib import Path

import jax
import numpy as np
from common.timing import in_turn, ratio

import circuits
from circuits.formats import aiger, c_functions

ROWS = 4096
EPFL = ("adder", "sin", "max", "voter", "square")


def gate_network(width, layers=6, inputs=784):
    random = np.random.default_rng(0)
    first = 1 + inputs + width * np.arange(-1, layers)
    fan_ins = [random.integers(1, 1 + inputs, (width, 2))]
    fan_ins += [random.integers(first[layer], first[layer] + width, (width, 2)) for layer in range(1, layers)]
    tables = random.choice([1, 2, 4, 6, 7, 8, 9, 11, 13, 14], width * layers)  # those that read both fan-ins
    outputs = first[layers] + np.arange(width)
    names = [f"x{i}" for i in range(inputs)], [f"y{i}" for i in range(width)]
    return circuits.Circuit(names[0], np.concatenate(fan_ins), tables, outputs, names[1])


def compiled(path, flag):
    """Return the library and the seconds of CPU that gcc took."""
    library = path.with_name(f"{path.stem}{flag}.so")
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(["gcc", "-std=c99", flag, "-fPIC", "-shared", str(path), "-o", str(library)], check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return ctypes.CDLL(str(library)), after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def pointer(array):
    return ctypes.c_void_p(array.ctypes.data)


def measure(name, circuit, folder, rounds):
    path = folder / f"{name}.c"
    counts = 10 if circuit.n_outputs % 10 == 0 else None
    circuits.write(circuit, path, name="f", counts=counts)
    plain = c_functions.loads(path.read_text())  # without dead gates
    x = np.random.default_rng(0).integers(0, 2, (ROWS, circuit.n_inputs)).astype(bool)
    words = np.asarray(circuits.pack(x))
    rows, outs = x.astype(np.uint8), np.empty((ROWS, circuit.n_outputs), np.uint8)
    block, result = np.ascontiguousarray(words.view(np.uint64)[:, 0]), np.empty(circuit.n_outputs, np.uint64)
    classes = np.empty(ROWS, np.uint32)
    libraries = {}
    runs = {
        "simulate": lambda: circuits.simulate(plain, words, threads=1),
        "evaluate": lambda: circuits.evaluate(plain, x),
    }
    for flag in ("-O1", "-O2"):
        library, spent = compiled(path, flag)
        libraries[flag] = library
        print(f"{name:10} {plain.n_gates:,} gates: gcc {flag} {spent:.1f} s of CPU", flush=True)
        runs[f"words {flag}"] = lambda f=library.f_words: f(pointer(block), pointer(result))
        runs[f"rows {flag}"] = lambda f=library.f: f(pointer(rows), pointer(outs), ctypes.c_size_t(ROWS))
        library.f_words.restype = library.f.restype = None
        if counts:
            library.f_classes.restype = None
            runs[f"classes {flag}"] = lambda f=library.f_classes: f(
                pointer(rows), pointer(classes), ctypes.c_size_t(ROWS)
            )
        runs[f"rows {flag}"]()
        assert (outs == np.asarray(circuits.evaluate(circuit, x))).all()
    times = in_turn(runs, rounds)
    for run, measured in times.items():
        patterns = 64 if run.startswith("words") else ROWS
        seconds = measured / patterns
        rate = plain.n_gates / np.median(seconds) / 1e9
        million = 1 / np.median(seconds) / 1e6
        print(
            f"{name:10} {run:12} {rate:8.1f} 1e9/s {million:8.3f} M rows/s {ratio(seconds, times['simulate'] / ROWS)}"
        )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("circuits", nargs="*", default=["network", *EPFL], help="of EPFL, or network; all if none")
    parser.add_argument("--width", type=int, default=8000, help="gates of a layer of the network")
    parser.add_argument("--rounds", type=int, default=7)
    options = parser.parse_args()
    default = Path(__file__).parents[1] / "shared" / "data"
    epfl = Path(os.environ.get("JAXNET_DATA", default)) / "circuits" / "epfl"
    print("circuit    run          gates x patterns      rows     seconds over those of simulate (smallest .. largest)")
    with tempfile.TemporaryDirectory() as folder, jax.default_device(jax.devices("cpu")[0]):
        for name in options.circuits:
            path = next(epfl.rglob(f"{name}.aig"), epfl / f"{name}.aig")
            if name == "network":
                measure(name, gate_network(options.width), Path(folder), options.rounds)
            elif path.is_file():
                measure(name, aiger.loads(path.read_bytes()), Path(folder), options.rounds)
            else:
                print(f"{name}: no such file in {epfl}, skipped.")


if __name__ == "__main__":
    main()

"""Reading and writing circuits in each format: nodes a second.

`python benchmarks/formats.py` writes a random circuit of 10^6 ANDs and inverted fan-ins with 1,000 inputs, 5,000 levels
deep, and reads what it wrote; `--nodes` changes the size, and names on the command line choose formats. It prints the
size of the file, and the median seconds over the rounds. Each format is a row of `FORMATS`. Where aigverse is
installed, it reads the AIGER files as well.
"""

import argparse
import tempfile
import time
from functools import partial
from pathlib import Path

import numpy as np

from circuits import Circuit
from circuits.formats import aiger, bench, blif, verilog

ROUNDS = 3


def shuffled(circuit):
    """Return an ASCII file whose ANDs are in no order."""
    lines = aiger.dumps(circuit, binary=False).split(b"\n")
    _, _, inputs, _, outputs, ands = lines[0].split()
    first = 1 + int(inputs) + int(outputs)
    ands = slice(first, first + int(ands))
    order = np.random.default_rng(0).permutation(ands.stop - ands.start)
    listed = lines[ands]
    lines[ands] = [listed[i] for i in order]
    return b"\n".join(lines)


# Name, how it is written, how it is read.
FORMATS = {
    "aig": (partial(aiger.dumps, binary=True), aiger.loads),
    "aag": (partial(aiger.dumps, binary=False), aiger.loads),
    "aag shuffled": (shuffled, aiger.loads),
    "bench": (bench.dumps, bench.loads),
    "blif": (blif.dumps, blif.loads),
    "verilog": (verilog.dumps, verilog.loads),
}


def random_circuit(nodes, inputs=1_000, outputs=1_000):
    """Return a large, deep circuit: each gate reads one of the last few hundred nodes, and any one node."""
    random = np.random.default_rng(0)
    node = 1 + inputs + np.arange(nodes)
    near = node - np.minimum(random.geometric(0.005, nodes), node - 1)
    fan_ins = np.stack([near, random.integers(1, node)], axis=1)
    tables = 1 << random.integers(0, 4, nodes)
    names = [f"x{i}" for i in range(inputs)], [f"y{i}" for i in range(outputs)]
    return Circuit(names[0], fan_ins, tables, node[-outputs:], names[1])


def aigverse_reader(name):
    """Return the reader of mockturtle, in C++, by its Python binding; None where it is not installed."""
    try:
        from aigverse import io  # pyright: ignore
    except ImportError:
        return None
    return io.read_aiger_into_aig if name == "aig" else io.read_ascii_aiger_into_aig


def timed(run):
    """Return the result of a call, and the seconds of each round."""
    rounds = []
    for _ in range(ROUNDS):
        start = time.perf_counter()
        rounds.append((run(), time.perf_counter() - start))
    return rounds[-1][0], np.array([seconds for _, seconds in rounds])


def row(name, what, megabytes, nodes, seconds):
    """Print a row of the table."""
    median = np.median(seconds)
    spread = f"({seconds.min():.3f} .. {seconds.max():.3f})"
    print(
        f"{name:14} {what:6} {megabytes:8.1f} {nodes:10,} {median:9.3f} {nodes / median:12,.0f}  {spread}", flush=True
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("formats", nargs="*", help=f"some of {', '.join(FORMATS)}; all if none is named")
    parser.add_argument("--nodes", type=int, default=10**6, help="how many gates")
    arguments = parser.parse_args()
    if unknown := set(arguments.formats) - set(FORMATS):
        parser.error(f"unknown formats {', '.join(sorted(unknown))}, expected some of {', '.join(FORMATS)}")
    circuit = random_circuit(arguments.nodes)
    print(f"numpy {np.__version__}, {ROUNDS} rounds")
    print(f"{'format':14} {'':6} {'MB':>8} {'nodes':>10} {'seconds':>9} {'nodes/s':>12}  (min .. max)")
    for name in arguments.formats or FORMATS:
        write, read = FORMATS[name]
        data, seconds = timed(partial(write, circuit))
        megabytes = len(data) / 1e6
        if write is not shuffled:
            row(name, "write", megabytes, circuit.n_nodes, seconds)
        got, seconds = timed(partial(read, data))
        row(name, "read", megabytes, got.n_nodes, seconds)
        if name in ("aig", "aag") and (peer := aigverse_reader(name)):
            with tempfile.NamedTemporaryFile(suffix=f".{name}") as file:
                Path(file.name).write_bytes(data)
                _, seconds = timed(partial(peer, file.name))
            row("  by aigverse", "read", megabytes, got.n_nodes, seconds)


if __name__ == "__main__":
    main()

"""Reading and writing circuits in each format: gates a second, and bytes a gate; ABC and mockturtle as yardsticks.

`python benchmarks/formats.py` writes a random circuit of 300,000 gates with 1,000 inputs, 1,654 levels deep, and reads
what it wrote; `--nodes` changes the size, and names on the command line choose formats. Seconds are of CPU, on one
core: the median over the rounds, with the smallest and the largest. Bytes are the most that Python and NumPy hold while
the file is read, its text among them. Where ABC is installed it reads the same file (`read; strash`), its start
subtracted, and so does aigverse the AIGER files. Each format is a row of `FORMATS`.
"""

import argparse
import resource
import shutil
import subprocess
import tempfile
import time
import tracemalloc
from functools import partial
from pathlib import Path

import numpy as np

from circuits import Circuit, read
from circuits.formats import aiger, bench, blif, c_functions, verilog

ROUNDS = 5


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


# Name, extension, how it is written, whether ABC reads such files.
FORMATS = {
    "aig": (".aig", partial(aiger.dumps, binary=True), True),
    "aag": (".aag", partial(aiger.dumps, binary=False), False),
    "aag shuffled": (".aag", shuffled, False),
    "bench": (".bench", bench.dumps, True),
    "blif": (".blif", blif.dumps, True),
    "verilog": (".v", verilog.dumps, True),
    "c": (".c", c_functions.dumps, False),
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


def abc(path=None):
    """Return the seconds of CPU that ABC takes to start, and to read a file."""
    program = shutil.which("berkeley-abc") or shutil.which("abc")
    assert program is not None
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    command = "quit" if path is None else f"read {path}; strash; print_stats"
    output = subprocess.run([program, "-q", command], capture_output=True, text=True, check=True).stdout
    assert path is None or "i/o" in output, output
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def timed(run):
    """Return the seconds of CPU of a call."""
    start = time.process_time()
    run()
    return time.process_time() - start


def peak(run):
    """Return the most bytes that are held during a call."""
    tracemalloc.start()
    run()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def measured(name, circuit, folder):
    """Return the seconds of each contestant in each round, and the bytes of reading."""
    extension, write, has_abc = FORMATS[name]
    data = write(circuit)
    path = Path(folder, f"circuit{extension}")
    path.write_bytes(data.encode() if isinstance(data, str) else data)
    again = read(path)
    assert (again.n_inputs, again.n_outputs) == (circuit.n_inputs, circuit.n_outputs)
    runs = {"read": lambda: timed(lambda: read(path))}
    if write is not shuffled:
        runs["write"] = lambda: timed(lambda: write(circuit))
    if has_abc and (shutil.which("berkeley-abc") or shutil.which("abc")):
        runs["abc"] = lambda: abc(path) - abc()
    if name in ("aig", "aag") and (peer := aigverse_reader(extension[1:])):
        runs["aigverse"] = lambda: timed(lambda: peer(str(path)))
    rounds = [{what: run() for what, run in runs.items()} for _ in range(ROUNDS)]
    return {what: np.array([times[what] for times in rounds]) for what in runs}, peak(lambda: read(path))


def speed(times, gates):
    """Format thousands of gates a second: the median, the slowest and the fastest round."""
    if times is None:
        return f"{'':24}"
    low, median, high = (gates / np.array([times.max(), np.median(times), times.min()]) / 1000).round().astype(int)
    return f"{median:8,} {f'({low:,} .. {high:,})':15}"


def times_of(times, peer):
    """Format the ratio of the time of reading to that of a peer: median, smallest and largest."""
    if peer is None:
        return f"{'':20}"
    ratios = times / peer
    return f"{np.median(ratios):6.2f} {f'({ratios.min():.2f} .. {ratios.max():.2f})':13}"


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("formats", nargs="*", help=f"some of {', '.join(FORMATS)}; all if none is named")
    parser.add_argument("--nodes", type=int, default=300_000, help="how many gates")
    arguments = parser.parse_args()
    if unknown := set(arguments.formats) - set(FORMATS):
        parser.error(f"unknown formats {', '.join(sorted(unknown))}, expected some of {', '.join(FORMATS)}")
    circuit = random_circuit(arguments.nodes)
    print(f"{circuit.n_gates:,} gates; numpy {np.__version__}, {ROUNDS} rounds")
    heads = f"{'write':^24} {'read':^24} {'of file':>8} {'read':>6} {'ABC read; strash':^20} {'aigverse':^20}"
    print(f"{'':12} {'1,000 gates/s':^49} {'bytes/gate':>15} {'seconds of read over those of':^41}")
    print(f"{'format':12} {heads}")
    for name in arguments.formats or FORMATS:
        with tempfile.TemporaryDirectory() as folder:
            times, bytes_held = measured(name, circuit, folder)
            size = Path(folder, f"circuit{FORMATS[name][0]}").stat().st_size
        of_write, of_read = (speed(times.get(what), circuit.n_gates) for what in ("write", "read"))
        ratios = [times_of(times["read"], times.get(peer)) for peer in ("abc", "aigverse")]
        per_gate = f"{size / circuit.n_gates:8.0f} {bytes_held / circuit.n_gates:6.0f}"
        print(f"{name:12} {of_write} {of_read} {per_gate} {' '.join(ratios)}", flush=True)


if __name__ == "__main__":
    main()

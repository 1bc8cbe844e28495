"""How many faults do random patterns find? `python examples/fault_simulation.py [NETLIST] [--out FIGURE]`.

A wire of a chip may be stuck at 0 or at 1. A pattern finds this fault if it makes an output differ; the coverage of a
set of patterns is the share of all faults that it finds. Each node of the netlist gets two more inputs, which force it
to 0 and to 1. So one circuit holds all faults, and `simulate` runs them side by side, each in its own words (after
J. A. Waicukauski and others, Fault simulation for structured VLSI, 1985).
"""

import argparse
import time
from pathlib import Path

import jax
import numpy as np
from matplotlib.figure import Figure

import circuits
from circuits.builder import Builder
from circuits.netlist import without_dead_gates

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("netlist", nargs="?", default=circuits.c17_path, help="a file of any format (default c17)")
parser.add_argument("--patterns", type=int, default=2**16, help="give up after this many (default 65536)")
parser.add_argument("--seed", type=int, default=0)
parser.add_argument("--out", metavar="FIGURE", help="draw into FIGURE (.png, .pdf, .svg)")
options = parser.parse_args()
if options.patterns < 1:
    parser.error(f"expected one pattern or more, got {options.patterns}")
WORDS = 32  # words of patterns for each fault in one call
FAULTS = 128  # faults that run side by side

circuit = circuits.read(options.netlist)
if not isinstance(circuit, circuits.Circuit):
    parser.error(f"expected a file of gates, got {circuit}")
circuit = without_dead_gates(circuit)


def with_faults(circuit):
    """Return the circuit with two more inputs for each input and gate, which force it to 0 and to 1."""
    sites = [*circuit.input_names, *(f"gate {gate}" for gate in range(circuit.n_gates))]
    stuck = [f"{site} stuck at {value}" for site in sites for value in (0, 1)]
    netlist = Builder([*circuit.input_names, *stuck])
    forced = iter(zip(*[iter(netlist.inputs[circuit.n_inputs :])] * 2, strict=True))

    def site(node):
        at_0, at_1 = next(forced)
        return netlist.gate(0b1110, netlist.gate(0b0010, node, at_0), at_1)  # (node & ~at_0) | at_1

    nodes = [0, *map(site, netlist.inputs[: circuit.n_inputs])]
    for table, (a, b) in zip(circuit.tables.tolist(), circuit.fan_ins.tolist(), strict=True):
        nodes.append(site(netlist.gate(table, nodes[a], nodes[b])))
    outputs = dict(zip(circuit.output_names, (nodes[node] for node in circuit.outputs.tolist()), strict=True))
    return netlist.circuit(outputs), stuck


faulty, names = with_faults(circuit)
if not names:
    parser.error(f"expected inputs or gates, which can have faults, got {circuit}")
print(f"{Path(options.netlist).name}: {circuit}, {len(names)} faults")
left = np.arange(len(names))
found_at = np.full(len(names), np.inf)  # the first pattern that finds it
start, tried, key = time.perf_counter(), 0, jax.random.key(options.seed)
while left.size and tried < options.patterns:
    key, subkey = jax.random.split(key)
    patterns = np.asarray(circuits.random_patterns(circuit.n_inputs, WORDS, key=subkey))
    right = np.asarray(circuits.simulate(circuit, patterns))
    for group in np.array_split(left, -(-left.size // FAULTS)):
        words = np.zeros((faulty.n_inputs, group.size, WORDS), np.uint32)
        words[: circuit.n_inputs] = patterns[:, None]
        words[circuit.n_inputs + group, np.arange(group.size)] = 0xFFFFFFFF
        outputs = np.asarray(circuits.simulate(faulty, words.reshape(faulty.n_inputs, -1)))
        differs = np.bitwise_or.reduce(outputs.reshape(-1, group.size, WORDS) ^ right[:, None], axis=0)
        word = np.argmax(differs != 0, axis=1)
        bits = differs[np.arange(group.size), word].astype(np.int64)
        first = 32 * word + np.bitwise_count((bits & -bits) - 1)
        found_at[group[bits != 0]] = tried + first[bits != 0] + 1
    left = np.flatnonzero(np.isinf(found_at))
    tried += 32 * WORDS

tried = min(tried, options.patterns)
found_at[found_at > tried] = np.inf
found, left = np.isfinite(found_at), np.flatnonzero(np.isinf(found_at))
needed = tried if left.size else int(found_at.max(initial=1))
for count in [*(4**exponent for exponent in range(20) if 4**exponent < needed), needed]:
    print(f"  {count:6,} patterns find {np.mean(found_at <= count):6.1%}")
print(f"{found.sum()} of {len(names)} found by {needed:,} patterns, ", end="")
print(f"in {time.perf_counter() - start:.2f} s", *(["not found:"] if left.size else []))
for fault in left[:12]:
    print(f"  {names[fault]}")

if options.out:
    figure = Figure(figsize=(6, 3.5), layout="constrained")
    axes = figure.subplots()
    at = np.sort(found_at[np.isfinite(found_at)])
    axes.step(
        [*at, tried], 100 * np.append(np.arange(1, at.size + 1), at.size) / len(names), where="post", color="#0072B2"
    )
    axes.set(xscale="log", xlabel="random patterns", ylabel="faults found (%)", ylim=(0, 102))
    axes.set_title(f"Stuck-at coverage of {Path(options.netlist).stem}: {at.size} of {len(names)} faults")
    axes.grid(alpha=0.3)
    figure.savefig(options.out, dpi=150)
    print(f"drawn in {options.out}")

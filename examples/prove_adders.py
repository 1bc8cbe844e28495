"""Three adders are one function, and a fourth is not: `python examples/prove_adders.py [DATA] [FIGURE]`.

A carry may ripple from bit to bit, or be looked ahead in a tree of depth log n (P. M. Kogge and H. S. Stone, 1973). No
simulation can show that both add: there are 2^256 pairs of numbers of 128 bits. A proof can. The EPFL benchmarks have
a third adder to compare with. Then one gate of the tree is replaced by a wrong one: the proof fails, with two numbers
that show it, and the gates to blame are drawn.
"""

import os
import sys
import tempfile
from pathlib import Path

import numpy as np

import circuits
from circuits import draw_circuit

default = os.environ.get("JAXNET_DATA", Path(__file__).parents[2] / "shared" / "data")
data = Path(sys.argv[1] if len(sys.argv) > 1 else default)
picture = Path(sys.argv[2] if len(sys.argv) > 2 else Path(tempfile.gettempdir()) / "adder_bug.png")
N = 128


def lookahead(a, b):
    """Return the sums by Kogge and Stone: generate and propagate of 1, 2, 4, ... bits at once."""
    half = [x ^ y for x, y in zip(a, b, strict=True)]
    generate, propagate, reach = [x & y for x, y in zip(a, b, strict=True)], list(half), 1
    while reach < len(a):
        spans = range(reach, len(a))
        generate[reach:] = [generate[i] | (propagate[i] & generate[i - reach]) for i in spans]
        propagate[reach:] = [propagate[i] & propagate[i - reach] for i in spans]
        reach *= 2
    sums = [half[0], *(h ^ carry for h, carry in zip(half[1:], generate, strict=False))]
    return {"s": circuits.concat(*sums, generate[-1])}


def tell(what, answer):
    match answer:
        case circuits.Equivalent(method, seconds, calls, merged):
            print(f"{what}: equal, by {method} in {seconds:.2f} s; {merged} gates proved equal by {calls} questions")
        case circuits.Counterexample():
            print(f"{what}: not equal, by {answer.method} in {answer.seconds:.2f} s")
        case circuits.Undecided(reason):
            print(f"{what}: not known, {reason}")


ripple, ahead = circuits.library.adder(N), circuits.trace(lookahead, a=N, b=N)
print(f"ripple {ripple}, depth {circuits.depth(ripple)}; lookahead {ahead}, depth {circuits.depth(ahead)}")
tell("ripple and lookahead", circuits.equivalent(ripple, ahead, progress=True))
epfl = data / "circuits" / "epfl" / "aig" / "adder.aig"
if epfl.is_file():
    # The file calls its inputs a[0], a[1], ..., b[0], ..., in that order, lowest first, as ours are.
    third = circuits.read(epfl)
    assert isinstance(third, circuits.Circuit)
    tell("ripple and EPFL", circuits.equivalent(ripple, third, by="position", progress=True))
else:
    print(f"no {epfl}: the third adder is no part of the repository")

# One gate of 1,000: an OR of two carries becomes an AND.
where = np.flatnonzero(ahead.tables == 0b1110)[300]
tables = ahead.tables.copy()
tables[where] = 0b1000
broken = circuits.Circuit(ahead.input_names, ahead.fan_ins, tables, ahead.outputs, ahead.output_names)
found = circuits.equivalent(ripple, broken)
tell("ripple and broken lookahead", found)
assert isinstance(found, circuits.Counterexample)
x, y = (sum(found.inputs[f"{word}[{i}]"] << i for i in range(N)) for word in "ab")
wrong = sum(found.outputs_b[f"s[{i}]"] << i for i in range(N + 1))
print(f"  {x:#x} + {y:#x}\n  = {x + y:#x}, not {wrong:#x}")

# The same mistake where it can be seen, in four bits.
small = circuits.trace(lookahead, a=4, b=4)
tables = small.tables.copy()
tables[np.flatnonzero(small.tables == 0b1110)[1]] = 0b1000
broken = circuits.Circuit(small.input_names, small.fan_ins, tables, small.outputs, small.output_names)
found = circuits.equivalent(circuits.library.adder(4), broken)
assert isinstance(found, circuits.Counterexample)
name = next(name for name, bit in found.outputs_a.items() if found.outputs_b[name] != bit)
draw_circuit(broken, inputs=found.inputs, outputs=[name], path=picture)
print(f"four bits: {name} should be {found.outputs_a[name]:d}; its gates are drawn in {picture}")

"""An 8-bit ALU as a Python function, checked and proved: `python examples/alu.py [FIGURE]`.

Python's operators on words become gates. The circuit is compared with Python's own arithmetic on all 2^19 inputs, and
proved equal to the same ALU in Verilog, as Yosys synthesises it (where Yosys is installed). Then one of the eight
operations is left, by fixing the operation code, and a 16-bit adder is made of two such circuits, called in a third.
"""

import importlib.util
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

import circuits
from circuits import concat, mux

folder = Path(tempfile.mkdtemp())
picture = Path(sys.argv[1] if len(sys.argv) > 1 else folder / "alu.png")


def alu(a, b, op):
    """Return a op b, and whether it is zero; add and subtract have a carry and a borrow, the ninth bit."""
    wide = mux(op[0], a.extend(9) - b, a.extend(9) + b)
    arithmetic = mux(op[1], mux(op[0], a >> b[0:3], a << b[0:3]).extend(9), wide)
    logic = mux(op[1], mux(op[0], concat(a.signed_less(b), a < b).extend(8), ~a), mux(op[0], a | b, a & b))
    result = mux(op[2], logic.extend(9), arithmetic)
    return {"y": result[0:8], "carry": result[8], "zero": result[0:8] == 0}


def python(a, b, op):
    """Return the same by NumPy's integers."""
    signed = (a ^ 128) < (b ^ 128)
    of_op = [a + b, a - b, a << (b & 7) & 255, a >> (b & 7), a & b, a | b, 255 - a, signed + 2 * (a < b)]
    result = np.choose(op, of_op) % 512
    return {"y": result % 256, "carry": result >= 256, "zero": result % 256 == 0}


VERILOG = """
module alu(input [7:0] a, input [7:0] b, input [2:0] op, output [7:0] y, output carry, output zero);
  reg [8:0] r;
  always @* case (op)
    0: r = a + b;
    1: r = {1'b0, a} - {1'b0, b};
    2: r = {1'b0, a[7:0] << b[2:0]} & 9'h0ff;
    3: r = a >> b[2:0];
    4: r = a & b;
    5: r = a | b;
    6: r = {1'b0, ~a};
    7: r = {7'b0, a < b, $signed(a) < $signed(b)};
  endcase
  assign y = r[7:0];
  assign carry = r[8];
  assign zero = y == 0;
endmodule
"""

# Far fewer gates with aigverse: pip install jaxnet-circuits[aigverse].
smaller = circuits.optimise if importlib.util.find_spec("aigverse") else circuits.simplify
made = circuits.trace(alu, a=8, b=8, op=3)
print(f"{made}, depth {circuits.depth(made)}; {smaller.__name__}: {smaller(made)}")
print(f"  200 + 100 = {made(200, 100, 0)}")

a, b, op = np.arange(256)[:, None, None], np.arange(256)[:, None], np.arange(8)
found, expected = circuits.evaluate(made, {"a": a, "b": b, "op": op}), python(a, b, op)
assert all((found[name] == expected[name]).all() for name in expected)
print(f"equal to NumPy's integers on all {found['y'].size:,} inputs")

if yosys := shutil.which("yosys"):
    (folder / "alu.v").write_text(VERILOG)
    script = "read_verilog alu.v; synth -flatten -top alu; write_blif alu.blif"
    subprocess.run([yosys, "-q", "-p", script], cwd=folder, check=True)
    synthesised = circuits.read(folder / "alu.blif")
    assert isinstance(synthesised, circuits.Circuit)
    answer = circuits.equivalent(made, synthesised)
    assert isinstance(answer, circuits.Equivalent), answer
    print(f"equal to Verilog through Yosys, {synthesised}: by {answer.method} in {answer.seconds:.2f} s")
else:
    print("no yosys: nothing to compare with but Python")

adder = circuits.cone(circuits.restrict(made, op=0), ["y", "carry"])
print(f"op fixed at 0, an adder is left: {smaller(adder)}, for {circuits.library.adder(8)} of the library")


def wide_adder(a, b):
    low, low_carry = adder(a[0:8], b[0:8])
    high, carry = adder(a[8:16], b[8:16])
    top = high.extend(9) + low_carry
    return {"y": concat(low, top[0:8]), "carry": carry | top[8]}


wide = circuits.trace(wide_adder, a=16, b=16)
assert wide(40_000, 30_000) == (70_000 % 2**16, True)
flat = circuits.trace(lambda a, b: {"y": a + b, "carry": (a.extend(17) + b)[16]}, a=16, b=16)
proof = circuits.equivalent(wide, flat)
assert isinstance(proof, circuits.Equivalent), proof
print(f"two of them add 16 bits: proved by {proof.method} in {proof.seconds:.2f} s")

small = circuits.trace(lambda a, b: {"y": mux(a < b, b - a, a - b)}, a=2, b=2)
circuits.draw_circuit(small, inputs={"a": 1, "b": 3}, path=picture)
print(f"|a - b| of two bits, drawn in {picture}")

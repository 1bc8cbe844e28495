"""How many threshold units does a circuit need? `python examples/fewest_units.py [FILE] --out picture.png`.

Without a file it takes a multiplier of two numbers of five bits. The units are proved equal to the gates.
"""

import argparse

import circuits

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("file", nargs="?", help="a circuit, such as c432.bench")
parser.add_argument("--out", metavar="FIGURE", help="draw into FIGURE (.png, .pdf, .svg)")
options = parser.parse_args()

gates = circuits.read(options.file) if options.file else circuits.library.multiplier(5)
if not isinstance(gates, circuits.Circuit):
    gates = circuits.to_circuit(gates)
before = circuits.from_circuit(gates)
print(f"{gates.n_gates:,} gates, {before.n_units:,} units gate by gate, depth {circuits.depth(before)}")
for fan_in, weight in ((3, 2), (6, 15), (16, 255), (64, 10**6)):
    after = circuits.map_to_units(gates, max_fan_in=fan_in, max_weight=weight)
    widest = int((after.wiring.offsets[1:] - after.wiring.offsets[:-1]).max(initial=0))
    heaviest = int(abs(after.weights).max(initial=0))
    found = f"{after.n_units:6,} units, depth {circuits.depth(after):3}, used: fan-in {widest}, weight {heaviest:,}"
    print(f"fan-in up to {fan_in:2}, weights up to {weight:9,}: {found}")
if options.out:
    circuits.draw_units_by_depth(before, after, names=("gate by gate", "mapped"), path=options.out)
    print(f"drawn in {options.out}")

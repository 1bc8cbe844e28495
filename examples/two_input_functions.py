"""What can one neuron with two inputs compute? `python examples/two_input_functions.py --out picture.png`.

14 of the 16 functions are one unit: a line leaves the true corners of the square on one side. XOR and its complement
are none: their two true corners have the same sum as their two false ones, and no line has the middle of the square
on both of its sides (M. Minsky and S. Papert, Perceptrons, 1969).
"""

import argparse

import circuits
from circuits.threshold.propositions import inequality
from jaxnet.canvas import new_figure

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--out", metavar="FIGURE", help="draw into FIGURE (.png, .pdf, .svg)")
options = parser.parse_args()
NAMES = ("a", "b")

print("00 10 01 11  one unit, what it says, and the least sum of |w|; or rows that refute it")
for table in range(16):
    values = "  ".join(str(table >> row & 1) for row in range(4))
    answer = circuits.recognise(table, 2)
    if isinstance(answer, circuits.ThresholdUnit):
        least = circuits.minimality(answer)
        assert least.minimal
        print(f" {values}  {inequality(answer, NAMES):16} {circuits.proposition(answer, NAMES):8} {least.bound}")
    else:
        assert answer.certificate.check()
        print(f" {values}  none: {answer.certificate}")

if options.out:
    figure = new_figure(9, 9.4)
    for table, axes in enumerate(figure.subplots(4, 4, sharex=True, sharey=True).ravel()):
        function = circuits.from_truth_table([table >> row & 1 for row in range(4)], list(NAMES))
        circuits.draw_cube(function, ax=axes)
        axes.label_outer()
    figure.savefig(options.out, dpi=150)
    print(f"drawn in {options.out}")

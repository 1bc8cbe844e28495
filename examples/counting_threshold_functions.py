"""How rare are threshold functions? `python examples/counting_threshold_functions.py --out picture.png`.

Of two inputs, 14 of all 16 functions are one unit. Of seven, 8,378,070,864 are, which is one of 4 x 10^28. Each number
is counted here, from one unit of each class, and compared with the one that was published: R. O. Winder (1965) to
seven inputs, in the On-Line Encyclopedia of Integer Sequences (OEIS) by the numbers below.
"""

import argparse

import numpy as np
from matplotlib.figure import Figure

import circuits

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--most", type=int, default=7, choices=range(9), metavar="N", help="up to 8 inputs (default 7)")
parser.add_argument("--out", metavar="FIGURE", help="draw into FIGURE (.png, .pdf, .svg)")
options = parser.parse_args()

# What OEIS says for n = 0, 1, ..., 8.
OEIS = {
    "A000609": ("functions", [2, 4, 14, 104, 1882, 94572, 15028134, 8378070864, 17561539552946]),
    "A002078": ("unate_classes", [2, 3, 6, 20, 150, 3287, 244158, 66291591, 68863243522]),
    "A000617": ("np_classes", [2, 3, 5, 10, 27, 119, 1113, 29375, 2730166]),
    "A001529": ("npn_classes", [1, 2, 3, 6, 15, 63, 567, 14755, 1366318]),
    "A001532": ("self_dual_classes", [1, 1, 2, 3, 7, 21, 135, 2470, 175428]),
}
WHAT = {
    "functions": "functions of at most n inputs that are one unit",
    "unate_classes": "the same up to negations of inputs",
    "np_classes": "up to negations and permutations of inputs",
    "npn_classes": "up to negation of the output too",
    "self_dual_classes": "classes of self-dual ones of n + 1 inputs",
}

sizes = range(options.most + 1)
counts = [circuits.count_threshold_functions(n, progress=n == 8) for n in sizes]
for sequence, (field, published) in OEIS.items():
    print(f"{sequence}, {WHAT[field]}")
    for n, found in zip(sizes, counts, strict=True):
        ours = getattr(found, field)
        print(f"  n = {n} {ours:18,}  {'as published' if ours == published[n] else f'NOT {published[n]:,}'}")
        assert ours == published[n]
print("share of all functions:")
for n, found in zip(sizes, counts, strict=True):
    print(f"  n = {n}  {found.functions / 2 ** (2**n):8.2g}")

if options.out:
    figure = Figure(figsize=(5.6, 3.8), layout="constrained")
    axes = figure.subplots()
    everything, units = [2.0 ** (2**n) for n in sizes], [float(found.functions) for found in counts]
    axes.plot(sizes, everything, "s--", color="#D55E00", label="all functions, $2^{2^n}$")
    axes.plot(sizes, units, "o-", color="#0072B2", label="threshold functions (OEIS A000609)")
    axes.set(yscale="log", xlabel="inputs n", ylabel="functions of n inputs", xticks=np.array(sizes))
    axes.set_title("One unit computes almost none of the functions", fontsize="medium")
    axes.grid(alpha=0.3)
    axes.legend()
    figure.savefig(options.out, dpi=150)
    print(f"drawn in {options.out}")

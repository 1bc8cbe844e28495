"""Which functions of at most five inputs two threshold units compute, each NPN class decided by trying all circuits.

The hidden unit may be one of each NPN class of threshold functions alone (see `network_search`); the output is then any
threshold function of the inputs and this unit, 15,028,134 for five inputs.

    python -m circuits.threshold.two_unit_search 5

prints that of 616,126 classes one unit computes 63, two compute 43,473, and 572,590 need more.
"""

import argparse
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from circuits.threshold.network_search import all_units
from circuits.threshold.packed_tables import images, npn, swapped
from jaxnet.progress import progress_bar
from jaxnet.validation import whole_number


class TwoUnitClasses(NamedTuple):
    """The NPN classes of functions of n inputs.

    Attributes:
        least: `(k,)` unsigned integers, ascending: the least table of each class.
        sizes: `(k,)` int64, how many functions it has.
        units: `(k,)` int8: 1 or 2, the fewest units; 3 where it takes 3 or more.
    """

    least: np.ndarray
    sizes: np.ndarray
    units: np.ndarray


def two_unit_classes(n: int, *, progress: bool = False) -> TwoUnitClasses:
    """Decide for each NPN class of n inputs whether one unit computes it, two units, or neither.

    Args:
        n: 3 to 5; 5 takes a minute or two, and 2 GB.
        progress: whether to show bars.

    Returns:
        `TwoUnitClasses`.

    Raises:
        ValueError: if n is out of range.

    Source: S. Muroga, Threshold Logic and Its Applications (1971), for circuits of few units; OEIS A000370 for the
    classes.

    >>> found = two_unit_classes(3)
    >>> np.bincount(found.units).tolist()                           # none of 0 units, 6 classes of one, 8 of two
    [0, 6, 8]
    """
    n = whole_number("two_unit_classes", "n", n, 3, 5)
    least = _classes(n, progress)
    hidden = np.unique(npn(all_units(n).tables, n)).astype(least.dtype)
    computed = _computed(hidden, n, progress)
    found = np.zeros(len(least), bool)
    same = np.zeros(len(least), np.int64)
    full = least.dtype.type((1 << (1 << n)) - 1)
    steps = math.factorial(n) << n
    for image in progress_bar("functions of a class", images(least, n), total=steps, shown=progress):
        found |= computed[_halved(image, n)]
        same += image == least
        same += image == least ^ full
    units = np.where(np.isin(least, hidden), 1, np.where(found, 2, 3)).astype(np.int8)
    # Of all images and their complements, so many are the function itself.
    return TwoUnitClasses(least, 2 * steps // same, units)


def _halved(tables: np.ndarray, n: int) -> np.ndarray:
    """Return tables or their complements, whichever is 0 on row 0, without row 0: indices below 2^(2^n - 1)."""
    kind = tables.dtype.type
    full, one = kind((1 << (1 << n)) - 1), kind(1)
    return np.where(tables & one, tables ^ full, tables) >> one


def _classes(n: int, progress: bool) -> np.ndarray:
    """Return the least table of each NPN class."""
    # Fixing an input leaves a function of n - 1. In each class some function, its last input fixed at 0, leaves the
    # least table of a class, and no input of it, fixed at 0 or 1, leaves one of a lower class.
    half = 1 << (n - 1)
    fixed = np.arange(1 << half, dtype=np.uint64)
    below = npn(fixed, n - 1)
    found = []
    for own in progress_bar("classes", np.unique(below), shown=progress):
        tables = own | fixed << np.uint64(half)
        keep = np.ones(len(tables), bool)
        for i in range(n - 1, -1, -1):
            # Input i comes last.
            turned = tables
            for j in range(i, n - 1):
                turned = swapped(turned, j)
            keep &= (below[turned & fixed[-1]] >= own) & (below[turned >> np.uint64(half)] >= own)
        found.append(tables[keep])
    return np.unique(npn(np.concatenate(found), n)).astype(f"u{2**n // 8}")


def _computed(hidden: np.ndarray, n: int, progress: bool) -> np.ndarray:
    """Return for each `_halved` table whether one of the hidden units and a unit after it compute it."""
    output = all_units(n + 1).tables
    # The complement of a circuit has as many units.
    output = output[output & output.dtype.type(1) == 0].view(hidden.dtype).reshape(-1, 2)
    off, on = output[:, 0].copy(), output[:, 1].copy()
    differ = off ^ on
    computed = np.zeros(1 << (1 << n) - 1, bool)
    for h in progress_bar("hidden units", hidden, shown=progress):
        computed[_halved(off ^ differ & h, n)] = True
    return computed


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command: print how many classes and functions need how many units."""
    parser = argparse.ArgumentParser(
        "python -m circuits.threshold.two_unit_search",
        description="Count the functions of n inputs that one threshold unit computes, two, or neither.",
    )
    parser.add_argument("n", type=int, choices=range(3, 6), help="how many inputs")
    n = parser.parse_args(arguments).n
    found = two_unit_classes(n, progress=True)
    print(f"{'units':12}{'classes':>12}{'functions':>18}")
    for units, name in ((1, "1"), (2, "2"), (3, "3 or more")):
        here = found.units == units
        print(f"{name:12}{here.sum():>12,}{found.sizes[here].sum():>18,}")
    print(f"{'all':12}{len(found.units):>12,}{found.sizes.sum():>18,}")


if __name__ == "__main__":
    main()

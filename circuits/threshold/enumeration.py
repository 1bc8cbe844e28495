"""All threshold functions of n variables, counted from one representative of each self-dual class of n + 1.

A function of n variables is a self-dual one of n + 1 with one variable fixed, so that classes, with the numbers of
their different Chow parameters, tell all counts. R. O. Winder, Enumeration of seven-argument threshold functions
(1965); S. Muroga, T. Tsuboi and C. R. Baugh, Enumeration of threshold functions of eight variables (1970).
"""

import math
from collections import Counter
from collections.abc import Iterator
from typing import NamedTuple

from circuits.threshold.self_dual_levels import MOST_VARIABLES, LevelWalk, SelfDualClass
from jaxnet.progress import progress_bar
from jaxnet.validation import whole_number

# How many self-dual classes of 1 to 10 variables there are, OEIS A001532; for progress bars alone.
KNOWN_CLASSES = dict(enumerate([1, 1, 2, 3, 7, 21, 135, 2470, 175428, 52980624], start=1))


class ThresholdCounts(NamedTuple):
    """How many threshold functions of n variables there are.

    Attributes:
        functions: of at most n variables, A000609.
        unate_classes: up to negations of variables, A002078; as many are positive.
        np_classes: up to permutations and negations of variables, A000617.
        npn_classes: up to negation of the output too, A001529.
        self_dual_classes: of self-dual functions of n + 1 variables, A001532.
    """

    functions: int
    unate_classes: int
    np_classes: int
    npn_classes: int
    self_dual_classes: int


def count_threshold_functions(n: int, *, progress: bool = False) -> ThresholdCounts:
    """Count the threshold functions of n variables.

    Every class comes with integer weights, and every neighbour that is none is refuted by an identity in integers or
    fractions: no count depends on rounding.

    Args:
        n: 0 to 8; 7 takes half a second, 8 a minute. `python -m circuits.threshold.long_count 9` takes hours.
        progress: whether to show a bar, on a terminal or in a notebook.

    Returns:
        A `ThresholdCounts`.

    Raises:
        ValueError: if n is out of range.
        TypeError: if n is no whole number.

    Source: R. O. Winder (1965); OEIS A000609, A002078, A000617, A001529, A001532.

    >>> count_threshold_functions(4)
    ThresholdCounts(functions=1882, unate_classes=150, np_classes=27, npn_classes=15, self_dual_classes=7)
    """
    n = whole_number("count_threshold_functions", "n", n, 0, MOST_VARIABLES - 2)
    tally = Tally(n + 1)
    for found in self_dual_classes(n + 1, progress=progress):
        tally.add(found)
    return tally.counts()


class Tally:
    """The counts of the classes seen so far, of n variables.

    Attributes:
        n: how many variables.
        sums: n + 4 integers: the classes, the NP and the NPN classes of functions of n - 1 variables; then, by how many
            variables matter, the self-dual functions of just these, up to negations (A002077).
    """

    def __init__(self, n: int):
        self.n = n
        self.sums = [0] * (n + 4)

    def add(self, found: SelfDualClass) -> None:
        """Count one class."""
        chow = Counter(chow_parameters_of(found.table, self.n))
        matter = self.n - chow[0]
        orders = math.factorial(matter)
        for value, times in chow.items():
            orders //= math.factorial(times) if value else 1
        # Fixing any one of the variables of a different Chow parameter, at 0 or at 1: the same if it does not matter.
        npn_classes = sum(1 for times in chow.values() if times)
        self.sums[0] += 1
        self.sums[1] += 2 * npn_classes - (chow[0] > 0)
        self.sums[2] += npn_classes
        self.sums[3 + matter] += orders

    def counts(self) -> ThresholdCounts:
        """Return the counts of functions of n - 1 variables, once all classes are in."""
        n = self.n - 1
        classes, np_classes, npn_classes, *self_dual = self.sums
        # A variable that matters may be negated; the variable added to a function of j may be one that does not.
        functions = [sum(math.comb(j + 1, k) * self_dual[k] << k for k in range(j + 2)) for j in range(n + 1)]
        # Of a function of just j variables all 2^j negations differ (A. D. King, 2023, on A002078).
        unate = sum(math.comb(n, j) * functions[j] for j in range(n + 1)) >> n
        return ThresholdCounts(functions[n], unate, np_classes, npn_classes, classes)


def self_dual_classes(n: int, *, progress: bool = False) -> Iterator[SelfDualClass]:
    """Yield a representative of each class of self-dual threshold functions of n variables.

    Args:
        n: 1 to 10; 9 takes a minute, 10 hours.
        progress: whether to show a bar.

    Yields:
        A `SelfDualClass`, its weights checked in integers.

    Raises:
        ValueError: if n is out of range.

    Source: R. O. Winder (1965).

    >>> [found.weights for found in self_dual_classes(3)]
    [(0, 0, 1), (1, 1, 1)]
    """
    n = whole_number("self_dual_classes", "n", n, 1, MOST_VARIABLES)
    with progress_bar(
        "self-dual classes", LevelWalk(n), total=KNOWN_CLASSES[n], unit=" classes", shown=progress
    ) as bar:
        yield from bar


def chow_parameters_of(table: int, n: int) -> list[int]:
    """Return, for each variable of a self-dual function, how many more true rows have it than have it not.

    Args:
        table: an integer of 2^n bits.
        n: how many variables.

    >>> chow_parameters_of(0b11101000, 3)
    [2, 2, 2]
    """
    from circuits.simulation.long_words import variable_tables

    ones = table.bit_count()
    return [2 * (table & variable).bit_count() - ones for variable in variable_tables(n)]

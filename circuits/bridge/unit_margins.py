"""Margins: a network is its hardening on a whole domain, shown unit by unit and without a row.

Let z be what a unit adds up from Boolean values, with |z| >= m on all of them. If each fan-in that is a sigmoid is
within e_i of its Boolean value, and d = sum |w_i| e_i < m, the unit is on the same side as its hardening, and as a
sigmoid within 1 / (1 + exp(m - d)) of it: the induction of `error_bounds`, for any weights. Fan-ins are taken to be
independent of one another, except for columns that belong together in the domain. NumPy alone.
"""

import bisect
import itertools
import math

import numpy as np

if __package__:
    from circuits.bridge.exact_rows import Reading, Units
    from circuits.bridge.row_checks import FLOATS
else:  # without the package, as `extraction_checks` says
    from exact_rows import Reading, Units  # pyright: ignore[reportMissingImports]
    from row_checks import FLOATS  # pyright: ignore[reportMissingImports]

# How many different sums of a unit are kept, and how many of its other half.
_MOST_SUMS = 2**14
_MOST_HALVES = 2**14
# A part of a domain with more rows is taken to be free bits.
_MOST_ROWS = 2**10
_UP, _DOWN = 1 + 2.0**-40, 1 - 2.0**-40
# A product of float64 below this may be rounded down to 0.
_TINY = 2.0**-1022


# (node, weight) of the fan-ins of a unit.
Terms = list[tuple[int, float]]


def hardened_everywhere(units: Units, reading: Reading, tables: list[np.ndarray], *, rounded: bool) -> bool:
    """Return whether margins show that a network says the same as its hardening on each row of a domain.

    Args:
        units: of a network.
        reading: how its outputs are read.
        tables: `(rows, columns)` bool for each part of the domain, the rows that its columns may have; as many columns
            in all as the network has inputs.
        rounded: whether to allow for the rounding of the network's own floats, in any order of summation.

    Returns:
        True if it is shown; False says nothing.

    Source: the theorem of `error_bounds`; N. J. Higham (2002), section 3.1, for rounding.

    >>> both = Units(2, [[(0, 8.0), (1, 8.0)]], [-12.0], ["sigmoid"], [2], "float32")
    >>> hardened_everywhere(both, Reading(), [np.array([[0], [1]])] * 2, rounded=True)
    True
    """
    return _Induction(units, tables, FLOATS[units.dtype] if rounded else None).holds(reading)


class _Induction:
    """The units of a network, and how far each that was looked at is from its Boolean value."""

    def __init__(self, units: Units, tables: list[np.ndarray], floats: tuple[float, float, float, float] | None):
        self._units, self._tables, self._floats, self._n = units, tables, floats, units.n
        # What inputs of one value are; and for others the table that they share, and their column there.
        self._fixed: dict[int, bool] = {}
        self._shared: dict[int, tuple[int, int]] = {}
        start = 0
        for k, table in enumerate(tables):
            columns = table.shape[1]
            if len(table) == 1:
                self._fixed.update({start + column: bool(bit) for column, bit in enumerate(table[0])})
            elif columns > 1 and len(table) <= _MOST_ROWS:
                self._shared.update({start + column: (k, column) for column in range(columns)})
            start += columns
        self._errors: list[float] = []

    def holds(self, reading: Reading) -> bool:
        """Return whether every unit that matters, and every output, is on the side of its hardening."""
        n, kinds = self._n, self._units.kinds
        outputs = [node - n for node in self._units.outputs if node >= n]
        read = {node - n for terms in self._units.edges for node, _ in terms if node >= n}
        decides = set(outputs) if reading.read == "bits" else set()
        for unit, kind in enumerate(kinds):
            if unit in read and kind in ("relu", "identity"):
                return False
            error = 0.0
            if unit in read or unit in decides:
                left = self._left(unit, reading.threshold if kind == "identity" else 0.0)
                if left is None or (unit in decides and left < self._hidden(kind)):
                    return False
                error = self._error(kind, left)
            self._errors.append(error)
        if reading.read == "bits":
            return True
        # In floats, sigmoids of large sums tie.
        ties = self._floats is not None and not {kinds[unit] for unit in outputs} <= {"identity"}
        return not ties and all(self._differ(j, k) for j, k in itertools.combinations(outputs, 2))

    def _left(self, unit: int, threshold: float) -> float | None:
        """Return how far a unit stays from its threshold; None if it may cross it."""
        terms, constants = self._units.edges[unit], [self._units.bias[unit], -threshold]
        off = self._off(terms, constants)
        margin = _margin(*self._groups(terms, constants))
        if off == 0:
            return margin
        return (margin - off) * _DOWN if margin > off * _UP else None

    def _differ(self, j: int, k: int) -> bool:
        """Return whether the sums of two units keep their order, and never tie."""
        terms = self._units.edges[j] + [(node, -w) for node, w in self._units.edges[k]]
        constants = [self._units.bias[j], -self._units.bias[k]]
        return _margin(*self._groups(terms, constants)) > self._off(terms, constants) * _UP

    def _off(self, terms: Terms, constants: list[float]) -> float:
        """Bound what fan-ins that are not Boolean, and rounding, change in a sum."""
        errors = [(abs(w), self._errors[node - self._n]) for node, w in terms if node >= self._n]
        off = sum(w * error + _TINY for w, error in errors if w and error)
        numbers = [*constants, *(w for _, w in terms)]
        if self._floats is None:
            return off * _UP
        u, tiny, _, largest = self._floats
        total = sum(map(abs, numbers))
        if total >= largest / 4:
            return math.inf
        if off or not _adds_exactly(numbers, u, tiny):
            count = len(numbers)
            off += count * u / (1 - count * u) * total + count * tiny if count * u < 0.5 else math.inf
        return off * _UP

    def _hidden(self, kind: str) -> float:
        """Return how far from 0 a sum has to be, so that its sigmoid or tanh in floats shows on which side it is."""
        if self._floats is None:
            return 0.0
        return {"sigmoid": 5.0, "tanh": 3.0}.get(kind, 0.0) * self._floats[2]

    def _error(self, kind: str, left: float) -> float:
        scale = {"sigmoid": 1, "tanh": 2}.get(kind, 0)
        if scale == 0:
            return 0.0
        own = 0.0 if self._floats is None else self._floats[2]
        return scale * (_UP / (1 + math.exp(min(700.0, scale * left)) * _DOWN) + own)

    def _groups(self, terms: Terms, constants: list[float]) -> tuple[int, list[list[int]], int]:
        """Return a sum as a constant, and one of some numbers from each group of its fan-ins, all times 2^scale."""
        ratios = [value.as_integer_ratio() for value in (*constants, *(w for _, w in terms))]
        most = max((denominator for _, denominator in ratios), default=1)
        whole = [numerator * (most // denominator) for numerator, denominator in ratios]
        constant = sum(whole[: len(constants)])
        shared: dict[int, dict[int, int]] = {}
        single: dict[int, int] = {}
        for (node, _), w in zip(terms, whole[len(constants) :], strict=True):
            if node in self._fixed:
                constant += w * self._fixed[node]
                continue
            place = self._shared.get(node)
            table, column = (-1, node) if place is None else place
            weights = single if table < 0 else shared.setdefault(table, {})
            weights[column] = weights.get(column, 0) + w
        groups = []
        for node, w in single.items():
            signed = node >= self._n and self._units.kinds[node - self._n] in ("tanh", "sign")
            groups.append([-w, w] if signed else [0, w])
        for table, weights in shared.items():
            rows = np.unique(self._tables[table][:, list(weights)], axis=0).tolist()
            values = list(weights.values())
            groups.append(sorted({sum(itertools.compress(values, row)) for row in rows}))
        return constant, groups, most.bit_length() - 1


def _adds_exactly(numbers: list[float], u: float, tiny: float) -> bool:
    """Return whether floats add up any of these numbers exactly, in any order: multiples of a step, not too many.

    The step has to be a normal float, since smaller ones may become 0.
    """
    ratios = [number.as_integer_ratio() for number in numbers if number]
    most = max((denominator for _, denominator in ratios), default=1)
    whole = [abs(numerator) * (most // denominator) for numerator, denominator in ratios]
    step = math.gcd(*whole)
    # In integers: the largest of these are no floats. u and tiny are powers of two, with exact inverses.
    few = sum(whole) <= step * int(1 / u)
    return not whole or (few and most <= step * int(1 / tiny))


def _margin(constant: int, groups: list[list[int]], scale: int) -> float:
    """Return the least size of a sum of the constant and one number from each group, times 2^-scale; or less."""
    # Half of the largest float64 is a bound of what is larger than any.
    return min(_least(constant, groups), 1 << (1023 + scale)) / (1 << scale) * _DOWN


def _least(constant: int, groups: list[list[int]]) -> int:
    # The different sums so far: few, if weights are small integers times a gain.
    sums = {constant}
    for place, group in enumerate(groups):
        if len(sums) * len(group) > _MOST_SUMS:
            return max(_least_of_lattice(constant, groups), _least_of_halves(sums, groups[place:]))
        sums = {so_far + value for so_far in sums for value in group}
    return min(map(abs, sums))


def _least_of_lattice(constant: int, groups: list[list[int]]) -> int:
    """Return the least size of a multiple of the common step of all numbers, plus the constant."""
    start = constant + sum(group[0] for group in groups)
    step = math.gcd(*(value - group[0] for group in groups for value in group))
    return min(start % step, -start % step) if step else abs(start)


def _least_of_halves(sums: set[int], groups: list[list[int]]) -> int:
    """Return the least size of a sum of one of `sums` and one number from each group, by all sums of the rest; or 0."""
    rest = {0}
    for group in groups:
        if len(rest) * len(group) > _MOST_HALVES:
            return 0
        rest = {so_far + value for so_far in rest for value in group}
    ordered = sorted(rest)
    least = None
    for so_far in sums:
        place = bisect.bisect_left(ordered, -so_far)
        near = min(abs(so_far + value) for value in ordered[max(0, place - 1) : place + 1])
        least = near if least is None else min(least, near)
    return least or 0

"""What a network says on a row in fractions, whatever its sums are near to; on NumPy alone.

Numbers are intervals (R. E. Moore, Interval Analysis, 1966), and sums are linear in their sigmoids, so that what
cancels is 0 exactly. Of sigmoids of inputs these are all the ties there are: powers of e are independent (F. Lindemann
and K. Weierstrass, 1885).
"""

import functools
import math
from fractions import Fraction
from typing import NamedTuple

import numpy as np

KINDS = ("step", "sign", "sigmoid", "tanh", "relu", "identity")
_PRECISIONS = (64, 256, 1024)
_ZERO, _ONE = Fraction(0), Fraction(1)


class Reading(NamedTuple):
    """How the outputs of a network are read as bits.

    Attributes:
        read: "bits", each output on its own, or "argmax", one bit for each output, of which the one with the largest
            sum is 1, and the first of those that tie.
        threshold: from which value on an output of the identity is 1; with "bits" alone.
    """

    read: str = "bits"
    threshold: float = 0.0


class Units(NamedTuple):
    """A network as plain lists; unit k is node n + k.

    Attributes:
        n: how many inputs there are.
        edges: of each unit the (source, weight) of all its edges.
        bias: of each unit.
        kinds: of each unit its non-linearity, one of `KINDS`.
        outputs: nodes.
        dtype: "float32" or "float64", in which the network computes.
    """

    n: int
    edges: list[list[tuple[int, float]]]
    bias: list[float]
    kinds: list[str]
    outputs: list[int]
    dtype: str

    def hardened(self) -> "Units":
        """Return the network with steps for sigmoids and signs for tanhs."""
        kinds = {"sigmoid": "step", "tanh": "sign"}
        return self._replace(kinds=[kinds.get(kind, kind) for kind in self.kinds])

    def with_units_at_outputs(self) -> "Units":
        """Return the network with a unit [x - 1/2 >= 0] for each output that is an input x."""
        passed = [node for node in self.outputs if node < self.n]
        first = self.n + len(self.bias)
        new = iter(range(first, first + len(passed)))
        return self._replace(
            edges=[*self.edges, *([(node, 1.0)] for node in passed)],
            bias=[*self.bias, *(-0.5 for _ in passed)],
            kinds=[*self.kinds, *("step" for _ in passed)],
            outputs=[next(new) if node < self.n else node for node in self.outputs],
        )

    def shift(self, reading: Reading, node: int) -> float:
        """Return the threshold of an output."""
        shifted = node >= self.n and self.kinds[node - self.n] == "identity" and reading.read == "bits"
        return reading.threshold if shifted else 0.0


class Form(NamedTuple):
    """A constant plus a weighted sum: of Boolean nodes, or of numbers that are known as intervals."""

    constant: Fraction
    terms: dict[int, Fraction]


Interval = tuple[Fraction, Fraction]


def combined(constant: Fraction, parts: list[tuple[Fraction, Form]]) -> Form:
    """Return a constant plus a weighted sum of forms, without terms of weight 0.

    >>> combined(Fraction(1), [(Fraction(2), Form(Fraction(1), {7: Fraction(3)}))])
    Form(constant=Fraction(3, 1), terms={7: Fraction(6, 1)})
    """
    terms: dict[int, Fraction] = {}
    for weight, form in parts:
        constant += weight * form.constant
        for key, value in form.terms.items():
            terms[key] = terms.get(key, Fraction(0)) + weight * value
    return Form(constant, {key: value for key, value in terms.items() if value})


# A call, and no less: an input that is an output is decided whatever there is.
Distance = Fraction | float


def decide_in_fractions(
    units: Units, reading: Reading, rows: np.ndarray
) -> list[tuple[list[bool] | None, list[Distance]]]:
    """Decide each row, those on which the inputs add up to the same for every unit once.

    Args:
        units: of a network.
        reading: how its outputs are read.
        rows: `(rows, n)` bool.

    Returns:
        For each row its bits, None where 1,024 binary places do not tell; and how far, at least, the sum of each step
        and sign, and each output, is from its threshold, or with `argmax` from the largest.

    >>> both = Units(2, [[(0, 1.0), (1, 1.0)]], [-1.5], ["sigmoid"], [2], "float32")
    >>> decide_in_fractions(both, Reading(), np.array([[0, 1], [1, 1]], bool))
    [([False], [Fraction(1, 2)]), ([True], [Fraction(1, 2)])]
    """
    columns, scales = [], []
    for edges, bias in zip(units.edges, units.bias, strict=True):
        numbers = [(source, Fraction(w)) for source, w in edges if source < units.n]
        constant = Fraction(bias)
        scale = math.lcm(constant.denominator, *(w.denominator for _, w in numbers))
        weights, start = [int(w * scale) for _, w in numbers], int(constant * scale)
        small = sum(map(abs, weights)) + abs(start) < 2**62
        read = rows[:, [source for source, _ in numbers]].astype(np.int64 if small else object)
        total = read @ np.array(weights, read.dtype) if weights else np.zeros(len(rows), np.int64)
        columns.append([z + start for z in total.tolist()])
        scales.append(scale)
    columns += [rows[:, node].tolist() for node in units.outputs if node < units.n]
    known: dict[tuple, tuple[list[bool] | None, list[Distance]]] = {}
    found = []
    for key in zip(*columns, strict=True):
        if key not in known:
            constants = [Fraction(z, scale) for z, scale in zip(key, scales, strict=False)]
            known[key] = _decided(units, reading, constants, key[len(scales) :])
        found.append(known[key])
    return found


def _decided(
    units: Units, reading: Reading, constants: list[Fraction], inputs: tuple[bool, ...]
) -> tuple[list[bool] | None, list[Distance]]:
    """Decide a row of which `constants` are what biases and inputs add up to, and `inputs` those that are outputs."""
    bits, distances = None, []
    for precision in _PRECISIONS:
        numbers = _Numbers(precision)
        values, sums, distances = [], [], []
        for constant, edges, kind in zip(constants, units.edges, units.kinds, strict=True):
            parts = [(Fraction(w), values[source - units.n]) for source, w in edges if source >= units.n]
            sums.append(combined(constant, parts))
            values.append(numbers.activated(kind, sums[-1]))
            if kind in ("step", "sign"):
                distances.append(_distance(numbers.between(sums[-1])))
        if reading.read == "argmax":
            bits, found = _first_largest(numbers, [sums[node - units.n] for node in units.outputs])
        else:
            given = iter(inputs)
            ends: list[tuple[Distance, Distance]] = []
            for node in units.outputs:
                if node < units.n:
                    far = math.inf if next(given) else -math.inf
                    ends.append((far, far))
                else:
                    shift = Form(Fraction(units.shift(reading, node)), {})
                    ends.append(numbers.between(_difference(sums[node - units.n], shift)))
            bits = [low >= 0 for low, _ in ends] if all(low >= 0 or high < 0 for low, high in ends) else None
            found = [_distance(each) for each in ends]
        distances += found
        if bits is not None:
            break
    return bits, distances


def _first_largest(numbers: "_Numbers", values: list[Form]) -> tuple[list[bool] | None, list[Distance]]:
    for k, form in enumerate(values):
        leads = [numbers.between(_difference(form, other))[0] for other in values]
        if all(lead > 0 if j < k else lead >= 0 for j, lead in enumerate(leads) if j != k):
            return [j == k for j in range(len(values))], [math.inf if j == k else lead for j, lead in enumerate(leads)]
    return None, [0.0] * len(values)


class _Numbers:
    """Numbers that are known as intervals, each once, so that what is subtracted from itself is 0."""

    def __init__(self, precision: int):
        self.precision = precision
        self.intervals: list[Interval] = []
        self.known: dict[tuple, int] = {}

    def between(self, form: Form) -> Interval:
        low = high = form.constant
        for key, weight in form.terms.items():
            ends = self.intervals[key]
            low, high = low + weight * ends[weight < 0], high + weight * ends[weight >= 0]
        return low, high

    def activated(self, kind: str, form: Form) -> Form:
        if kind == "sigmoid":
            return self._sigmoid(form)
        if kind == "tanh":
            return combined(-_ONE, [(2 * _ONE, self._sigmoid(combined(_ZERO, [(2 * _ONE, form)])))])
        if kind == "identity":
            return form
        low, high = self.between(form)
        if kind == "relu":
            if low >= 0 or high <= 0:
                return form if low >= 0 else Form(_ZERO, {})
            return self._number(kind, form, (_ZERO, high))
        decided = low >= 0 or high < 0
        step = Form(Fraction(low >= 0), {}) if decided else self._number("step", form, (_ZERO, _ONE))
        return combined(-_ONE, [(2 * _ONE, step)]) if kind == "sign" else step

    def _sigmoid(self, form: Form) -> Form:
        if form == Form(_ZERO, {}):
            return Form(Fraction(1, 2), {})
        # sigma(-z) = 1 - sigma(z): one of the two stands for both.
        if (form.terms[min(form.terms)] if form.terms else form.constant) < 0:
            return _difference(Form(_ONE, {}), self._sigmoid(_difference(Form(_ZERO, {}), form)))
        low, high = self.between(form)
        ends = sigmoid_between(low, self.precision)[0], sigmoid_between(high, self.precision)[1]
        return self._number("sigmoid", form, ends)

    def _number(self, kind: str, form: Form, interval: Interval) -> Form:
        key = self.known.setdefault((kind, form.constant, frozenset(form.terms.items())), len(self.intervals))
        if key == len(self.intervals):
            self.intervals.append(interval)
        return Form(_ZERO, {key: _ONE})


def _difference(form: Form, other: Form) -> Form:
    return combined(_ZERO, [(_ONE, form), (-_ONE, other)])


def _distance(ends: tuple[Distance, Distance]) -> Distance:
    """Return how far from 0 an interval is."""
    return max(ends[0], -ends[1], _ZERO)


@functools.lru_cache(2**12)
def sigmoid_between(x: Fraction, precision: int) -> Interval:
    """Return two fractions that have sigma(x) between them, 2^(8 - precision) apart or less.

    >>> low, high = sigmoid_between(Fraction(1), 60)
    >>> low < high, round(float(low), 12) == round(1 / (1 + math.exp(-1)), 12)
    (True, True)
    """
    if x == 0:
        return Fraction(1, 2), Fraction(1, 2)
    low, high = _exp_of_negative(abs(x), precision)
    # sigma(|x|) = 1 / (1 + e^-|x|).
    one = 1 << precision
    ends = Fraction((one * one) // (one + high), one), Fraction(-((-one * one) // (one + low)), one)
    return ends if x > 0 else (1 - ends[1], 1 - ends[0])


def _exp_of_negative(x: Fraction, precision: int) -> tuple[int, int]:
    """Return integers l, h with l <= 2^precision e^-x <= h, for x > 0."""
    if x > precision:
        return 0, 1  # since e^-x < 2^-x
    halvings = max(0, x.__ceil__().bit_length() + 1)
    one = 1 << precision
    # e^-r for r = x / 2^halvings <= 1/2: partial sums of the alternating series are above and below it in turn.
    r_low = (x.numerator << precision) // (x.denominator << halvings)
    low, high = _series(r_low + 1, precision)[0], _series(r_low, precision)[1]
    for _ in range(halvings):
        low, high = (low * low) >> precision, -((-high * high) >> precision)
    return max(low, 0), min(high, one)


def _series(r: int, precision: int) -> tuple[int, int]:
    """Return integers around 2^precision e^-(r / 2^precision), for 0 <= r <= 2^(precision - 1)."""
    one = 1 << precision
    below_term = above_term = one
    low = high = one
    k = 0
    while above_term > 1 or k % 2:
        k += 1
        below_term, above_term = (below_term * r >> precision) // k, -((-above_term * r >> precision) // k)
        if k % 2:
            low, high = low - above_term, high - below_term
        else:
            low, high = low + below_term, high + above_term
        # After an odd term the sum is below, so that the next, smaller one bounds the rest.
    rest = above_term + 1
    return low - rest, high + rest

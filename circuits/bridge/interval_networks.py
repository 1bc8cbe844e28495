"""Networks evaluated on boxes of rows, for the check of certificates: nothing but NumPy and Python's numbers.

Every unit gets an interval, in float64 with a bound on rounding (N. J. Higham, Accuracy and Stability of Numerical
Algorithms, 2002, section 3.1); what that leaves open on a row is decided by intervals of decimals, of which the
standard library rounds exp correctly.
"""

import math
from decimal import ROUND_CEILING, ROUND_FLOOR, Context, Decimal
from fractions import Fraction
from typing import Any, NamedTuple

import numpy as np

_ROUNDOFF = 2.0**-53
_DIGITS = (60, 250, 1000)
# Enough digits for any float64. All else below goes by contexts of its own, since operators round to 28 digits.
_EXACT = Context(prec=2500)


class Net(NamedTuple):
    """A network: of each unit the weights by source, inputs first, its bias and its kind; and how outputs are read."""

    n: int
    units: list[tuple[dict[int, Fraction], Fraction, str]]
    outputs: list[int]
    argmax: bool
    threshold: float

    def hardened(self) -> "Net":
        """Return the network with steps for sigmoids and signs for tanhs."""
        kinds = {"sigmoid": "step", "tanh": "sign"}
        return self._replace(units=[(w, b, kinds.get(kind, kind)) for w, b, kind in self.units])


class Rows(NamedTuple):
    """Boxes of rows: of each column whether it may be 0 and 1, `(boxes, n)`; and between what the inputs add up."""

    off: np.ndarray
    on: np.ndarray
    low: np.ndarray
    high: np.ndarray


def on_rows(net: Net, x: np.ndarray) -> Rows:
    """Return rows as boxes of one row each."""
    added = x.astype(float) @ input_weights(net).T
    return Rows(~x, x, added, added)


def input_weights(net: Net) -> np.ndarray:
    """Return the weights of units on inputs, `(units, n)`."""
    weights = np.zeros((len(net.units), net.n))
    for k, (own, _, _) in enumerate(net.units):
        for source, weight in own.items():
            if source < net.n:
                weights[k, source] = float(weight)
    return weights


def _sums(net: Net, rows: Rows) -> list[tuple[np.ndarray, np.ndarray]]:
    """Return between what each unit adds up on each box."""
    values: list[Any] = [None] * net.n
    found = []
    with np.errstate(over="ignore", invalid="ignore"):
        for k, (weights, bias, kind) in enumerate(net.units):
            b = float(bias)
            low, high = rows.low[:, k] + b, rows.high[:, k] + b
            size = np.full(len(low), abs(b) + sum(abs(float(w)) for source, w in weights.items() if source < net.n))
            for source, weight in weights.items():
                if source >= net.n:
                    w, ends = float(weight), values[source]
                    low, high = low + w * ends[w < 0], high + w * ends[w >= 0]
                    size = size + abs(w) * np.maximum(np.abs(ends[0]), np.abs(ends[1]))
            # Inputs are summed in parts and parts in boxes; the bias, and a weight that is a rounded sum of two edges'.
            slack = 1.01 * (len(weights) + 2 * net.n + 6) * _ROUNDOFF * size + 2.0**-1000
            found.append((low - slack, high + slack))
            values.append(_between(kind, *found[-1]))
    return found


def _between(kind: str, low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    match kind:
        case "step":
            return (low >= 0).astype(float), (~(high < 0)).astype(float)
        case "sign":
            return np.where(low >= 0, 1.0, -1.0), np.where(high < 0, -1.0, 1.0)
        case "relu":
            return np.maximum(low, 0), np.maximum(high, 0)
        case "identity":
            return low, high
        case "tanh":
            return np.tanh(low) - 2.0**-49, np.tanh(high) + 2.0**-49
    return 0.5 + 0.5 * np.tanh(low / 2) - 2.0**-50, 0.5 + 0.5 * np.tanh(high / 2) + 2.0**-50


def _shift(net: Net, node: int) -> float:
    return net.threshold if not net.argmax and net.units[node - net.n][2] == "identity" else 0.0


def says(net: Net, rows: Rows) -> tuple[np.ndarray, np.ndarray, float]:
    """Return on which boxes each output may be 0 and may be 1, and a bound from above of the closest call."""
    sums = _sums(net, rows)
    closest = [np.inf]
    off, on = [], []
    for k, (low, high) in enumerate(sums):
        if net.units[k][2] in ("step", "sign"):
            closest.append(np.maximum(np.abs(low), np.abs(high)).min())
    if net.argmax:
        low, high = (np.stack([sums[node - net.n][end] for node in net.outputs], axis=1) for end in (0, 1))
        for k in range(len(net.outputs)):
            others = np.arange(len(net.outputs)) != k
            on.append(~(high[:, [k]] < low[:, others]).any(axis=1))
            off.append(~(low[:, [k]] > high[:, others]).all(axis=1))
            lead = 1.001 * (high[:, [k]] - low[:, others]).min(axis=1, initial=np.inf)
            closest.append(lead[~off[-1]].min(initial=np.inf))
        return np.stack(off, axis=1), np.stack(on, axis=1), float(min(closest))
    for node in net.outputs:
        if node < net.n:
            off.append(rows.off[:, node])
            on.append(rows.on[:, node])
        else:
            low, high = sums[node - net.n]
            shift = _shift(net, node)
            off.append(~(low >= shift))
            on.append(~(high < shift))
            closest.append(1.001 * np.maximum(np.abs(low - shift), np.abs(high - shift)).min())
    return np.stack(off, axis=1), np.stack(on, axis=1), float(min(closest))


def exact_row(net: Net, row: np.ndarray) -> list[bool]:
    """Return what a network says on a row, by intervals of decimals.

    Raises:
        ValueError: if a thousand digits do not tell.
    """
    for digits in _DIGITS:
        down, up = Context(prec=digits, rounding=ROUND_FLOOR), Context(prec=digits, rounding=ROUND_CEILING)
        values = [(Decimal(int(bit)), Decimal(int(bit))) for bit in row]
        sums = []
        for weights, bias, kind in net.units:
            low, high = down.plus(_decimal(bias)), up.plus(_decimal(bias))
            for source, weight in weights.items():
                (least, most), w = values[source], _decimal(weight)
                low = down.add(low, down.multiply(w, most if w < 0 else least))
                high = up.add(high, up.multiply(w, least if w < 0 else most))
            sums.append((low, high))
            values.append(_decimal_value(kind, low, high, down, up))
        bits = _settled(net, row, sums)
        if bits is not None:
            return bits
    raise ValueError("a row is closer to a threshold than a thousand digits tell")


def _decimal(value: Fraction) -> Decimal:
    """Return a float, or a sum of floats, exactly."""
    return _EXACT.divide(Decimal(value.numerator), Decimal(value.denominator))


def _decimal_value(kind: str, low: Decimal, high: Decimal, down: Context, up: Context) -> tuple[Decimal, Decimal]:
    zero, one = Decimal(0), Decimal(1)
    match kind:
        case "step" | "sign":
            off = -one if kind == "sign" else zero
            return (one if low >= 0 else off), (off if high < 0 else one)
        case "relu":
            return max(low, zero), max(high, zero)
        case "identity":
            return low, high
        case "tanh":
            twice = Decimal(2)
            ends = _sigmoid(down.multiply(low, twice), down, up)[0], _sigmoid(up.multiply(high, twice), down, up)[1]
            return down.subtract(down.multiply(ends[0], twice), one), up.subtract(up.multiply(ends[1], twice), one)
    return _sigmoid(low, down, up)[0], _sigmoid(high, down, up)[1]


def _sigmoid(z: Decimal, down: Context, up: Context) -> tuple[Decimal, Decimal]:
    """Return two decimals with 1 / (1 + e^-z) between them; exp is rounded to the nearest."""
    one, tail = Decimal(1), Decimal("1e-40000")
    if z.copy_abs() > 10**5:
        return (down.subtract(one, tail), one) if z > 0 else (Decimal(0), tail)
    power = down.exp(z.copy_negate())
    low, high = down.next_minus(power), up.next_plus(power)
    return down.divide(one, up.add(one, high)), up.divide(one, down.add(one, low))


def _settled(net: Net, row: np.ndarray, sums: list[tuple[Decimal, Decimal]]) -> list[bool] | None:
    if net.argmax:
        ends = [sums[node - net.n] for node in net.outputs]
        for k, (low, _) in enumerate(ends):
            if all(low > high for _, high in ends[:k]) and all(low >= high for _, high in ends[k + 1 :]):
                return [j == k for j in range(len(ends))]
        return None
    bits = []
    for node in net.outputs:
        if node < net.n:
            bits.append(bool(row[node]))
            continue
        (low, high), shift = sums[node - net.n], Decimal(_shift(net, node))
        if low < shift <= high:
            return None
        bits.append(low >= shift)
    return bits


def bits_of(net: Net, x: np.ndarray) -> tuple[np.ndarray, float]:
    """Return what a network says on rows, exactly, and a bound from above of the closest call."""
    off, on, closest = says(net, on_rows(net, x))
    bits = on.copy()
    for row in np.flatnonzero((off == on).any(axis=1)).tolist():
        bits[row] = exact_row(net, x[row])
    return bits, closest


def hard_unit_data(net: Net) -> tuple[list[tuple[dict[int, int], int]], list[int]]:
    """Return the units of the hardened network in integers, and those that read its outputs."""
    one = {-1: Fraction(1)}  # A form has a weight for each node, and -1 for its constant.
    forms: list[dict[int, Fraction]] = [{node: Fraction(1)} for node in range(net.n)]
    made: list[tuple[dict[int, int], int]] = []
    sums, places = [], []

    def add(*terms: tuple[Fraction, dict[int, Fraction]]) -> int:
        form = _combined(*terms)
        scale = math.lcm(*(value.denominator for node, value in form.items() if node >= 0))
        weights = {node: int(value * scale) for node, value in form.items() if node >= 0}
        factor = math.gcd(*weights.values()) or 1
        threshold = math.ceil(-form.get(-1, Fraction(0)) * scale / factor)
        made.append(({node: weight // factor for node, weight in weights.items()}, threshold))
        return net.n + len(made) - 1

    for weights, bias, kind in net.units:
        z = _combined((bias, one), *((weight, forms[source]) for source, weight in weights.items()))
        sums.append(z)
        places.append(None if kind == "identity" else add((Fraction(1), z)))
        two = kind in ("tanh", "sign")
        forms.append(
            z
            if kind == "identity"
            else _combined((Fraction(1 + two), {places[-1]: Fraction(1)}), (Fraction(-two), one))
        )
    if not net.argmax:
        outputs = []
        for node in net.outputs:
            place = node if node < net.n else places[node - net.n]
            if place is None:
                place = add((Fraction(1), sums[node - net.n]), (-Fraction(net.threshold), one))
            outputs.append(place)
        return made, outputs
    values, m = [sums[node - net.n] for node in net.outputs], len(net.outputs)
    wins = {(j, k): add((Fraction(1), values[j]), (Fraction(-1), values[k])) for j in range(m) for k in range(j + 1, m)}
    for k in range(m):
        weights = {wins[k, j]: 1 for j in range(k + 1, m)} | {wins[j, k]: -1 for j in range(k)}
        made.append((weights, m - 1 - k))
    return made, [net.n + len(made) - m + k for k in range(m)]


def _combined(*terms: tuple[Fraction, dict[int, Fraction]]) -> dict[int, Fraction]:
    form: dict[int, Fraction] = {}
    for factor, other in terms:
        for node, value in other.items():
            form[node] = form.get(node, Fraction(0)) + factor * value
    return {node: value for node, value in form.items() if value}

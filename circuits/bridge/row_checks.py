"""What a network says on rows, by floats with a bound on the error of each, and then by fractions; on NumPy alone.

Running error analysis: N. J. Higham, Accuracy and Stability of Numerical Algorithms (2002), section 3.3.
"""

import math
from typing import Any, NamedTuple

import numpy as np

if __package__:
    from circuits.bridge.exact_rows import Reading, Units, decide_in_fractions
else:  # without the package, as `extraction_checks` says
    from exact_rows import Reading, Units, decide_in_fractions  # pyright: ignore[reportMissingImports]

# Unit roundoff, below which a number may become 0, the error of a sigmoid, half of the largest number. On millions of
# random numbers the sigmoids of XLA and NumPy were off by at most 1.5 u, XLA's tanh by 4.8 u in float32 and 7.0 u in
# float64; here it is 8 u and 16 u.
FLOATS = {
    "float32": (2.0**-24, 2.0**-126, 2.0**-21, 2.0**127),
    "float64": (2.0**-53, 2.0**-1022, 2.0**-50, 2.0**1023),
}
_U = 2.0**-53


class Verdicts(NamedTuple):
    """What was found out about rows.

    Attributes:
        bits: `(rows, m)` bool, in exact arithmetic.
        settled: `(rows,)` bool, false where even fractions did not tell.
        near: `(rows,)` bool, whether a deciding sum may be less than `closest` from its threshold.
        uncertain: `(rows,)` bool, whether one may be at most its limit away.
    """

    bits: np.ndarray
    settled: np.ndarray
    near: np.ndarray
    uncertain: np.ndarray


def decide_rows(
    units: Units, reading: Reading, rows: np.ndarray, closest: float = 0.0, limits: np.ndarray | None = None
) -> Verdicts:
    """Decide rows, and how close the calls were.

    Args:
        units: of a network.
        reading: how its outputs are read.
        rows: `(rows, n)` bool.
        closest: a distance.
        limits: `(calls,)`, a distance for each step and sign, and each output; none is uncertain if None.

    >>> both = Units(2, [[(0, 1.0), (1, 1.0)]], [-1.5], ["sigmoid"], [2], "float32")
    >>> decide_rows(both, Reading(), np.array([[0, 0], [0, 1], [1, 1]], bool)).bits.T
    array([[False, False,  True]])
    """
    bits, distance, bound = _in_floats(units, reading, rows)
    limits = np.full(len(distance), -1.0) if limits is None else limits
    with np.errstate(invalid="ignore"):
        low, high = distance - bound, distance + bound
        settled = ((distance > bound) | (bound == 0)).all(axis=0)
        near = np.asarray(~(low >= closest).all(axis=0))
        uncertain = np.asarray(~(low > limits[:, None]).all(axis=0))
        surely = (high <= limits[:, None]).any(axis=0)
    left = np.flatnonzero(~settled | near | (uncertain & ~surely))
    for row, (exact, least) in zip(left, decide_in_fractions(units, reading, rows[left]), strict=True):
        settled[row] = exact is not None
        if exact is not None:
            bits[row] = exact
        near[row] = any(number < closest for number in least)
        uncertain[row] = any(number <= limit for number, limit in zip(least, limits.tolist(), strict=True))
    return Verdicts(bits, settled, near, uncertain)


def _in_floats(units: Units, reading: Reading, rows: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the bits, and the distances of all deciding sums from their thresholds, `(calls, rows)`, with bounds."""
    values: list[np.ndarray] = [*rows.T.astype(float)]
    errors: list[Any] = [0.0] * units.n
    # All values of a node are multiples of its grain, and exact; 0 if they are not.
    grains = [1.0] * units.n
    sums, bounds, calls = [], [], []
    with np.errstate(over="ignore", invalid="ignore"):
        for edges, bias, kind in zip(units.edges, units.bias, units.kinds, strict=True):
            z, size, passed = (np.full(len(rows), start) for start in (bias, abs(bias), 0.0))
            for source, w in edges:
                product = w * values[source]
                z, size, passed = z + product, size + np.abs(product), passed + abs(w) * errors[source]
            grain = min([_last_bit(bias), *(_last_bit(w) * grains[source] for source, w in edges if w)])
            exact = grain >= 2.0**-1000 and size.max(initial=0) <= 2.0**53 * min(grain, 1.0)
            if exact:
                bound = np.zeros(len(rows))
            else:
                bound = 1.001 * ((len(edges) + 5) * _U * (size + passed) + passed) + 2.0**-1000
            value, error = _activated(kind, z, bound)
            sums.append(z)
            bounds.append(bound)
            values.append(value)
            errors.append(error)
            if kind in ("step", "sign"):
                calls.append((np.abs(z), bound))
            grains.append(1.0 if kind in ("step", "sign") else grain * (exact and kind in ("relu", "identity")))
        found, widths = np.zeros((len(units.outputs), len(rows))), np.zeros((len(units.outputs), len(rows)))
        for k, node in enumerate(units.outputs):
            if node < units.n:
                found[k] = np.where(rows[:, node], np.inf, -np.inf)
            else:
                shift = units.shift(reading, node)
                found[k] = sums[node - units.n] - shift
                # The sign of a difference is exact, its size is rounded.
                widths[k] = bounds[node - units.n] + 2 * _U * np.abs(found[k]) * bool(shift)
        bits = found >= 0
        distance = np.abs(found)
        if reading.read == "argmax":
            top = found.argmax(axis=0)
            bits = np.arange(len(found))[:, None] == top
            lead = np.take_along_axis(found, top[None], axis=0) - found
            widths = np.where(bits, 0, widths + np.take_along_axis(widths, top[None], axis=0) + 2 * _U * lead)
            distance = np.where(bits, np.inf, lead)
        widths *= 1.001
    before = [np.array([call[i] for call in calls]).reshape(len(calls), len(rows)) for i in (0, 1)]
    return bits.T.copy(), np.concatenate([before[0], distance]), np.concatenate([before[1], widths])


def _last_bit(x: float) -> float:
    """Return the largest power of two of which a float is a multiple; infinity for 0.

    >>> _last_bit(0.75), _last_bit(-6.0)
    (0.25, 2.0)
    """
    if not x:
        return math.inf
    fraction, exponent = math.frexp(x)
    odd = int(math.ldexp(fraction, 53))
    return math.ldexp(odd & -odd, exponent - 53)


def _activated(kind: str, z: np.ndarray, bound: np.ndarray) -> tuple[np.ndarray, Any]:
    match kind:
        case "step":
            return (z >= 0).astype(float), 0.0
        case "sign":
            return np.where(z >= 0, 1.0, -1.0), 0.0
        case "sigmoid":
            return 0.5 + 0.5 * np.tanh(z / 2), np.minimum(bound / 4, 1) + 2.0**-50
        case "tanh":
            return np.tanh(z), np.minimum(bound, 2) + 2.0**-49
        case "relu":
            return np.maximum(z, 0), bound
    return z, bound


def float_limits(units: Units, reading: Reading) -> np.ndarray:
    """Return for each call how far from its threshold the network's own floats may be off, added in any order.

    Args:
        units: of a network.
        reading: how its outputs are read.

    Returns:
        `(calls,)`, infinite where floats may overflow.

    Source: N. J. Higham (2002), eq. 3.5.
    """
    u, tiny, sigmoid, largest = FLOATS[units.dtype]
    error, size = [0.0] * units.n, [1.0] * units.n
    bounds, limits = [], []
    for edges, bias, kind in zip(units.edges, units.bias, units.kinds, strict=True):
        terms = len(edges) + 3
        passed = sum(abs(w) * error[source] for source, w in edges)
        most = sum((abs(w) * size[source] for source, w in edges), abs(bias) + passed)
        lost = tiny * (terms + sum({source: size[source] for source, w in edges if w and source >= units.n}.values()))
        bound = (terms * u / (1 - terms * u) * most + passed + lost) * (1 + 2.0**-30)
        if not (2 * terms * u < 1 and bound + most < largest):
            bound = math.inf
        bounds.append(bound)
        error.append(
            {"sigmoid": bound / 4 + sigmoid, "tanh": bound + 2 * sigmoid, "step": 0.0, "sign": 0.0}.get(kind, bound)
        )
        size.append(most if kind in ("relu", "identity") else 1.0)
        if kind in ("step", "sign"):
            limits.append(bound)
    # A sigmoid or tanh shows on which side it is only so far from the middle.
    half = {"sigmoid": 5 * sigmoid, "tanh": 3 * sigmoid}
    own = [
        bounds[node - units.n] + half.get(units.kinds[node - units.n], 0.0) if node >= units.n else 0.0
        for node in units.outputs
    ]
    return np.array([*limits, *([2 * max(own)] * len(own) if reading.read == "argmax" else own)])

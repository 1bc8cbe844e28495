"""Certificates of compiled circuits, and a check that needs nothing but Python's integers.

    python circuits/bridge/certificates.py FILE.json

The claim is about the network as it runs, in float32: on all Boolean inputs each output is within `error` of what
integers give. The check goes from unit to unit. Let s = w.v + 1/2 - T with the Boolean values v, so that |s| >= 1/2;
and let each fan-in that is a unit be within e_i of v_i. With parameters p and c, a pre-activation z has

    |z - gain s| <= sum |p_i - gain w_i| + |c - gain (1/2 - T)| + sum |p_i| e_i + rounding = D,

so that the unit is within 1 / (1 + exp(gain / 2 - D)) + SIGMOID_ERROR. With a tolerance r, where each parameter may be
off by r times its size, D grows by r (sum |p_i| v_i + |c|), which is largest where |s| = 1/2. Rounding is bounded for
sums in any order, with fused multiplications or without: N. J. Higham, Accuracy and Stability of Numerical Algorithms
(2002), section 3.1.

A tanh is 2 h - 1 for a sigmoid h of the double sum, and its values are -1 and 1. A unit of rectifiers is the difference
of two, relu(z + 1/2) - relu(z - 1/2), which is exact while float32 adds up the integers exactly.
"""

import json
import math
import sys
from fractions import Fraction
from pathlib import Path
from typing import NamedTuple

# Integers below are multiples of 2^-_BITS; a float32 is one exactly.
_BITS = 160
_ONE = 1 << _BITS
# The half of a unit in the last place of float32, and what underflow may take from a product or a sum.
_ROUNDING, _UNDERFLOW = _ONE >> 24, _ONE >> 126
# How far a sigmoid in float32 may be from the true one: a third more than was measured over all float32 (1.49 x 2^-24).
SIGMOID_ERROR = Fraction(2, 2**24)
# Half as much again as was measured of a tanh (4.80 x 2^-24).
TANH_ERROR = Fraction(7, 2**24)
_FORMAT = "threshold units in float32, 2"
_ACTIVATIONS = ("step", "sigmoid", "tanh", "relu")


class CertificateError(ValueError):
    """A certificate that does not prove what it claims; the message has the unit and the inequality."""


class CertifiedUnit(NamedTuple):
    """A unit [w.x >= T], and the parameters that stand for it in the network.

    Attributes:
        sources: nodes it reads, inputs first; n + k is unit k.
        weights: integers w.
        threshold: integer T.
        gain: what w and 1/2 - T were multiplied with, about; of a tanh, twice that for inputs, four times for units.
        parameters: p, float32.
        bias: c, float32.
    """

    sources: list[int]
    weights: list[int]
    threshold: int
    gain: float
    parameters: list[float]
    bias: float


class Certificate(NamedTuple):
    """What a compiled network computes, and how nearly.

    Attributes:
        n_inputs: n.
        units: each after those it reads.
        outputs: nodes.
        activation: "step", "sigmoid", "tanh" or "relu".
        error: the claim: on all Boolean inputs no output is further from its Boolean value.
        tolerance: it holds for all parameters that differ from these by up to `tolerance` times their size.
    """

    n_inputs: int
    units: list[CertifiedUnit]
    outputs: list[int]
    activation: str
    error: float
    tolerance: float = 0.0

    def check(self) -> Fraction:
        """Prove the claim anew, in integers.

        Returns:
            How far an output may be from its Boolean value; at most `error`.

        Raises:
            CertificateError: if the claim is not proved, with the unit and the inequality.

        >>> and_gate = CertifiedUnit([0, 1], [1, 1], 2, 8.0, [8.0, 8.0], -12.0)
        >>> float(Certificate(2, [and_gate], [2], "sigmoid", 0.018).check())
        0.01798632...
        >>> Certificate(2, [and_gate._replace(bias=-16.0)], [2], "sigmoid", 0.018).check()
        Traceback (most recent call last):
            ...
        circuits.bridge.certificates.CertificateError: unit 0: expected gain / 2 > D, got gain / 2 = 4 and D = 4.
        """
        if self.activation not in _ACTIVATIONS:
            raise CertificateError(f"expected an activation among {', '.join(_ACTIVATIONS)}, got {self.activation!r}.")
        errors = _errors_of_rectifiers(self) if self.activation == "relu" else _errors_of_units(self)
        # The two values of a tanh are twice as far apart as those of a sigmoid.
        wide = 2 if self.activation == "tanh" else 1
        worst = 0
        for node in self.outputs:
            if not 0 <= node < self.n_inputs + len(errors):
                raise CertificateError(f"output: expected a node below {self.n_inputs + len(errors)}, got {node}.")
            if node >= self.n_inputs:
                found = wide * errors[node - self.n_inputs]
                worst = max(worst, found)
                if not 0 <= self.error < wide / 2 or found > _fixed(self.error, "error"):
                    raise CertificateError(
                        f"unit {node - self.n_inputs}: expected an error of at most {self.error}, proved "
                        f"{float(Fraction(found, _ONE)):.6g}."
                    )
        return Fraction(worst, _ONE)


def _errors_of_units(certificate: Certificate) -> list[int]:
    """Return how far each unit may be from its Boolean value, as multiples of 2^-_BITS, rounded up."""
    tolerance = _fixed(certificate.tolerance, "tolerance")
    if not 0 <= tolerance < _ONE:
        raise CertificateError(f"expected a tolerance of at least 0 and below 1, got {certificate.tolerance}.")
    errors: list[int] = []
    for k, unit in enumerate(certificate.units):
        _check_unit(certificate.n_inputs, k, unit)
        errors.append(_error_of_unit(certificate, k, errors, tolerance))
    return errors


def _check_unit(n_inputs: int, k: int, unit: CertifiedUnit) -> None:
    where, sources = f"unit {k}", unit.sources
    if not len(sources) == len(unit.weights) == len(unit.parameters):
        raise CertificateError(f"{where}: expected as many parameters as sources and weights.")
    if any(not 0 <= source < n_inputs + k for source in sources):
        raise CertificateError(f"{where}: expected sources below {n_inputs + k}, got {sources}.")
    if any(isinstance(x, bool) or not isinstance(x, int) for x in (*unit.weights, unit.threshold)):
        raise CertificateError(f"{where}: expected whole weights and a whole threshold.")
    if _fixed(unit.gain, where) <= 0:
        raise CertificateError(f"{where}: expected a positive gain, got {unit.gain}.")


def _error_of_unit(certificate: Certificate, k: int, errors: list[int], tolerance: int) -> int:
    unit, n, where = certificate.units[k], certificate.n_inputs, f"unit {k}"
    gain, bias = _fixed(unit.gain, where), _float32(unit.bias, where)
    p = [_float32(value, where) for value in unit.parameters]
    total, largest = sum(map(abs, p)) + abs(bias), max(map(abs, p), default=0)
    exact = not tolerance and all(source < n or errors[source - n] == 0 for source in unit.sources)
    rounding = 0
    if not (exact and _adds_exactly([*p, bias], total)):
        rounding = _rounding(len(p) + 1, _times(total, _ONE + tolerance), _times(largest, _ONE + tolerance))
    if certificate.activation == "tanh":
        # The sigmoid h of the double sum reads 2 h - 1 of other units.
        bias = 2 * (bias - sum(value for source, value in zip(unit.sources, p, strict=True) if source >= n))
        p = [value * (4 if source >= n else 2) for source, value in zip(unit.sources, p, strict=True)]
        rounding, size = 2 * rounding, 2 * total
    else:
        size = min(total, _largest_size(unit, gain, p, bias))
    from_units = sum(
        abs(value) * errors[source - n] for source, value in zip(unit.sources, p, strict=True) if source >= n
    )
    # Multiples of 2^-(_BITS + 1), for the half.
    distance = _away(unit, gain, p, bias) + 2 * (
        _times(-(-from_units // _ONE), _ONE + tolerance) + _times(size, tolerance) + rounding
    )
    if gain <= distance:
        half, d = Fraction(gain, 2 * _ONE), Fraction(distance, 2 * _ONE)
        raise CertificateError(
            f"{where}: expected gain / 2 > D, got gain / 2 = {float(half):.6g} and D = {float(d):.6g}."
        )
    if certificate.activation == "step":
        return 0
    error = SIGMOID_ERROR if certificate.activation == "sigmoid" else TANH_ERROR / 2
    return sigmoid_below(Fraction(gain - distance, 2 * _ONE)) + math.ceil(error * _ONE)


def _away(unit: CertifiedUnit, gain: int, p: list[int], bias: int) -> int:
    """Return twice how far the parameters are from integers times the gain."""
    away = sum(abs(value - gain * weight) for value, weight in zip(p, unit.weights, strict=True))
    return 2 * away + abs(2 * bias - gain * (1 - 2 * unit.threshold))


def _largest_size(unit: CertifiedUnit, gain: int, p: list[int], bias: int) -> int:
    """Bound sum |p_i| v_i + |c| on the Boolean rows where |s| = 1/2; it grows more slowly than gain |s| from there.

    With A and B what positive and negative weights add up to on a row, A - B = s + T - 1/2, so that A + B is 2 B, or
    2 A, and a constant.
    """
    positive = sum(weight for weight in unit.weights if weight > 0)
    negative = sum(-weight for weight in unit.weights if weight < 0)
    # Twice A - B for s = 1/2 and for s = -1/2.
    differences = (2 * unit.threshold, 2 * unit.threshold - 2)
    sizes = [min(4 * negative + difference, 4 * positive - difference) for difference in differences]
    size = max(*sizes, 0) + abs(1 - 2 * unit.threshold)
    return -(-(gain * size + _away(unit, gain, p, bias)) // 2)


def _errors_of_rectifiers(certificate: Certificate) -> list[int]:
    """Return zeros, if all sums are of integers that float32 adds up exactly, in any order."""
    if certificate.tolerance != 0:
        raise CertificateError(f"expected a tolerance of 0 for rectifiers, got {certificate.tolerance}.")
    n = certificate.n_inputs
    # The largest sum of the two rectifiers of each unit.
    largest: list[int] = []
    for k, unit in enumerate(certificate.units):
        _check_unit(n, k, unit)
        if unit.parameters != unit.weights or unit.bias != 0.5 - unit.threshold or unit.gain != 1:
            raise CertificateError(f"unit {k}: expected the weights and 1/2 - T themselves, of which sums are exact.")
        edges = zip(unit.sources, unit.weights, strict=True)
        total = sum(abs(weight) * (largest[source - n] if source >= n else 1) for source, weight in edges)
        total += abs(unit.threshold) + 1
        if total > 2**24:
            raise CertificateError(f"unit {k}: expected sums of at most 2^24, got {total}.")
        positive = sum(weight for weight in unit.weights if weight > 0) - unit.threshold
        largest.append(max(0, positive + 1) + max(0, positive))
    return [0] * len(largest)


def _times(value: int, factor: int) -> int:
    """Return a product of two multiples of 2^-_BITS, rounded up."""
    return -(-value * factor // _ONE)


def _adds_exactly(terms: list[int], total: int) -> bool:
    """Return whether float32 adds up any of these numbers exactly, in any order: multiples of a step, below 2^24."""
    step = min((term & -term for term in terms if term), default=_ONE)
    return total <= step << 24


def _rounding(n: int, total: int, largest: int) -> int:
    """Bound what rounding and underflow do to a sum of n products with numbers in [0, 1], or of one term less."""
    if n * 2 >= 1 << 24:
        return total * n  # No bound is known; this is more than any margin.
    relative = -(-total * n * _ROUNDING // (_ONE - n * _ROUNDING))
    return relative + 2 * n * -(-_UNDERFLOW * max(largest, _ONE) // _ONE)


def sigmoid_below(z: Fraction) -> int:
    """Return a bound from above of 1 / (1 + e^z) for z >= 0, as a multiple of 2^-160.

    >>> float(Fraction(sigmoid_below(Fraction(0)), 2**160)), float(Fraction(sigmoid_below(Fraction(4)), 2**160))
    (0.5, 0.0179862...)
    """
    # e^z from below: the first terms of the series for z / 2^7, squared seven times.
    x = min(z, Fraction(100)) * _ONE // 2**7
    power, term = _ONE, _ONE
    for k in range(1, 40):
        term = term * x // (k * _ONE)
        power += term
    for _ in range(7):
        power = power * power // _ONE
    return -(-_ONE * _ONE // (_ONE + power))


def _fixed(value: float, where: str) -> int:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise CertificateError(f"{where}: expected a finite number, got {value!r}.")
    numerator, denominator = value.as_integer_ratio()
    return numerator * _ONE // denominator


def _float32(value: float, where: str) -> int:
    """Return a number that is a normal float32 or 0 exactly."""
    fixed = _fixed(value, where)
    numerator, denominator = value.as_integer_ratio()
    if numerator:
        odd = abs(numerator) // (numerator & -numerator)
        if odd >= 1 << 24 or denominator > _ONE or not 2**-126 <= abs(value) < 2**128:
            raise CertificateError(f"{where}: expected 0 or a normal float32, got {value!r}.")
    return fixed


def as_json(certificate: Certificate) -> str:
    """Return a certificate as JSON.

    >>> from_json(as_json(Certificate(1, [], [0], "step", 0.0)))
    Certificate(n_inputs=1, units=[], outputs=[0], activation='step', error=0.0, tolerance=0.0)
    """
    units = [unit._asdict() for unit in certificate.units]
    return json.dumps({"format": _FORMAT, **certificate._asdict(), "units": units}) + "\n"


def from_json(text: str) -> Certificate:
    """Return the certificate that a JSON text holds, not checked yet.

    Raises:
        CertificateError: if it is none.
    """
    try:
        found = json.loads(text)
        if found.pop("format") != _FORMAT:
            raise CertificateError(f"expected the format {_FORMAT!r}.")
        units = [CertifiedUnit(**unit) for unit in found.pop("units")]
        certificate = Certificate(units=units, **found)
        _check_types(certificate)
    except (AttributeError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise CertificateError(f"expected a certificate as JSON: {error}.") from None
    return certificate


def _check_types(certificate: Certificate) -> None:
    lists = [certificate.outputs, *(unit.sources for unit in certificate.units)]
    if any(type(node) is not int for nodes in lists for node in nodes) or type(certificate.n_inputs) is not int:
        raise CertificateError("expected whole numbers for n_inputs, outputs and sources.")


def main(arguments: list[str]) -> int:
    """Check the certificates in files; 0 if all are right, 1 if one is not."""
    status = 0
    for name in arguments:
        try:
            error = from_json(Path(name).read_text(encoding="utf-8")).check()
            print(f"{name}: proved, error at most {float(error):.6g}")
        except (CertificateError, OSError, UnicodeDecodeError) as wrong:
            print(f"{name}: {wrong}", file=sys.stderr)
            status = 1
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

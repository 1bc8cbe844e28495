"""Certificates of compiled circuits, and a check that needs nothing but Python's integers.

    python circuits/bridge/certificates.py FILE.json

The claim is about the network as it runs, in float32: on all Boolean inputs each output is within `error` of what
integers give. The check goes from unit to unit. Let s = w.v + 1/2 - T with the Boolean values v, so that |s| >= 1/2;
and let each fan-in that is a unit be within e_i of v_i. With parameters p and c, a pre-activation z has

    |z - gain s| <= sum |p_i - gain w_i| + |c - gain (1/2 - T)| + sum |p_i| e_i + rounding = D,

so that the unit is within 1 / (1 + exp(gain / 2 - D)) + SIGMOID_ERROR. Rounding is bounded for sums in any order, with
fused multiplications or without: N. J. Higham, Accuracy and Stability of Numerical Algorithms (2002), section 3.1.
"""

import json
import math
import sys
from collections.abc import Mapping
from fractions import Fraction
from pathlib import Path
from typing import Any, NamedTuple

# Integers below are multiples of 2^-_BITS; a float32 is one exactly.
_BITS = 160
_ONE = 1 << _BITS
# The half of a unit in the last place of float32, and what underflow may take from a product or a sum.
_ROUNDING, _UNDERFLOW = _ONE >> 24, _ONE >> 126
# How far a sigmoid in float32 may be from the true one: a third more than was measured over all float32 (1.49 x 2^-24).
SIGMOID_ERROR = Fraction(2, 2**24)
_FORMAT = "threshold units in float32, 1"


class CertificateError(ValueError):
    """A certificate that does not prove what it claims; the message has the unit and the inequality."""


class CertifiedUnit(NamedTuple):
    """A unit [w.x >= T], and the parameters that stand for it in the network.

    Attributes:
        sources: nodes it reads, inputs first; n + k is unit k.
        weights: integers w.
        threshold: integer T.
        gain: what w and 1/2 - T were multiplied with, about.
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
        activation: "step" or "sigmoid".
        error: the claim: on all Boolean inputs no output is further from its Boolean value.
    """

    n_inputs: int
    units: list[CertifiedUnit]
    outputs: list[int]
    activation: str
    error: float

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
        if self.activation not in ("step", "sigmoid"):
            raise CertificateError(f'expected the activation "step" or "sigmoid", got {self.activation!r}.')
        errors: list[int] = []
        for k, unit in enumerate(self.units):
            errors.append(_error_of_unit(self, k, unit, errors))
        worst = 0
        for node in self.outputs:
            if not 0 <= node < self.n_inputs + len(errors):
                raise CertificateError(f"output: expected a node below {self.n_inputs + len(errors)}, got {node}.")
            if node >= self.n_inputs:
                worst = max(worst, errors[node - self.n_inputs])
                if not 0 <= self.error < 0.5 or errors[node - self.n_inputs] > _fixed(self.error, "error"):
                    proved = float(Fraction(errors[node - self.n_inputs], _ONE))
                    raise CertificateError(
                        f"unit {node - self.n_inputs}: expected an error of at most {self.error}, proved {proved:.6g}."
                    )
        return Fraction(worst, _ONE)


def _error_of_unit(certificate: Certificate, k: int, unit: CertifiedUnit, errors: list[int]) -> int:
    """Return how far a unit may be from its Boolean value, as a multiple of 2^-_BITS, rounded up."""
    where, n = f"unit {k}", certificate.n_inputs
    sources, weights, threshold, *_ = unit
    if not len(sources) == len(weights) == len(unit.parameters):
        raise CertificateError(f"{where}: expected as many parameters as sources and weights.")
    if len(set(sources)) < len(sources) or any(not 0 <= source < n + k for source in sources):
        raise CertificateError(f"{where}: expected different sources below {n + k}, got {sources}.")
    if any(isinstance(x, bool) or not isinstance(x, int) for x in (*weights, threshold)):
        raise CertificateError(f"{where}: expected whole weights and a whole threshold.")
    gain, bias = _fixed(unit.gain, where), _float32(unit.bias, where)
    p = [_float32(value, where) for value in unit.parameters]
    if gain <= 0:
        raise CertificateError(f"{where}: expected a positive gain, got {unit.gain}.")
    total = sum(map(abs, p)) + abs(bias)
    # Multiples of 2^-(_BITS + 1), for the half.
    away = sum(abs(value - gain * weight) for value, weight in zip(p, weights, strict=True))
    distance = 2 * away + abs(2 * bias - gain * (1 - 2 * threshold))
    from_units = sum(abs(value) * errors[source - n] for source, value in zip(sources, p, strict=True) if source >= n)
    distance += 2 * -(-from_units // _ONE)
    exact = all(source < n or errors[source - n] == 0 for source in sources)
    if not (exact and _adds_exactly([*p, bias], total)):
        distance += 2 * _rounding(len(p) + 1, total, max(map(abs, p), default=0))
    if gain <= distance:
        half, d = Fraction(gain, 2 * _ONE), Fraction(distance, 2 * _ONE)
        raise CertificateError(
            f"{where}: expected gain / 2 > D, got gain / 2 = {float(half):.6g} and D = {float(d):.6g}."
        )
    if certificate.activation == "step":
        return 0
    return sigmoid_below(Fraction(gain - distance, 2 * _ONE)) + math.ceil(SIGMOID_ERROR * _ONE)


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
    return Fraction(value) * _ONE // 1


def _float32(value: float, where: str) -> int:
    """Return a number that is a normal float32 or 0 exactly."""
    fixed = _fixed(value, where)
    if fixed:
        odd = fixed // (fixed & -fixed)
        if Fraction(fixed, _ONE) != Fraction(value) or abs(odd) >= 1 << 24 or not 2**-126 <= abs(value) < 2**128:
            raise CertificateError(f"{where}: expected 0 or a normal float32, got {value!r}.")
    return fixed


def as_json(certificate: Certificate) -> str:
    """Return a certificate as JSON.

    >>> from_json(as_json(Certificate(1, [], [0], "step", 0.0)))
    Certificate(n_inputs=1, units=[], outputs=[0], activation='step', error=0.0)
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


def parameters_of(certificate: Certificate) -> Mapping[str, Any]:
    """Return the parameters that a certificate is about: w, one number for each edge, and b, one for each unit."""
    return {
        "w": [value for unit in certificate.units for value in unit.parameters],
        "b": [unit.bias for unit in certificate.units],
    }


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

"""Hardening: the units of a network as exact threshold units, and what its outputs say as bits.

Every float is an integer times a power of two, so that [w.x + b >= 0] has integer weights after scaling. A sigmoid
becomes its step, a tanh 2 h - 1 of a step h, and a unit of the identity is summed into those that read it.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import NamedTuple

import numpy as np

from circuits.bridge.network_units import NetworkUnits
from circuits.netlist import Circuit
from circuits.threshold.gate_conversion import gates_of_units
from circuits.threshold.threshold_circuits import ThresholdCircuit, of_units


class Reading(NamedTuple):
    """How the outputs of a network are read as bits.

    Attributes:
        read: "bits", each output on its own, or "argmax", one bit for each output, of which the largest is 1, and the
            first of those that tie.
        threshold: from which value on an output of the identity is 1; with "bits" alone.
    """

    read: str = "bits"
    threshold: float = 0.0


class HardUnit(NamedTuple):
    """[sum of weights over the nodes that are on >= threshold], in integers of any size."""

    weights: Mapping[int, int]
    threshold: int


class HardUnits(NamedTuple):
    """Exact threshold units in order: unit k is node n + k, for n inputs.

    Attributes:
        n_inputs: n.
        units: the units.
        outputs: the node of each output.
        places: for each unit of the network its node here; None for one of the identity.
    """

    n_inputs: int
    units: tuple[HardUnit, ...]
    outputs: tuple[int, ...]
    places: tuple[int | None, ...]

    def circuit(self, input_names: Sequence[str], output_names: Sequence[str]) -> ThresholdCircuit | Circuit:
        """Return them as a threshold circuit; as gates, where int64 does not hold the sums of their weights."""
        outputs = dict(zip(output_names, self.outputs, strict=True))
        if all(sum(map(abs, unit.weights.values())) + abs(unit.threshold) < 2**61 for unit in self.units):
            return of_units(input_names, self.units, outputs)
        return gates_of_units(input_names, [(unit.weights.items(), unit.threshold) for unit in self.units], outputs)


class _Form(NamedTuple):
    """A weighted sum over Boolean nodes, plus a constant."""

    terms: dict[int, Fraction]
    constant: Fraction


def hard_units(units: NetworkUnits, reading: Reading) -> HardUnits | None:
    """Return the units of the hardened network, and for `argmax` those that compare its outputs.

    Args:
        units: of a network.
        reading: how the outputs are read.

    Returns:
        Exact units, or None if there are units of the rectifier, whose values are not Boolean.

    Source: W. S. McCulloch and W. Pitts (1943).

    >>> from jaxnet.networks.wiring import Wiring
    >>> w, b = np.array([0.5, 0.25]), np.array([-0.625])
    >>> hard_units(NetworkUnits(Wiring(2, [0, 2], [0, 1], [2]), w, b, ("sigmoid",), "float32"), Reading()).units
    (HardUnit(weights={0: 2, 1: 1}, threshold=3),)
    """
    n = units.wiring.n_inputs
    forms = [_Form({node: Fraction(1)}, Fraction(0)) for node in range(n)]
    sums: list[_Form] = []
    made: list[HardUnit] = []
    places: list[int | None] = []

    def add(unit: HardUnit) -> int:
        made.append(unit)
        return n + len(made) - 1

    offsets, sources, w = units.wiring.offsets.tolist(), units.wiring.sources.tolist(), units.w.tolist()
    for unit, kind in enumerate(units.kinds):
        edges = range(offsets[unit], offsets[unit + 1])
        z = _combined([(Fraction(w[e]), forms[sources[e]]) for e in edges], Fraction(float(units.b[unit])))
        sums.append(z)
        if kind == "relu":
            return None
        if kind == "identity":
            places.append(None)
            forms.append(z)
            continue
        node = add(_unit(z))
        places.append(node)
        two = kind in ("tanh", "sign")
        forms.append(_Form({node: Fraction(1 + two)}, Fraction(-int(two))))
    outputs = units.wiring.outputs.tolist()
    if reading.read == "argmax":
        values = [sums[output - n] if output >= n else forms[output] for output in outputs]
        chosen = tuple(_first_largest(values, add))
        return HardUnits(n, tuple(made), chosen, tuple(places))
    found = []
    for output in outputs:
        place = output if output < n else places[output - n]
        if place is None:
            place = add(_unit(_combined([(Fraction(1), sums[output - n])], -Fraction(reading.threshold))))
        found.append(place)
    return HardUnits(n, tuple(made), tuple(found), tuple(places))


def _first_largest(values: list[_Form], add: Callable[[HardUnit], int]) -> list[int]:
    """Add the units of arg max; return one node for each value, of which the first of the largest is on."""
    m = len(values)
    # For j < k: whether value j is at least value k.
    wins = {
        (j, k): add(_unit(_combined([(Fraction(1), values[j]), (Fraction(-1), values[k])], Fraction(0))))
        for j in range(m)
        for k in range(j + 1, m)
    }
    return [
        add(HardUnit({wins[k, j]: 1 for j in range(k + 1, m)} | {wins[j, k]: -1 for j in range(k)}, m - 1 - k))
        for k in range(m)
    ]


def _combined(parts: list[tuple[Fraction, _Form]], constant: Fraction) -> _Form:
    terms: dict[int, Fraction] = {}
    for weight, form in parts:
        constant += weight * form.constant
        for node, value in form.terms.items():
            terms[node] = terms.get(node, Fraction(0)) + weight * value
    return _Form({node: value for node, value in terms.items() if value}, constant)


def _unit(form: _Form) -> HardUnit:
    """Return [form >= 0] in integers, without a common factor."""
    scale = math.lcm(*(value.denominator for value in form.terms.values()))
    weights = {node: int(value * scale) for node, value in form.terms.items()}
    threshold = -form.constant * scale
    factor = math.gcd(*weights.values()) or 1
    return HardUnit({node: weight // factor for node, weight in weights.items()}, math.ceil(threshold / factor))


def fires(hard: HardUnits, x: np.ndarray) -> np.ndarray:
    """Return the value of every node on Boolean rows, exactly.

    Args:
        hard: exact units.
        x: `(rows, n)` bool.

    Returns:
        `(rows, n + units)` bool.
    """
    values = np.zeros((len(x), hard.n_inputs + len(hard.units)), bool)
    values[:, : hard.n_inputs] = x
    for k, unit in enumerate(hard.units):
        nodes, weights = list(unit.weights), list(unit.weights.values())
        small = sum(map(abs, weights)) + abs(unit.threshold) < 2**52
        if small:
            # Sums of integers below 2^53 are exact in float64, and a product of floats is fast.
            total = values[:, nodes] @ np.array(weights, float)
        else:
            total = values[:, nodes].astype(object) @ np.array(weights, object) if nodes else np.zeros(len(x))
        values[:, hard.n_inputs + k] = total >= unit.threshold
    return values

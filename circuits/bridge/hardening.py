"""Hardening: the units of a network as exact threshold units, and what its outputs say as bits.

Every float is an integer times a power of two, so that [w.x + b >= 0] has integer weights after scaling. A sigmoid
becomes its step, a tanh 2 h - 1 of a step h, and a unit of the identity is summed into those that read it. NumPy alone.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from fractions import Fraction
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if __package__:
    from circuits.bridge.exact_rows import Form, Reading, Units, combined
else:  # without the package, as `extraction_checks` says
    from exact_rows import Form, Reading, Units, combined  # pyright: ignore[reportMissingImports]

if TYPE_CHECKING:
    from circuits.bridge.network_units import NetworkUnits
    from circuits.netlist import Circuit
    from circuits.threshold.threshold_circuits import ThresholdCircuit


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

    def circuit(self, input_names: Sequence[str], output_names: Sequence[str]) -> "ThresholdCircuit | Circuit":
        """Return them as a threshold circuit; as gates, where int64 does not hold the sums of their weights."""
        from circuits.threshold.gate_conversion import gates_of_units  # here, since a check does without JAX
        from circuits.threshold.threshold_circuits import of_units

        outputs = dict(zip(output_names, self.outputs, strict=True))
        if all(sum(map(abs, unit.weights.values())) + abs(unit.threshold) < 2**61 for unit in self.units):
            return of_units(input_names, self.units, outputs)
        return gates_of_units(input_names, [(unit.weights.items(), unit.threshold) for unit in self.units], outputs)


def hard_units(units: "NetworkUnits | Units", reading: Reading) -> HardUnits | None:
    """Return the units of the hardened network, and for `argmax` those that compare its outputs.

    Args:
        units: of a network.
        reading: how the outputs are read.

    Returns:
        Exact units, or None if there are units of the rectifier, whose values are not Boolean.

    Source: W. S. McCulloch and W. Pitts (1943).

    >>> hard_units(Units(2, [[(0, 0.5), (1, 0.25)]], [-0.625], ["sigmoid"], [2], "float32"), Reading()).units
    (HardUnit(weights={0: 2, 1: 1}, threshold=3),)
    """
    units = units if isinstance(units, Units) else units.plain()
    n = units.n
    forms = [Form(Fraction(0), {node: Fraction(1)}) for node in range(n)]
    sums: list[Form] = []
    made: list[HardUnit] = []
    places: list[int | None] = []

    def add(unit: HardUnit) -> int:
        made.append(unit)
        return n + len(made) - 1

    for edges, bias, kind in zip(units.edges, units.bias, units.kinds, strict=True):
        z = combined(Fraction(bias), [(Fraction(w), forms[source]) for source, w in edges])
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
        forms.append(Form(Fraction(-int(two)), {node: Fraction(1 + two)}))
    if reading.read == "argmax":
        values = [sums[output - n] if output >= n else forms[output] for output in units.outputs]
        chosen = tuple(_first_largest(values, add))
        return HardUnits(n, tuple(made), chosen, tuple(places))
    found = []
    for output in units.outputs:
        place = output if output < n else places[output - n]
        if place is None:
            place = add(_unit(combined(-Fraction(reading.threshold), [(Fraction(1), sums[output - n])])))
        found.append(place)
    return HardUnits(n, tuple(made), tuple(found), tuple(places))


def _first_largest(values: list[Form], add: Callable[[HardUnit], int]) -> list[int]:
    """Add the units of arg max; return one node for each value, of which the first of the largest is on."""
    m = len(values)
    # For j < k: whether value j is at least value k.
    wins = {
        (j, k): add(_unit(combined(Fraction(0), [(Fraction(1), values[j]), (Fraction(-1), values[k])])))
        for j in range(m)
        for k in range(j + 1, m)
    }
    return [
        add(HardUnit({wins[k, j]: 1 for j in range(k + 1, m)} | {wins[j, k]: -1 for j in range(k)}, m - 1 - k))
        for k in range(m)
    ]


def _unit(form: Form) -> HardUnit:
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

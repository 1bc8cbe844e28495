"""Refactoring: all units that only one unit needs are made anew from the truth table of the whole.

A. Mishchenko, S. Chatterjee and R. Brayton, DAG-aware AIG rewriting (2006), for the cones; the units are those of
`unit_synthesis`.
"""

import numpy as np

from circuits.mapping.resubstitution import needed_by_only
from circuits.mapping.unit_networks import Unit, UnitNetwork
from circuits.mapping.unit_synthesis import units_of_table


def refactor(network: UnitNetwork, *, max_fan_in: int = 16, max_weight: int = 255, max_inputs: int = 8) -> int:
    """Make cones of units anew, where that takes fewer.

    Args:
        network: is changed.
        max_fan_in: of a unit that comes about.
        max_weight: likewise, of its weights.
        max_inputs: of a cone, whose table has 2^inputs rows.

    Returns:
        How many units are gone.

    >>> from circuits import from_circuit, parse
    >>> from circuits.mapping.unit_networks import of_threshold_circuit
    >>> network = of_threshold_circuit(from_circuit(parse("y = a & ~b & ~c | ~a & b & c | a & b & ~c")))
    >>> refactor(network), network.circuit()
    (9, ThresholdCircuit(3 inputs, 1 outputs, 2 units))
    """
    before, known = len(network.units), {}
    for node in reversed(network.order()):
        if node in network.units:
            _refactor(network, node, max_fan_in, max_weight, max_inputs, known)
    return before - len(network.units)


def _refactor(
    network: UnitNetwork, node: int, max_fan_in: int, max_weight: int, max_inputs: int, known: dict[bytes, list[Unit]]
) -> None:
    cone = needed_by_only(network, node)
    if len(cone) < 3:
        return
    sources = sorted({source for each in cone for source in network.units[each].weights} - cone)
    n = len(sources)
    if n > max_inputs:
        return
    values = {source: (np.arange(1 << n) >> k & 1).astype(bool) for k, source in enumerate(sources)}
    for each in network.order_within(sources, [node]):
        values[each] = network.units[each].fires(values, 1 << n)
    key = np.packbits(values[node]).tobytes() + bytes([n])
    if key not in known:
        known[key] = units_of_table(values[node], n) or []
    units = known[key]
    if not 0 < len(units) < len(cone) or any(
        len(unit.weights) > max_fan_in or max(map(abs, unit.weights.values()), default=0) > max_weight for unit in units
    ):
        return
    place = dict(enumerate(sources))
    for k, unit in enumerate(units):
        moved = Unit({place[source]: weight for source, weight in unit.weights.items()}, unit.threshold)
        if k + 1 == len(units):
            old = network.units[node].weights
            network.change(node, moved)
            network.drop(old)
        else:
            place[n + k] = network.add(moved)

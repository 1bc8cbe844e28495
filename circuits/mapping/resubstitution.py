"""Resubstitution: a unit is written anew as one unit of other nodes nearby, and what only it needed goes.

A window is cut around the unit: leaves, all between them and the unit, whatever else follows from the leaves, and the
readers of the unit. On all rows of the leaves a linear program looks for weights over the nodes that stay; rows on
which no reader would notice do not count. A. Mishchenko and R. Brayton, SAT-based logic optimization and
resynthesis (2006), for windows and don't-cares; weights by a linear program in place of gates are new here, as far as
we know.
"""

from typing import NamedTuple

import numpy as np

from circuits.mapping.fitting import one_unit
from circuits.mapping.unit_networks import Unit, UnitNetwork, substitute

# Nodes that follow from the leaves of a window and are not below the unit.
_MOST_SIDES = 40


class Window(NamedTuple):
    """Part of a network around one unit.

    Attributes:
        values: by node, bool `(rows,)`: one row for each value of the leaves.
        divisors: nodes that would stay if the unit went, and do not depend on it.
        cares: bool `(rows,)`, where the readers notice the value of the unit.
    """

    values: dict[int, np.ndarray]
    divisors: list[int]
    cares: np.ndarray


class Settled(NamedTuple):
    """What was looked at when nothing was found for a unit.

    Attributes:
        changes: the network's, then.
        nodes: of the window.
    """

    changes: int
    nodes: set[int]


def resubstitute(
    network: UnitNetwork,
    *,
    max_fan_in: int = 16,
    max_weight: int = 255,
    max_leaves: int = 10,
    max_divisors: int = 24,
    settled: dict[int, Settled] | None = None,
) -> int:
    """Write units anew over nodes nearby, where that makes others superfluous.

    Args:
        network: is changed.
        max_fan_in: of a unit that comes about.
        max_weight: likewise, of its weights.
        max_leaves: of a window, which has 2^leaves rows.
        max_divisors: nodes that a unit may be written over.
        settled: units for which nothing was found, from calls before with the same bounds; these are passed over where
            their windows are what they were. New ones are added.

    Returns:
        How many units are gone.

    >>> from circuits import from_circuit, parse
    >>> from circuits.mapping.unit_networks import of_threshold_circuit
    >>> network = of_threshold_circuit(from_circuit(parse("y = a & b | a & c; z = b | c")))
    >>> resubstitute(network), network.circuit()                            # y = a & z
    (2, ThresholdCircuit(3 inputs, 2 outputs, 2 units))
    """
    before = len(network.units)
    settled = {} if settled is None else settled
    for node in reversed(network.order()):
        if node not in network.units or not network.units[node].weights or _as_settled(network, settled.get(node)):
            continue
        own = needed_by_only(network, node)
        window = window_around(network, node, own, max_leaves)
        changes = network.changes
        if window is not None:
            _resubstitute(network, node, own, window, max_fan_in, max_weight, max_divisors)
        if network.changes == changes:
            settled[node] = Settled(changes, own.union(window.values if window else network.units[node].weights))
    return before - len(network.units)


def _as_settled(network: UnitNetwork, before: Settled | None) -> bool:
    return before is not None and all(network.last_change.get(node, 0) <= before.changes for node in before.nodes)


def _resubstitute(
    network: UnitNetwork,
    node: int,
    own: set[int],
    window: Window,
    max_fan_in: int,
    max_weight: int,
    max_divisors: int,
) -> None:
    values, divisors, cares = window
    target = values[node][cares]
    for divisor in divisors:
        same = values[divisor][cares] == target
        if same.all() or not same.any():
            replace(network, node, divisor, not same[0])
            return
    if len(own) < 2:
        return
    if len(divisors) > max_divisors:
        divisors = _nearest(network, node, window, max_divisors)
    unit = one_unit(np.stack([values[divisor] for divisor in divisors], axis=1)[cares], target) if divisors else None
    if unit is None or len(unit.weights) > max_fan_in or max(map(abs, unit.weights.values()), default=0) > max_weight:
        return
    old = network.units[node].weights
    network.change(node, Unit({divisors[k]: w for k, w in unit.weights.items()}, unit.threshold))
    network.drop(old)


def replace(network: UnitNetwork, node: int, other: int, inverted: bool) -> None:
    """Let all read another node in place of one; an output that would need the complement keeps a unit for it."""
    substitute(network, node, other, inverted)
    if node in network.outputs:
        if not inverted:
            network.outputs = [other if output == node else output for output in network.outputs]
            network.drop([node])
            return
        old = network.units[node].weights
        network.change(node, Unit({other: -1}, 0))
        network.drop(old)
        return
    network.drop([node])


def needed_by_only(network: UnitNetwork, node: int) -> set[int]:
    """Return a unit and all units that would go with it: its maximal fan-out-free cone."""
    outputs, left, cone, waiting = set(network.outputs), {}, {node}, [node]
    while waiting:
        for source in network.units[waiting.pop()].weights:
            if source in network.units and source not in outputs:
                left[source] = left.get(source, len(network.readers[source])) - 1
                if not left[source]:
                    cone.add(source)
                    waiting.append(source)
    return cone


def window_around(network: UnitNetwork, node: int, own: set[int], max_leaves: int) -> Window | None:
    """Return a window of a unit, or None where it would have too many leaves."""
    units, readers = network.units, network.readers
    leaves = set(units[node].weights)
    if len(leaves) > max_leaves:
        return None
    inside = {node}
    # The leaf that adds the fewest others becomes part of the window, one that would go with the unit first.
    while True:
        best, cheapest = None, 0.0
        for leaf in leaves:
            if leaf in units:
                more = len(units[leaf].weights.keys() - leaves) - 1 - 0.5 * (leaf in own)
                if len(leaves) + more <= max_leaves and (best is None or more < cheapest):
                    best, cheapest = leaf, more
        if best is None:
            break
        leaves.discard(best)
        inside.add(best)
        leaves |= units[best].weights.keys()
    above = _readers_within(network, node, leaves, inside, max_leaves)
    known = leaves | inside
    sides, queue = [], list(known)
    while queue and len(sides) < _MOST_SIDES:
        for reader in readers[queue.pop()]:
            if reader not in known and reader not in above and units[reader].weights.keys() <= known - {node}:
                known.add(reader)
                sides.append(reader)
                queue.append(reader)
                if len(sides) == _MOST_SIDES:
                    break
    order = network.order_within(leaves, [*inside, *sides])
    rows = 1 << len(leaves)
    values = {leaf: (np.arange(rows) >> k & 1).astype(bool) for k, leaf in enumerate(leaves)}
    for each in order:
        values[each] = units[each].fires(values, rows)
    cares = np.zeros(rows, bool)
    if above:
        off, on = {**values, node: np.zeros(rows, bool)}, {**values, node: np.ones(rows, bool)}
        for reader in above:
            cares |= units[reader].fires(off, rows) != units[reader].fires(on, rows)
    else:
        cares[:] = True
    dependent = {node}
    for each in order:
        if units[each].weights.keys() & dependent:
            dependent.add(each)
    divisors = [each for each in values if each not in own and each not in dependent]
    return Window(values, divisors, cares)


def _readers_within(network: UnitNetwork, node: int, leaves: set[int], inside: set[int], max_leaves: int) -> list[int]:
    """Return the readers of a unit, their other inputs made leaves; none where not all of them find room."""
    if node in network.outputs or len(network.readers[node]) > 6:
        return []
    others = set().union(*(network.units[reader].weights for reader in network.readers[node])) - leaves - inside
    if len(leaves) + len(others) > max_leaves or others & _above(network, node, others):
        return []
    leaves |= others
    return list(network.readers[node])


def _above(network: UnitNetwork, node: int, asked: set[int]) -> set[int]:
    """Return which of some nodes depend on a node; all of them where that takes long to tell."""
    seen, waiting, found = {node}, [node], set()
    while waiting:
        if len(seen) > 400:
            return asked
        for reader in network.readers[waiting.pop()]:
            if reader not in seen:
                seen.add(reader)
                waiting.append(reader)
                if reader in asked:
                    found.add(reader)
    return found


def _nearest(network: UnitNetwork, node: int, window: Window, most: int) -> list[int]:
    """Return the divisors that say most of a unit: those it reads, then those that agree most, or least, with it."""
    values, divisors, cares = window
    reads, target = network.units[node].weights, values[node][cares]

    def says(divisor: int) -> float:
        return (divisor in reads) + abs(np.mean(values[divisor][cares] == target) - 0.5)

    return sorted(divisors, key=lambda divisor: (-says(divisor), divisor))[:most]

"""Merging: a unit that its readers can do without, since each of them with the unit inside is still one unit.

Let v = [z + a h >= T] read the unit h = [g >= t] with a > 0. Where z is in [T - a, T), h decides; if z takes only one
value m there, v = [k (z - m) + g >= t] for a large k. Else the table of v over all that both read may be one unit.
"""

import numpy as np

from circuits.mapping.unit_networks import Unit, UnitNetwork, reduced
from circuits.threshold.recognition import NotThreshold, recognise
from circuits.threshold.trades import fires

# Subset sums are listed as bits of an integer this wide.
_WIDEST = 1 << 14


def merge(network: UnitNetwork, *, max_fan_in: int = 16, max_weight: int = 255, max_table: int = 10) -> int:
    """Merge units into all their readers, where all of them stay one unit each.

    Args:
        network: is changed.
        max_fan_in: of a unit that comes about.
        max_weight: likewise, of its weights.
        max_table: the most inputs for which a table is asked whether it is one unit.

    Returns:
        How many units are gone.

    >>> from circuits import from_circuit, parse
    >>> from circuits.mapping.unit_networks import of_threshold_circuit
    >>> network = of_threshold_circuit(from_circuit(parse("y = a & (b | c & d)")))
    >>> merge(network), network.circuit()
    (2, ThresholdCircuit(4 inputs, 1 outputs, 1 units))
    """
    before = len(network.units)
    outputs = set(network.outputs)
    known: dict[tuple, Unit | None] = {}
    for node in network.order():
        if node in outputs or node not in network.units:
            continue
        inner = network.units[node]
        changes: dict[int, Unit] = {}
        for reader in network.readers[node]:
            outer = network.units[reader]
            both = inner.weights.keys() | outer.weights.keys()
            if len(both) - 1 > max_fan_in:
                break
            unit = by_band(outer, node, inner)
            if unit is None or max(map(abs, unit.weights.values()), default=0) > max_weight or len(both) <= 7:
                unit = _by_table(outer, node, inner, max_table, known)
            if unit is None or max(map(abs, unit.weights.values()), default=0) > max_weight:
                break
            changes[reader] = unit
        else:
            for reader, unit in changes.items():
                network.change(reader, unit)
            network.drop([node])
    return before - len(network.units)


def by_band(outer: Unit, node: int, inner: Unit) -> Unit | None:
    """Return a unit for one that reads another, written out over what both read; None if the band has two values.

    >>> by_band(Unit({0: 1, 3: 1}, 2), 3, Unit({1: 1, 2: 1}, 1))            # x0 and (x1 or x2)
    Unit(weights={0: 2, 1: 1, 2: 1}, threshold=3)
    """
    rest = dict(outer.weights)
    weight, threshold = rest.pop(node), outer.threshold
    if weight < 0:
        inner, threshold, weight = inner.inverted(), threshold - weight, -weight
    if sum(map(abs, rest.values())) > _WIDEST:
        return None
    lowest, sums = sum(w for w in rest.values() if w < 0), 1
    for w in rest.values():
        sums |= sums << abs(w)
    # Bit k of sums: z = lowest + k for some values of the nodes.
    start, end = max(threshold - weight - lowest, 0), threshold - lowest
    band = sums >> start & (1 << max(0, end - start)) - 1
    if not band or band & band - 1:
        return None
    middle = start + band.bit_length() - 1
    above, below = sums >> middle + 1, sums & (1 << middle) - 1
    least = sum(w for w in inner.weights.values() if w < 0)
    most = sum(w for w in inner.weights.values() if w > 0)
    factor = 1
    if above:
        factor = max(factor, -(-(inner.threshold - least) // (above & -above).bit_length()))
    if below:
        factor = max(factor, (most - inner.threshold) // (middle - below.bit_length() + 1) + 1)
    total = {source: factor * w for source, w in rest.items()}
    for source, w in inner.weights.items():
        total[source] = total.get(source, 0) + w
    return reduced(total, factor * (middle + lowest) + inner.threshold)


def _by_table(outer: Unit, node: int, inner: Unit, most: int, known: dict[tuple, Unit | None]) -> Unit | None:
    """Return the same by the table over all nodes that both read; None if that is no unit, or they are too many."""
    sources = sorted((inner.weights.keys() | outer.weights.keys()) - {node})
    n = len(sources)
    if n > most:
        return None
    place = {source: k for k, source in enumerate(sources)}
    key = (
        n,
        tuple((place[source], w) for source, w in inner.weights.items()),
        inner.threshold,
        tuple((place.get(source, -1), w) for source, w in outer.weights.items()),
        outer.threshold,
    )
    if key not in known:
        known[key] = _one_unit(n, *key[1:])
    unit = known[key]
    return unit and Unit({sources[k]: w for k, w in unit.weights.items()}, unit.threshold)


def _one_unit(n: int, inner: tuple, inner_threshold: int, outer: tuple, outer_threshold: int) -> Unit | None:
    def weights_of(terms: tuple) -> np.ndarray:
        weights = np.zeros(n, np.int64)
        for place, w in terms:
            if place >= 0:
                weights[place] = w
        return weights

    fired = fires(weights_of(inner), inner_threshold)
    rest, weight = weights_of(outer), next(w for place, w in outer if place < 0)
    table = np.where(fired, fires(rest, outer_threshold - weight), fires(rest, outer_threshold))
    unit = recognise(table, n)
    if isinstance(unit, NotThreshold):
        return None
    return Unit({k: w for k, w in enumerate(unit.weights.tolist()) if w}, unit.threshold)

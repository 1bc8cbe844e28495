"""A truth table as few units: one, the best of four inputs, a symmetric function, a decomposition, or a sum of units.

R. L. Ashenhurst, The decomposition of switching functions (1957), for pairs of inputs that are read as one; S. Minato
(1992) for the sum of products, whose cubes are packed into threshold functions. Weights of the last unit come from a
linear program, which needs only some of the packs.
"""

import itertools
from typing import Any

import numpy as np

from circuits.covers import irredundant
from circuits.mapping.fitting import one_unit
from circuits.mapping.unit_networks import Unit, reduced
from circuits.threshold.minimal_networks import minimal_network
from circuits.threshold.packed_tables import pack_tables, symmetric_variables
from circuits.threshold.recognition import recognise
from circuits.threshold.symmetric_functions import parity, symmetric
from circuits.threshold.threshold_circuits import ThresholdCircuit
from circuits.threshold.units import ThresholdUnit

# Cubes past which a sum of products is not packed, and a function is split in two instead.
_MOST_CUBES = 40


def units_of_table(values: Any, n: int, *, widest: int = 12) -> list[Unit] | None:
    """Return units that compute a truth table, the last one being the output.

    Args:
        values: bool `(2^n,)`, input i being bit i of the row.
        n: 0 to 16.
        widest: past as many inputs, only what is one unit, symmetric, or decomposes is tried.

    Returns:
        Units over nodes 0..n-1, the inputs, and n, n + 1, ..., the units before; None where nothing that is tried fits.

    Source: R. L. Ashenhurst (1957).

    >>> parity = [row.bit_count() % 2 == 1 for row in range(256)]
    >>> len(units_of_table(parity, 8))
    4
    """
    values = np.asarray(values, bool)
    cube = values.reshape((2,) * n)[()] if n else values
    needed = [i for i in range(n) if (np.take(cube, 0, n - 1 - i) != np.take(cube, 1, n - 1 - i)).any()]
    if len(needed) == n:
        return _units(values, n, widest)
    rest = cube[tuple(slice(None) if n - 1 - axis in needed else 0 for axis in range(n))]
    places = dict(enumerate(needed))
    units = _units(np.atleast_1d(rest).reshape(-1), len(needed), widest)
    return units and _placed(units, len(needed), places, n)


def _units(values: np.ndarray, n: int, widest: int) -> list[Unit] | None:
    """Return the same for a function that depends on all its inputs."""
    if n <= 4:
        return _of_circuit(minimal_network(values, n))
    unit = recognise(values, n)
    if isinstance(unit, ThresholdUnit):
        return [reduced(dict(enumerate(unit.weights.tolist())), unit.threshold)]
    if (found := _symmetric(values, n)) is not None:
        return found
    if (found := _decomposed(values, n, widest)) is not None or n > widest:
        return found
    cubes = [
        irredundant(int.from_bytes(np.packbits(side, bitorder="little").tobytes(), "little"), n)
        for side in (values, ~values)
    ]
    if min(map(len, cubes)) > _MOST_CUBES:
        return _split(values, n)
    offers = [(k == 1, _packed(side, n)) for k, side in enumerate(cubes) if len(side) <= _MOST_CUBES]
    return min((_summed(values, n, packs, inverted) for inverted, packs in offers), key=len)


def _of_circuit(circuit: ThresholdCircuit) -> list[Unit]:
    ends, sources = circuit.wiring.offsets.tolist(), circuit.wiring.sources.tolist()
    weights, thresholds = circuit.weights.tolist(), circuit.thresholds.tolist()
    return [
        Unit(dict(zip(sources[a:b], weights[a:b], strict=True)), threshold)
        for (a, b), threshold in zip(itertools.pairwise(ends), thresholds, strict=True)
    ]


def _placed(units: list[Unit], n: int, places: dict[int, int], first: int) -> list[Unit]:
    """Return units of n inputs over other nodes: inputs by `places`, units from `first` on."""

    def at(node: int) -> int:
        return places[node] if node < n else first + node - n

    return [Unit({at(node): w for node, w in unit.weights.items()}, unit.threshold) for unit in units]


def _symmetric(values: np.ndarray, n: int) -> list[Unit] | None:
    """Return the units of a function that only depends on how many inputs are on, some of them inverted."""
    for flipped in {0, _polarity(values, n)}:
        rows = np.arange(1 << n) ^ flipped
        if symmetric_variables(pack_tables(values[rows], n), n).all():
            counts = [bool(values[(1 << s) - 1 ^ flipped]) for s in range(n + 1)]
            alternate = all(a != b for a, b in itertools.pairwise(counts))
            units = _of_circuit(parity(n, form="chain") if alternate else symmetric(counts))
            if alternate and counts[0]:
                units[-1] = units[-1].inverted()
            return [_inverted_inputs(unit, flipped) for unit in units]
    return None


def _polarity(values: np.ndarray, n: int) -> int:
    """Return which inputs to invert so that all may be alike: those more often off where the function is on."""
    on = np.flatnonzero(values)
    return sum(1 << i for i in range(n) if 2 * np.count_nonzero(on >> i & 1) < len(on))


def _inverted_inputs(unit: Unit, flipped: int) -> Unit:
    weights, threshold = dict(unit.weights), unit.threshold
    for node in weights:
        if flipped >> node & 1 and node < flipped.bit_length():
            threshold -= weights[node]
            weights[node] = -weights[node]
    return Unit(weights, threshold)


def _decomposed(values: np.ndarray, n: int, widest: int) -> list[Unit] | None:
    """Return the units of a function that reads two of its inputs as one bit; None if there are no two such inputs."""
    cube = values.reshape((2,) * n)
    for i, j in itertools.combinations(range(n), 2):
        sides = [np.take(np.take(cube, a, n - 1 - j), b, n - 2 - i) for a in (0, 1) for b in (0, 1)]
        kinds = [next(k for k, other in enumerate(sides) if (other == side).all()) for side in sides]
        if len(set(kinds)) != 2:
            continue
        # Bit b + 2 a of the pair's table: whether the rest differs from where both are off.
        pair = [kind != 0 for kind in kinds]
        inner = _of_circuit(minimal_network(np.array(pair), 2))
        inner = _placed(inner, 2, {0: i, 1: j}, n)
        bit = n + len(inner) - 1
        others = [k for k in range(n) if k not in (i, j)]
        rest = np.stack([sides[0], sides[next(k for k in range(4) if pair[k])]]).reshape(-1)
        places = {**dict(enumerate(others)), len(others): bit}
        outer = units_of_table(rest, len(others) + 1, widest=widest)
        return outer and inner + _placed(outer, len(others) + 1, places, bit + 1)
    return None


def _packed(cubes: list[str], n: int) -> list[tuple[np.ndarray, Unit]]:
    """Pack cubes into threshold functions, each cube into the first that stays one; return tables and units."""
    rows = np.arange(1 << n)
    packs: list[tuple[np.ndarray, Unit]] = []
    for cube in sorted(cubes, key=lambda cube: n - cube.count("-")):
        on = np.ones(1 << n, bool)
        for i, literal in enumerate(cube):
            if literal != "-":
                on &= (rows >> i & 1) == int(literal)
        for k, (table, _) in enumerate([*packs, (np.zeros(1 << n, bool), None)]):
            unit = recognise(table | on, n)
            if isinstance(unit, ThresholdUnit):
                pack = (table | on, reduced(dict(enumerate(unit.weights.tolist())), unit.threshold))
                packs[k : k + 1] = [pack]
                break
    return packs


def _summed(values: np.ndarray, n: int, packs: list[tuple[np.ndarray, Unit]], inverted: bool) -> list[Unit]:
    """Return the packs that a last unit needs beside the inputs, and that unit."""
    inputs = (np.arange(1 << n)[:, None] >> np.arange(n) & 1).astype(bool)

    def fitted(chosen: list[tuple[np.ndarray, Unit]]) -> Unit | None:
        return one_unit(np.column_stack([inputs, *(table for table, _ in chosen)]), values)

    # Without the largest, whose weights the last unit takes over, the sum is always one unit.
    chosen = sorted(packs, key=lambda pack: pack[0].sum())[:-1]
    last = fitted(chosen)
    if last is None:
        chosen = packs
        last = fitted(chosen) or _any_of(n, len(packs), inverted)
    for pack in list(chosen):
        fewer = [each for each in chosen if each is not pack]
        if (unit := fitted(fewer)) is not None:
            chosen, last = fewer, unit
    return [unit for _, unit in chosen] + [last]


def _any_of(n: int, count: int, inverted: bool) -> Unit:
    unit = Unit({n + k: 1 for k in range(count)}, 1)
    return unit.inverted() if inverted else unit


def _split(values: np.ndarray, n: int) -> list[Unit]:
    """Return the units of both halves of a function and of a choice between them, by the input that leaves least."""
    cube = values.reshape((2,) * n)

    def size(i: int) -> int:
        off, on = np.take(cube, 0, n - 1 - i), np.take(cube, 1, n - 1 - i)
        return int(min((off ^ on).sum(), (off == on).sum()))

    i = min(range(n), key=size)
    others = dict(enumerate(k for k in range(n) if k != i))
    halves = [units_of_table(np.take(cube, value, n - 1 - i).reshape(-1), n - 1) or [] for value in (0, 1)]
    off = _placed(halves[0], n - 1, others, n)
    on = _placed(halves[1], n - 1, others, n + len(off))
    p, q = n + len(off) - 1, n + len(off) + len(on) - 1
    both = q + 1
    # y = (q and x) or (p and not x), as the best circuit of three inputs has it.
    choice = _of_circuit(
        minimal_network(np.array([row & 1 if not row & 4 else row >> 1 & 1 for row in range(8)], bool), 3)
    )
    return off + on + _placed(choice, 3, {0: p, 1: q, 2: i}, both)

"""The search for the smallest circuits of threshold units of four inputs, complete up to three units.

All threshold functions of n inputs are listed with their least weights (`all_units`). The first unit may be one of each
of the 15 NPN classes alone: the inputs of the whole circuit may be permuted and negated, and a unit that reads it takes
its negation into a weight. The units after it are tried in full: no circuit of the same size is left out.

    python -m circuits.threshold.network_search

makes the data of `minimal_networks` anew. On one hidden unit: S. Muroga, Threshold Logic and its Applications (1971).
"""

import itertools
from typing import NamedTuple

import numpy as np

from circuits.threshold.minimal_networks import FILE, INPUTS, MOST_UNITS, Network, moved, table_of_network, to_least
from circuits.threshold.minimal_weights import self_dual_weights
from circuits.threshold.packed_tables import npn, unpack_tables
from jaxnet.progress import progress_bar
from jaxnet.validation import whole_number


class Units(NamedTuple):
    """Threshold functions of n inputs with least integer weights, by ascending sum of |w|.

    Attributes:
        tables: `(k,)` unsigned integers of 2^n bits (8 at least), bit r the value on row r.
        weights: `(k, n)` int8.
        thresholds: `(k,)` int16.
        sums: `(k,)` int16, of |w|, the threshold not counted.
    """

    tables: np.ndarray
    weights: np.ndarray
    thresholds: np.ndarray
    sums: np.ndarray


def all_units(n: int, *, most: int | None = None) -> Units:
    """List all threshold functions of n inputs, from the self-dual classes of n + 1.

    Args:
        n: 0 to 6; there are 94,572 of 5 inputs, and 15,028,134 of 6.
        most: leave out those whose least sum of |w| is larger.

    Returns:
        `Units`.

    Raises:
        ValueError: if n is out of range.

    Source: R. O. Winder (1965).

    >>> len(all_units(4).tables)
    1882
    """
    n = whole_number("all_units", "n", n, 0, 6)
    classes = self_dual_weights().weights
    classes = classes[(classes > 0).sum(axis=1) <= n + 1, : n + 1]
    found = [_units_of(own.tolist(), most) for own in classes]
    units = Units(*(np.concatenate(parts) for parts in zip(*found, strict=True)))
    order = np.argsort(units.sums, kind="stable")
    return Units(*(part[order] for part in units))


def _units_of(weights: list[int], most: int | None) -> Units:
    """Return the functions of one self-dual class: its last variable is fixed at 1, in any order and sign."""
    n = len(weights) - 1
    orders = np.array(sorted(set(itertools.permutations(weights))), np.int8)
    if most is not None:
        orders = orders[orders[:, :n].sum(axis=1, dtype=int) <= most]
    # A sign for each weight that is not 0, by its place among these.
    signs = np.array(list(itertools.product((1, -1), repeat=sum(w > 0 for w in weights))), np.int8)
    place = np.maximum(np.cumsum(orders > 0, axis=1) - 1, 0)
    signed = (orders[:, None] * signs[:, place].transpose(1, 0, 2)).reshape(-1, n + 1)
    inner, constant = signed[:, :n], signed[:, n].astype(np.int16)
    # In signs, [sum w_i s_i + w_0 > 0], and s = 2 x - 1; all weights together are odd.
    thresholds = (inner.sum(axis=1, dtype=np.int16) - constant + 1) // 2
    return Units(_tables(inner, thresholds), inner, thresholds, np.abs(inner).sum(axis=1, dtype=np.int16))


def _tables(weights: np.ndarray, thresholds: np.ndarray) -> np.ndarray:
    n = weights.shape[1]
    sums = np.zeros((len(weights), 1), np.int16)
    for column in weights.T:
        sums = np.concatenate([sums, sums + column[:, None]], axis=1)
    octets = np.packbits(sums >= thresholds[:, None], axis=1, bitorder="little")
    return np.ascontiguousarray(octets).view(f"<u{max(1, 2**n // 8)}")[:, 0]


def _blocks(units: Units) -> np.ndarray:
    """Return tables of 4 + k inputs as 2^k tables of the first four, one for each value of the others."""
    return np.ascontiguousarray(np.ascontiguousarray(units.tables).view("<u2").reshape(len(units.tables), -1).T)


class FourInputSearch:
    """The smallest circuits of each class of four-input functions: fewest units, and of these least sum of |w|.

    Attributes:
        classes: `(65536,)` uint16: of each table, the least of its NPN class.
        found: by class, a circuit of a function of the class.
    """

    def __init__(self) -> None:
        self.classes = npn(np.arange(1 << 16), INPUTS).astype(np.uint16)
        self.found: dict[int, Network] = {}
        self._open = np.ones(1 << 16, bool)
        self._first = all_units(INPUTS)
        self._second = all_units(INPUTS + 1)
        # One hidden unit of each class; no constants, since what reads them can do without.
        _, places = np.unique(self.classes[self._first.tables], return_index=True)
        self._hidden = [int(place) for place in places if self._first.sums[place]]

    def one_unit(self) -> None:
        """Find all circuits of one unit."""
        for place, own in self._new(self._first.tables):
            self._add(own, [_unit(self._first, place)])

    def two_units(self) -> None:
        """Find all circuits of two units."""
        off, on = _blocks(self._second)
        best: dict[int, tuple[int, Network]] = {}
        for hidden in self._hidden:
            h = self._first.tables[hidden]
            for place, own in self._new(off ^ (off ^ on) & h):
                total = int(self._first.sums[hidden] + self._second.sums[place])
                if own not in best or total < best[own][0]:
                    best[own] = total, [_unit(self._first, hidden), _unit(self._second, place)]
        for own, (_, network) in best.items():
            self._add(own, network)

    def three_units(self, *, progress: bool = False) -> None:
        """Find circuits of three units, by ascending sum of |w|, until every class has one."""
        off, on = _blocks(self._second)
        middle = {}
        for hidden in self._hidden:
            # Of each function of the four inputs, the unit that has the least sum.
            tables, places = np.unique(off ^ (off ^ on) & self._first.tables[hidden], return_index=True)
            # A unit and its complement serve alike.
            middle[hidden] = [(h, place) for h, place in zip(tables, places.tolist(), strict=True) if not h & 1]
        with progress_bar("sum of weights", itertools.count(), shown=progress) as bar:
            for total in bar:
                if not self._open.any():
                    return
                last = all_units(INPUTS + 2, most=total)
                blocks = _blocks(last)
                for hidden in self._hidden:
                    self._three_of(total, hidden, middle[hidden], last, blocks)

    def _three_of(self, total: int, hidden: int, middle: list, last: Units, blocks: np.ndarray) -> None:
        """Find the circuits with this sum of |w| and this first unit."""
        h = self._first.tables[hidden]
        off, on = blocks[0] ^ (blocks[0] ^ blocks[1]) & h, blocks[2] ^ (blocks[2] ^ blocks[3]) & h
        differ = off ^ on
        start_of = np.searchsorted(last.sums, np.arange(total + 2)).tolist()
        for table, place in middle:
            left = total - int(self._first.sums[hidden]) - int(self._second.sums[place])
            if left < 0:
                continue
            start, end = start_of[left], start_of[left + 1]
            for found, own in self._new(off[start:end] ^ differ[start:end] & table):
                units = _unit(self._first, hidden), _unit(self._second, place), _unit(last, start + found)
                self._add(own, list(units))

    def _new(self, tables: np.ndarray) -> list[tuple[int, int]]:
        """Return where a class that has no circuit yet comes first in tables, and which class it is."""
        hits = np.flatnonzero(self._open[tables])
        if not len(hits):
            return []
        classes, first = np.unique(self.classes[tables[hits]], return_index=True)
        return list(zip(hits[first].tolist(), classes.tolist(), strict=True))

    def _add(self, own: int, network: Network) -> None:
        self.found[own] = network
        self._open[self.classes == own] = False


def _unit(units: Units, place: int) -> tuple[list[int], int]:
    return units.weights[place].tolist(), int(units.thresholds[place])


def _make() -> None:
    search = FourInputSearch()
    search.one_unit()
    search.two_units()
    search.three_units(progress=True)
    stored = np.zeros((len(search.found), MOST_UNITS, INPUTS + MOST_UNITS), np.int8)
    for k, (least, network) in enumerate(sorted(search.found.items())):
        rows = unpack_tables(np.array([table_of_network(network)], np.uint64), INPUTS)
        place, negated, complemented, same = to_least(rows)
        if least != same:
            raise RuntimeError(f"network_search: a circuit of class {same:#x} for {least:#x}: a mistake in circuits.")
        for i, (weights, threshold) in enumerate(moved(network, place, negated, complemented)):
            stored[k, i, : len(weights)], stored[k, i, -1] = weights, threshold
    np.save(str(FILE), stored)


if __name__ == "__main__":
    _make()

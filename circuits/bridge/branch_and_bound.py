"""Branch and bound: what a network says on domains that are too large to enumerate, or where it says two things.

A box is a domain of which some parts have been given a row. On a box every unit has an interval, and so two lines that
its value lies between; put into the output, last level first, they bound it by a weighted sum of the inputs, whose
least value on the box is a sum of least values of parts (H. Zhang, T.-W. Weng, P.-Y. Chen, C.-J. Hsieh and L. Daniel,
Efficient neural network robustness certification with general activation functions, 2018). Where that decides nothing,
the next part is split. Bounds are lowered by what rounding may add to them; single rows are decided exactly. NumPy
alone.
"""

import itertools
import math
import time
from typing import Literal, NamedTuple

import numpy as np

if __package__:
    from circuits.bridge.dense_levels import levels_of
    from circuits.bridge.exact_rows import Reading, Units
    from circuits.bridge.relaxations import Lines, value_bounds
    from circuits.bridge.row_checks import decide_rows
else:  # without the package, as `extraction_checks` says
    from dense_levels import levels_of  # pyright: ignore[reportMissingImports]
    from exact_rows import Reading, Units  # pyright: ignore[reportMissingImports]
    from relaxations import Lines, value_bounds  # pyright: ignore[reportMissingImports]
    from row_checks import decide_rows  # pyright: ignore[reportMissingImports]

_ROUNDOFF = 2.0**-53
_BOXES_AT_ONCE = 2**11
_NUMBERS_AT_ONCE = 2**22
# Boxes of at most so many rows are enumerated, and so many rows are decided between two looks at the clock.
_FEW_ROWS = 8
_ROWS_AT_ONCE = 256
# How many rows that floats leave open are decided exactly in the search for a difference.
_DOUBTS = 4


class Region(NamedTuple):
    """A box on which a network says one thing.

    Attributes:
        places: for the first parts in the order of splitting, the place of the row that each was given.
        bits: `(m,)` bool, the outputs on the box.
    """

    places: tuple[int, ...]
    bits: np.ndarray


class Searched(NamedTuple):
    """What a search found.

    Attributes:
        outcome: "decided", on the whole domain; "differ", on a row; "unfinished", within the limits.
        nodes: how many boxes were looked at.
        order: the parts of the domain in the order of splitting, without those of one row.
        regions: which the domain consists of, for `regions_of`.
        row: `(n,)` bool, on which two networks differ, or None.
    """

    outcome: Literal["decided", "differ", "unfinished"]
    nodes: int
    order: tuple[int, ...]
    regions: tuple[Region, ...] = ()
    row: np.ndarray | None = None


class Limits(NamedTuple):
    """When a search ends without a result.

    Attributes:
        seconds: of wall time.
        nodes: boxes.
        regions: that are kept.
    """

    seconds: float = math.inf
    nodes: float = math.inf
    regions: float = 2**16


def agrees_with_hardened(units: Units, reading: Reading, tables: list[np.ndarray], limits: Limits) -> Searched:
    """Decide whether a network and its hardened one say the same on a domain, or return a row on which they differ.

    Args:
        units: of a network, of any depth.
        reading: how its outputs are read.
        tables: `(rows, columns)` bool for each part of the domain, the rows that its columns may have.
        limits: when to give up.

    Source: H. Zhang, T.-W. Weng, P.-Y. Chen, C.-J. Hsieh, L. Daniel (2018); A. H. Land and A. G. Doig (1960).

    >>> any_of_64 = Units(64, [[(k, 1.0) for k in range(64)]], [-0.5], ["tanh"], [64], "float32")
    >>> found = agrees_with_hardened(any_of_64, Reading(), [np.array([[False], [True]])] * 64, Limits())
    >>> found.outcome, found.nodes < 200
    ('decided', True)
    """
    return _search(units, reading, tables, limits, both=True)


def regions_of(units: Units, reading: Reading, tables: list[np.ndarray], limits: Limits) -> Searched:
    """Divide a domain into regions on each of which a network says one thing; arguments as above."""
    return _search(units, reading, tables, limits, both=False)


class _Boxes(NamedTuple):
    """Boxes of one depth.

    Attributes:
        depth: how many parts have been given a row.
        sums: `(boxes, units)`, what the inputs that are known add up for each unit.
        places: `(boxes, parts)`, a row of each box: the place of the row that each part has.
    """

    depth: int
    sums: np.ndarray
    places: np.ndarray


def _search(units: Units, reading: Reading, tables: list[np.ndarray], limits: Limits, both: bool) -> Searched:
    if any(len({source for source, _ in edges}) < len(edges) for edges in units.edges):
        # Edges from one node may cancel, and their sum be rounded: that is left to others.
        return Searched("unfinished", 0, ())
    split = _Split(units, reading, tables)
    networks = [split.units, split.units.hardened()] if both else [split.units]
    nodes, regions = 0, []
    end = time.monotonic() + limits.seconds
    stack = [_Boxes(0, split.start[None], np.zeros((1, len(split.order)), np.int64))]
    at_once = max(1, min(_BOXES_AT_ONCE, _NUMBERS_AT_ONCE // split.numbers_per_box))
    with np.errstate(over="ignore", invalid="ignore"):
        while stack:
            depth, sums, places = stack.pop()
            if len(sums) > at_once:
                stack.append(_Boxes(depth, sums[at_once:], places[at_once:]))
                sums, places = sums[:at_once], places[:at_once]
            nodes += len(sums)
            if nodes > limits.nodes or len(regions) > limits.regions or time.monotonic() > end:
                return Searched("unfinished", nodes, split.order)
            boxes = _Boxes(depth, sums, places)
            if split.rows_left[depth] <= _FEW_ROWS:
                every = split.all_rows(boxes)
                found = split.decided(every, both, end)
                if found is None:
                    return Searched("unfinished", nodes, split.order)
                wrong = (found[0] != found[-1]).any(axis=1)
                if wrong.any():
                    return Searched("differ", nodes, split.order, row=split.rows(every[[int(wrong.argmax())]])[0])
                if not both:
                    regions += split.regions(boxes, every, found[0])
                continue
            said = [split.say(network, boxes) for network in networks]
            suspects = np.flatnonzero((said[0] != said[-1]).any(axis=1))[:64]
            if len(suspects) and (row := split.difference(boxes.places[suspects])) is not None:
                return Searched("differ", nodes, split.order, row=row)
            bounds = [split.margins(network, boxes, said[0]) for network in networks]
            decided = np.all([margin > 0 for margin, _ in bounds], axis=0)
            if not both:
                regions += [
                    Region(tuple(places[box, :depth].tolist()), said[0][box]) for box in np.flatnonzero(decided)
                ]
            left = np.flatnonzero(~decided)
            if len(left):
                # The next row to look at is where a bound is least, of one network and the other in turn.
                worst = bounds[depth % len(bounds)][1]
                stack.append(split.children(_Boxes(depth, sums[left], worst[left])))
    return Searched("decided", nodes, split.order, tuple(regions))


class _Split:
    """A network and a domain made ready: the parts in the order of splitting, and what their rows add to each unit."""

    def __init__(self, units: Units, reading: Reading, tables: list[np.ndarray]):
        self.reading = reading
        self.units = units = units.with_units_at_outputs()
        count = len(units.bias)
        self.levels = levels_of(units)
        self.inputs = np.zeros((count, units.n))
        for level in self.levels:
            self.inputs[level.units] = level.inputs
        self.outputs = np.array(units.outputs) - units.n
        self.thresholds = np.array(
            [reading.threshold if units.kinds[unit] == "identity" else 0.0 for unit in self.outputs.tolist()]
        )
        if reading.read == "argmax":
            self.thresholds[:] = 0
        ends = itertools.accumulate((table.shape[1] for table in tables), initial=0)
        columns = [slice(start, end) for start, end in itertools.pairwise(ends)]
        free = [k for k, table in enumerate(tables) if len(table) > 1]
        added = {k: tables[k].astype(float) @ self.inputs[:, columns[k]].T for k in free}
        influence = self._influence()
        self.order = tuple(sorted(free, key=lambda k: -float(np.ptp(added[k], axis=0) @ influence)))
        self.columns = [columns[k] for k in self.order]
        self.tables = [tables[k] for k in self.order]
        self.added = [added[k] for k in self.order]
        self.row = np.concatenate([np.zeros(0, bool), *(table[0].astype(bool) for table in tables)])
        fixed = self.row.copy()
        for own in self.columns:
            fixed[own] = False
        self.start = self.inputs @ fixed
        sizes = [len(table) for table in self.tables]
        self.offsets = np.concatenate([[0], np.cumsum(sizes, dtype=np.int64)])
        self.stacked = np.concatenate([*self.added, np.zeros((0, count))])
        self.rows_left = [math.prod(sizes[depth:]) for depth in range(len(sizes) + 1)]
        none = [np.zeros((1, count))]
        # Of the parts from each depth on, the least and the most that their rows add up.
        self.least = np.cumsum([*none, *(rows.min(axis=0)[None] for rows in self.added[::-1])], axis=0)[::-1, 0]
        self.most = np.cumsum([*none, *(rows.max(axis=0)[None] for rows in self.added[::-1])], axis=0)[::-1, 0]
        self.size = np.abs(self.inputs).sum(axis=1)
        terms = 2 * (units.n + 2 * count + 64)
        self.gamma = 2 * terms * _ROUNDOFF
        m = len(self.outputs)
        self.numbers_per_box = max([1, m * (count + len(self.stacked)), *(count * n for n in sizes)])

    def _influence(self) -> np.ndarray:
        """Return how much each unit matters to the outputs, roughly."""
        found = np.zeros(len(self.units.bias))
        found[self.outputs] = 1
        for level in reversed(self.levels):
            found[level.fed_by] += found[level.units] @ np.abs(level.weights)
        return found

    def decided(self, places: np.ndarray, both: bool, end: float) -> list[np.ndarray] | None:
        """Return what the network and, if asked, its hardening say on rows; None if time runs out, or they are open."""
        found = []
        for network in [self.units, self.units.hardened()] if both else [self.units]:
            bits, sure = self._by_floats(network, places)
            left = np.flatnonzero(~sure)
            for start in range(0, len(left), _ROWS_AT_ONCE):
                part = left[start : start + _ROWS_AT_ONCE]
                said = decide_rows(network, self.reading, self.rows(places[part]))
                if time.monotonic() > end or not said.settled.all():
                    return None
                bits[part] = said.bits
            found.append(bits)
        return found

    def _by_floats(self, network: Units, places: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return what a network says on rows, and where floats leave no doubt of it."""
        sums = np.repeat(self.start[None], len(places), axis=0)
        for k, added in enumerate(self.added):
            sums += added[places[:, k]]
        rows = _Boxes(len(self.order), sums, places)
        bits = self.say(network, rows)
        return bits, self.margins(network, rows, bits)[0] > 0

    def rows(self, places: np.ndarray) -> np.ndarray:
        """Return the Boolean rows that have certain rows of the parts."""
        x = np.repeat(self.row[None], len(places), axis=0)
        for k, (columns, table) in enumerate(zip(self.columns, self.tables, strict=True)):
            x[:, columns] = table[places[:, k]]
        return x

    def all_rows(self, boxes: _Boxes) -> np.ndarray:
        """Return the places of every row of boxes of few rows."""
        sizes = [len(table) for table in self.tables[boxes.depth :]]
        count = self.rows_left[boxes.depth]
        places = np.repeat(boxes.places, count, axis=0)
        if sizes:
            rest = np.stack(np.unravel_index(np.arange(count), sizes), axis=1)
            places[:, boxes.depth :] = np.tile(rest, (len(boxes.places), 1))
        return places

    def regions(self, boxes: _Boxes, places: np.ndarray, bits: np.ndarray) -> list[Region]:
        """Return regions of boxes all of whose rows are known: one for a box, if its rows agree."""
        found, count = [], self.rows_left[boxes.depth]
        for start in range(0, len(places), count):
            own = bits[start : start + count]
            if (own == own[0]).all():
                found.append(Region(tuple(places[start, : boxes.depth].tolist()), own[0]))
            else:
                found += [Region(tuple(p), b) for p, b in zip(places[start : start + count].tolist(), own, strict=True)]
        return found

    def children(self, boxes: _Boxes) -> _Boxes:
        """Return the boxes in which the next part has been given each of its rows."""
        rows = self.added[boxes.depth]
        sums = (boxes.sums[:, None] + rows).reshape(-1, rows.shape[1])
        places = np.repeat(boxes.places, len(rows), axis=0)
        places[:, boxes.depth] = np.tile(np.arange(len(rows)), len(boxes.places))
        return _Boxes(boxes.depth + 1, sums, places)

    def difference(self, places: np.ndarray) -> np.ndarray | None:
        """Return the first of some rows on which network and hardened network do differ, in exact arithmetic."""
        networks = self.units, self.units.hardened()
        (one, sure), (other, also) = (self._by_floats(network, places) for network in networks)
        wrong = (one != other).any(axis=1)
        # Where floats leave a doubt, a few rows are decided exactly.
        for row in [*np.flatnonzero(wrong & sure & also), *np.flatnonzero(~(sure & also))[:_DOUBTS]]:
            x = self.rows(places[[row]])
            said = [decide_rows(network, self.reading, x) for network in networks]
            if all(one.settled[0] for one in said) and (said[0].bits != said[1].bits).any():
                return x[0]
        return None

    def say(self, units: Units, boxes: _Boxes) -> np.ndarray:
        """Return what a network says on the row of each box, in floats: a guess, `(boxes, m)` bool."""
        places = boxes.places[:, boxes.depth :] + self.offsets[boxes.depth : -1]
        sums = boxes.sums + self.stacked[places].sum(axis=1)
        z, values = sums.copy(), np.zeros_like(sums)
        for level in self.levels:
            own = level.units
            z[:, own] += values[:, level.fed_by] @ level.weights.T + level.bias
            values[:, own] = value_bounds([units.kinds[unit] for unit in own], z[:, own], z[:, own]).low
        found = z[:, self.outputs] - self.thresholds
        if self.reading.read == "argmax":
            return np.arange(found.shape[1]) == found.argmax(axis=1)[:, None]
        return found >= 0

    def margins(self, units: Units, boxes: _Boxes, bits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Bound how clearly a network says certain bits, from below, and return where the bounds are least.

        Returns:
            `(boxes,)`, positive where the network says these bits on the whole box, and `(boxes, parts)`, places.
        """
        low, high = boxes.sums + self.least[boxes.depth], boxes.sums + self.most[boxes.depth]
        z_low, z_high, lines, size = self._intervals(units, low, high)
        asked, constant = self._asked(bits)
        slack = np.zeros(constant.shape)
        on_values, on_sums = np.zeros_like(asked), asked.copy()
        for level, line in zip(reversed(self.levels), reversed(lines), strict=True):
            own = level.units
            c = on_values[:, :, own]
            up = c >= 0
            slope = np.where(up, line.low_slope[:, None], line.high_slope[:, None]) * c
            shift = np.where(up, line.low_shift[:, None], line.high_shift[:, None]) * c
            on_sums[:, :, own] += slope
            constant += shift.sum(axis=2) + on_sums[:, :, own] @ level.bias
            if len(level.fed_by):
                on_values[:, :, level.fed_by] += on_sums[:, :, own] @ level.weights
            weighed = np.abs(asked[:, :, own]) + np.abs(slope)
            slack += np.abs(shift).sum(axis=2) + 3 * (weighed @ size[:, own, None])[:, :, 0]
        slack += np.abs(constant) + np.abs(self.thresholds).max(initial=0)
        bound = constant + (on_sums @ boxes.sums[:, :, None])[:, :, 0] - self.gamma * slack
        parts = on_sums @ self.stacked[self.offsets[boxes.depth] :].T
        starts = self.offsets[boxes.depth : -1] - self.offsets[boxes.depth]
        bound = bound + np.minimum.reduceat(parts, starts, axis=2).sum(axis=2)
        # Where steps are decided by their sums alone, intervals say more than lines.
        bound = np.fmax(bound, self._distance(z_low, z_high, bits))
        if self.reading.read == "argmax":
            bound = np.where(bits, math.inf, bound)
        worst = bound.argmin(axis=1)
        chosen = parts[np.arange(len(parts)), worst]
        places = boxes.places.copy()
        for k, start in enumerate(starts.tolist(), boxes.depth):
            places[:, k] = chosen[:, start : start + len(self.tables[k])].argmin(axis=1)
        return bound.min(axis=1), places

    def _distance(self, low: np.ndarray, high: np.ndarray, bits: np.ndarray) -> np.ndarray:
        """Return the margins that the intervals of the outputs' sums give, `(boxes, m)`."""
        low, high = low[:, self.outputs], high[:, self.outputs]
        if self.reading.read == "argmax":
            lead = np.take_along_axis(low, bits.argmax(axis=1)[:, None], axis=1) - high
        else:
            lead = np.where(bits, low - self.thresholds, self.thresholds - high)
        # What the difference itself may be rounded by.
        largest = np.maximum(np.abs(low), np.abs(high)).max(axis=1, initial=0)[:, None]
        return lead - 8 * _ROUNDOFF * (largest + np.abs(self.thresholds))

    def _asked(self, bits: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """Return the sums that are positive where the outputs are these: weights on units, and constants."""
        boxes, m = bits.shape
        asked, constant = np.zeros((boxes, m, len(self.units.bias))), np.zeros((boxes, m))
        every = np.arange(boxes)
        if self.reading.read == "argmax":
            for k, unit in enumerate(self.outputs.tolist()):
                asked[:, k, unit] -= 1
                asked[every, k, self.outputs[bits.argmax(axis=1)]] += 1
            return asked, constant
        for k, unit in enumerate(self.outputs.tolist()):
            asked[:, k, unit] = np.where(bits[:, k], 1, -1)
            constant[:, k] = -asked[:, k, unit] * self.thresholds[k]
        return asked, constant

    def _intervals(
        self, units: Units, low: np.ndarray, high: np.ndarray
    ) -> tuple[np.ndarray, np.ndarray, list[Lines], np.ndarray]:
        """Return what the units add up at least and at most, `(boxes, units)`, lines by level, and the sums' sizes."""
        z_low, z_high, least, most, size = (np.zeros_like(low) for _ in range(5))
        lines = []
        for level in self.levels:
            own, fed_by = level.units, level.fed_by
            up, down = np.maximum(level.weights, 0).T, np.minimum(level.weights, 0).T
            largest = np.maximum(np.abs(least[:, fed_by]), np.abs(most[:, fed_by]))
            size[:, own] = self.size[own] + np.abs(level.bias) + largest @ np.abs(level.weights).T
            error = self.gamma * size[:, own] + 2.0**-1000
            z_low[:, own] = low[:, own] + level.bias + least[:, fed_by] @ up + most[:, fed_by] @ down - error
            z_high[:, own] = high[:, own] + level.bias + most[:, fed_by] @ up + least[:, fed_by] @ down + error
            found = value_bounds([units.kinds[unit] for unit in own], z_low[:, own], z_high[:, own])
            least[:, own], most[:, own] = found.low, found.high
            lines.append(found.lines)
        return z_low, z_high, lines, size

"""Wires in the channel between two columns: each has one vertical piece, on a track that wires far apart may share.

Channel routing after A. Hashimoto and J. Stevens, Wire routing by optimizing channel assignment within large apertures
(1971). Wires that would each have to come before the other are cut in two, after D. N. Deutsch, A dogleg channel router
(1976).
"""

import itertools
from graphlib import CycleError, TopologicalSorter
from typing import NamedTuple

import numpy as np

from circuits.drawing.crossings import sifted

_MANY = 10_000  # more than any number of crossings: the price of two wires that lie on each other


class Strand(NamedTuple):
    """A wire between two columns with one vertical piece: from a height at the left to heights at the right."""

    node: int
    entry: float
    exits: tuple[float, ...]

    @property
    def low(self) -> float:
        """The upper end of the vertical piece: heights grow downwards."""
        return min(self.entry, *self.exits)

    @property
    def high(self) -> float:
        """The lower end."""
        return max(self.entry, *self.exits)


class Pieces(NamedTuple):
    """The lines of one wire: segments (x, y, x, y) from the left or upper end, and dots (x, y) where it branches."""

    segments: list[tuple[float, float, float, float]]
    dots: list[tuple[float, float]]


def route(strands: list[Strand], start: int) -> tuple[int, dict[int, Pieces]]:
    """Lead wires through a channel.

    Args:
        strands: one for each node; entries are different integers, and so are all exits.
        start: x of the left end of the channel.

    Returns:
        x of its right end, at least two more, and the pieces of each node's wire. Wires cross, but do not lie on each
        other.

    >>> route([Strand(7, 0, (0, 4))], start=10)
    (12, {7: Pieces(segments=[(10, 0, 11, 0), (11, 0, 11, 4), (11, 0, 12, 0), (11, 4, 12, 4)], dots=[(11, 0)])})
    """
    bent = _in_order([strand for strand in strands if strand.low < strand.high])
    tracks = [start + 1 + track for track in _tracks(bent)]
    end = 1 + max(tracks, default=start + 1)
    pieces = {strand.node: Pieces([], []) for strand in strands}
    for strand in strands:
        if strand.low == strand.high:
            pieces[strand.node].segments.append((start, strand.entry, end, strand.entry))
    joints = {height: at for strand, at in zip(bent, tracks, strict=True) for height in strand.exits}
    for strand, at in zip(bent, tracks, strict=True):
        segments, dots = pieces[strand.node]
        first = start if _is_port(strand.entry) else joints[strand.entry]
        segments.append((first, strand.entry, at, strand.entry))
        segments.append((at, strand.low, at, strand.high))
        segments += [(at, height, end, height) for height in strand.exits if _is_port(height)]
        met = [strand.entry, *strand.exits]
        for height in sorted(set(met)):
            if met.count(height) + (height > strand.low) + (height < strand.high) > 2:
                dots.append((at, height))
    return end, pieces


def _is_port(height: float) -> bool:
    """Return whether a height is that of an item: the heights between two items have room for one more bend."""
    return height % 1 == 0


def _in_order(strands: list[Strand]) -> list[Strand]:
    """Return strands in the order of their tracks from the left, with few crossings.

    Where one enters at the height at which another leaves, its track comes first, or they would lie on each other. If
    strands would have to come before each other in a circle, one is cut in two, joined at a height of its own.
    """
    while True:
        enters = {strand.entry: i for i, strand in enumerate(strands)}
        first: dict[int, set[int]] = {i: set() for i in range(len(strands))}
        for i, strand in enumerate(strands):
            for other in {enters[height] for height in strand.exits if height in enters} - {i}:
                if _is_port(strands[other].entry):
                    first[i].add(other)
                else:  # two parts of one wire
                    first[other].add(i)
        try:
            order = list(TopologicalSorter(first).static_order())
        except CycleError as error:
            split = strands.pop(error.args[1][0])
            heights = {height for strand in strands for height in (strand.entry, *strand.exits)}
            middle = int(split.low + split.high) // 2
            free = next(h for k in itertools.count() for h in (middle + k + 0.5, middle - k - 0.5) if h not in heights)
            strands += [Strand(split.node, split.entry, (free,)), Strand(split.node, free, split.exits)]
            continue
        cost = np.array(
            [
                [sum(b.low < height < b.high for height in a.exits) + (a.low < b.entry < a.high) for b in strands]
                for a in strands
            ]
        ).reshape(len(strands), len(strands))
        for later, earlier in first.items():
            cost[later, list(earlier)] += _MANY
        return sifted([strands[i] for i in order], cost[np.ix_(order, order)])


def _tracks(strands: list[Strand]) -> list[int]:
    """Return the track of each strand: the leftmost one to the right of all earlier strands that come near it."""
    tracks: list[int] = []
    for i, strand in enumerate(strands):
        near = (k for k in range(i) if strand.low < strands[k].high + 2 and strands[k].low < strand.high + 2)
        tracks.append(1 + max((tracks[k] for k in near), default=-1))
    return tracks

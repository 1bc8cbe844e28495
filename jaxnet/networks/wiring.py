"""Loop-free graphs of units given as arrays (eq. 6 at scale): what feeds what is data, not code.

A `Wiring` is the graph alone. With float `(w, b)` on it `evaluate` runs it as a network; with integers on it
it is a threshold circuit (`circuits.ThresholdCircuit`). Compressed sparse rows, as in SciPy: edges sorted by unit.
"""

import itertools
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from jax.typing import ArrayLike

from jaxnet.validation import integers, whole_number, written

# An array of integers, or a list of them.
Integers = ArrayLike | Sequence[int]


@dataclass(frozen=True, eq=False, repr=False)
class Wiring:
    """A loop-free graph: nodes 0..n-1 are the inputs, then come the units, each after all that feed it.

    Attributes:
        n_inputs: n.
        offsets: `(units + 1,)` int64; the edges of unit u are offsets[u]..offsets[u+1]-1. A unit may have none.
        sources: `(edges,)` int32; the node at the start of each edge.
        outputs: `(m,)` int32; the nodes whose values are the outputs, in order; inputs too may be among them.

    Raises:
        TypeError: if anything but whole numbers is given.
        ValueError: if the offsets do not rise from 0 to the number of edges, or a unit is fed by a node that does not
            come before it.

    Source: Y. Zhang (2019), eq. 6.

    >>> Wiring(2, offsets=[0, 2, 5], sources=[0, 1, 0, 1, 2], outputs=[3])       # an XOR in two units
    Wiring(2 inputs, 2 units, 5 edges, 1 outputs)
    """

    n_inputs: int
    offsets: np.ndarray
    sources: np.ndarray
    outputs: np.ndarray

    def __init__(self, n_inputs: int, offsets: Integers, sources: Integers, outputs: Integers):
        for name, value, dtype in (
            ("offsets", offsets, np.int64),
            ("sources", sources, np.int32),
            ("outputs", outputs, np.int32),
        ):
            array = integers("Wiring", name, value, dtype)
            if array.ndim != 1:
                raise ValueError(f"Wiring: expected {name} with one axis, got shape {array.shape}.")
            object.__setattr__(self, name, array)
        object.__setattr__(self, "n_inputs", whole_number("Wiring", "n_inputs", n_inputs))
        _check(self)

    @classmethod
    def from_mlp(cls, sizes: Sequence[int]) -> "Wiring":
        """Return the wiring of a multilayer perceptron: every unit is fed by all of the layer before, in order.

        Args:
            sizes: inputs, hidden layers, outputs, as for `mlp`; `as_wired` brings the parameters along.

        Returns:
            A `Wiring`, whose edges are the weights of W^1, W^2, ... row by row.

        Raises:
            TypeError: if a size is not a whole number.
            ValueError: if there are fewer than two sizes, or one is not positive.

        >>> Wiring.from_mlp([2, 4, 1])
        Wiring(2 inputs, 5 units, 12 edges, 1 outputs)
        """
        sizes = list(sizes)
        if len(sizes) < 2:
            raise ValueError(f"Wiring.from_mlp: expected at least two sizes, inputs and outputs, got {written(sizes)}.")
        n = np.array([whole_number("Wiring.from_mlp", f"size {i} of {sizes}", size, 1) for i, size in enumerate(sizes)])
        first = np.cumsum(n) - n
        layers = zip(first[:-1].tolist(), n[:-1].tolist(), n[1:].tolist(), strict=True)
        sources = [np.tile(np.arange(start, start + fed, dtype=np.int32), units) for start, fed, units in layers]
        offsets = np.concatenate([[0], np.cumsum(np.repeat(n[:-1], n[1:]))])
        return cls(int(n[0]), offsets, np.concatenate(sources), np.arange(first[-1], first[-1] + n[-1]))

    @property
    def n_units(self) -> int:
        """How many units there are."""
        return len(self.offsets) - 1

    @property
    def n_edges(self) -> int:
        """How many edges there are."""
        return len(self.sources)

    @property
    def n_outputs(self) -> int:
        """How many nodes are read."""
        return len(self.outputs)

    def __repr__(self) -> str:
        return f"Wiring({self.n_inputs} inputs, {self.n_units} units, {self.n_edges} edges, {self.n_outputs} outputs)"


def levels(n_leaves: int, offsets: np.ndarray, sources: np.ndarray) -> np.ndarray:
    """Return how many units lie on the longest path that ends in each node.

    Args:
        n_leaves: how many nodes come before the first unit.
        offsets: `(units + 1,)`, as in `Wiring`.
        sources: `(edges,)`, as in `Wiring`.

    Returns:
        `(leaves + units,)` int32: 0 for leaves, 1 or more for units.

    >>> levels(2, np.array([0, 2, 5]), np.array([0, 1, 0, 1, 2]))
    array([0, 0, 1, 2], dtype=int32)
    """
    level = [0] * n_leaves
    ends, feeds = offsets.tolist(), sources.tolist()
    for start, end in itertools.pairwise(ends):
        level.append(1 + max((level[node] for node in feeds[start:end]), default=0))
    return np.array(level, np.int32)


def last_readers(first: int, offsets: np.ndarray, sources: np.ndarray) -> np.ndarray:
    """Return the last unit that reads each node, or -1 where none does.

    Args:
        first: how many nodes come before the first unit.
        offsets: `(units + 1,)`, as in `Wiring`.
        sources: `(edges,)`, as in `Wiring`.

    Returns:
        `(first + units,)` int64: the number of that unit as a node, unit u being node first + u.

    >>> last_readers(2, np.array([0, 2, 5]), np.array([0, 1, 0, 1, 2]))
    array([ 3,  3,  3, -1])
    """
    units = first + np.arange(len(offsets) - 1)
    last = np.full(first + len(units), -1)
    np.maximum.at(last, sources, np.repeat(units, np.diff(offsets)))
    return last


def live_units(wiring: Wiring) -> np.ndarray:
    """Return whether some output depends on each unit: `(units,)` bool.

    >>> live_units(Wiring(1, [0, 1, 2, 3], [0, 0, 1], [3]))
    array([ True, False,  True])
    """
    import scipy.sparse.csgraph  # here, since it takes a tenth of a second

    # One more node reads the outputs; all that it depends on is found from there.
    offsets = np.concatenate([np.zeros(wiring.n_inputs, np.int64), wiring.offsets, [wiring.n_edges + wiring.n_outputs]])
    reads = np.concatenate([wiring.sources, wiring.outputs])
    n = len(offsets) - 1
    graph = scipy.sparse.csr_array((np.ones(len(reads)), reads, offsets), shape=(n, n))
    found = np.zeros(n, bool)
    found[scipy.sparse.csgraph.breadth_first_order(graph, n - 1, return_predecessors=False)] = True
    return found[wiring.n_inputs : n - 1]


def _check(wiring: Wiring) -> None:
    n, offsets, sources = wiring.n_inputs, wiring.offsets, wiring.sources
    if len(offsets) == 0 or offsets[0] != 0 or offsets[-1] != len(sources) or (np.diff(offsets) < 0).any():
        raise ValueError(f"Wiring: expected offsets that rise from 0 to the {len(sources)} edges, got {offsets}.")
    unit_of_edge = np.repeat(np.arange(wiring.n_units), np.diff(offsets))
    wrong = np.flatnonzero((sources < 0) | (sources >= n + unit_of_edge))
    if wrong.size:
        unit, node = unit_of_edge[wrong[0]], sources[wrong[0]]
        raise ValueError(
            f"Wiring: unit {unit} (node {n + unit}) is fed by node {node}, expected one of 0..{n + unit - 1}: "
            "a unit comes after all that feed it."
        )
    nodes = n + wiring.n_units
    if ((wiring.outputs < 0) | (wiring.outputs >= nodes)).any():
        raise ValueError(f"Wiring: expected outputs among the nodes 0..{nodes - 1}, got {wiring.outputs}.")

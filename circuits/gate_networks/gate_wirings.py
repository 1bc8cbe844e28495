"""Which two nodes each gate of a layer reads: balanced or at random; and which gates read a node, for the way back.

In a balanced wiring all nodes are read equally often. Between layers of W and W gates that is twice, and such a wiring
splits into two perfect matchings (D. König, 1916). With its gates in the order of the first, gate i reads node i and
node p(i), for a permutation p: so one row is gathered forward, one by the inverse of p back, and nothing is scattered.
"""

import numpy as np

# A node that is read more often than this has its gradient added up by a scatter: gathers would take longer.
_MOST_GATHERS = 64


def balanced(rng: np.random.Generator, n: int, width: int) -> np.ndarray:
    """Draw a wiring in which any two of n nodes are read equally often, up to one, and no gate reads a node twice.

    Args:
        rng: from `numpy.random.default_rng`.
        n: nodes, at least 1; with one, gates read it twice.
        width: gates, at least 1.

    Returns:
        `(2, width)` int32. If width is n, gate i reads node i first.

    >>> reads = balanced(np.random.default_rng(0), 4, 6)
    >>> np.bincount(reads.ravel()).tolist(), bool((reads[0] != reads[1]).all())
    ([3, 3, 3, 3], True)
    """
    if width == n:
        reads = np.stack([np.arange(n), rng.permutation(n)])
    else:
        rounds = [rng.permutation(n) for _ in range(-(-2 * width // n))]
        reads = np.concatenate(rounds)[: 2 * width].reshape(2, width)
    return _without_twins(rng, reads).astype(np.int32)


def at_random(rng: np.random.Generator, n: int, width: int) -> np.ndarray:
    """Draw two different nodes for each gate, of all pairs alike.

    Args:
        rng: from `numpy.random.default_rng`.
        n: nodes, at least 1.
        width: gates.

    Returns:
        `(2, width)` int32.

    >>> at_random(np.random.default_rng(0), 3, 5).shape
    (2, 5)
    """
    first = rng.integers(n, size=width)
    second = (first + rng.integers(1, max(n, 2), size=width)) % n
    return np.stack([first, second]).astype(np.int32)


def candidates(rng: np.random.Generator, n: int, width: int, choices: int) -> np.ndarray:
    """Draw the nodes among which each input of each gate is chosen, as so many balanced wirings.

    Args:
        rng: from `numpy.random.default_rng`.
        n: nodes.
        width: gates.
        choices: for each input, 1 or more; n or more stands for all nodes, in order.

    Returns:
        `(choices, 2, width)` int32. A node may be twice among those of an input, where it weighs twice.

    >>> candidates(np.random.default_rng(0), 5, 4, 3).shape
    (3, 2, 4)
    """
    if choices >= n:
        return np.broadcast_to(np.arange(n, dtype=np.int32)[:, None, None], (n, 2, width))
    first, *others = (balanced(rng, n, width) for _ in range(choices))
    # Where width is n, gate i reads node i first in each: without an exchange of gates there would be no choice.
    return np.stack([first, *(reads[:, rng.permutation(width)] for reads in others)])


def is_matched(reads: np.ndarray, n: int) -> bool:
    """Return whether gate i reads node i and node p(i), for a permutation p of n nodes.

    >>> is_matched(np.array([[0, 1, 2], [2, 0, 1]]), 3), is_matched(np.array([[0, 1, 2], [2, 0, 0]]), 3)
    (True, False)
    """
    return (
        reads.shape == (2, n)
        and bool((reads[0] == np.arange(n)).all())
        and bool((np.bincount(reads[1], minlength=n) == 1).all())
    )


def readers(reads: np.ndarray, n: int) -> np.ndarray | None:
    """Return where each node is read.

    Args:
        reads: `(..., W)`, nodes.
        n: how many nodes there are.

    Returns:
        `(r, n)` int32, r the most times that a node is read: places in the flat `reads`, and its size where there are
        no more. None if r is more than 64: then a scatter takes less time than r gathers.

    >>> readers(np.array([[0, 0], [1, 0]]), 2)
    array([[0, 2],
           [1, 4],
           [3, 4]], dtype=int32)
    """
    flat = reads.ravel()
    counts = np.bincount(flat, minlength=n)
    most = int(counts.max(initial=0))
    if most > _MOST_GATHERS:
        return None
    order = np.argsort(flat, kind="stable")
    rank = np.arange(len(flat)) - np.repeat(np.cumsum(counts) - counts, counts)
    table = np.full((most, n), len(flat), np.int32)
    table[rank, flat[order]] = order
    return table


def _without_twins(rng: np.random.Generator, reads: np.ndarray) -> np.ndarray:
    """Exchange second nodes until no gate reads one node twice, where there are two nodes to read."""
    first, second = reads
    if len(np.unique(reads)) == 1:
        return reads
    for gate in np.flatnonzero(first == second):
        if first[gate] == second[gate]:  # no earlier exchange was with this gate
            # A gate that does not read this node: there is one, since no node is read more often than there are gates.
            other = rng.choice(np.flatnonzero((first != first[gate]) & (second != first[gate])))
            second[[gate, other]] = second[[other, gate]]
    return reads

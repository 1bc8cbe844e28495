"""How often each node of a netlist is 1, and how often it changes from one pattern to the next.

Toggle rates times capacitances are the dynamic power of a chip (A. Ghosh, S. Devadas, K. Keutzer and J. White,
Estimation of average switching activity in combinational and sequential circuits, DAC 1992).
"""

from typing import NamedTuple

import jax
import numpy as np
from jax.typing import ArrayLike

from circuits.netlist import Circuit
from circuits.simulation.simulator import as_words, simulate
from jaxnet.validation import whole_number


class Activity(NamedTuple):
    """The result of `activity`.

    Attributes:
        ones: `(nodes,)` float64: the fraction of patterns in which a node is 1, its signal probability.
        toggles: `(nodes,)` float64: the fraction of steps from a pattern to the next in which it changes.
    """

    ones: np.ndarray
    toggles: np.ndarray

    def __repr__(self) -> str:
        return f"Activity({len(self.ones)} nodes, mean {self.ones.mean():.3g} ones, {self.toggles.mean():.3g} toggles)"


def activity(circuit: Circuit, words: ArrayLike, *, held_words: int = 2**24) -> Activity:
    """Count ones and changes at every node, in patterns that follow each other.

    Args:
        circuit: any circuit.
        words: `(n, k)` uint32, the patterns as `simulate` takes them: bit j of word i is pattern 32 i + j, and follows
            pattern 32 i + j - 1. For patterns drawn independently a node of probability p toggles at 2 p (1 - p).
        held_words: about how many words of node values to hold in memory at once, 4 bytes each; at least 256 per node.

    Returns:
        `Activity`, node 0 (the constant) first, then the inputs, then the gates.

    Raises:
        ValueError: if words are not `(n, k)`, or there are none.
        TypeError: if they are not uint32.

    Source: A. Ghosh et al. (1992).

    >>> from circuits import exhaustive_patterns, parse
    >>> ones, toggles = activity(parse("a & b"), exhaustive_patterns(2)[0])
    >>> ones.tolist(), toggles.round(2).tolist()                            # 00, 10, 01, 11, and over again
    ([0.0, 0.5, 0.5, 0.25], [0.0, 1.0, 0.48, 0.48])
    """
    words = np.asarray(as_words("activity", circuit, words))
    held_words = whole_number("activity", "held_words", held_words, 1)
    if words.shape[1] == 0:
        raise ValueError("activity: expected at least one word of patterns, got none.")
    names = [f"node {node}" for node in range(circuit.n_nodes)]
    every = Circuit(circuit.input_names, circuit.fan_ins, circuit.tables, np.arange(circuit.n_nodes), names)
    ones = np.zeros(circuit.n_nodes, np.int64)
    toggles = np.zeros(circuit.n_nodes, np.int64)
    block = max(256, held_words // circuit.n_nodes)
    last = None  # the bit before the block
    for start in range(0, words.shape[1], block):
        with jax.ensure_compile_time_eval():  # these values stay known even if a caller is being traced
            values = np.asarray(simulate(every, words[:, start : start + block]))
        before = values << np.uint32(1)
        before[:, 1:] |= values[:, :-1] >> np.uint32(31)
        # The first pattern counts as preceded by itself.
        before[:, 0] |= (values[:, 0] & np.uint32(1)) if last is None else last
        ones += np.bitwise_count(values).sum(axis=1, dtype=np.int64)
        toggles += np.bitwise_count(values ^ before).sum(axis=1, dtype=np.int64)
        last = values[:, -1] >> np.uint32(31)
    patterns = 32 * words.shape[1]
    return Activity(ones / patterns, toggles / (patterns - 1))

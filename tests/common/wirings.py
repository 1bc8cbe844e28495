"""Graphs of units that the tests of evaluation share."""

import hypothesis.strategies as st
import numpy as np

from jaxnet import PerUnit, Wiring

XOR = Wiring(2, [0, 2, 5], [0, 1, 0, 1, 2], [3])


def each(wiring, activation):
    """The activation of every unit."""
    if isinstance(activation, PerUnit):
        return [activation.functions[kind] for kind in activation.kinds]
    return [activation] * wiring.n_units


@st.composite
def graphs(draw):
    """Three inputs, five units with 0, 1, 2, 3 and 4 edges in any order, three outputs: one shape, one compilation.

    Sources repeat, some units have no edge or feed nothing, outputs repeat and may be inputs.
    """
    fan_in = draw(st.permutations(range(5)))
    sources = [draw(st.integers(0, 3 + u - 1)) for u, n in enumerate(fan_in) for _ in range(n)]
    outputs = draw(st.lists(st.integers(0, 7), min_size=3, max_size=3))
    return Wiring(3, np.cumsum([0, *fan_in]), sources, outputs)


def wide(seed):
    """One shape again: units of 0 to 70 edges, half of them from one node: sums and cotangents have trees.

    Outputs repeat, and one is an input.
    """
    rng = np.random.default_rng(seed)
    fan_in, hub = rng.permutation([0, 1, 2, 3, 35, 70]), rng.integers(0, 3)
    sources = [
        np.where((rng.random(n) < 0.5) & (hub < 3 + u), hub, rng.integers(0, 3 + u, n)) for u, n in enumerate(fan_in)
    ]
    return Wiring(3, np.cumsum([0, *fan_in]), np.concatenate(sources).astype(int), [8, *rng.integers(3, 9, 2), 8, 1])


def example(wiring, seed, batch=(4,)):
    rng = np.random.default_rng(seed)
    shapes = (wiring.n_edges,), (wiring.n_units,), (*batch, wiring.n_inputs)
    return tuple(rng.normal(size=shape) for shape in shapes)


def f32(*rows):
    return np.array(rows, np.float32)


def zeros(*shape):
    return np.zeros(shape, np.float32)

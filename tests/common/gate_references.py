"""What the tests of gate networks share: a network of all kinds of layers, and its values by the definition."""

import functools

import jax
import jax.numpy as jnp
import numpy as np

from circuits import gate_network
from circuits.gate_networks.layered_gates import layer_logits

PARAMETRISATIONS = ("input-wise", "softmax", "walsh")
ROWS = np.array([[row >> i & 1 for i in range(5)] for row in range(32)], bool)
NO_GATES = "expected a network made by gate_network or logic_convolution, or a chain of them"
LABELS = (ROWS.sum(axis=1) % 3).astype(np.int32)


@functools.cache
def network_of_all_kinds(parametrisation):
    """Chosen among all nodes, two matched layers, a balanced one, chosen among some nodes, drawn at random."""
    return gate_network(
        5,
        [6, 6, 6, 9, 6, 6],
        classes=3,
        parametrisation=parametrisation,
        wiring=["learned", "balanced", "balanced", "balanced", "learned", "random"],
        choices=5,
        initial="normal",
        tau=2.0,
    )


def random_params(network, seed, scale=2.0):
    """Normal logits for gates and choices, in NumPy's numbers."""
    rng = np.random.default_rng(seed)
    return jax.tree.map(
        lambda shape: (scale * rng.normal(size=shape)).astype(np.float32),
        network.structure.shapes,
        is_leaf=lambda node: isinstance(node, tuple) and all(isinstance(size, int) for size in node) and len(node) == 3,
    )


def by_definition(structure, params, x, temperature=1.0):
    """Values of a network, one sum over rows or tables after another, for JAX to differentiate as it likes."""
    x = jnp.asarray(x)
    for (logits, choices), reads in zip(layer_logits(structure, params), structure.reads, strict=True):
        inputs = x[:, reads]
        if choices is not None:
            e = jnp.exp(choices / temperature)
            inputs = (inputs * (e / e.sum(axis=0, keepdims=True))[None]).sum(axis=1)
        x = gate_by_definition(structure.parametrisation, logits / temperature, inputs[:, 0], inputs[:, 1])
    if structure.n_classes is not None:
        x = jnp.stack([group.sum(axis=1) for group in jnp.split(x, structure.n_classes, axis=1)], axis=1)
        x = x / structure.tau
    return x


def gate_by_definition(parametrisation, logits, a, b):
    """Values `(B, W)` of gates with logits `(P, W)`."""
    if parametrisation == "walsh":
        w0, w1, w2, w3 = (w[None] for w in logits)
        return 1 / (1 + jnp.exp(-(w0 + w1 * (2 * a - 1) + w2 * (2 * b - 1) + w3 * (2 * a - 1) * (2 * b - 1))))
    if parametrisation == "input-wise":
        rows = [1 / (1 + jnp.exp(-z)) for z in logits]
    else:
        e = jnp.exp(logits)
        p = e / e.sum(axis=0, keepdims=True)
        rows = [sum(p[t] for t in range(16) if t >> r & 1) for r in range(4)]
    return sum(rows[i + 2 * j][None] * (a if i else 1 - a) * (b if j else 1 - b) for i in (0, 1) for j in (0, 1))

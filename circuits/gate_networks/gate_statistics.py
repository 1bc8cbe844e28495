"""What a logic gate network is made of, and how far from decided: types of gates, entropies, soft and hard errors.

The entropy of a gate is that of its distribution over the sixteen truth tables: 0 bits where it is decided, 4 where
nothing is known (C. E. Shannon, A mathematical theory of communication, 1948).
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.scipy.special import entr
from jax.typing import ArrayLike

from circuits.gate_networks.layered_gates import GateLayers, GateParams, layer_logits, layers_of
from circuits.gate_networks.logic_gate_networks import gate_outputs
from circuits.gate_networks.parametrisations import Parametrisation
from circuits.gates import essential
from circuits.netlist import Circuit
from jaxnet.networks.network import Network
from jaxnet.pytrees import Batch

_BLOCK = 1000  # examples at once, since all values of a layer are held


class GateTypes(NamedTuple):
    """The gates of each layer.

    Attributes:
        counts: `(layers, 16)` int64, how many gates are nearest to each truth table, in the numbers of
            `circuits.gates`.
        entropy: `(layers,)`, the mean entropy of a gate in bits, in [0, 4].
    """

    counts: np.ndarray
    entropy: np.ndarray


def gate_types(network: Network, params: GateParams) -> GateTypes:
    """Count the truth tables of each layer, and measure how decided its gates are.

    Args:
        network: made by `gate_network`.
        params: its parameters.

    Returns:
        A `GateTypes`, which `draw_gate_types` draws.

    Raises:
        TypeError: if the network is no logic gate network.
        ShapeError: if the parameters do not fit.

    Source: F. Petersen and others, Deep differentiable logic gate networks (2022), for the types by layer.

    >>> from circuits import gate_network
    >>> network = gate_network(2, [3])
    >>> types = gate_types(network, network.init(jax.random.key(0)))
    >>> types.counts[0].nonzero(), types.entropy.shape                     # near copies of a: the table 0b1010
    ((array([10]),), (1,))
    """
    structure = layers_of("gate_types", network)
    layers = structure.hard_layers("gate_types", params)
    counts = np.stack([np.bincount(layer.tables, minlength=16) for layer in layers])
    return GateTypes(counts, np.stack(_entropies(structure, params)))


def gate_errors(network: Network) -> Callable[[GateParams, Batch], dict[str, Array]]:
    """Return what `jaxnet.fit` takes as `validate` to follow a logic gate network.

    With `monitor="hard"` the parameters of `Run.params` are those whose circuit makes the fewest errors.

    Args:
        network: made by `gate_network`.

    Returns:
        `validate(params, (x, y))`: "soft" and "hard", the shares of examples that the network and the hardened one
        get wrong, in [0, 1]; "entropy1", "entropy2", ..., as in `gate_types`, for each layer. x is `(examples, n)`, y
        numbers of classes `(examples,)`; without classes Booleans `(examples, W)`, all of which must be met at 1/2.

    Raises:
        TypeError: if the network is no logic gate network.

    >>> from circuits import gate_network
    >>> network = gate_network(2, [2], classes=2, wiring=[[[0, 1], [1, 0]]])       # each gate passes its first input on
    >>> x, y = jnp.array([[1, 0], [0, 1], [0, 1]], bool), jnp.array([0, 0, 1])
    >>> found = gate_errors(network)(network.init(jax.random.key(0)), (x, y))
    >>> sorted(found), round(float(found["hard"]), 3)
    (['entropy1', 'hard', 'soft'], 0.333)
    """
    structure = layers_of("gate_errors", network)

    def validate(params: GateParams, batch: Batch) -> dict[str, Array]:
        x, y = (jnp.asarray(array) for array in batch)
        blocks = _in_blocks(x, False), _in_blocks(jnp.ones(len(y), bool), False), _in_blocks(y, 0)

        def wrong_ones(block: tuple[Array, Array, Array]) -> tuple[Array, Array]:
            x, is_example, y = block
            soft, hard = (
                is_example & ~_right(structure, gate_outputs(network, params, x, forward=forward), y)
                for forward in ("soft", "hard")
            )
            return soft.sum(), hard.sum()

        soft, hard = (counts.sum() / len(y) for counts in jax.lax.map(wrong_ones, blocks))
        entropies = {f"entropy{i}": entropy for i, entropy in enumerate(_entropies(structure, params), 1)}
        return {"soft": soft, "hard": hard, **entropies}

    return validate


def input_readers(circuit: Circuit) -> np.ndarray:
    """Count the gates that read each input of a circuit, those left out on which the input has no effect.

    Args:
        circuit: any circuit; one from `simplify` has no gates that do not matter.

    Returns:
        `(n,)` int64, which `draw_input_map` draws.

    Raises:
        TypeError: if it is no `Circuit`.

    >>> from circuits import parse
    >>> input_readers(parse("y = a & b | ~a", inputs=["a", "b", "c"])).tolist()
    [2, 1, 0]
    """
    if not isinstance(circuit, Circuit):
        raise TypeError(f"input_readers: expected a Circuit, got {type(circuit).__name__}. harden makes one.")
    counts = np.zeros(1 + circuit.n_inputs, np.int64)
    near = (circuit.fan_ins <= circuit.n_inputs).any(axis=1)
    for table, (a, b) in zip(circuit.tables[near].tolist(), circuit.fan_ins[near].tolist(), strict=True):
        for node in essential(table, a, b)[1]:
            if node <= circuit.n_inputs:
                counts[node] += 1
    return counts[1:]


@functools.partial(jax.jit, static_argnums=1)
def table_entropy(logits: ArrayLike, parametrisation: Parametrisation) -> Array:
    """Return the entropy of gates over the sixteen truth tables.

    Args:
        logits: `(P, W)`.
        parametrisation: what they mean. Of four logits, or Walsh coefficients, the rows of a table are independent.

    Returns:
        `(W,)`, in bits, in [0, 4].

    >>> table_entropy(jnp.zeros((16, 2)), "softmax").round(3)
    Array([4., 4.], dtype=float32)
    """
    z = jnp.asarray(logits)
    if parametrisation == "softmax":
        return entr(jax.nn.softmax(z, axis=0)).sum(axis=0) / np.log(2)
    if parametrisation == "walsh":
        z = jnp.stack([z[0] + z[1] * a + z[2] * b + z[3] * a * b for b in (-1, 1) for a in (-1, 1)])
    return (entr(jax.nn.sigmoid(z)) + entr(jax.nn.sigmoid(-z))).sum(axis=0) / np.log(2)


def _entropies(structure: GateLayers, params: GateParams) -> list[Array]:
    """Return the mean entropy of the gates of each layer."""
    return [table_entropy(logits, structure.parametrisation).mean() for logits, _ in layer_logits(structure, params)]


def _in_blocks(array: Array, filling: Any) -> Array:
    """Return `(blocks, examples, ...)`, the last block filled up."""
    size = min(_BLOCK, len(array))
    missing = -len(array) % size
    padding = [(0, missing)] + [(0, 0)] * (array.ndim - 1)
    return jnp.pad(array, padding, constant_values=filling).reshape(-1, size, *array.shape[1:])


def _right(structure: GateLayers, outputs: Array, y: Array) -> Array:
    """Return which examples are right."""
    if structure.n_classes is None:
        return ((outputs > 0.5) == (y.astype(outputs.dtype) > 0.5)).all(axis=-1)
    return jnp.argmax(outputs, axis=-1) == y

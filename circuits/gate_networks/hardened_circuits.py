"""From a logic gate network to the circuit that it is once gates and wires are decided; and what that costs."""

from collections.abc import Sequence
from typing import Any, NamedTuple, get_args

import numpy as np
from jax.typing import ArrayLike

from circuits.gate_networks.class_outputs import Scores, with_counts
from circuits.gate_networks.gate_structures import HardLayer, structure_of
from circuits.gate_networks.logic_gate_networks import gate_outputs
from circuits.netlist import Circuit, check_names
from jaxnet.networks.network import Network
from jaxnet.pytrees import Params
from jaxnet.validation import ShapeError


class Gap(NamedTuple):
    """How often a logic gate network is right, before and after it is hardened.

    Attributes:
        soft: the share of examples, in [0, 1], whose class the network gives.
        hard: the share whose class the hardened network gives.
    """

    soft: float
    hard: float

    def __repr__(self) -> str:
        return f"Gap(soft {100 * self.soft:.2f} %, hard {100 * self.hard:.2f} %)"


def hard_layers(network: Network, params: Params) -> list[HardLayer]:
    """Return what each gate of a logic gate network is nearest to, and what it reads.

    Args:
        network: made by `gate_network` or `logic_convolution`, or a chain of them.
        params: its parameters.

    Returns:
        The layers, from the first.

    Raises:
        TypeError: if the network is no logic gate network.
        ShapeError: if the parameters do not fit.
        ValueError: if one of them is NaN.

    >>> import jax
    >>> from circuits import gate_network
    >>> network = gate_network(2, [3])
    >>> hard_layers(network, network.init(jax.random.key(0)))[0].tables.tolist() == [0b1010] * 3        # a of (a, b)
    True
    """
    return structure_of("hard_layers", network).hard_layers("hard_layers", params)


def harden(
    network: Network, params: Params, scores: Scores = "gates", *, input_names: Sequence[str] | None = None
) -> Circuit:
    """Return the circuit of a logic gate network: each gate the truth table, each wire the node, that is most likely.

    Nothing is simplified: there is one gate in the circuit for each gate of the network.

    Args:
        network: made by `gate_network` or `logic_convolution`, or a chain of them.
        params: its parameters.
        scores: the outputs: "gates", those of the last layer, class0_gate0, class0_gate1, ..., or y0, y1, ... without
            classes; "counts", words score0, score1, ... with the numbers of ones; "class", a word of that name, the
            first class with the largest count.
        input_names: n names; x0, x1, ... if None. Those of an encoding are `Encoding.names`.

    Returns:
        A `Circuit`; `classify` runs it on rows, `certify` simplifies and writes it.

    Raises:
        TypeError: if the network is no logic gate network.
        ShapeError: if the parameters do not fit.
        ValueError: if `scores` is none of these, or needs classes and there are none; if names are missing or twice; if
            a parameter is NaN.

    Source: F. Petersen and others, Deep differentiable logic gate networks (2022).

    >>> import jax
    >>> from circuits import gate_network
    >>> network = gate_network(2, [4, 4], classes=2)
    >>> harden(network, network.init(jax.random.key(0)))
    Circuit(2 inputs, 4 outputs, 8 gates)
    """
    structure = structure_of("harden", network)
    classes = structure.n_classes
    if scores not in get_args(Scores):
        raise ValueError(f"harden: expected scores to be 'gates', 'counts' or 'class', got {scores!r}.")
    if scores != "gates" and classes is None:
        raise ValueError(f"harden: expected a network with classes for scores={scores!r}, got {structure}.")
    n = structure.n_inputs
    names = [f"x{i}" for i in range(n)] if input_names is None else list(input_names)
    if len(names) != n:
        raise ValueError(f"harden: expected {n} input names for {structure}, got {len(names)}.")
    check_names("harden", "input", names)
    layers = structure.hard_layers("harden", params)
    first, fan_ins = 1, []
    before = n
    for layer in layers:
        fan_ins.append(first + layer.reads.T)
        first += before
        before = len(layer.tables)
    if classes is None:
        outputs = [f"y{i}" for i in range(before)]
    else:
        outputs = [f"class{c}_gate{i}" for c in range(classes) for i in range(before // classes)]
    circuit = Circuit(
        names,
        np.concatenate(fan_ins),
        np.concatenate([layer.tables for layer in layers]),
        np.arange(first, first + before),
        outputs,
    )
    return circuit if scores == "gates" else with_counts(circuit, classes, scores)  # type: ignore[arg-type]


def discretisation_gap(network: Network, params: Params, x: Any, y: ArrayLike) -> Gap:
    """Return how often a logic gate network is right with soft gates, and with hard ones.

    Args:
        network: made by `gate_network` or `logic_convolution`, or a chain of them, with classes.
        params: its parameters.
        x: `(examples, n)`, Booleans.
        y: `(examples,)`, numbers of classes.

    Returns:
        A `Gap`.

    Raises:
        TypeError: if the network is no logic gate network.
        ValueError: if it has no classes.
        ShapeError: if x and y do not fit.

    >>> import jax
    >>> from circuits import gate_network
    >>> copies = gate_network(2, [2], classes=2, wiring=[[[0, 1], [1, 0]]])        # each gate passes its first input on
    >>> discretisation_gap(copies, copies.init(jax.random.key(0)), [[True, False], [False, True]], [0, 0])
    Gap(soft 50.00 %, hard 50.00 %)
    """
    structure = structure_of("discretisation_gap", network)
    if structure.n_classes is None:
        raise ValueError(f"discretisation_gap: expected a network with classes, got {structure}.")
    x, y = np.asarray(x), np.asarray(y)
    if x.ndim != 2 or y.shape != x.shape[:1] or not len(x):
        raise ShapeError(
            f"discretisation_gap: expected x (examples, n) and y (examples,), got {x.shape} and {y.shape}."
        )
    # In blocks, since all values of a layer are held at once.
    blocks = [slice(start, start + 1000) for start in range(0, len(x), 1000)]
    right = [
        sum(int((np.argmax(gate_outputs(network, params, x[b], forward=forward), 1) == y[b]).sum()) for b in blocks)
        for forward in ("soft", "hard")
    ]
    return Gap(*(count / len(x) for count in right))

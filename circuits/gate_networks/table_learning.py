"""A table learned by logic gate networks: encoded, trained with several seeds at once, chosen, hardened, simplified.

Every choice is made on rows that are held out of the training, and a test table is only measured at the end. The
method is that of F. Petersen and others (Deep differentiable logic gate networks, 2022).
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

import jaxnet
from circuits.bridge.encodings import Encoding
from circuits.errors import cut_short
from circuits.gate_networks.hardened_circuits import harden
from circuits.gate_networks.joint_networks import joint_loss, joint_outputs, side_by_side, split_params
from circuits.gate_networks.layered_gates import GateParams
from circuits.gate_networks.logic_gate_networks import gate_network
from circuits.gate_networks.packed_inference import classify
from circuits.gate_networks.table_parts import Rows, divided_table
from circuits.netlist import Circuit
from circuits.synthesis.simplification import simplify
from jaxnet.networks.network import Network
from jaxnet.validation import whole_number

# Rows of a batch, unless there are no more than twice as many.
_BATCH = 256
# Networks, all alike on the rows held out, that are simplified to find the smallest.
_MOST_ALIKE = 16
# Rows that are evaluated at once.
_BLOCK = 1000


class _Measured(NamedTuple):
    """What all networks are on one part, `(members,)` each: mean cross-entropy, and shares that are right."""

    loss: np.ndarray
    soft: np.ndarray
    hard: np.ndarray


class Part(NamedTuple):
    """How often one part of the rows is right.

    Attributes:
        rows: how many there are.
        soft: the share, in [0, 1], whose class the network gives before it is hardened.
        hard: the share whose class the circuit gives.
        majority: the share that is of the class most frequent in the training part.
    """

    rows: int
    soft: float
    hard: float
    majority: float


@dataclass(frozen=True, repr=False, eq=False)
class Learned:
    """What was learned from a table.

    Attributes:
        target: the column to predict.
        classes: its values, ascending; the class of number k is the k-th.
        encoding: of the other columns.
        network: the one that was chosen.
        params: its parameters.
        circuit: the hardened network, whose output is the word `class`; nothing is simplified.
        simplified: the same function with fewer gates.
        votes: how many gates the hardened network has before and after `simplify`, without those that count its votes.
        parts: a `Part` for "training", and for "validation" and "test" if there are such rows. The test is that of the
            chosen network alone.
        members: `(seeds, 2)`, the share of training and validation rows for which each hardened network is right.
        chosen: which of them was best on the validation rows, or, without any, on the training rows: by that share,
            then by the fewest gates of its simplified votes, then by the cross-entropy before it was hardened.
    """

    target: str
    classes: tuple[Any, ...]
    encoding: Encoding
    network: Network
    params: GateParams
    circuit: Circuit
    simplified: Circuit
    votes: tuple[int, int]
    parts: dict[str, Part]
    members: np.ndarray
    chosen: int

    def predict(self, table: Mapping[str, Any]) -> list:
        """Return the class of each row of a table, by the circuit.

        Args:
            table: by column name, with the columns that the encoding has.

        Raises:
            ValueError: as from `Encoding.encode`.
        """
        return [self.classes[k] for k in classify(self.simplified, self.encoding.encode(table))]

    def __repr__(self) -> str:
        shares = ", ".join(f"{name} {100 * part.hard:.1f} %" for name, part in self.parts.items())
        return f"Learned({cut_short(self.target)}: {len(self.classes)} classes; {shares}; {self.simplified!r})"


def learn_table(
    table: Mapping[str, Sequence[Any]],
    target: str,
    *,
    test: Mapping[str, Sequence[Any]] | None = None,
    categories: Iterable[str] = (),
    cuts: int = 8,
    gates: int | Sequence[int] | None = None,
    layers: int = 6,
    seeds: int = 8,
    steps: int = 2000,
    batch_size: int | None = None,
    learning_rate: float = 0.1,
    tau: float | None = None,
    validation: float = 0.2,
    seed: int = 0,
    progress: bool | None = None,
) -> Learned:
    """Learn to predict a column of a table from the others, by a circuit.

    Numbers become thermometers at quantiles of the training rows, categories one-hot groups; a missing value is a level
    of its own. Networks with as many wirings and first parameters as there are seeds learn in one program by Adam,
    whose learning rate falls to 0 along a cosine.

    Args:
        table: by column name, as many values each: numbers, or anything else that can be sorted, which are categories;
            None and NaN are missing values. `read_table` reads one from a file.
        target: the column to predict, of at least two values and none missing.
        test: a table with the same columns, on which the chosen network is measured.
        categories: columns of numbers that are categories.
        cuts: the most thresholds that a column of numbers has.
        gates: how many each layer has, or a number for each, from the first; in the last layer rounded up to a multiple
            of the classes. If None, as many as there are Boolean columns, and at least 12 a class.
        layers: how many, where `gates` is not a number for each.
        seeds: how many networks learn.
        steps: how many each makes.
        batch_size: rows for each step; if None 256, or all of up to 512.
        learning_rate: of the first step.
        tau: the temperature of the votes, as for `gate_network`; if None half of what it is there, which was better on
            most tables.
        validation: the share of the rows, in [0, 1), that are held out of the training to choose the network.
        seed: for the rows held out, the wirings, the parameters and the batches.
        progress: None for a bar on a terminal or in a notebook, True for lines elsewhere too, False for neither.

    Returns:
        A `Learned`.

    Raises:
        ValueError: if there is no such column, a column has no values, the target has fewer than two classes, more than
            64 or missing values, the test differs in its columns, or a number is out of range.
        TypeError: if a number is not whole.

    Source: F. Petersen, C. Borgelt, H. Kuehne, O. Deussen, Deep differentiable logic gate networks (2022).

    >>> bits = [(a, b) for a in "ny" for b in "ny"] * 4
    >>> table = {"a": [a for a, _ in bits], "b": [b for _, b in bits], "equal": [a == b for a, b in bits]}
    >>> learned = learn_table(table, "equal", layers=2, seeds=4, steps=100, validation=0, progress=False)
    >>> learned.parts["training"].hard, learned.predict({"a": ["y", "n"], "b": ["n", "n"]})
    (1.0, [False, True])
    """
    for name, value, least in (("seeds", seeds, 1), ("steps", steps, 1), ("layers", layers, 1)):
        whole_number("learn_table", name, value, least)
    encoding, classes, parts = divided_table(table, target, test, categories, cuts, validation, seed)
    n, count = len(encoding.names), len(classes)
    gates = max(n, 12 * count) if gates is None else gates
    widths = [
        whole_number("learn_table", "gates", width, 1)
        for width in (gates if isinstance(gates, Sequence) else [gates] * layers)
    ]
    widths[-1] = -(-widths[-1] // count) * count
    tau = math.sqrt(widths[-1] / count / 8) if tau is None else tau
    networks = [gate_network(n, widths, classes=count, tau=tau, seed=seed + member) for member in range(seeds)]
    joint = side_by_side(networks)
    if batch_size is None:
        batch_size = None if len(parts["training"].y) <= 2 * _BATCH else _BATCH
    params = _trained(joint, *parts["training"], steps, batch_size, learning_rate, seed, progress)
    measured = _measured(joint, params, parts)
    members = np.stack([measured[name].hard for name in parts if name != "test"], axis=1)
    by = measured["validation" if "validation" in parts else "training"]
    own_params = split_params(joint, params)
    # Of rules that fit alike, the shortest is the likeliest to hold: Occam's razor. Few rows leave many alike.
    best = np.flatnonzero(by.hard == by.hard.max())
    best = best[np.argsort(by.loss[best], kind="stable")][:_MOST_ALIKE]
    sizes = [simplify(harden(networks[k], own_params[k])).n_gates for k in best] if len(best) > 1 else [0]
    chosen = int(best[np.argmin(sizes)])
    network, own = networks[chosen], own_params[chosen]
    votes = harden(network, own, input_names=encoding.names)
    circuit = harden(network, own, "class", input_names=encoding.names)
    simplified = simplify(circuit)
    majority = np.bincount(parts["training"].y, minlength=count).argmax()
    return Learned(
        target,
        classes,
        encoding,
        network,
        own,
        circuit,
        simplified,
        (votes.n_gates, simplify(votes).n_gates),
        {
            name: Part(len(y), float(shares.soft[chosen]), float(shares.hard[chosen]), float((y == majority).mean()))
            for (name, shares), (_, y) in zip(measured.items(), parts.values(), strict=True)
        },
        members,
        chosen,
    )


def _trained(
    joint: Network,
    x: np.ndarray,
    y: np.ndarray,
    steps: int,
    batch_size: int | None,
    learning_rate: float,
    seed: int,
    progress: bool | None,
) -> GateParams:
    """Return the parameters of all networks."""
    optimizer = optax.adam(optax.cosine_decay_schedule(learning_rate, steps))
    rule = jaxnet.gradient_descent(joint_loss(joint), optimizer, has_aux=True)
    first, batches = jax.random.split(jax.random.key(seed))
    run = jaxnet.fit(
        rule,
        joint.init(first),
        (jnp.asarray(x), jnp.asarray(y)),
        steps=steps,
        batch_size=batch_size,
        key=batches,
        every=max(1, steps // 20),
        progress=progress,
    )
    if run.stopped == "interrupted":
        raise KeyboardInterrupt
    return run.params


def _measured(joint: Network, params: GateParams, parts: dict[str, Rows]) -> dict[str, _Measured]:
    @jax.jit
    def outputs(params: GateParams, x: Array) -> tuple[Array, Array]:
        soft, hard = (joint_outputs(joint, params, x, forward=forward) for forward in ("soft", "hard"))
        return jax.nn.log_softmax(soft), hard.argmax(axis=-1)

    # Parts are filled up to blocks of one size, so that one program does for all.
    size = min(_BLOCK, max(len(y) for _, y in parts.values()))
    measured = {}
    for name, (x, y) in parts.items():
        blocks = np.pad(x, ((0, -len(x) % size), (0, 0))).reshape(-1, size, x.shape[1])
        found = [outputs(params, block) for block in blocks]
        logs, hard = (np.concatenate(arrays)[: len(y)] for arrays in zip(*found, strict=True))
        loss = -np.take_along_axis(logs, y[:, None, None], axis=2).mean(axis=(0, 2))
        right = [(classes == y[:, None]).mean(axis=0) for classes in (logs.argmax(axis=2), hard)]
        measured[name] = _Measured(loss, *right)
    return measured

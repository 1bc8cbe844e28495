"""Whole runs of many networks, recorded step by step: what the slider of the page goes through."""

import functools
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from circuits.netlist import Circuit
from circuits.playground.members import (
    ACTIVATIONS,
    RULE,
    Layers,
    Settings,
    initial_params,
    on,
    recorded_params,
    settings,
    unit_values,
)
from circuits.simulation.truth_tables import rows, truth_table
from jaxnet.networks.activations import sigmoid
from jaxnet.networks.layers import mlp
from jaxnet.networks.network import Network
from jaxnet.training.ensembles import train_ensemble

STEPS, EVERY, MOST_SEEDS = 1000, 10, 24

_COMPILED: set[tuple[int, int]] = set()  # inputs and outputs of runs that were made


class Plan(NamedTuple):
    """What the visitor chose for a run.

    Attributes:
        width: hidden units, 1 to `members.WIDEST`.
        activation: of hidden units, one of `members.ACTIVATIONS`.
        optimiser: one of `members.OPTIMISERS`.
        step_size: eta.
        seeds: how many networks, 1 to `MOST_SEEDS`.
        seed: of their starts.
    """

    width: int = 4
    activation: str = "sigmoid"
    optimiser: str = "Adam"
    step_size: float = 0.1
    seeds: int = MOST_SEEDS
    seed: int = 0


@dataclass(frozen=True, eq=False)
class Run:
    """Networks that learned a circuit, before the first step and after every tenth.

    Attributes:
        circuit: what they learned.
        bits: `(rows, m)` bool, its truth table.
        plan: what was chosen.
        steps: `(records,)`, how many steps were made before each record.
        params: of all networks, with the axes networks and records first.
        hidden: `(networks, records, rows, WIDEST)`, the values of hidden units on all rows.
        outputs: `(networks, records, rows, m)`, the same of the outputs.
        losses: `(networks, records)`, the mean squared error of eq. 10.
        right: `(networks, records)`, whether all outputs are on the right side of 1/2 on all rows.
    """

    circuit: Circuit
    bits: np.ndarray
    plan: Plan
    steps: np.ndarray
    params: Layers
    hidden: np.ndarray
    outputs: np.ndarray
    losses: np.ndarray
    right: np.ndarray

    @property
    def solved(self) -> np.ndarray:
        """Return the share of networks that are right on all rows, `(records,)`."""
        return self.right.mean(axis=0)

    @property
    def best(self) -> int:
        """Return which network has the least loss at the end."""
        return int(self.losses[:, -1].argmin())


@functools.lru_cache(maxsize=8)
def train(circuit: Circuit, plan: Plan) -> Run:
    """Train networks on all rows of a circuit.

    The first run for a number of inputs and outputs compiles; all others, whatever their plan, take milliseconds.

    Args:
        circuit: of 1 to 6 inputs.
        plan: what is trained, and how.

    Returns:
        A `Run`.

    Source: Y. Zhang (2019), eq. 10 and the incremental step.

    >>> from circuits import parse
    >>> run = train(parse("a & b"), Plan(width=2, seeds=8))
    >>> run.losses.shape, float(run.solved[-1])
    ((8, 101), 1.0)
    """
    bits, found = _begun(circuit, plan)
    _COMPILED.add((circuit.n_inputs, circuit.n_outputs))
    y = bits.astype(np.float32)
    params, (hidden, outputs) = jax.tree.map(lambda leaf: leaf[: plan.seeds], jax.device_get(found))
    losses = 0.5 * ((outputs - y) ** 2).sum(axis=3).mean(axis=2)
    right = (np.abs(outputs - y) < 0.5).all(axis=(2, 3))
    return Run(circuit, bits, plan, EVERY * np.arange(losses.shape[1]), params, hidden, outputs, losses, right)


def begin(circuit: Circuit, plan: Plan) -> None:
    """Begin a run, so that it is computed while pictures are drawn; not if it would have to be compiled first.

    Args:
        circuit: what `train` will be asked for.
        plan: the same.

    >>> from circuits import parse
    >>> begin(parse("a & b"), Plan(width=2, seeds=8))
    """
    if (circuit.n_inputs, circuit.n_outputs) in _COMPILED:
        _begun(circuit, plan)


@functools.lru_cache(maxsize=8)
def _begun(circuit: Circuit, plan: Plan) -> tuple[np.ndarray, Any]:
    """Return the truth table of a circuit, and the arrays of `_trained`, which are there when they are read."""
    bits = np.asarray(truth_table(circuit))
    x, y = rows(circuit.n_inputs).astype(np.float32), bits.astype(np.float32)
    start = initial_params(circuit.n_inputs, circuit.n_outputs, plan.width, MOST_SEEDS, plan.seed)
    return bits, _trained(start, _settings(plan), jnp.asarray(x), jnp.asarray(y))


def _settings(plan: Plan) -> Settings:
    return settings(plan.width, plan.activation, plan.optimiser, plan.step_size)


@jax.jit
def _trained(start: Layers, chosen: Settings, x: Array, y: Array) -> tuple[Layers, tuple[Array, Array]]:
    """Return the parameters of all networks at all records, and the values of their units on all rows."""
    each = jax.tree.map(lambda leaf: jnp.broadcast_to(leaf, (MOST_SEEDS, *jnp.shape(leaf))), chosen)
    states = jax.vmap(RULE.init)((start, each))
    keys = jax.random.split(jax.random.key(0), MOST_SEEDS)  # nothing is drawn
    _, history = train_ensemble(RULE, states, (x, y), keys=keys, steps=STEPS, record_every=EVERY)
    params = jax.tree.map(
        lambda first, rest: jnp.concatenate([first[:, None], rest], axis=1), start, recorded_params(history)
    )
    of_record = jax.vmap(jax.vmap(unit_values, in_axes=(0, None, None)), in_axes=(0, None, None))
    return params, of_record(params, chosen, x)


def surface(run: Run, member: int, record: int, points: np.ndarray) -> np.ndarray:
    """Return the outputs of one network of a run at any points.

    Args:
        run: any run.
        member: which network, from 0.
        record: which record, from 0.
        points: `(k, n)`, the same number at each call, since another one compiles.

    Returns:
        `(k, m)`.
    """
    params = jax.tree.map(lambda leaf: leaf[member, record], run.params)
    return np.asarray(_outputs(params, _settings(run.plan), jnp.asarray(points, jnp.float32)))


@jax.jit
def _outputs(params: Layers, chosen: Settings, points: Array) -> Array:
    return unit_values(params, chosen, points)[1]


def values_at(run: Run, member: int, record: int, row: int) -> np.ndarray:
    """Return the values of inputs, hidden units and outputs of one network of a run on one row of the truth table.

    Args:
        run: any run.
        member: which network, from 0.
        record: which record, from 0.
        row: which row, from 0.

    Returns:
        `(n + width + m,)`.
    """
    n = run.circuit.n_inputs
    hidden = run.hidden[member, record, row, : run.plan.width]
    return np.concatenate([rows(n)[row], hidden, run.outputs[member, record, row]])


def network_at(run: Run, member: int, record: int) -> tuple[Network, Layers]:
    """Return one network of a run as it was at a record.

    Args:
        run: any run.
        member: which network, from 0.
        record: which record, from 0.

    Returns:
        A `jaxnet.mlp`, and its parameters.

    >>> from circuits import parse
    >>> network_at(train(parse("a & b"), Plan(width=2)), 0, 100)[0]
    Network(2 -> 2 sigmoid -> 1 sigmoid)
    """
    hidden, last = params = on(run.plan.width, jax.tree.map(lambda leaf: leaf[member, record], run.params))
    return _network(hidden.w.shape[1], run.plan.width, len(last.b), run.plan.activation), params


@functools.cache
def _network(n: int, width: int, m: int, activation: str) -> Network:
    return mlp([n, width, m], [ACTIVATIONS[activation], sigmoid])

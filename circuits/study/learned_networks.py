"""Sigmoid networks that learn one Boolean function, one per seed: a `vmap` over whole training runs (eq. 10)."""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from jaxnet.learning.descent import gradient_descent
from jaxnet.learning.losses import squared_error
from jaxnet.learning.rules import Rule
from jaxnet.networks.activations import Activation, sigmoid, step
from jaxnet.networks.layers import Network, mlp
from jaxnet.pytrees import Batch, Key, Params, State
from jaxnet.training.loop import train

# Numbers that one measurement may hold at once.
_LIVE_VALUES = 2**24
# Up to this number of rows, a step takes all of them and a check is cheap; beyond it, a step takes a batch and checks
# are few.
FULL_BATCH = 1024
_BATCH = 256


class Learned(NamedTuple):
    """Sigmoid MLPs that learned the function by gradient, one per seed.

    A row is right where all outputs are on the right side of 1/2; a network has solved the function if all rows are
    right at the end.

    Attributes:
        sizes: inputs, hidden units if any, outputs.
        n_seeds: how many networks learned.
        n_solved: how many of them solved it.
        median_steps: the median, over those that did, of the steps after which no row was ever wrong again, which only
            the checks show; None if there are none.
        worst_error: the median, over those that did, of the largest distance of an output from its Boolean value at the
            end; None if there are none.
        n_hardened: how many of those that did keep all rows right when steps replace their sigmoids.
        steps: `(checks,)`, after which steps the runs were checked.
        losses: `(checks, seeds)`, the mean squared error of eq. 10 over the rows.
        solved_at: `(checks, seeds)` bool, all rows right.
    """

    sizes: tuple[int, ...]
    n_seeds: int
    n_solved: int
    median_steps: float | None
    worst_error: float | None
    n_hardened: int
    steps: np.ndarray
    losses: np.ndarray
    solved_at: np.ndarray

    def __repr__(self) -> str:
        sizes = "-".join(map(str, self.sizes))
        return f"Learned({sizes}, solved by {self.n_solved} of {self.n_seeds} seeds)"


def learn(
    sizes: tuple[int, ...],
    step_size: float,
    data: tuple[Array, Array],
    seeds: int,
    distance: int,
    checks: int,
    seed: int,
    bar: Any,
) -> tuple[Params, np.ndarray, np.ndarray]:
    """Train a network per seed; return the parameters of all, and losses and worst errors `(checks, seeds)`."""
    init_key, run_key = jax.random.split(jax.random.key(seed))
    state = _start(init_key, sizes, step_size, seeds)
    history = []
    for key in jax.random.split(run_key, checks):
        state = _advance(state, data, key, sizes, step_size, distance)
        history.append(jax.device_get(_measure(state.params, data, network_of(sizes, sigmoid))))
        bar.update()
    losses, worst = map(np.stack, zip(*history, strict=True))
    return jax.device_get(state.params), losses, worst


# The functions below are kept by sizes, so that functions of the same sizes share compiled programs.


@functools.cache
def network_of(sizes: tuple[int, ...], activation: Activation) -> Network:
    """Return the sigmoid or step MLP of these sizes, made once."""
    return mlp(sizes, activation)


@functools.cache
def _rule(sizes: tuple[int, ...], step_size: float) -> Rule:
    def loss(params: Params, batch: Batch) -> Array:
        inputs, targets = batch
        return squared_error(network_of(sizes, sigmoid).apply(params, inputs), targets).mean()

    return gradient_descent(loss, optax.adam(step_size))


@functools.partial(jax.jit, static_argnums=(1, 2, 3))
def _start(key: Key, sizes: tuple[int, ...], step_size: float, seeds: int) -> State:
    network, rule = network_of(sizes, sigmoid), _rule(sizes, step_size)
    # One after another: compiling random numbers for all at once takes twice as long.
    return jax.lax.map(lambda k: rule.init(network.init(k)), jax.random.split(key, seeds))


@functools.partial(jax.jit, static_argnums=(3, 4, 5))
def _advance(
    state: State, data: tuple[Array, Array], key: Key, sizes: tuple[int, ...], step_size: float, steps: int
) -> State:
    # All seeds see the same batches; they differ in where they start.
    batch_size = None if len(data[0]) <= FULL_BATCH else _BATCH
    run = functools.partial(train, _rule(sizes, step_size), data=data, steps=steps, batch_size=batch_size, key=key)
    return jax.vmap(lambda s: run(s)[0])(state)


@functools.partial(jax.jit, static_argnames="network")
def _measure(params: Params, data: tuple[Array, Array], network: Network) -> tuple[Array, Array]:
    """Return the loss over all rows and the worst error, `(seeds,)` each; as many seeds at once as memory allows."""
    x, y = data

    def one(p: Params) -> tuple[Array, Array]:
        v = network.apply(p, x)
        return squared_error(v, y).mean(), jnp.abs(v - y).max()

    widest = max(layer.b.shape[1] for layer in params)
    return jax.lax.map(one, params, batch_size=max(1, _LIVE_VALUES // (len(x) * widest)))


def summary_of(
    sizes: tuple[int, ...],
    params: Params,
    losses: np.ndarray,
    worst: np.ndarray,
    distance: int,
    data: tuple[Array, Array],
) -> Learned:
    """Return what the networks learned, from their parameters at the end and what each check measured."""
    # The error of a network that diverged is NaN, which is not below 1/2.
    solved_at = worst < 0.5
    solved = solved_at[-1]
    hardened = np.asarray(_measure(params, data, network_of(sizes, step))[1]) < 0.5
    # The first of the checks that all rows are right at, and at all checks after it.
    right_since = np.argmax(np.logical_and.accumulate(solved_at[::-1])[::-1], axis=0)
    steps = distance * np.arange(1, len(worst) + 1)
    return Learned(
        sizes=sizes,
        n_seeds=len(solved),
        n_solved=int(solved.sum()),
        median_steps=float(np.median(steps[right_since[solved]])) if solved.any() else None,
        worst_error=float(np.median(worst[-1, solved])) if solved.any() else None,
        n_hardened=int((hardened & solved).sum()),
        steps=steps,
        losses=losses,
        solved_at=solved_at,
    )


def typical(worst: np.ndarray) -> int:
    """Return the seed with the median worst error of those that solved it; the first seed if none did."""
    solved = np.flatnonzero(worst < 0.5)
    return int(solved[np.argsort(worst[solved], kind="stable")[len(solved) // 2]]) if len(solved) else 0

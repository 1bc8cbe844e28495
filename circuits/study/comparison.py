"""The study: one Boolean function as a circuit, as threshold units, and as sigmoids, constructed and learned.

Many networks learn it at once, one per seed: a `vmap` over whole training runs. Y. Zhang (2019), eq. 1, 4, 5, 10.
"""

import functools
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import Array

from circuits.bridge.compilation import CompiledCircuit, to_network
from circuits.netlist import Circuit, depth
from circuits.simulation.simulator import evaluate
from circuits.simulation.truth_tables import rows
from circuits.threshold.gate_conversion import from_circuit
from circuits.threshold.threshold_circuits import ThresholdCircuit
from jaxnet.learning.losses import squared_error
from jaxnet.learning.rules import Rule, gradient_descent
from jaxnet.networks.activations import Activation, sigmoid, step
from jaxnet.networks.layers import Network, mlp
from jaxnet.notebook import picture_of
from jaxnet.progress import progress_bar
from jaxnet.pytrees import Batch, Key, Params, State
from jaxnet.training.loop import train
from jaxnet.validation import whole_number

# Up to this number of inputs all rows are tried; beyond it, 2 to this power are sampled.
MAX_EXHAUSTIVE_INPUTS = 16
# Up to this number of rows, a step takes all of them and a check is cheap; beyond it, a step takes a batch and checks
# are few.
_FULL_BATCH = 1024
_BATCH = 256
_MAX_HIDDEN = 64
_GAINS = np.geomspace(1, 32, 26)
# Numbers that one evaluation may hold at once, and that it may compute in all when it samples.
_LIVE_VALUES = 2**24
_MAX_VALUES = 2**28


class Threshold(NamedTuple):
    """The circuit as threshold units, gate by gate, evaluated in integers.

    Attributes:
        n_units: how many.
        depth: units on the longest path.
        wrong_rows: how many rows have an output that differs from the circuit's.
    """

    n_units: int
    depth: int
    wrong_rows: int


class Constructed(NamedTuple):
    """The same units as sigmoids, weights and biases times a gain.

    Attributes:
        asked: the error that was asked for.
        gain: the smallest that the theorem of `circuits.bridge.compilation` gives for the asked error, rounded up.
        bound: the error that the theorem promises at this gain.
        worst_error: the largest distance of an output from its Boolean value, measured over the rows.
        gains: `(k,)`, other gains that were tried.
        worst_errors: `(k,)`, the worst error at each of them.
    """

    asked: float
    gain: float
    bound: float
    worst_error: float
    gains: np.ndarray
    worst_errors: np.ndarray

    def __repr__(self) -> str:
        return f"Constructed(gain {self.gain:.2f}, worst error {self.worst_error:.4f})"


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


class Comparison(NamedTuple):
    """What `compare` finds; plain data.

    Attributes:
        name: of the function.
        n_inputs: n.
        n_outputs: m.
        n_gates: two-input gates of the circuit.
        depth: gates on the longest path.
        n_rows: how many rows were tried.
        exhaustive: whether those are all 2^n.
        threshold: the circuit as threshold units.
        constructed: as sigmoids, by construction.
        learned: as sigmoids, by learning.
        surfaces: for two inputs and one output, `(3, k, k)`: the value on a grid over `SQUARE`, the second input
            along its first axis, of the threshold units, the constructed sigmoids and a learned network; else None.
        n_constant: how many outputs are the same on all rows that were tried.
    """

    name: str
    n_inputs: int
    n_outputs: int
    n_gates: int
    depth: int
    n_rows: int
    exhaustive: bool
    threshold: Threshold
    constructed: Constructed
    learned: Learned
    surfaces: np.ndarray | None
    n_constant: int = 0

    def __repr__(self) -> str:
        return f"Comparison({self.name!r}, {self.n_rows:,} rows, {self.threshold}, {self.constructed}, {self.learned})"

    def _repr_html_(self) -> str:
        return picture_of(self)


# Where surfaces are drawn: around the four Boolean points, on a grid that has no point on the edge of a threshold unit.
SQUARE = np.linspace(-0.3, 1.3, 98)


def compare(
    circuit: Circuit,
    *,
    name: str = "circuit",
    error: float = 0.1,
    seeds: int = 256,
    steps: int = 2000,
    step_size: float = 0.05,
    seed: int = 0,
    progress: bool = True,
) -> Comparison:
    """Compare Boolean neurons with sigmoid networks on one function.

    The learned networks have one hidden layer with as many units as the threshold network has below its outputs, but
    at least n and at most 64; none where single threshold units suffice. They start from Glorot normal weights and
    follow the gradient of the squared error (eq. 10) with Adam: on all rows in each step, or on batches of 256 where
    there are more than 1,024.

    Args:
        circuit: at least one input and one output. Up to 16 inputs all rows are tried; beyond that, `sampled_rows`.
        name: shown in the result and beside the progress bar.
        error: how near the constructed sigmoids are to come to the Boolean values, in (0, 1/2).
        seeds: how many networks learn, at once.
        steps: of learning; rounded up to a multiple of 10, or of 200 on batches, after which the networks are checked.
        step_size: of Adam.
        seed: of all that is random.
        progress: whether to show a bar, on a terminal or in a notebook.

    Returns:
        A `Comparison`.

    Raises:
        ValueError: if the circuit has no input or no output, or an argument is out of range.
        TypeError: if `circuit` is no `Circuit`, or a number is not whole.

    Source: Y. Zhang (2019): Boolean abstraction and real-valued units, eq. 1, 4, 5, 10.

    >>> from circuits import parse
    >>> study = compare(parse("a & b"), seeds=4, steps=200, progress=False)
    >>> study.threshold, study.learned.n_solved
    (Threshold(n_units=1, depth=1, wrong_rows=0), 4)
    """
    if not isinstance(circuit, Circuit):
        raise TypeError(
            f"compare: expected a Circuit, got {type(circuit).__name__}. circuits.to_circuit makes one of units."
        )
    if circuit.n_inputs == 0 or circuit.n_outputs == 0:
        raise ValueError(f"compare: expected at least one input and one output, got {circuit}.")
    if not 0 < error < 0.5:
        raise ValueError(f"compare: expected an error between 0 and 1/2, got {error}.")
    if not step_size > 0:
        raise ValueError(f"compare: expected a positive step size, got {step_size}.")
    seeds = whole_number("compare", "seeds", seeds, 1)
    steps = whole_number("compare", "steps", steps, 1)
    seed = whole_number("compare", "seed", seed, 0, 2**32 - 1)
    hard = from_circuit(circuit)
    exhaustive = circuit.n_inputs <= MAX_EXHAUSTIVE_INPUTS
    x = rows(circuit.n_inputs) if exhaustive else sampled_rows(circuit.n_inputs, hard.n_units, seed=seed)
    y = np.asarray(evaluate(circuit, x))
    wrong = (evaluate(hard, x) != y).any(axis=-1)
    threshold = Threshold(hard.n_units, depth(hard), int(wrong.sum()))

    data = jnp.asarray(x, float), jnp.asarray(y, float)
    distance = 10 if len(x) <= _FULL_BATCH else 200
    checks = -(-steps // distance)
    with progress_bar(name, total=1 + len(_GAINS) + checks, shown=progress) as bar:
        soft = to_network(hard, sigmoid, error=error)
        constructed = _construct(soft, error, data, bar)
        sizes = _sizes(hard)
        params, losses, worst = _learn(sizes, step_size, data, seeds, distance, checks, seed, bar)
        learned = _summary(sizes, params, losses, worst, distance, data)

    surfaces = None
    if circuit.n_inputs == 2 and circuit.n_outputs == 1:
        typical = jax.tree.map(lambda p: p[_typical(worst[-1])], params)
        networks = (to_network(hard)[:2], soft[:2], (_network(sizes, sigmoid), typical))
        surfaces = np.stack([_surface(network, p) for network, p in networks])
    return Comparison(
        name=name,
        n_inputs=circuit.n_inputs,
        n_outputs=circuit.n_outputs,
        n_gates=circuit.n_gates,
        depth=depth(circuit),
        n_rows=len(x),
        exhaustive=exhaustive,
        threshold=threshold,
        constructed=constructed,
        learned=learned,
        surfaces=surfaces,
        n_constant=int((y == y[0]).all(axis=0).sum()),
    )


def sampled_rows(n: int, n_units: int, *, seed: int) -> np.ndarray:
    """Return random rows, all different: 2^16, or as many as a circuit of this size leaves time for, less repetitions.

    Most are uniform; one in 16 has few ones and one in 16 few zeros, one on average, since a wide AND or a decoder is
    constant on all other rows.

    Args:
        n: how many inputs.
        n_units: how many units are evaluated on them.
        seed: of what is drawn.

    Returns:
        `(rows, n)` bool.

    >>> sampled_rows(40, 100, seed=0).shape[1]
    40
    """
    n_rows = max(1, min(2**MAX_EXHAUSTIVE_INPUTS, _MAX_VALUES // (n + n_units)))
    random = np.random.default_rng(seed)
    density = random.choice([1 / 2, 1 / n, 1 - 1 / n], n_rows, p=[7 / 8, 1 / 16, 1 / 16])
    bits = random.random((n_rows, n), np.float32) < density[:, None]
    return np.unpackbits(np.unique(np.packbits(bits, axis=1), axis=0), axis=1, count=n).astype(bool)


def _construct(soft: CompiledCircuit, error: float, data: tuple[Array, Array], bar: Any) -> Constructed:
    """Measure the worst error over the rows, in blocks that memory holds, at its own gain and at others."""
    wiring = soft.circuit.wiring
    block = max(1, _LIVE_VALUES // (wiring.n_inputs + wiring.n_units))
    # The blocks are cut once, and errors are NumPy's, since JAX would compile each step for each number of rows.
    x, y = data[0], np.asarray(data[1])
    blocks = [(x[i : i + block], y[i : i + block]) for i in range(0, len(x), block)] if len(x) > block else [(x, y)]

    def worst_error(params: Params) -> float:
        worst = max(float(np.abs(np.asarray(soft.network.apply(params, x)) - y).max()) for x, y in blocks)
        bar.update()
        return worst

    assert soft.gain is not None
    # All gains share the wiring, and so its schedule and the compiled program.
    others = [to_network(soft.circuit, sigmoid, gain=gain) for gain in _GAINS.tolist()]
    gains, errors = np.array([other.gain for other in others]), np.array([worst_error(o.params) for o in others])
    return Constructed(error, soft.gain, soft.error, worst_error(soft.params), gains, errors)


def _sizes(hard: ThresholdCircuit) -> tuple[int, ...]:
    """Return the sizes of the learned network: as many hidden units as there are threshold units below the outputs."""
    if depth(hard) <= 1:
        return hard.n_inputs, hard.n_outputs
    output_units = {node for node in hard.wiring.outputs.tolist() if node >= hard.n_inputs}
    width = max(hard.n_units - len(output_units), hard.n_inputs)
    return hard.n_inputs, min(width, _MAX_HIDDEN), hard.n_outputs


def _learn(
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
        history.append(jax.device_get(_measure(state.params, data, _network(sizes, sigmoid))))
        bar.update()
    losses, worst = map(np.stack, zip(*history, strict=True))
    return jax.device_get(state.params), losses, worst


# What follows is kept by sizes, so that functions of the same sizes share compiled programs.


@functools.cache
def _network(sizes: tuple[int, ...], activation: Activation) -> Network:
    return mlp(sizes, activation)


@functools.cache
def _rule(sizes: tuple[int, ...], step_size: float) -> Rule:
    def loss(params: Params, batch: Batch) -> Array:
        inputs, targets = batch
        return squared_error(_network(sizes, sigmoid).apply(params, inputs), targets).mean()

    return gradient_descent(loss, optax.adam(step_size))


@functools.partial(jax.jit, static_argnums=(1, 2, 3))
def _start(key: Key, sizes: tuple[int, ...], step_size: float, seeds: int) -> State:
    network, rule = _network(sizes, sigmoid), _rule(sizes, step_size)
    # One after another: compiling random numbers for all at once takes twice as long.
    return jax.lax.map(lambda k: rule.init(network.init(k)), jax.random.split(key, seeds))


@functools.partial(jax.jit, static_argnums=(3, 4, 5))
def _advance(
    state: State, data: tuple[Array, Array], key: Key, sizes: tuple[int, ...], step_size: float, steps: int
) -> State:
    # All seeds see the same batches; they differ in where they start.
    batch_size = None if len(data[0]) <= _FULL_BATCH else _BATCH
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


def _summary(
    sizes: tuple[int, ...],
    params: Params,
    losses: np.ndarray,
    worst: np.ndarray,
    distance: int,
    data: tuple[Array, Array],
) -> Learned:
    # The error of a network that diverged is NaN, which is not below 1/2.
    solved_at = worst < 0.5
    solved = solved_at[-1]
    hardened = np.asarray(_measure(params, data, _network(sizes, step))[1]) < 0.5
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


def _typical(worst: np.ndarray) -> int:
    """Return the seed with the median worst error of those that solved it; the first seed if none did."""
    solved = np.flatnonzero(worst < 0.5)
    return int(solved[np.argsort(worst[solved], kind="stable")[len(solved) // 2]]) if len(solved) else 0


def _surface(network: Network, params: Params) -> np.ndarray:
    grid = np.stack(np.meshgrid(SQUARE, SQUARE), axis=-1)
    return np.asarray(jax.jit(network.apply)(params, jnp.asarray(grid, float)))[..., 0]

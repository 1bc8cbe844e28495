"""The study: one Boolean function as a circuit, as threshold units, and as sigmoids, constructed and learned.

Many networks learn it at once, one a seed: a `vmap` over whole training runs.
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
from jaxnet.learning.rules import gradient_descent
from jaxnet.networks.activations import sigmoid, step
from jaxnet.networks.layers import Network, mlp
from jaxnet.progress import progress_bar
from jaxnet.training.loop import train

# Up to here every row is tried; beyond, as many are sampled.
MAX_EXHAUSTIVE_INPUTS = 16
# Up to so many rows, a step takes all and a check is cheap; beyond, a step takes a batch and checks are few.
_FULL_BATCH = 1024
_BATCH = 256
_MAX_HIDDEN = 64
_STEP_SIZE = 0.05
_GAINS = np.geomspace(1, 32, 26)
# Numbers that one evaluation may hold at once, and that it may compute in all when it samples.
_LIVE_VALUES = 2**24
_MAX_VALUES = 2**28


class Threshold(NamedTuple):
    """The circuit as threshold units, gate by gate, evaluated in integers.

    Attributes:
        n_units: how many.
        depth: units on the longest path.
        wrong_rows: rows on which an output differs from the circuit; counted.
    """

    n_units: int
    depth: int
    wrong_rows: int


class Constructed(NamedTuple):
    """The same units as sigmoids, weights and biases times a gain.

    Attributes:
        asked: how near the outputs were asked to come to their Boolean values.
        gain: the smallest that the theorem of `circuits.bridge.compilation` gives for the asked error, rounded up.
        bound: the error that the theorem promises at this gain.
        worst_error: the largest distance of an output from its Boolean value, measured over the rows.
        gains: `(k,)`, other gains that were tried.
        worst_errors: `(k,)`, measured alike.
    """

    asked: float
    gain: float
    bound: float
    worst_error: float
    gains: np.ndarray
    worst_errors: np.ndarray


class Learned(NamedTuple):
    """Sigmoid MLPs that learned the function by gradient, one a seed.

    A row is right where all outputs are on the right side of 1/2.

    Attributes:
        sizes: inputs, hidden units if any, outputs.
        n_seeds: how many.
        n_solved: how many had all rows right at the end.
        median_steps: over those, steps after which no row was ever wrong again; None if there are none. Read off at
            the checks, so a multiple of their distance.
        worst_error: over those, the median of the largest distance of an output from its Boolean value at the end;
            None if there are none.
        n_hardened: how many of those keep all rows right when their sigmoids are replaced by steps.
        steps: `(checks,)`, where the runs were looked at.
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


class Comparison(NamedTuple):
    """What `compare` finds; plain data.

    Attributes:
        name: of the function.
        n_inputs: n.
        n_outputs: m.
        n_gates: two-input gates of the netlist.
        depth: gates on the longest path.
        n_rows: how many rows were tried.
        exhaustive: whether those are all 2^n.
        threshold: the circuit as threshold units.
        constructed: as sigmoids, by construction.
        learned: as sigmoids, by learning.
        surfaces: for one function of two inputs, `(3, k, k)`: its value on a grid over `SQUARE`, second input along the
            first grid axis, for the threshold units, the constructed sigmoids and a learned network; else None.
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
        return (
            f"Comparison({self.name}: {self.n_gates} gates, {self.threshold.n_units} threshold units with "
            f"{self.threshold.wrong_rows} wrong rows, gain {self.constructed.gain:.2f}, "
            f"{self.learned.n_solved} of {self.learned.n_seeds} networks learned it)"
        )

    def _repr_html_(self) -> str:
        from circuits.study.tables import html_of  # only in notebooks: tables build on comparisons

        return html_of(self)


# Where surfaces are drawn: around the four Boolean points, on a grid that has no point on the edge of a threshold unit.
SQUARE = np.linspace(-0.3, 1.3, 98)


def compare(
    circuit: Circuit,
    *,
    name: str = "circuit",
    error: float = 0.1,
    seeds: int = 256,
    steps: int = 2000,
    seed: int = 0,
    progress: bool = True,
) -> Comparison:
    """Compare Boolean neurons with sigmoid networks on one function.

    The learned networks have one hidden layer with as many units as the threshold network has below its outputs, but
    at least n and at most 64; none where single threshold units suffice. They start from Glorot normal weights and
    follow the gradient of the squared error (eq. 10) with Adam at step size 0.05: on all rows in each step, or on
    batches of 256 where there are more than 1,024.

    Args:
        circuit: at least one input and one output. Up to 16 inputs all rows are tried, beyond 2^16 random ones (of very
            large circuits fewer), less those drawn twice: most uniform, some with few ones or few zeros.
        name: shown in the result and beside the progress bar.
        error: how near the constructed sigmoids are to come to the Boolean values, in (0, 1/2).
        seeds: how many networks learn, at once.
        steps: of learning; rounded up to a multiple of the distance of the checks, 10 or 200.
        seed: of all that is random.
        progress: whether to show a bar, on a terminal or in a notebook.

    Returns:
        A `Comparison`.

    Raises:
        ValueError: if the circuit has no input or no output, or an argument is out of range.

    Source: Y. Zhang (2019): Boolean abstraction and real-valued units, eq. 1, 4, 5, 10.

    >>> from circuits import parse
    >>> study = compare(parse("a & b"), seeds=4, steps=200, progress=False)
    >>> study.threshold, study.learned.n_solved
    (Threshold(n_units=1, depth=1, wrong_rows=0), 4)
    """
    if circuit.n_inputs == 0 or circuit.n_outputs == 0:
        raise ValueError(f"compare: expected at least one input and one output, got {circuit}.")
    if seeds < 1 or steps < 1:
        raise ValueError(f"compare: expected at least one seed and one step, got {seeds} and {steps}.")
    hard = from_circuit(circuit)
    exhaustive = circuit.n_inputs <= MAX_EXHAUSTIVE_INPUTS
    x = rows(circuit.n_inputs) if exhaustive else _sampled_rows(circuit.n_inputs, hard.n_units, seed)
    y = np.asarray(evaluate(circuit, x))
    wrong = (evaluate(hard, x) != y).any(axis=-1)
    threshold = Threshold(hard.n_units, depth(hard), int(wrong.sum()))

    data = jnp.asarray(x, float), jnp.asarray(y, float)
    distance = 10 if len(x) <= _FULL_BATCH else 200
    checks = -(-steps // distance)
    n_steps = 1 + len(_GAINS) + checks
    with progress_bar(name, total=n_steps, shown=progress) as bar:
        soft = to_network(hard, sigmoid, error=error)
        constructed = _construct(soft, error, data, bar)
        sizes = _sizes(hard)
        state, losses, worst = _learn(mlp(sizes), data, seeds, distance, checks, seed, bar)
        learned = _summary(sizes, state, losses, worst, distance, data)

    surfaces = None
    if circuit.n_inputs == 2 and circuit.n_outputs == 1:
        typical = jax.tree.map(lambda p: p[_typical(worst[-1])], state)
        networks = (to_network(hard)[:2], soft[:2], (mlp(sizes), typical))
        surfaces = np.stack([_surface(network, params) for network, params in networks])
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


def _sampled_rows(n: int, n_units: int, seed: int) -> np.ndarray:
    """Random rows, all different: 2^16, or as many as a circuit of so many units leaves time for.

    Most are uniform; one in 16 has few ones and one in 16 few zeros, one on average, since a wide AND or a decoder is
    constant on everything else.
    """
    n_rows = max(1, min(2**MAX_EXHAUSTIVE_INPUTS, _MAX_VALUES // (n + n_units)))
    random = np.random.default_rng(seed)
    density = random.choice([1 / 2, 1 / n, 1 - 1 / n], n_rows, p=[7 / 8, 1 / 16, 1 / 16])
    bits = random.random((n_rows, n), np.float32) < density[:, None]
    return np.unpackbits(np.unique(np.packbits(bits, axis=1), axis=0), axis=1, count=n).astype(bool)


def _construct(soft: CompiledCircuit, error: float, data: tuple[Array, Array], bar: Any) -> Constructed:
    def worst_error(network: CompiledCircuit) -> float:
        wiring = soft.circuit.wiring
        block = max(1, _LIVE_VALUES // (wiring.n_inputs + wiring.n_units))
        x, y = data
        blocks = [slice(i, i + block) for i in range(0, len(x), block)]
        worst = max(float(jnp.abs(network.network.apply(network.params, x[b]) - y[b]).max()) for b in blocks)
        bar.update()
        return worst

    assert soft.gain is not None
    others = [to_network(soft.circuit, sigmoid, gain=gain) for gain in _GAINS.tolist()]
    gains, errors = np.array([other.gain for other in others]), np.array([worst_error(other) for other in others])
    return Constructed(error, soft.gain, soft.error, worst_error(soft), gains, errors)


def _sizes(hard: ThresholdCircuit) -> tuple[int, ...]:
    """The layers of the learned network: as many hidden units as there are threshold units below the outputs."""
    if depth(hard) <= 1:
        return hard.n_inputs, hard.n_outputs
    output_units = {node for node in hard.wiring.outputs.tolist() if node >= hard.n_inputs}
    width = max(hard.n_units - len(output_units), hard.n_inputs)
    return hard.n_inputs, min(width, _MAX_HIDDEN), hard.n_outputs


def _learn(
    network: Network, data: tuple[Array, Array], seeds: int, distance: int, checks: int, seed: int, bar: Any
) -> tuple[Any, np.ndarray, np.ndarray]:
    """Train one network a seed: the parameters of all at the end, and losses and worst errors `(checks, seeds)`."""

    def loss(params: Any, batch: tuple[Array, Array]) -> Array:
        inputs, targets = batch
        return squared_error(network.apply(params, inputs), targets).mean()

    rule = gradient_descent(loss, optax.adam(_STEP_SIZE))
    batch_size = None if len(data[0]) <= _FULL_BATCH else _BATCH

    @jax.jit
    def start(key: Array) -> Any:
        return jax.vmap(lambda k: rule.init(network.init(k)))(jax.random.split(key, seeds))

    @jax.jit
    def advance(state: Any, data: tuple[Array, Array], key: Array) -> Any:
        # All seeds see the same batches; they differ in where they start.
        run = functools.partial(train, rule, data=data, steps=distance, batch_size=batch_size, key=key)
        return jax.vmap(lambda s: run(s)[0])(state)

    init_key, run_key = jax.random.split(jax.random.key(seed))
    state = start(init_key)
    history = []
    for key in jax.random.split(run_key, checks):
        state = advance(state, data, key)
        history.append(jax.device_get(_measure(network, state.params, data)))
        bar.update()
    losses, worst = map(np.stack, zip(*history, strict=True))
    return state.params, losses, worst


@functools.partial(jax.jit, static_argnames="network")
def _measure(network: Network, params: Any, data: tuple[Array, Array]) -> tuple[Array, Array]:
    """The loss over all rows and the worst error, `(seeds,)` each, for as many seeds at once as memory allows."""
    x, y = data

    def one(p: Any) -> tuple[Array, Array]:
        v = network.apply(p, x)
        return squared_error(v, y).mean(), jnp.abs(v - y).max()

    widest = max(layer.b.shape[1] for layer in params)
    return jax.lax.map(one, params, batch_size=max(1, _LIVE_VALUES // (len(x) * widest)))


def _summary(
    sizes: tuple[int, ...],
    params: Any,
    losses: np.ndarray,
    worst: np.ndarray,
    distance: int,
    data: tuple[Array, Array],
) -> Learned:
    # A network that diverged to NaN compares as false: it has not solved anything.
    solved_at = worst < 0.5
    solved = solved_at[-1]
    hardened = np.asarray(_measure(mlp(sizes, step), params, data)[1]) < 0.5
    # Each check after the last one at which a row was wrong has all rows right; the first of them is meant.
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
    """The seed in the middle of those that solved it, by their worst errors; the first seed if none did."""
    solved = np.flatnonzero(worst < 0.5)
    return int(solved[np.argsort(worst[solved], kind="stable")[len(solved) // 2]]) if len(solved) else 0


def _surface(network: Network, params: Any) -> np.ndarray:
    grid = np.stack(np.meshgrid(SQUARE, SQUARE), axis=-1)
    return np.asarray(network.apply(params, jnp.asarray(grid, float))[..., 0])

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
from tqdm import tqdm

from circuits import threshold_circuits
from circuits.compilation import Compiled, to_network
from circuits.netlist import Circuit, depth
from circuits.simulation import evaluate
from circuits.truth_tables import rows
from jaxnet.activations import sigmoid, step
from jaxnet.layers import Network, mlp
from jaxnet.losses import squared_error
from jaxnet.training import gradient_descent, train

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
        gain: the smallest that the theorem of `circuits.compilation` gives for the asked error.
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
            large circuits fewer), less those drawn twice.
        name: shown in the result and beside the progress bar.
        error: how near the constructed sigmoids are to come to the Boolean values, in (0, 1/2).
        seeds: how many networks learn, at once.
        steps: of learning; rounded up to a multiple of the distance of the checks, 10 or 200.
        seed: of all that is random.
        progress: whether to show a bar, on a terminal.

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
    exhaustive = circuit.n_inputs <= MAX_EXHAUSTIVE_INPUTS
    hard = threshold_circuits.from_circuit(circuit)
    if exhaustive:
        x = rows(circuit.n_inputs)
    else:
        n_rows = min(2**MAX_EXHAUSTIVE_INPUTS, _MAX_VALUES // (circuit.n_inputs + hard.n_units))
        x = _sampled_rows(circuit.n_inputs, max(1, n_rows), seed)
    y = np.asarray(evaluate(circuit, x))
    wrong = (evaluate(hard, x) != y).any(axis=-1)
    threshold = Threshold(hard.n_units, threshold_circuits.depth(hard), int(wrong.sum()))

    n_hidden = hard.n_units - len(set(hard.wiring.outputs[hard.wiring.outputs >= hard.n_inputs]))
    width = min(max(n_hidden, circuit.n_inputs), _MAX_HIDDEN)
    sizes = (circuit.n_inputs, *([width] if threshold.depth > 1 else []), circuit.n_outputs)

    inputs, targets = jnp.asarray(x, float), jnp.asarray(y, float)
    check = 10 if len(x) <= _FULL_BATCH else 200
    checks = -(-steps // check)
    with tqdm(total=checks + len(_GAINS) + 1, desc=name, leave=False, disable=None if progress else True) as bar:
        soft = to_network(hard, sigmoid, error=error)
        errors = []
        for gain in [None, *_GAINS]:
            at_gain = soft if gain is None else to_network(hard, sigmoid, gain=float(gain))
            errors.append(_worst_error(at_gain, inputs, targets))
            bar.update()
        assert soft.gain is not None
        constructed = Constructed(error, soft.gain, soft.error, errors[0], _GAINS, np.array(errors[1:]))
        network = mlp(sizes, sigmoid)
        learned, params = _learn(network, sizes, inputs, targets, seeds, check, checks, seed, bar)
    surfaces = None
    if circuit.n_inputs == 2 and circuit.n_outputs == 1:
        surfaces = np.stack([_surface(n, p) for n, p in (to_network(hard)[:2], soft[:2], (network, params))])
    return Comparison(
        name,
        circuit.n_inputs,
        circuit.n_outputs,
        circuit.n_gates,
        depth(circuit),
        len(x),
        exhaustive,
        threshold,
        constructed,
        learned,
        surfaces,
    )


def _sampled_rows(n: int, n_rows: int, seed: int) -> np.ndarray:
    packed = np.random.default_rng(seed).integers(0, 256, (n_rows, -(-n // 8)), np.uint8)
    return np.unique(np.unpackbits(packed, axis=1, count=n), axis=0).astype(bool)


def _worst_error(soft: Compiled, inputs: Array, targets: Array) -> float:
    """The largest distance from the Boolean value over all rows, a block of rows at a time."""
    wiring = soft.circuit.wiring
    block = max(1, _LIVE_VALUES // (wiring.n_inputs + wiring.n_units))
    return max(
        float(jnp.abs(soft.network.apply(soft.params, inputs[i : i + block]) - targets[i : i + block]).max())
        for i in range(0, len(inputs), block)
    )


def _learn(
    network: Network,
    sizes: tuple[int, ...],
    x: Array,
    y: Array,
    seeds: int,
    check: int,
    checks: int,
    seed: int,
    bar: tqdm,
) -> tuple[Learned, Any]:
    """Train one network a seed; returns what was found, and the parameters of a typical one that solved it."""

    def loss(params: Any, batch: tuple[Array, Array]) -> Array:
        inputs, targets = batch
        return squared_error(network.apply(params, inputs), targets).mean()

    rule = gradient_descent(loss, optax.adam(_STEP_SIZE))
    batch_size = None if len(x) <= _FULL_BATCH else _BATCH

    @jax.jit
    def start(key: Array) -> Any:
        return jax.vmap(lambda k: rule.init(network.init(k)))(jax.random.split(key, seeds))

    @jax.jit
    def advance(state: Any, x: Array, y: Array, key: Array) -> Any:
        # All seeds see the same batches; they differ in where they start.
        run = functools.partial(train, rule, data=(x, y), steps=check, batch_size=batch_size, key=key)
        return jax.vmap(lambda s: run(s)[0])(state)

    # Seeds at once, as many as memory allows.
    together = max(1, min(seeds, _LIVE_VALUES // (len(x) * max(sizes))))

    @functools.partial(jax.jit, static_argnames="net")
    def measure(net: Network, params: Any, x: Array, y: Array) -> tuple[Array, Array]:
        def one(p: Any) -> tuple[Array, Array]:
            v = net.apply(p, x)
            return squared_error(v, y).mean(), jnp.abs(v - y).max()

        return jax.lax.map(one, params, batch_size=together)

    init_key, run_key = jax.random.split(jax.random.key(seed))
    state = start(init_key)
    losses, worst = [], []
    for key in jax.random.split(run_key, checks):
        state = advance(state, x, y, key)
        now = measure(network, state.params, x, y)
        losses.append(np.asarray(now[0]))
        worst.append(np.asarray(now[1]))
        bar.update()
    # Not `worst < 1/2` alone: a network that diverged to NaN has not solved anything, and compares as false.
    solved_at = np.stack(worst) < 0.5
    solved = solved_at[-1]
    # The check after the last one at which a row was wrong.
    settled = check * (1 + np.where(solved_at.all(axis=0), 0, checks - np.argmax(~solved_at[::-1], axis=0)))
    hardened = np.asarray(measure(mlp(sizes, step), state.params, x, y)[1]) < 0.5
    order = np.flatnonzero(solved)[np.argsort(worst[-1][solved], kind="stable")]
    typical = int(order[len(order) // 2]) if len(order) else 0
    learned = Learned(
        sizes,
        seeds,
        int(solved.sum()),
        float(np.median(settled[solved])) if len(order) else None,
        float(np.median(worst[-1][solved])) if len(order) else None,
        int((hardened & solved).sum()),
        check * np.arange(1, checks + 1),
        np.stack(losses),
        solved_at,
    )
    return learned, jax.tree.map(lambda p: p[typical], state.params)


def _surface(network: Network, params: Any) -> np.ndarray:
    grid = np.stack(np.meshgrid(SQUARE, SQUARE), axis=-1)
    return np.asarray(network.apply(params, jnp.asarray(grid, float))[..., 0])

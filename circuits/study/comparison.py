"""The study: one Boolean function as a circuit, as threshold units, and as sigmoids, constructed and learned.

Many networks learn it at once, one per seed: a `vmap` over whole training runs. Y. Zhang (2019), eq. 1, 4, 5, 10.
"""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array

from circuits.bridge.certificates import CertificateError
from circuits.bridge.compilation import to_network
from circuits.bridge.error_bounds import smallest_gain, weights_of_units
from circuits.bridge.extraction import Guarantee, from_network
from circuits.mapping.portfolio import map_to_units
from circuits.netlist import Circuit, depth
from circuits.simulation.simulator import evaluate
from circuits.simulation.truth_tables import rows
from circuits.study.learned_networks import FULL_BATCH, Learned, learn, network_of, summary_of, typical
from circuits.threshold.gate_conversion import from_circuit
from circuits.threshold.threshold_circuits import ThresholdCircuit
from jaxnet.networks.activations import sigmoid
from jaxnet.networks.layers import Network
from jaxnet.notebook import picture_of
from jaxnet.progress import progress_bar
from jaxnet.pytrees import Params
from jaxnet.validation import whole_number

# Up to this number of inputs all rows are tried; beyond it, 2 to this power are sampled.
MAX_EXHAUSTIVE_INPUTS = 16
_MAX_HIDDEN = 64
# A circuit of more gates is not mapped to few units: that would take minutes.
_MOST_MAPPED = 20_000
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
        n_mapped: how many `map_to_units` needs, proved; None where the circuit has more than 20,000 gates.
    """

    n_units: int
    depth: int
    wrong_rows: int
    n_mapped: int | None


class Constructed(NamedTuple):
    """The same units as sigmoids, weights and biases times a gain.

    Attributes:
        asked: the error that was asked for.
        gain: the smallest that the theorem of `circuits.bridge.error_bounds` gives for the asked error, rounded up.
        bound: the error that the theorem promises at this gain.
        certified: the error that the certificate proves, float32's rounding included; None where it proves nothing.
        worst_error: the largest distance of an output from its Boolean value, measured over the rows.
        gains: `(k,)`, other gains that were tried.
        worst_errors: `(k,)`, the worst error at each of them.
    """

    asked: float
    gain: float
    bound: float
    certified: float | None
    worst_error: float
    gains: np.ndarray
    worst_errors: np.ndarray

    def __repr__(self) -> str:
        return f"Constructed(gain {self.gain:.2f}, worst error {self.worst_error:.4f})"


class Recovered(NamedTuple):
    """The circuit that was read out of the best learned network, the one with the least worst error.

    Attributes:
        circuit: of threshold units if the guarantee is structural, else of gates.
        guarantee: "structural", "functional" or "statistical", that it is the network.
        wrong_rows: how many rows have an output that differs from the function's.
    """

    circuit: Circuit | ThresholdCircuit
    guarantee: Guarantee
    wrong_rows: int

    @property
    def size(self) -> str:
        """Return how many units or gates the circuit has."""
        if isinstance(self.circuit, Circuit):
            count, what = self.circuit.n_gates, "gate"
        else:
            count, what = self.circuit.n_units, "unit"
        return f"{count:,} {what}{'' if count == 1 else 's'}"

    def __repr__(self) -> str:
        return f"Recovered({self.size}, {self.guarantee}, {self.wrong_rows} wrong rows)"


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
        recovered: the circuit of the best learned network; None if all diverged.
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
    recovered: Recovered | None = None

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
    progress: bool | None = None,
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
        progress: None for a bar on a terminal or in a notebook, True for lines elsewhere too, False for neither.

    Returns:
        A `Comparison`.

    Raises:
        ValueError: if the circuit has no input or no output, or an argument is out of range.
        TypeError: if `circuit` is no `Circuit`, or a number is not whole.

    Source: Y. Zhang (2019): Boolean abstraction and real-valued units, eq. 1, 4, 5, 10.

    >>> from circuits import parse
    >>> study = compare(parse("a & b"), seeds=4, steps=200, progress=False)
    >>> study.threshold, study.learned.n_solved
    (Threshold(n_units=1, depth=1, wrong_rows=0, n_mapped=1), 4)
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
    mapped = map_to_units(circuit).n_units if circuit.n_gates <= _MOST_MAPPED else None
    threshold = Threshold(hard.n_units, depth(hard), int(wrong.sum()), mapped)

    data = jnp.asarray(x, float), jnp.asarray(y, float)
    distance = 10 if len(x) <= FULL_BATCH else 200
    checks = -(-steps // distance)
    with progress_bar(name, total=1 + len(_GAINS) + checks, shown=progress) as bar:
        constructed = _construct(hard, error, data, bar)
        sizes = _sizes(hard)
        params, losses, worst = learn(sizes, step_size, data, seeds, distance, checks, seed, bar)
        learned = summary_of(sizes, params, losses, worst, distance, data)
        recovered = _recover(circuit, network_of(sizes, sigmoid), params, worst[-1], (x, y))

    surfaces = None
    if circuit.n_inputs == 2 and circuit.n_outputs == 1:
        middle = jax.tree.map(lambda p: p[typical(worst[-1])], params)
        soft = to_network(hard, sigmoid, gain=constructed.gain)
        networks = (to_network(hard)[:2], soft[:2], (network_of(sizes, sigmoid), middle))
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
        recovered=recovered,
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


def _construct(hard: ThresholdCircuit, error: float, data: tuple[Array, Array], bar: Any) -> Constructed:
    """Measure the worst error over the rows, in blocks that memory holds, at the theorem's gain and at others.

    All units have one gain, so that it can be drawn.
    """
    block = max(1, _LIVE_VALUES // (hard.n_inputs + hard.n_units))
    # The blocks are cut once, and errors are NumPy's, since JAX would compile each step for each number of rows.
    x, y = data[0], np.asarray(data[1])
    blocks = [(x[i : i + block], y[i : i + block]) for i in range(0, len(x), block)] if len(x) > block else [(x, y)]
    asked = [smallest_gain(int(weights_of_units(hard).max(initial=0)), error), *_GAINS.tolist()]
    # All gains share the wiring, and so its schedule and the compiled program.
    made = [to_network(hard, sigmoid, gain=gain) for gain in asked]
    errors = []
    for soft in made:
        outputs = (np.asarray(soft.network.apply(soft.params, x)) for x, _ in blocks)
        errors.append(max(float(np.abs(v - y).max()) for v, (_, y) in zip(outputs, blocks, strict=True)))
        bar.update()
    soft = made[0]
    try:
        certified = soft.certificate.error
    except CertificateError:
        certified = None
    pairs = zip(made, asked, strict=True)
    # Gains are rounded up, of some units more than of others.
    gains = [float(other.gains.max(initial=gain)) for other, gain in pairs]
    return Constructed(error, gains[0], soft.error, certified, errors[0], np.array(gains[1:]), np.array(errors[1:]))


def _recover(
    circuit: Circuit, network: Network, params: Params, worst: np.ndarray, data: tuple[np.ndarray, np.ndarray]
) -> Recovered | None:
    """Read a circuit out of the network with the least worst error."""
    if np.isnan(worst).all():
        return None
    best = jax.tree.map(lambda p: p[int(np.nanargmin(worst))], params)
    found = from_network(network, best, input_names=circuit.input_names, output_names=circuit.output_names)
    x, y = data
    wrong = (np.asarray(evaluate(found.circuit, x)) != y).any(axis=-1)
    return Recovered(found.circuit, found.guarantee, int(wrong.sum()))


def _sizes(hard: ThresholdCircuit) -> tuple[int, ...]:
    """Return the sizes of the learned network: as many hidden units as there are threshold units below the outputs."""
    if depth(hard) <= 1:
        return hard.n_inputs, hard.n_outputs
    output_units = {node for node in hard.wiring.outputs.tolist() if node >= hard.n_inputs}
    width = max(hard.n_units - len(output_units), hard.n_inputs)
    return hard.n_inputs, min(width, _MAX_HIDDEN), hard.n_outputs


def _surface(network: Network, params: Params) -> np.ndarray:
    grid = np.stack(np.meshgrid(SQUARE, SQUARE), axis=-1)
    return np.asarray(jax.jit(network.apply)(params, jnp.asarray(grid, float)))[..., 0]

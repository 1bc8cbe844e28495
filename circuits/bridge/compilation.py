"""From circuits to networks: exact with steps and rectifiers; with sigmoids and tanhs within a proved distance."""

import itertools
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from circuits.bridge.certificates import Certificate, CertificateError
from circuits.bridge.error_bounds import GAIN_STEP, best_eps, gains_for, promised_error, weights_of_units
from circuits.bridge.unit_parameters import NAMES, certified_units, network_of, node_values
from circuits.mapping.portfolio import map_to_units
from circuits.netlist import Circuit, nodes_by_name
from circuits.threshold.gate_conversion import from_unit, to_circuit, units_of_gates
from circuits.threshold.layered_circuits import in_layers
from circuits.threshold.threshold_circuits import ThresholdCircuit
from circuits.threshold.units import ThresholdUnit
from jaxnet.networks.activations import relu, sigmoid, step, tanh
from jaxnet.networks.conversion import as_mlp
from jaxnet.networks.evaluation import Wired
from jaxnet.networks.network import Network
from jaxnet.networks.wiring import Wiring
from jaxnet.pytrees import Params

# Sums of so many steps of a gain are exact in float32, halves of steps included.
_EXACT = 2**23
# Of the matrices of a multilayer perceptron: a gigabyte in float32.
_MOST_ENTRIES = 2**28
# A certificate cannot claim more than that values are on the right side.
_ANY_ERROR = 0.4999
_EXACT_UNITS = {step: "steps", relu: "rectifiers"}


class CompiledCircuit(NamedTuple):
    """A network that computes a circuit.

    Attributes:
        network: `network.apply(params, x)` maps `(..., n)` floats, 0 and 1, to `(..., m)`.
        params: `Neuron(w, b)`, w `(edges,)`, b `(units,)`; in layers, one `Neuron` per layer.
        circuit: the threshold circuit that it was made from, with the names.
        activation: of its units.
        gains: `(units,)`, what multiplies weights and biases; ones for steps and rectifiers.
        error: the largest distance of an output from its Boolean value that the theorem allows, for Boolean inputs and
            exact sums; 0 for steps and rectifiers; 1 (of a tanh 2) where it promises nothing.
        signals: the node of `circuit` for each named node of the circuit that it was made from.
    """

    network: Network
    params: Params
    circuit: ThresholdCircuit
    activation: Callable
    gains: np.ndarray
    error: float
    signals: Mapping[str, int]

    @property
    def certificate(self) -> Certificate:
        """A proof for the parameters as they are and float32 as it rounds, made anew each time it is asked for.

        Its `error` is the smallest that is proved, on all Boolean inputs, for outputs. Units are taken one by one, so
        that it may be smaller than that of the theorem, or larger, by what rounding may do.

        Raises:
            CertificateError: if nothing is proved, with the unit and the inequality: after training, or for units of
                thousands of inexact inputs.
        """
        claims = self.claim(2 * _ANY_ERROR if self.activation is tanh else _ANY_ERROR)
        proved = float(claims.check())
        return claims._replace(error=proved if proved == 0 else math.nextafter(proved, 1))

    def check(self, certificate: Certificate) -> None:
        """Raise CertificateError unless a certificate is about this circuit and these parameters, and proves its claim.

        >>> from circuits import parse
        >>> soft = to_network(parse("a & b"), sigmoid, error=0.1)
        >>> soft.check(soft.certificate._replace(error=0.05))
        Traceback (most recent call last):
            ...
        circuits.bridge.certificates.CertificateError: unit 0: expected an error of at most 0.05, proved 0.0994703.
        """
        own = self.claim(certificate.error, certificate.tolerance)
        for k, (given, expected) in enumerate(zip(certificate.units, own.units, strict=False)):
            if given._replace(gain=1.0) != expected._replace(gain=1.0):
                raise CertificateError(f"unit {k}: expected {expected}, got {given}: a certificate of another network.")
        if certificate._replace(units=[]) != own._replace(units=[]) or len(certificate.units) != len(own.units):
            raise CertificateError(
                f"expected {own.n_inputs} inputs, {len(own.units)} units of {own.activation!r} and the outputs "
                f"{own.outputs}: a certificate of another network."
            )
        certificate.check()

    def claim(self, error: float, tolerance: float = 0.0) -> Certificate:
        """Return a certificate that is not checked yet.

        Args:
            error: that it claims.
            tolerance: that it claims; see `Certificate`.

        Raises:
            CertificateError: if the parameters of rectifiers are not the integers of the circuit.
        """
        circuit, network, params = self.circuit, self.network, self.params
        if self.activation is relu:
            # Of integers alone something is known: the certificate is that of the units, if the network is theirs.
            whole = _made(circuit, relu, self.gains, layered=not isinstance(network.structure, Wired))[1]
            if not all(map(np.array_equal, jax.tree.leaves(params), jax.tree.leaves(whole))):
                raise CertificateError("expected rectifiers with the integers of the circuit, got other parameters.")
            network, params = network_of(circuit, step, self.gains)
        units = certified_units(circuit, network, params, self.gains)
        outputs = circuit.wiring.outputs.tolist()
        return Certificate(circuit.n_inputs, units, outputs, NAMES[self.activation], error, tolerance)

    def activations(self, x: ArrayLike, params: Params | None = None) -> dict[str, Array]:
        """Return the value of every named signal on a batch.

        Args:
            x: `(..., n)` floats.
            params: others of the same shapes, such as trained ones; its own if None.

        Returns:
            `(...)` for each name in `signals`; for rectifiers the difference of the two that are one unit.

        >>> import jax.numpy as jnp
        >>> from circuits import parse
        >>> soft = to_network(parse("carry = a & b; sum = a ^ b"), sigmoid, error=0.01)
        >>> soft.activations(jnp.array([[1.0, 0.0], [1.0, 1.0]]))["carry"] > 0.5
        Array([False,  True], dtype=bool)
        """
        values = node_values(self.circuit, self.activation, self.network, self.params if params is None else params, x)
        return {name: values[..., node] for name, node in self.signals.items()}

    def __repr__(self) -> str:
        if self.activation in _EXACT_UNITS:
            kind = _EXACT_UNITS[self.activation]
        else:
            low, high = self.gains.min(initial=math.inf), self.gains.max(initial=0)
            gain = f"gain {high:g}" if low >= high else f"gains {low:g} to {high:g}"
            kind = f"{gain}, error {self.error:.3g}"
        return f"CompiledCircuit({self.circuit!r}, {kind})"


def to_network(
    circuit: Circuit | ThresholdCircuit | ThresholdUnit,
    activation: Callable = step,
    *,
    error: float | None = None,
    gain: float | None = None,
    max_fan_in: int | None = None,
    max_weight: int | None = None,
    layered: bool = False,
) -> CompiledCircuit:
    """Turn a circuit into a network that computes it: exactly, or within `error` of the Boolean values.

    Args:
        circuit: a `ThresholdCircuit`, or a `Circuit` or a single `ThresholdUnit`, which `gate_conversion` makes into
            one, gate by gate.
        activation: `jaxnet.step`, or `jaxnet.relu`, two for a unit; or `jaxnet.sigmoid` or `jaxnet.tanh`, whose values
            are -1 and 1, with one of `error` and `gain`.
        error: how far an output may be from its Boolean value, in (0, 1/2), for a tanh in (0, 1). Each unit gets the
            smallest gain that the theorem gives for the eps that is best for the widest, rounded up.
        gain: a gain of your own for all units, in place of `error`, rounded up likewise until float32 adds up exact
            inputs exactly.
        max_fan_in: of a unit, 3 or more. With this or `max_weight` the circuit is mapped to few units first, by
            `map_to_units`; the names of its gates are lost.
        max_weight: the largest |w|, 2 or more.
        layered: whether to make a multilayer perceptron, of dense layers; values that are read further on are repeated
            by units.

    Returns:
        A `CompiledCircuit`. Its `error` is for Boolean inputs and exact sums, its `certificate` for float32.

    Raises:
        ValueError: if the activation is none of these, `error` or a bound is out of range, or neither or both of
            `error` and `gain` are given; or if sum |w| + |T| of a unit passes 2^23, where float32 no longer counts in
            halves, or is too large for the gain; or if layers take more than 2^28 weights.
        TypeError: if `circuit` is none of these.

    Source: the theorem of `error_bounds`.

    >>> import jax.numpy as jnp
    >>> from circuits import parse
    >>> soft = to_network(parse("a ^ b"), sigmoid, error=0.1)
    >>> np.asarray(soft.network.apply(soft.params, jnp.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]]))).round(2).T
    array([[0.03, 0.92, 0.08]], dtype=float32)
    >>> to_network(parse("a ^ b"), relu, layered=True).network
    Network(2 -> 3 relu -> 2 relu -> 1 identity)
    """
    if activation not in NAMES:
        raise ValueError(f"to_network: expected jaxnet.step, sigmoid, tanh or relu, got {activation!r}.")
    hard, signals = _units_and_signals(circuit, max_fan_in, max_weight)
    if activation is tanh:
        # An output that is an input would be 0 or 1.
        hard = _with_units_at_outputs(hard)
        signals |= dict(zip(hard.output_names, hard.wiring.outputs.tolist(), strict=True))
    if layered:
        hard, sizes, places = in_layers(hard)
        entries = sum(a * b for a, b in itertools.pairwise(sizes))
        if entries > _MOST_ENTRIES:
            raise ValueError(
                f"to_network: the layers of this circuit have {entries:,} weights, nearly all 0, expected at most "
                f"{_MOST_ENTRIES:,}. Leave out layered."
            )
        signals = {name: int(places[node]) for name, node in signals.items() if places[node] >= 0}
        signals.update(zip(hard.output_names, hard.wiring.outputs.tolist(), strict=True))
    largest = hard.sums_of_weights(np.abs(hard.weights)) + np.abs(hard.thresholds)
    if largest.max(initial=0) >= 2**23:
        raise ValueError(
            f"to_network: unit {largest.argmax()} has sum |w| + |T| = {largest.max():.0f}, expected below 2^23."
        )
    gains, promised = np.ones(hard.n_units), 0.0
    if activation in (sigmoid, tanh):
        gains, promised = _gains_and_error(hard, largest, error, gain, wide=2 if activation is tanh else 1)
    elif error is not None or gain is not None:
        raise ValueError(f"to_network: {_EXACT_UNITS[activation]} are exact and take neither error nor gain.")
    network, params = _made(hard, activation, gains, layered)
    compiled = CompiledCircuit(network, params, hard, activation, gains, promised, signals)
    if activation is relu:
        try:
            compiled.claim(0.0).check()
        except CertificateError as wrong:
            raise ValueError(f"to_network: {wrong} Float32 counts no further; steps do not add up so much.") from None
    return compiled


def _units_and_signals(
    circuit: Circuit | ThresholdCircuit | ThresholdUnit, max_fan_in: int | None, max_weight: int | None
) -> tuple[ThresholdCircuit, dict[str, int]]:
    """Return the units, and which of them are named."""
    if max_fan_in is not None or max_weight is not None:
        gates = circuit if isinstance(circuit, Circuit) else to_circuit(_units(circuit))
        bounds = {"max_fan_in": max_fan_in, "max_weight": max_weight}
        given: dict[str, Any] = {name: bound for name, bound in bounds.items() if bound is not None}
        hard = map_to_units(gates, **given)
    elif isinstance(circuit, Circuit):
        hard, places = units_of_gates(circuit)
        nodes = {name: int(places[node]) for name, node in nodes_by_name(circuit).items()}
        return hard, {name: node for name, node in nodes.items() if node >= 0}
    else:
        hard = _units(circuit)
    names = {name: node for node, name in enumerate(hard.input_names)}
    return hard, names | dict(zip(hard.output_names, hard.wiring.outputs.tolist(), strict=True))


def _units(circuit: ThresholdCircuit | ThresholdUnit) -> ThresholdCircuit:
    if isinstance(circuit, ThresholdUnit):
        return from_unit(circuit)
    if not isinstance(circuit, ThresholdCircuit):
        raise TypeError(
            f"to_network: expected a Circuit, a ThresholdCircuit or a ThresholdUnit, got {type(circuit).__name__}."
        )
    return circuit


def _with_units_at_outputs(circuit: ThresholdCircuit) -> ThresholdCircuit:
    """Return a circuit with a unit [v >= 1] for each output that is an input."""
    wiring, n = circuit.wiring, circuit.n_inputs
    read = sorted({node for node in wiring.outputs.tolist() if node < n})
    places = {node: n + circuit.n_units + k for k, node in enumerate(read)}
    return ThresholdCircuit(
        Wiring(
            n,
            [*wiring.offsets.tolist(), *(wiring.n_edges + 1 + k for k in range(len(read)))],
            [*wiring.sources.tolist(), *read],
            [places[node] if node < n else node for node in wiring.outputs.tolist()],
        ),
        [*circuit.weights.tolist(), *(1 for _ in read)],
        [*circuit.thresholds.tolist(), *(1 for _ in read)],
        circuit.input_names,
        circuit.output_names,
    )


def _made(circuit: ThresholdCircuit, activation: Callable, gains: np.ndarray, layered: bool) -> tuple[Network, Params]:
    network, params = network_of(circuit, activation, gains)
    return as_mlp(network, params) if layered else (network, params)


def _gains_and_error(
    circuit: ThresholdCircuit, largest: np.ndarray, error: float | None, gain: float | None, wide: int
) -> tuple[np.ndarray, float]:
    """Return the gain of each unit, and the error that the theorem promises; values are `wide` apart."""
    if (error is None) == (gain is None):
        raise ValueError("to_network: expected one of error and gain with a sigmoid or a tanh.")
    weights = weights_of_units(circuit)
    if gain is not None:
        if not 0 < gain < math.inf:
            raise ValueError(f"to_network: expected a positive, finite gain, got {gain}.")
        gains = np.full(circuit.n_units, float(gain))
    else:
        assert error is not None
        if not 0 < error < wide / 2:
            raise ValueError(f"to_network: expected an error between 0 and {'1/2' if wide == 1 else 1}, got {error}.")
        gains = gains_for(weights, best_eps(int(weights.max(initial=0)), error / wide))
    gains = _exact_gains(gains, largest + 0.5)
    return gains, wide * promised_error(weights, gains)


def _exact_gains(gains: np.ndarray, most: np.ndarray) -> np.ndarray:
    """Round gains up until float32 adds up exact inputs exactly: coarser for units with larger sums."""
    step = np.full(len(gains), GAIN_STEP)
    # A step of a power of two past the gain is the gain itself: there float32 is exact up to sums of 2^23.
    lost = gains * most >= 2.0**100
    while not lost.any():
        rounded = np.ceil(gains / step) * step
        coarse = rounded * most >= _EXACT * step
        if not coarse.any():
            return rounded
        step = np.where(coarse, 2 * step, step)
        lost = coarse & (step >= 2 * np.maximum(gains, GAIN_STEP))
    unit = int(lost.argmax())
    raise ValueError(
        f"to_network: a gain of {gains[unit]:.4g} for unit {unit} with sum |w| + |T| of {most[unit] - 0.5:.0f} is too "
        "much for float32."
    )

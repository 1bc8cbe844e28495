"""From circuits to networks: exact with steps, and with sigmoids within a proved distance of the Boolean values.

The theorem. A unit [w.x >= T] with integer weights has the bias b = 1/2 - T, so that on Boolean inputs
|w.x + b| >= 1/2. Put sigma(gain z) for the step, and let every fan-in that is itself a unit be within eps of its
Boolean value. With W the largest sum of |w| over such fan-ins of a unit (the inputs of the circuit are exact), the
pre-activation keeps its sign and a magnitude of at least 1/2 - W eps, so the unit is within
sigma(-gain (1/2 - W eps)) of its Boolean value. By induction over the graph every unit stays within eps, whatever the
depth, if

    gain >= ln((1 - eps) / eps) / (1/2 - W eps),   0 < eps < min(1 / (2 W), 1/2).
"""

import math
from collections.abc import Callable
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np

from circuits.bridge.certificates import Certificate, CertificateError, CertifiedUnit
from circuits.netlist import Circuit
from circuits.threshold.gate_conversion import from_circuit, from_unit
from circuits.threshold.threshold_circuits import ThresholdCircuit
from circuits.threshold.units import ThresholdUnit
from jaxnet.networks.activations import sigmoid, step
from jaxnet.networks.evaluation import wired
from jaxnet.networks.layers import Network
from jaxnet.networks.units import Neuron
from jaxnet.validation import whole_number

# The gain is rounded up to a multiple of this step. Weights and biases are then multiples of half a step, so that
# float32, with its 24 bits, adds them up exactly while sums stay below 2^23 steps.
_GAIN_STEP = 1 / 64
_EXACT = 2**23


class CompiledCircuit(NamedTuple):
    """A network that computes a circuit.

    Attributes:
        network: `network.apply(params, x)` maps `(..., n)` floats to `(..., m)`.
        params: `Neuron(w, b)`, w `(edges,)`, b `(units,)`.
        circuit: the threshold circuit that it was made from, with the names.
        gain: what multiplies weights and biases; None for steps.
        error: the largest distance of a unit from its Boolean value that the theorem allows, for Boolean inputs and
            exact sums; 0 for steps, 1 where it promises nothing.
    """

    network: Network
    params: Neuron
    circuit: ThresholdCircuit
    gain: float | None
    error: float

    @property
    def certificate(self) -> Certificate:
        """A proof for the parameters as they are and float32 as it rounds, made anew each time it is asked for.

        Its `error` is the smallest that is proved, on all Boolean inputs, for outputs. Units are taken one by one, so
        that it may be smaller than that of the theorem, or larger, by what rounding may do.

        Raises:
            CertificateError: if nothing is proved, with the unit and the inequality: after training, or for units of
                thousands of inexact inputs.
        """
        claims = _certificate_of(self, 0.4999)
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
        own = _certificate_of(self, certificate.error)
        for k, (given, expected) in enumerate(zip(certificate.units, own.units, strict=False)):
            if given._replace(gain=1.0) != expected._replace(gain=1.0):
                raise CertificateError(f"unit {k}: expected {expected}, got {given}: a certificate of another network.")
        if certificate._replace(units=[]) != own._replace(units=[]) or len(certificate.units) != len(own.units):
            raise CertificateError(
                f"expected {own.n_inputs} inputs, {len(own.units)} units of {own.activation!r} and the outputs "
                f"{own.outputs}: a certificate of another network."
            )
        certificate.check()

    def __repr__(self) -> str:
        gain = "steps" if self.gain is None else f"gain {self.gain:g}, error {self.error:.3g}"
        return f"CompiledCircuit({self.circuit!r}, {gain})"


def to_network(
    circuit: Circuit | ThresholdCircuit | ThresholdUnit,
    activation: Callable = step,
    *,
    error: float | None = None,
    gain: float | None = None,
) -> CompiledCircuit:
    """Turn a circuit into a network that computes it: exactly with steps, within `error` with sigmoids.

    Args:
        circuit: a `ThresholdCircuit`, or a `Circuit` or a single `ThresholdUnit`, which `gate_conversion` makes into
            one.
        activation: `jaxnet.step`, or `jaxnet.sigmoid` with one of `error` and `gain`.
        error: how far an output may be from its Boolean value, in (0, 1/2); the gain is the smallest that the theorem
            gives, rounded up.
        gain: a gain of your own, in place of `error`, rounded up likewise until float32 adds up exact inputs exactly.

    Returns:
        A `CompiledCircuit`. The bound is for Boolean inputs and exact sums. float32 adds up exact inputs exactly, but
        rounds sums over other units, which is not in the bound: about 1e-6 for gates, more for units with many inputs.

    Raises:
        ValueError: if the activation is neither, `error` is out of range, or neither or both of `error` and `gain` are
            given with a sigmoid; or if sum |w| + |T| of a unit passes 2^23, where float32 no longer counts in halves,
            or is too large for the gain.
        TypeError: if `circuit` is neither.

    Source: the theorem above.

    >>> from circuits import parse
    >>> soft = to_network(parse("a ^ b"), sigmoid, error=0.1)
    >>> soft.network.apply(soft.params, jnp.array([[0.0, 0.0], [1.0, 0.0], [1.0, 1.0]])).round(2).T
    Array([[0.03, 0.96, 0.04]], dtype=float32)
    """
    if isinstance(circuit, Circuit):
        hard = from_circuit(circuit)
    elif isinstance(circuit, ThresholdUnit):
        hard = from_unit(circuit)
    elif isinstance(circuit, ThresholdCircuit):
        hard = circuit
    else:
        raise TypeError(
            f"to_network: expected a Circuit, a ThresholdCircuit or a ThresholdUnit, got {type(circuit).__name__}."
        )
    largest = hard.sums_of_weights(np.abs(hard.weights)) + np.abs(hard.thresholds)
    if largest.max(initial=0) >= 2**23:
        raise ValueError(
            f"to_network: unit {largest.argmax()} has sum |w| + |T| = {largest.max():.0f}, expected below 2^23."
        )
    w, b = hard.weights.astype(np.float32), (0.5 - hard.thresholds).astype(np.float32)
    if activation is step:
        if error is not None or gain is not None:
            raise ValueError("to_network: steps are exact and take neither error nor gain.")
        return CompiledCircuit(wired(hard.wiring, step), Neuron(jnp.asarray(w), jnp.asarray(b)), hard, None, 0.0)
    if activation is not sigmoid:
        raise ValueError(f"to_network: expected jaxnet.step or jaxnet.sigmoid, got {activation!r}.")
    if (error is None) == (gain is None):
        raise ValueError("to_network: expected one of error and gain with a sigmoid.")
    fed = weight_of_units(hard)
    most = float(largest.max(initial=0)) + 0.5
    if gain is None and error is not None:
        if not 0 < error < 0.5:
            raise ValueError(f"to_network: expected an error between 0 and 1/2, got {error}.")
        gain = smallest_gain(fed, error)
    assert gain is not None
    if not 0 < gain < math.inf:
        raise ValueError(f"to_network: expected a positive, finite gain, got {gain}.")
    gain = _exact_gain(gain, most)
    params = Neuron(jnp.asarray(np.float32(gain) * w), jnp.asarray(np.float32(gain) * b))
    return CompiledCircuit(wired(hard.wiring, sigmoid), params, hard, float(gain), promised_error(fed, gain))


def _certificate_of(compiled: CompiledCircuit, error: float) -> Certificate:
    """Return what the units and parameters of a compiled circuit are, with a claim that is not checked."""
    wiring, circuit = compiled.circuit.wiring, compiled.circuit
    offsets = wiring.offsets.tolist()
    # The bias is read from the same parameters as the weights; doubles hold float32 exactly.
    w, b = (np.asarray(leaf, np.float64).tolist() for leaf in compiled.params)
    sources, weights = wiring.sources.tolist(), circuit.weights.tolist()
    gain = 1.0 if compiled.gain is None else compiled.gain
    units = []
    for k, threshold in enumerate(circuit.thresholds.tolist()):
        edges = slice(offsets[k], offsets[k + 1])
        units.append(CertifiedUnit(sources[edges], weights[edges], threshold, gain, w[edges], b[k]))
    name = "step" if compiled.gain is None else "sigmoid"
    return Certificate(circuit.n_inputs, units, wiring.outputs.tolist(), name, error)


def _exact_gain(gain: float, most: float) -> float:
    """Round the gain up until float32 adds up exact inputs exactly: coarser for units with larger sums."""
    step = _GAIN_STEP
    # A step of a power of two past the gain is the gain itself: there float32 is exact up to sums of 2^23.
    while step < 2 * max(gain, _GAIN_STEP) and gain * most < 2.0**100:
        rounded = math.ceil(gain / step) * step
        if rounded * most < _EXACT * step:
            return rounded
        step *= 2
    raise ValueError(
        f"to_network: a gain of {gain:.4g} for units with sum |w| + |T| up to {most - 0.5:.0f} is too much for float32."
    )


def weight_of_units(circuit: ThresholdCircuit) -> int:
    """Return W of the theorem: the largest sum of |w| that a unit has over fan-ins that are units themselves.

    Args:
        circuit: any threshold circuit.

    Returns:
        0 where every unit is fed by inputs alone.

    >>> from circuits.threshold.symmetric_functions import parity
    >>> weight_of_units(parity(5))
    5
    """
    inexact = circuit.wiring.sources >= circuit.n_inputs
    return int(circuit.sums_of_weights(np.where(inexact, np.abs(circuit.weights), 0)).max(initial=0))


def smallest_gain(weight: int, error: float) -> float:
    """Return the smallest gain for which the theorem keeps every unit within `error` of its Boolean value.

    Args:
        weight: W, 0 or more.
        error: in (0, 1/2).

    Returns:
        The minimum over eps <= error of ln((1 - eps)/eps) / (1/2 - W eps), rounded up to a multiple of 1/64.

    Raises:
        ValueError: if `weight` or `error` is out of range.

    Source: the theorem of this module.

    >>> smallest_gain(0, 0.1)                                   # ln 9 / (1/2) = 4.3944
    4.40625
    >>> smallest_gain(2, 0.1), smallest_gain(128, 0.1)          # 7.18 and 17.42
    (7.1875, 17.421875)
    """
    import scipy.optimize  # here, since it takes a quarter of a second

    if not 0 < error < 0.5:
        raise ValueError(f"smallest_gain: expected an error between 0 and 1/2, got {error}.")
    weight = whole_number("smallest_gain", "weight", weight)

    def gain(log_eps: float) -> float:
        eps = math.exp(log_eps)
        margin = 0.5 - weight * eps
        return (math.log1p(-eps) - log_eps) / margin if margin > 0 else math.inf

    # In log eps, since the best eps of a wide unit is near 1 / (2 W ln W); below 1 / (2 W) the gain has one valley.
    upper = math.log(min(error, 0.5 / weight if weight else error))
    found = scipy.optimize.minimize_scalar(gain, bounds=(upper - 12, upper), method="bounded", options={"xatol": 1e-10})
    best = min(float(found.fun), gain(upper))
    # A little above the minimum: at the minimum itself, rounding may tip a deep circuit over.
    return math.ceil(best * (1 + 1e-5) / _GAIN_STEP) * _GAIN_STEP


def promised_error(weight: int, gain: float) -> float:
    """Return the smallest eps that the theorem keeps for a gain, or 1 where it promises nothing.

    Args:
        weight: W, 0 or more.
        gain: positive.

    Returns:
        An eps with sigma(-gain (1/2 - W eps)) <= eps < 1 / (2 W), within 1e-6 of the smallest, or 1.

    Raises:
        ValueError: if the gain is not positive.

    >>> round(promised_error(0, 4.3944), 4), promised_error(2, 7.0)
    (0.1, 1.0)
    """
    weight = whole_number("promised_error", "weight", weight)
    if not 0 < gain < math.inf:
        raise ValueError(f"promised_error: expected a positive, finite gain, got {gain}.")

    def image(eps: float) -> float:
        return 1 / (1 + math.exp(min(700.0, gain * (0.5 - weight * eps))))

    # From 0 the map climbs to its smallest fixed point. An eps a little above it is kept, which is checked.
    eps = 0.0
    for _ in range(100_000):
        eps = image(eps)
        above = eps * (1 + 1e-6)
        if weight * above >= 0.5 or above >= 0.5:
            break
        if image(above) <= above:
            return above
    return 1.0

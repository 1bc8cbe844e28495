"""The threshold units of a circuit as sigmoids of one gain, and how far they are from the bits: measured and promised.

The promise is the theorem of `circuits.bridge.error_bounds`. Values are NumPy's: JAX would compile for each circuit.
"""

import functools
from dataclasses import dataclass

import numpy as np
from scipy.special import expit

from circuits.bridge.error_bounds import promised_error, smallest_gain, weights_of_units
from circuits.simulation.truth_tables import rows
from circuits.threshold.threshold_circuits import ThresholdCircuit

GAINS = np.geomspace(1, 64, 49)  # eight for each doubling


def unit_values(circuit: ThresholdCircuit, x: np.ndarray, gain: float | None = None) -> np.ndarray:
    """Return the value of every input and unit.

    Args:
        circuit: of threshold units.
        x: `(rows, n)` bits or numbers.
        gain: of sigmoids, sigma(gain (w.x - T + 1/2)), as `circuits.to_network` makes them; None for steps.

    Returns:
        `(rows, n + units)` float64, inputs first.

    >>> from circuits import from_circuit, parse
    >>> unit_values(from_circuit(parse("a & b")), rows(2))[:, -1]
    array([0., 0., 0., 1.])
    """
    wiring, n = circuit.wiring, circuit.n_inputs
    values = np.empty((len(x), n + circuit.n_units))
    values[:, :n] = x
    for unit, (first, last) in enumerate(zip(wiring.offsets[:-1], wiring.offsets[1:], strict=True)):
        sums = values[:, wiring.sources[first:last]] @ circuit.weights[first:last] - circuit.thresholds[unit] + 0.5
        values[:, n + unit] = sums > 0 if gain is None else expit(gain * sums)
    return values


@dataclass(frozen=True, eq=False)
class GainCurve:
    """The error of sigmoids at each gain.

    Attributes:
        gains: `(k,)`.
        measured: `(k,)`, the largest distance of an output from its bit over all rows.
        promised: `(k,)`, what the theorem promises; NaN where it promises nothing.
        first: the smallest gain for which the theorem promises that outputs are on the right side of 1/2.
        tenth: the same for an error of 0.1.
    """

    gains: np.ndarray
    measured: np.ndarray
    promised: np.ndarray
    first: float
    tenth: float


@functools.lru_cache(maxsize=16)
def gain_curve(circuit: ThresholdCircuit) -> GainCurve:
    """Measure the error over all rows at each of `GAINS`, and put what the theorem promises beside it.

    Args:
        circuit: of at most 20 inputs.

    Source: the theorem of `circuits.bridge.error_bounds`.

    >>> from circuits import from_circuit, parse
    >>> curve = gain_curve(from_circuit(parse("a ^ b")))
    >>> curve.measured[[8, 24]].round(3), curve.promised[[8, 24]].round(3)       # at the gains 2 and 8
    (array([0.519, 0.024]), array([  nan, 0.028]))
    """
    x, outputs, weights = rows(circuit.n_inputs), circuit.wiring.outputs, weights_of_units(circuit)
    bits = unit_values(circuit, x)[:, outputs]
    measured = [float(np.abs(unit_values(circuit, x, gain)[:, outputs] - bits).max()) for gain in GAINS]
    promised = [promised_error(weights, np.full(len(weights), gain)) for gain in GAINS.tolist()]
    most = int(weights.max(initial=0))
    promises = np.array([np.nan if error >= 0.5 else error for error in promised])
    return GainCurve(GAINS, np.array(measured), promises, smallest_gain(most, 0.4999), smallest_gain(most, 0.1))

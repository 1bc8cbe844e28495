"""Loop-free circuits of threshold units: a `jaxnet.Wiring` with integer weights and thresholds, evaluated exactly.

`circuits.threshold.gate_conversion` makes them of gates, and gates of them.
"""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from circuits.netlist import check_names, depth
from circuits.simulation.simulator import as_bits, evaluate
from jaxnet.networks.wiring import Wiring, levels
from jaxnet.validation import integers

# Bytes of node values held at once; a larger evaluation goes through its rows in blocks.
_LIVE_BYTES = 2**26


@dataclass(frozen=True, eq=False, repr=False)
class ThresholdCircuit:
    """A circuit of units [w.x >= T]: the twin of `Circuit`. Immutable.

    Attributes:
        wiring: what feeds what; node 0 is the first input.
        weights: `(edges,)` int64, read-only, in the order of `wiring.sources`.
        thresholds: `(units,)` int64, read-only.
        input_names: n names.
        output_names: m names.

    Raises:
        TypeError: if a weight or a threshold is no integer.
        ValueError: if shapes or numbers of names do not fit the wiring, or sum |w| + |T| of a unit reaches 2^62.

    Source: W. S. McCulloch and W. Pitts (1943); S. Muroga, Threshold Logic and Its Applications (1971).

    >>> xor = ThresholdCircuit(Wiring(2, [0, 2, 5], [0, 1, 0, 1, 2], [3]), [1, 1, 1, 1, -2], [2, 1], "ab", "y")
    >>> evaluate(xor, [[0, 0], [1, 0], [0, 1], [1, 1]]).T
    array([[False,  True,  True, False]])
    """

    wiring: Wiring
    weights: np.ndarray
    thresholds: np.ndarray
    input_names: tuple[str, ...]
    output_names: tuple[str, ...]

    def __init__(
        self, wiring: Wiring, weights: Any, thresholds: Any, input_names: Iterable[str], output_names: Iterable[str]
    ):
        weights = integers("ThresholdCircuit", "weights", weights)
        thresholds = integers("ThresholdCircuit", "thresholds", thresholds)
        input_names, output_names = tuple(input_names), tuple(output_names)
        for name, value in (
            ("wiring", wiring),
            ("weights", weights),
            ("thresholds", thresholds),
            ("input_names", input_names),
            ("output_names", output_names),
        ):
            object.__setattr__(self, name, value)
        for what, expected, given in (
            ("weights, one per edge", (wiring.n_edges,), weights.shape),
            ("thresholds, one per unit", (wiring.n_units,), thresholds.shape),
            ("input names", (wiring.n_inputs,), (len(input_names),)),
            ("output names", (wiring.n_outputs,), (len(output_names),)),
        ):
            if expected != given:
                raise ValueError(f"ThresholdCircuit: expected {what}: {expected}, got {given}.")
        check_names("ThresholdCircuit", "input", input_names)
        check_names("ThresholdCircuit", "output", output_names)
        # In floating point, since the sum itself may not fit; 2^62 leaves room for the rounding.
        magnitude = self.sums_of_weights(np.abs(weights.astype(float))) + np.abs(thresholds.astype(float))
        if magnitude.max(initial=0) >= 2**62:
            unit = int(magnitude.argmax())
            raise ValueError(
                f"ThresholdCircuit: unit {unit} has sum |w| + |T| near {magnitude[unit]:.3g}, expected below 2^62."
            )

    @property
    def n_inputs(self) -> int:
        """Return the number of inputs."""
        return self.wiring.n_inputs

    @property
    def n_outputs(self) -> int:
        """Return the number of outputs."""
        return self.wiring.n_outputs

    @property
    def n_units(self) -> int:
        """Return the number of units."""
        return self.wiring.n_units

    def __repr__(self) -> str:
        return f"ThresholdCircuit({self.n_inputs} inputs, {self.n_outputs} outputs, {self.n_units} units)"

    def sums_of_weights(self, weights: np.ndarray) -> np.ndarray:
        """Sum one number per edge over the fan-ins of each unit: `(edges,)` -> `(units,)`."""
        unit_of_edge = np.repeat(np.arange(self.n_units), np.diff(self.wiring.offsets))
        return np.bincount(unit_of_edge, weights, minlength=self.n_units)


def of_units(
    input_names: Sequence[str], units: Sequence[tuple[Mapping[int, int], int]], outputs: Mapping[str, int]
) -> ThresholdCircuit:
    """Return the threshold circuit of units that are listed one by one.

    Args:
        input_names: nodes 0..n-1, in this order.
        units: for each its weights by node and its threshold; unit k is node n + k, and reads inputs and units.
        outputs: by name, the node of each.

    Returns:
        A `ThresholdCircuit`; edges of weight 0 are left out.

    Raises:
        ValueError: as from `ThresholdCircuit` and `Wiring`, such as for units that read one another in a loop.

    >>> of_units("ab", [({0: 1, 1: 1}, 2), ({0: 1, 1: 1, 2: -2}, 1)], {"sum": 3, "carry": 2})
    ThresholdCircuit(2 inputs, 2 outputs, 2 units)
    """
    edges = [[(node, weight) for node, weight in terms.items() if weight] for terms, _ in units]
    flat = [edge for unit in edges for edge in unit]
    wiring = Wiring(
        len(input_names), np.cumsum([0, *map(len, edges)]), [node for node, _ in flat], list(outputs.values())
    )
    thresholds = [threshold for _, threshold in units]
    return ThresholdCircuit(wiring, [weight for _, weight in flat], thresholds, input_names, outputs)


@depth.register
def _(circuit: ThresholdCircuit) -> int:
    wiring = circuit.wiring
    level = levels(wiring.n_inputs, wiring.offsets, wiring.sources)
    return int(level[wiring.outputs].max(initial=0))


@evaluate.register
def _(circuit: ThresholdCircuit, x: Any) -> np.ndarray:
    import scipy.sparse  # here, since it takes a tenth of a second

    wiring, n = circuit.wiring, circuit.n_inputs
    bits = np.asarray(as_bits(x, n, circuit))
    patterns = bits.reshape(math.prod(bits.shape[:-1]), n)
    nodes = n + circuit.n_units
    # int64 sums by SciPy's sparse product, a level at a time, so that no unit is read before it is known.
    matrix = scipy.sparse.csr_array((circuit.weights, wiring.sources, wiring.offsets), shape=(circuit.n_units, nodes))
    level = levels(n, wiring.offsets, wiring.sources)[n:]
    order = np.argsort(level, kind="stable")
    layers = np.split(order, np.flatnonzero(np.diff(level[order])) + 1) if len(order) else []
    steps = [(units, matrix[units], circuit.thresholds[units, None]) for units in layers]
    y = np.zeros((len(patterns), circuit.n_outputs), bool)
    block = max(1, _LIVE_BYTES // (8 * max(1, nodes)))
    for start in range(0, len(patterns), block):
        rows = patterns[start : start + block]
        values = np.zeros((nodes, len(rows)), np.int64)
        values[:n] = rows.T
        for units, weights, thresholds in steps:
            values[n + units] = weights @ values >= thresholds
        y[start : start + block] = values[wiring.outputs].T
    return y.reshape(*bits.shape[:-1], circuit.n_outputs)

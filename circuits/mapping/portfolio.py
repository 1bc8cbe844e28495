"""A circuit as few threshold units: several starts, each improved until nothing helps; the best is proved equal.

R. Zhang, P. Gupta, L. Zhong and N. K. Jha, Synthesis and optimization of threshold logic networks (2005); N.-Z. Lee,
H.-Y. Kuo, Y.-H. Lai and J.-H. R. Jiang, Analytic approaches to the collapse operation and equivalence verification of
threshold logic circuits (2016), for what merging is there.
"""

import importlib.util
from collections.abc import Iterator

from circuits.mapping.covering import cover
from circuits.mapping.cuts import enumerate_cuts
from circuits.mapping.merging import merge
from circuits.mapping.output_tables import of_output_tables
from circuits.mapping.refactoring import refactor
from circuits.mapping.resubstitution import resubstitute
from circuits.mapping.unit_networks import UnitNetwork, of_cover, share_equal
from circuits.netlist import Circuit
from circuits.synthesis.optimisation import optimise
from circuits.synthesis.simplification import simplify
from circuits.threshold.gate_conversion import to_circuit
from circuits.threshold.threshold_circuits import ThresholdCircuit
from circuits.verification.answers import Equivalent
from circuits.verification.equivalence import equivalent
from jaxnet.progress import progress_bar
from jaxnet.validation import whole_number

# Rounds of improvement, and from which on windows are wide: 2^12 rows.
_ROUNDS, _WIDE = 6, 2
# A start that is this much larger than the smallest is not improved; of large ones only the smallest is, with narrow
# windows, so that tens of thousands of gates take less than a minute.
_HOPELESS, _LARGE = 1.3, 3_000


def map_to_units(
    circuit: Circuit, *, max_fan_in: int = 16, max_weight: int = 255, progress: bool = False
) -> ThresholdCircuit:
    """Find few threshold units for a circuit, and prove that they compute the same.

    Starts are covers of the circuit, of `simplify(circuit)`, of `optimise(circuit)` where aigverse is installed, and,
    where outputs read few inputs, their truth tables. Each is refactored, merged and resubstituted until no unit goes.

    Args:
        circuit: any circuit.
        max_fan_in: of a unit, 3 or more: an exclusive or needs a unit of three.
        max_weight: the largest |w|, 2 or more.
        progress: whether to show a bar, on a terminal or in a notebook.

    Returns:
        A `ThresholdCircuit` with the same inputs, outputs and names. An output that is an input needs no unit; an
        inverter or a constant at an output is one.

    Raises:
        TypeError: if it is no `Circuit`, or a number is not whole.
        ValueError: if a number is out of range.
        RuntimeError: if the result is another function, with inputs for which they differ.

    Source: R. Zhang et al. (2005); N.-Z. Lee et al. (2016).

    >>> from circuits.library import adder
    >>> map_to_units(adder(4))                                              # a sum and a carry for each bit
    ThresholdCircuit(8 inputs, 5 outputs, 8 units)
    """
    if not isinstance(circuit, Circuit):
        raise TypeError(
            f"map_to_units: expected a Circuit, got {type(circuit).__name__}. circuits.to_circuit makes one of units."
        )
    max_fan_in = whole_number("map_to_units", "max_fan_in", max_fan_in, 3)
    max_weight = whole_number("map_to_units", "max_weight", max_weight, 2)
    starts = [network for network in _starts(circuit, max_fan_in, max_weight) if _fits(network, max_fan_in, max_weight)]
    least = min(len(network.units) for network in starts)
    limit = _HOPELESS * least if least < _LARGE else least
    starts = [network for network in starts if len(network.units) <= limit]
    for network in progress_bar("mapping", starts, unit=" starts", shown=progress):
        improve(network, max_fan_in=max_fan_in, max_weight=max_weight)
    found = min(starts, key=_size).circuit()
    answer = equivalent(circuit, to_circuit(found), by="position", progress=progress)
    if not isinstance(answer, Equivalent):
        raise RuntimeError(f"map_to_units: expected the same function, got {answer}: a mistake in circuits.")
    return found


def improve(network: UnitNetwork, *, max_fan_in: int = 16, max_weight: int = 255) -> None:
    """Refactor, merge and resubstitute until no unit goes.

    Args:
        network: is changed.
        max_fan_in: of a unit that comes about.
        max_weight: likewise, of its weights.
    """
    bounds = {"max_fan_in": max_fan_in, "max_weight": max_weight}
    for turn in range(_ROUNDS):
        before = len(network.units)
        refactor(network, **bounds)
        while merge(network, **bounds):
            pass
        wide = turn >= _WIDE and before < _LARGE
        resubstitute(network, **bounds, max_leaves=12 if wide else 10)
        share_equal(network)
        if len(network.units) == before and (wide or before >= _LARGE):
            break


def _starts(circuit: Circuit, max_fan_in: int, max_weight: int) -> Iterator[UnitNetwork]:
    simple = simplify(circuit)
    forms = [simple, circuit]
    if importlib.util.find_spec("aigverse") is not None:
        forms.append(optimise(circuit))
    for form in forms:
        cuts = enumerate_cuts(form, max_fan_in=max_fan_in, max_weight=max_weight)
        yield of_cover(form, cuts, cover(form, cuts))
    if (network := of_output_tables(simple)) is not None:
        yield network


def _fits(network: UnitNetwork, max_fan_in: int, max_weight: int) -> bool:
    return all(
        len(unit.weights) <= max_fan_in and max(map(abs, unit.weights.values()), default=0) <= max_weight
        for unit in network.units.values()
    )


def _size(network: UnitNetwork) -> tuple[int, int]:
    """Return what makes a network large: first its units, then its weights."""
    return len(network.units), sum(sum(map(abs, unit.weights.values())) for unit in network.units.values())

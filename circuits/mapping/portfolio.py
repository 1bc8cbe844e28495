"""A circuit as few threshold units: several starts, each improved until nothing helps; the best is proved equal.

R. Zhang, P. Gupta, L. Zhong and N. K. Jha, Synthesis and optimization of threshold logic networks (2005); N.-Z. Lee,
H.-Y. Kuo, Y.-H. Lai and J.-H. R. Jiang, Analytic approaches to the collapse operation and equivalence verification of
threshold logic circuits (2016), for what merging is there.
"""

import importlib.util
import itertools
from collections.abc import Iterable, Iterator

from circuits.mapping.covering import cover
from circuits.mapping.cuts import enumerate_cuts
from circuits.mapping.merging import merge
from circuits.mapping.output_tables import of_output_tables
from circuits.mapping.refactoring import refactor
from circuits.mapping.resubstitution import Settled, resubstitute
from circuits.mapping.unit_networks import UnitNetwork, of_cover, share_equal
from circuits.mapping.wide_units import of_wide_gates
from circuits.netlist import Circuit
from circuits.synthesis.balancing import balance
from circuits.synthesis.optimisation import optimised
from circuits.synthesis.simplification import simplify
from circuits.threshold.gate_conversion import to_circuit
from circuits.threshold.threshold_circuits import ThresholdCircuit
from circuits.verification.answers import Equivalent
from circuits.verification.equivalence import equivalent
from jaxnet.progress import progress_bar
from jaxnet.validation import whole_number

# Rounds of improvement, and the most leaves of a window at last.
_ROUNDS, _WIDE = 6, 12
# A start that is this much larger than the smallest is not improved; of large ones only the smallest is, with narrow
# windows, so that tens of thousands of gates take less than a minute.
_HOPELESS, _LARGE = 1.3, 3_000
# With fewer units than this, what was found is mapped again; and with still fewer, all is done with tighter bounds too.
_SMALL, _TINY, _TIGHTER = 1_500, 300, (16, 6)


def map_to_units(
    circuit: Circuit, *, max_fan_in: int = 16, max_weight: int = 255, progress: bool = False
) -> ThresholdCircuit:
    """Find few threshold units for a circuit, and prove that they compute the same.

    Starts are covers of the circuit, of `simplify(circuit)` and of `optimise(circuit)` (`balance(circuit)` where
    aigverse is not installed), wide units of the last, and, where outputs read few inputs, their truth tables. Each is
    refactored, merged and resubstituted until no unit goes; and the gates of the best are mapped again while that
    helps.

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
    best = _mapped(circuit, max_fan_in=max_fan_in, max_weight=max_weight, progress=progress)
    # The steps are greedy, so that tighter bounds may lead to fewer units.
    for fan_in in _TIGHTER:
        if len(best.units) < _TINY and fan_in < max_fan_in:
            other = _mapped(circuit, max_fan_in=fan_in, max_weight=min(max_weight, 255), progress=progress)
            best = min(best, other, key=_size)
    found = best.circuit()
    answer = equivalent(circuit, to_circuit(found), by="position", progress=progress)
    if not isinstance(answer, Equivalent):
        raise RuntimeError(f"map_to_units: expected the same function, got {answer}: a mistake in circuits.")
    return found


def improve(network: UnitNetwork, *, max_fan_in: int = 16, max_weight: int = 255, max_leaves: int = 10) -> None:
    """Refactor, merge and resubstitute until no unit goes.

    Args:
        network: is changed.
        max_fan_in: of a unit that comes about.
        max_weight: likewise, of its weights.
        max_leaves: of the windows of resubstitution, which have 2^leaves rows.
    """
    bounds = {"max_fan_in": max_fan_in, "max_weight": max_weight}
    settled: dict[int, Settled] = {}
    for _ in range(_ROUNDS):
        before = len(network.units)
        refactor(network, **bounds)
        while merge(network, **bounds):
            pass
        resubstitute(network, **bounds, max_leaves=max_leaves, settled=settled)
        share_equal(network)
        if len(network.units) == before:
            break


def _mapped(circuit: Circuit, *, max_fan_in: int, max_weight: int, progress: bool) -> UnitNetwork:
    """Return the smallest network found; its gates show a structure that those before did not, and are mapped again."""
    bounds = {"max_fan_in": max_fan_in, "max_weight": max_weight}
    simple = simplify(circuit)
    first = _covered(simple, **bounds)
    if _fits(first, **bounds) and first.units.keys() <= set(first.outputs):
        return first  # Each unit is an output, so that there is nothing to save.
    starts = itertools.chain([first], _other_starts(circuit, simple, **bounds))
    best = _best(starts, progress=progress, **bounds)
    while len(best.units) < _SMALL:
        gates = _optimised(to_circuit(best.circuit()))
        again = _best(_covered_and_wide(gates, **bounds), progress=progress, **bounds)
        if _size(again) >= _size(best):
            break
        best = again
    return best


def _best(starts: Iterable[UnitNetwork], *, max_fan_in: int, max_weight: int, progress: bool = False) -> UnitNetwork:
    """Improve the starts that are within bounds and not hopeless, and return the smallest."""
    starts = [network for network in starts if _fits(network, max_fan_in, max_weight)]
    least = min(len(network.units) for network in starts)
    limit = _HOPELESS * least if least < _LARGE else least
    starts = [network for network in starts if len(network.units) <= limit]
    for network in progress_bar("mapping", starts, unit=" starts", shown=progress):
        improve(network, max_fan_in=max_fan_in, max_weight=max_weight)
    best = min(starts, key=_size)
    if len(best.units) < _LARGE:
        improve(best, max_fan_in=max_fan_in, max_weight=max_weight, max_leaves=_WIDE)
    return best


def _other_starts(circuit: Circuit, simple: Circuit, *, max_fan_in: int, max_weight: int) -> Iterator[UnitNetwork]:
    bounds = {"max_fan_in": max_fan_in, "max_weight": max_weight}
    if simple.n_gates < circuit.n_gates:
        yield _covered(circuit, **bounds)
    yield from _covered_and_wide(_optimised(circuit), **bounds)
    if (network := of_output_tables(simple)) is not None:
        yield network


def _optimised(circuit: Circuit) -> Circuit:
    return balance(circuit) if importlib.util.find_spec("aigverse") is None else optimised(circuit)


def _covered_and_wide(circuit: Circuit, *, max_fan_in: int, max_weight: int) -> Iterator[UnitNetwork]:
    yield _covered(circuit, max_fan_in=max_fan_in, max_weight=max_weight)
    yield of_wide_gates(circuit, max_fan_in=max_fan_in, max_weight=max_weight)


def _covered(circuit: Circuit, *, max_fan_in: int, max_weight: int) -> UnitNetwork:
    cuts = enumerate_cuts(circuit, max_fan_in=max_fan_in, max_weight=max_weight)
    return of_cover(circuit, cuts, cover(circuit, cuts))


def _fits(network: UnitNetwork, max_fan_in: int, max_weight: int) -> bool:
    return all(
        len(unit.weights) <= max_fan_in and max(map(abs, unit.weights.values()), default=0) <= max_weight
        for unit in network.units.values()
    )


def _size(network: UnitNetwork) -> tuple[int, int]:
    """Return what makes a network large: first its units, then its weights."""
    return len(network.units), sum(sum(map(abs, unit.weights.values())) for unit in network.units.values())

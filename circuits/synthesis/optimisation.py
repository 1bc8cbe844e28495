"""Much smaller circuits of the same function, by aigverse: the EPFL libraries for and-inverter graphs, in C++.

H. Riener et al., Scalable generic logic synthesis: one approach to rule them all (2019). The result is proved equal to
the circuit, so that aigverse need not be trusted.
"""

import importlib
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from circuits.formats import aiger
from circuits.netlist import Circuit
from circuits.synthesis.balancing import balance
from circuits.synthesis.simplification import simplify


def optimise(circuit: Circuit) -> Circuit:
    """Find fewer gates for the same function than `simplify` does, and prove that it is the same.

    A round is resubstitution and cut rewriting of the and-inverter graph, then refactoring, resubstitution and cut
    rewriting with changes that save nothing, since they make the next save more; `balance` comes before each of the
    two. Rounds go on until one saves no gate; then `equivalent` compares the result with the circuit.

    Args:
        circuit: any circuit.

    Returns:
        A circuit with the same inputs, outputs and names in the same order. It has no more gates than
        `simplify(circuit)`, but may be deeper.

    Raises:
        TypeError: if it is no `Circuit`.
        ImportError: if aigverse is not installed.
        RuntimeError: if the result is another function, with inputs for which they differ.

    Source: H. Riener et al. (2019); A. Mishchenko et al. (2006), for the order of the steps.

    >>> from circuits.expressions import parse
    >>> optimise(parse("y = a & b & c | ~a & b & d | b & c & d"))                      # doctest: +SKIP
    Circuit(4 inputs, 1 outputs, 4 gates)
    """
    # Here, since proofs import much that the rest does not need.
    from circuits.verification.answers import Equivalent
    from circuits.verification.equivalence import equivalent

    if not isinstance(circuit, Circuit):
        raise TypeError(
            f"optimise: expected a Circuit, got {type(circuit).__name__}. circuits.to_circuit makes one of units."
        )
    best = optimised(circuit)
    answer = equivalent(circuit, best)
    if not isinstance(answer, Equivalent):
        raise RuntimeError(
            f"optimise: expected the same function, got {answer}: a mistake, probably in aigverse, "
            "which simplify does without."
        )
    return best


def optimised(circuit: Circuit) -> Circuit:
    """Return what `optimise` does, without a proof: for those who prove what they make of it.

    Raises:
        ImportError: if aigverse is not installed.
    """
    best = simplify(circuit)
    while best.n_gates:
        smaller = best
        for steps in _ROUND:
            smaller = _steps(balance(smaller), steps)
        if smaller.n_gates >= best.n_gates:
            break
        best = smaller
    return best


# By name in aigverse, with options.
_REWRITE, _RESUBSTITUTE, _REFACTOR = "aig_cut_rewriting", "aig_resubstitution", "sop_refactoring"
_GO_ON = {"allow_zero_gain": True}
_ROUND = (
    ((_RESUBSTITUTE, {}), (_REWRITE, {}), (_RESUBSTITUTE, {})),
    (
        (_REFACTOR, {"max_pis": 10, "use_reconvergence_cut": True} | _GO_ON),
        (_RESUBSTITUTE, {}),
        (_REWRITE, _GO_ON),
        (_RESUBSTITUTE, {}),
    ),
)


def _steps(circuit: Circuit, steps: Sequence[tuple[str, Mapping[str, Any]]]) -> Circuit:
    """Return a circuit after some steps; aigverse reads and writes it as AIGER files."""
    try:
        algorithms, files = (importlib.import_module(f"aigverse.{name}") for name in ("algorithms", "io"))
    except ImportError as missing:
        raise ImportError(
            f"optimise: aigverse cannot be imported ({missing}). Install it: pip install jaxnet-circuits[aigverse]."
        ) from None
    # Names in AIGER are printable ASCII only, so inputs and outputs are numbered.
    places = [f"i{place}" for place in range(circuit.n_inputs)], [f"o{place}" for place in range(circuit.n_outputs)]
    numbered = Circuit(places[0], circuit.fan_ins, circuit.tables, circuit.outputs, places[1])
    with tempfile.TemporaryDirectory() as folder:
        before, after = Path(folder, "before.aig"), Path(folder, "after.aig")
        before.write_bytes(aiger.dumps(numbered, binary=True))
        graph = files.read_aiger_into_aig(before)
        for name, options in steps:
            graph = getattr(algorithms, name)(graph, **options)
        files.write_aiger(graph, after)
        found = aiger.loads(after.read_bytes(), "aigverse")
    return simplify(Circuit(circuit.input_names, found.fan_ins, found.tables, found.outputs, circuit.output_names))

"""For how many inputs is an output 1? Counted on a binary decision diagram.

R. E. Bryant, Graph-based algorithms for Boolean function manipulation (1986).
"""

import time
from typing import Any

from circuits.decision_diagrams import reached
from circuits.netlist import Circuit, cone, last_readers, output_named
from circuits.verification.satisfiability import check_time_limit
from jaxnet.answers import Undecided
from jaxnet.validation import whole_number


def count_models(
    circuit: Circuit, output: str | None = None, *, time_limit: float | None = None, max_nodes: int = 200_000
) -> int | Undecided:
    """Count the inputs for which an output is 1, on its decision diagram; needs the package dd.

    The variables keep the order in which a walk down from the output meets the inputs. That is good for adders,
    comparators and counters; multipliers have no small diagram in any order. Plain Python makes some 10,000 nodes per
    second.

    Args:
        circuit: any circuit.
        output: its name; None is the only output.
        time_limit: seconds; looked at after each gate. None for no limit.
        max_nodes: the most nodes that the diagrams of gates which are still needed may have; looked at after each gate.

    Returns:
        The exact number, 0..2^n; or `Undecided` past a limit.

    Raises:
        ValueError: if there is no such output, or more than one to choose from; or if a limit is out of range.
        TypeError: if `max_nodes` is not whole.
        ImportError: if dd is not installed.

    Source: R. E. Bryant, Graph-based algorithms for Boolean function manipulation (1986).

    >>> from circuits import library
    >>> count_models(library.majority(31)) == 2**30                                       # doctest: +SKIP
    True
    """
    try:
        from dd.autoref import BDD
    except ImportError:
        raise ImportError("count_models: needs the package dd: pip install 'jaxnet-circuits[counting]'.") from None
    check_time_limit("count_models", time_limit)
    max_nodes = whole_number("count_models", "max_nodes", max_nodes, 1)
    start = time.perf_counter()
    part = cone(circuit, [output_named("count_models", circuit, output)])
    diagrams: Any = BDD()
    diagrams.configure(reordering=False)
    places, _ = reached(part.fan_ins.tolist(), 1 + part.n_inputs, int(part.outputs[0]))
    order = [1 + place for place in places]
    diagrams.declare(*(f"x{node}" for node in order))
    values: dict[int, Any] = {0: diagrams.false, **{node: diagrams.var(f"x{node}") for node in order}}
    last = last_readers(part.fan_ins, part.outputs, part.n_nodes).tolist()
    root = int(part.outputs[0])
    gates = zip(part.tables.tolist(), part.fan_ins.tolist(), strict=True)

    def undecided(reason: str, done: int) -> Undecided:
        tried = f"decision diagrams: {done:,} of {part.n_gates:,} gates, {len(diagrams):,} nodes"
        return Undecided(reason, (tried,))

    for done, (table, (a, b)) in enumerate(gates, start=1):
        node = part.n_inputs + done
        try:
            values[node] = _applied(diagrams, table, values[a], values[b])
        except RecursionError:
            return undecided("a diagram too deep for Python", done - 1)
        for read in {a, b}:
            if last[read] == done - 1:
                del values[read]
        if len(diagrams) > max_nodes:
            diagrams.collect_garbage()
        if len(diagrams) > max_nodes:
            return undecided(f"limit of {max_nodes:,} nodes", done)
        if time_limit is not None and time.perf_counter() - start > time_limit:
            return undecided(f"time limit of {time_limit:g} s", done)
    return int(diagrams.count(values[root], nvars=len(order))) << circuit.n_inputs - len(order)


def _applied(diagrams: Any, table: int, a: Any, b: Any) -> Any:
    """Return the decision diagram of a gate on two others."""
    rows = [diagrams.true if table >> row & 1 else diagrams.false for row in range(4)]
    return diagrams.ite(b, diagrams.ite(a, rows[3], rows[2]), diagrams.ite(a, rows[1], rows[0]))

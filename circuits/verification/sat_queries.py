"""Queries to a SAT solver: does a gate always equal a literal? It gets the gates nearby first, and more if need be.

G. S. Tseitin (1968) for the clauses; N. Een and N. Sorensson, An extensible SAT-solver (2003), for assumptions.
"""

import heapq
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from pysat.solvers import Cadical195, Glucose4

from circuits.verification.drat import Proof
from circuits.verification.xor_and_graphs import XorAndGraph
from jaxnet.answers import Answer, Undecided

# Where the window of gates is too small, the next one is this many times as large.
_WIDER = 3
# Conflicts between two looks at the deadline.
_SLICE = 2_000


class DeadlinePassed(Exception):  # noqa: N818 - it is no error
    """The caller's deadline has passed."""


@dataclass(frozen=True)
class AlwaysEqual(Answer):
    """The gate has the value of the literal for all inputs."""


@dataclass(frozen=True)
class SometimesDifferent(Answer):
    """The gate and the literal differ for some inputs.

    Attributes:
        inputs: values by node for which they do; only of inputs that the solver met.
    """

    inputs: dict[int, bool]


def prove_equal(
    graph: XorAndGraph,
    node: int,
    literal: int,
    *,
    effort: int | None = None,
    expired: Callable[[], bool] = lambda: False,
    proof: Proof | None = None,
    window: int = 64,
    whole: "Encoding | None" = None,
) -> AlwaysEqual | SometimesDifferent | Undecided:
    """Prove that a gate always has the value of a literal, or find inputs for which it has not.

    Args:
        graph: where both are.
        node: the gate.
        literal: of another node; 0 and 1 are the constants.
        effort: conflicts after which to give up; None to go on.
        expired: whether the deadline has passed; asked first, and without an effort every 2,000 conflicts, which take
            up to seconds.
        proof: gets the lemmas if they are equal.
        window: gates that the solver is given first, where there is an effort; without one it gets all.
        whole: of a solver that is kept from query to query, for those that the window leaves open; only without
            a proof. Before a node leaves the graph, `whole.forget` it.

    Returns:
        `AlwaysEqual`, `SometimesDifferent`, or, where the effort was too small, `Undecided`.

    Raises:
        DeadlinePassed: if `expired` says so.

    >>> graph = XorAndGraph.of_inputs(2)
    >>> prove_equal(graph, graph.add(False, 2, 4, variable=3), 0)               # a & b against 0
    SometimesDifferent(inputs={1: True, 2: True})
    """
    if expired():
        raise DeadlinePassed
    # The two ways in which they can differ; only one is possible where the literal is a constant.
    ways = [way for way in ([2 * node, literal ^ 1], [2 * node ^ 1, literal]) if 0 not in way]
    # Glucose answers more small queries per second; CaDiCaL needs less work for a long one.
    solver = (Cadical195 if effort is None else Glucose4)(with_proof=proof is not None)
    try:
        encoding = Encoding(graph, solver)
        open_ways = ways.copy()
        while open_ways:
            assumptions = [encoding.signed(x) for x in open_ways[-1]]
            encoding.load(window if effort is not None and encoding is not whole else len(graph.variables))
            possible = _solve(encoding.solver, assumptions, effort, expired)
            if possible is None:
                return Undecided(f"limit of {effort:,} conflicts", (f"Glucose on {len(encoding.variables):,} nodes",))
            if not possible:
                open_ways.pop()
            elif not encoding.waiting:
                return SometimesDifferent(encoding.inputs(node, literal >> 1))
            elif whole is None:
                window *= _WIDER
            else:
                encoding = whole
        if proof:
            encoding.write(proof, [[x ^ 1 for x in way] for way in ways])
        return AlwaysEqual()
    finally:
        solver.delete()


class Encoding:
    """The part of a graph that a solver has as clauses, loaded from the top down.

    Attributes:
        variables: the solver's variable of each node that it met.
        waiting: nodes that have a variable and no clauses yet, as a heap with the highest level first.
    """

    def __init__(self, graph: XorAndGraph, solver: Any):
        self.graph, self.solver = graph, solver
        self.variables: dict[int, int] = {}
        self.waiting: list[tuple[int, int]] = []
        self.last = 0
        # For each node that was asked about and those below it, the inputs it depends on, as a bit set.
        self.supports: dict[int, int] = {}
        solver.add_clause([-self.signed(0)])

    def signed(self, literal: int) -> int:
        """Return the solver's signed variable of a literal; a node that is new gets a variable, and waits."""
        node = literal >> 1
        variable = self.variables.get(node)
        if variable is None:
            self.last += 1
            variable = self.variables[node] = self.last
            if self.graph.fan_ins[node] is not None:
                heapq.heappush(self.waiting, (-self.graph.levels[node], node))
        return -variable if literal & 1 else variable

    def load(self, gates: int) -> None:
        """Give the solver the clauses of the next gates."""
        # Most of the time of a sweep goes by here: no calls but those of the solver.
        waiting, variables, add = self.waiting, self.variables, self.solver.add_clause
        all_fan_ins, levels, is_xor = self.graph.fan_ins, self.graph.levels, self.graph.is_xor
        while waiting and gates:
            node = heapq.heappop(waiting)[1]
            signed = []
            for literal in all_fan_ins[node]:  # type: ignore[union-attr]  # only gates wait
                below = literal >> 1
                variable = variables.get(below)
                if variable is None:
                    self.last += 1
                    variable = variables[below] = self.last
                    if all_fan_ins[below] is not None:
                        heapq.heappush(waiting, (-levels[below], below))
                signed.append(-variable if literal & 1 else variable)
            x, y = signed
            z = variables[node]
            if is_xor[node]:
                add([-z, x, y])
                add([-z, -x, -y])
                add([z, x, -y])
                add([z, -x, y])
            else:
                add([-z, x])
                add([-z, y])
                add([z, -x, -y])
            gates -= 1

    def forget(self, node: int) -> None:
        """Drop a node that leaves the graph; its clauses stay, for a variable that nothing reads."""
        self.variables.pop(node, None)
        self.supports.pop(node, None)

    def inputs(self, *nodes: int) -> dict[int, bool]:
        """Return the values that the solver's model gives to the inputs that nodes depend on, by node."""
        model, support = self.solver.get_model(), 0
        for node in nodes:
            support |= self._support(node)
        inputs = (place for place, bit in enumerate(reversed(f"{support:b}")) if bit == "1")
        return {node: model[self.variables[node] - 1] > 0 for node in inputs}

    def _support(self, node: int) -> int:
        """Return the inputs that a node depends on: bit k for input k. What is known is kept for later questions."""
        supports, fan_ins = self.supports, self.graph.fan_ins
        waiting = [node]
        while waiting:
            top = waiting[-1]
            reads = fan_ins[top]
            if reads is None:
                supports[top] = 1 << top if top else 0
            elif top not in supports:
                below = [literal >> 1 for literal in reads if literal >> 1 not in supports]
                if below:
                    waiting += below
                    continue
                supports[top] = supports[reads[0] >> 1] | supports[reads[1] >> 1]
            waiting.pop()
        return supports[node]

    def write(self, proof: Proof, lemmas: list[list[int]]) -> None:
        """Write what the solver learned, then the lemmas that follow from it, then delete all but these lemmas."""
        names = [self.graph.variables[node] for node in self.variables]
        learned: Counter[tuple[int, ...]] = Counter()
        for line in self.solver.get_proof():
            *literals, _ = map(int, line.removeprefix("d").split())
            clause = tuple(sorted(names[x - 1] if x > 0 else -names[-x - 1] for x in literals))
            # Glucose writes the empty clause also where it follows only from what was assumed.
            if not clause:
                continue
            if not line.startswith("d"):
                learned[clause] += 1
                proof.add(clause)
            elif learned[clause]:  # not one of those that the solver was given
                learned[clause] -= 1
                proof.delete(clause)
        for clause in lemmas:
            proof.add(map(self.graph.signed, clause))
        for clause in learned.elements():
            proof.delete(clause)


def _solve(solver: Any, assumptions: list[int], effort: int | None, expired: Callable[[], bool]) -> bool | None:
    """Return whether there is a model under the assumptions; None where the effort was too small."""
    while True:
        solver.conf_budget(_SLICE if effort is None else effort)
        answer = solver.solve_limited(assumptions)
        if answer is not None or effort is not None:
            return answer
        if expired():
            raise DeadlinePassed

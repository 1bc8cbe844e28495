"""Is a gate always equal to a literal? A SAT solver is asked, with the gates next to it first, then with all below it.

G. S. Tseitin (1968) for the clauses; a literal is 2 node + (1 if inverted), as in AIGER.
"""

import heapq
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Literal

from pysat.solvers import Cadical195, Glucose4

from circuits.verification.drat import Proof

# Gates that a solver is first given; where they are too few, it gets so many times more.
_WINDOW, _WIDER = 64, 3
# Conflicts between two looks at whether it is enough.
_SLICE = 2_000


class OutOfTime(Exception):  # noqa: N818
    """Whoever asked does not want to wait any longer."""


@dataclass(frozen=True)
class XorAndGraph:
    """A netlist of AND and XOR gates on literals that grows; node 0 is false, then come the inputs.

    Attributes:
        is_xor: of each node.
        fan_ins: two literals of earlier nodes; None for what is no gate.
        levels: gates on the longest path to it.
        variables: the signed variable of each node in a proof.
    """

    is_xor: list[bool]
    fan_ins: list[Any]
    levels: list[int]
    variables: list[int]

    def add(self, is_xor: bool, x: int, y: int, variable: int) -> int:
        """Add a gate; returns its node."""
        self.is_xor.append(is_xor)
        self.fan_ins.append((x, y))
        self.levels.append(1 + max(self.levels[x >> 1], self.levels[y >> 1]))
        self.variables.append(variable)
        return len(self.variables) - 1

    def pop(self) -> None:
        """Take the last gate away again."""
        for column in (self.is_xor, self.fan_ins, self.levels, self.variables):
            column.pop()

    def signed(self, literal: int) -> int:
        """The signed variable of a literal in a proof."""
        variable = self.variables[literal >> 1]
        return -variable if literal & 1 else variable

    def clauses(self, node: int, z: int, signed: Callable[[int], int]) -> list[list[int]]:
        """What a gate says: as clauses of signed variables, z its own, given those of the literals that it reads."""
        x, y = map(signed, self.fan_ins[node])
        if self.is_xor[node]:
            return [[-z, x, y], [-z, -x, -y], [z, x, -y], [z, -x, y]]
        return [[-z, x], [-z, y], [z, -x, -y]]


def prove_equal(
    netlist: XorAndGraph, node: int, literal: int, effort: int | None, enough: Callable[[], bool], proof: Proof | None
) -> Literal[True] | dict[int, bool] | None:
    """Whether a node always has the value of a literal.

    Args:
        netlist: where both are.
        node: a gate.
        literal: of another node; 0 and 1 are the constants.
        effort: conflicts after which to give up; None to go on.
        enough: whether to stop; asked first, and without an effort every 2,000 conflicts, of up to seconds.
        proof: gets the lemmas, where it is so.

    Returns:
        True; or the inputs below them, by node, for which they differ; or None where the effort was too small.

    Raises:
        OutOfTime: if it is enough.
    """
    if enough():
        raise OutOfTime
    # Of many small questions Glucose answers more a second, of a long one CaDiCaL makes less work.
    engine = (Cadical195 if effort is None else Glucose4)(with_proof=proof is not None)
    try:
        question = _Question(netlist, engine)
        # Two values of the pair to refute, or one where the literal is a constant.
        pairs = [[2 * node, literal ^ 1], [2 * node ^ 1, literal]]
        waiting = [pair for pair in pairs if 0 not in pair]
        assumptions = [[question.signed(x) for x in pair] for pair in waiting]
        window = _WINDOW if effort is not None else len(netlist.variables)
        while assumptions:
            question.load(window)
            answer = _solved(engine, assumptions[-1], effort, enough)
            if answer is None:
                return None
            if not answer:
                assumptions.pop()
            elif question.waiting:
                window *= _WIDER
            else:
                return question.inputs()
        if proof:
            question.write(proof, [[x ^ 1 for x in pair] for pair in waiting])
        return True
    finally:
        engine.delete()


class _Question:
    """A solver, and which of its variables is which node."""

    def __init__(self, netlist: XorAndGraph, engine: Any):
        self.netlist, self.engine = netlist, engine
        self.variables: dict[int, int] = {}
        # Nodes that have a variable and not yet their clauses, the highest level first.
        self.waiting: list[tuple[int, int]] = []
        engine.add_clause([-self.signed(0)])

    def signed(self, literal: int) -> int:
        node = literal >> 1
        variable = self.variables.get(node)
        if variable is None:
            variable = self.variables[node] = len(self.variables) + 1
            if self.netlist.fan_ins[node] is not None:
                heapq.heappush(self.waiting, (-self.netlist.levels[node], node))
        return -variable if literal & 1 else variable

    def load(self, gates: int) -> None:
        """Give the solver the next gates."""
        while self.waiting and gates:
            _, node = heapq.heappop(self.waiting)
            for clause in self.netlist.clauses(node, self.variables[node], self.signed):
                self.engine.add_clause(clause)
            gates -= 1

    def inputs(self) -> dict[int, bool]:
        model = self.engine.get_model()
        inputs = (node for node in self.variables if node and self.netlist.fan_ins[node] is None)
        return {node: model[self.variables[node] - 1] > 0 for node in inputs}

    def write(self, proof: Proof, lemmas: list[list[int]]) -> None:
        """Write what the solver learned, the lemmas that follow from it, and that they alone are kept."""
        names = [self.netlist.variables[node] for node in self.variables]
        learned: Counter[tuple[int, ...]] = Counter()
        for line in self.engine.get_proof():
            *literals, _ = map(int, line.removeprefix("d").split())
            clause = tuple(sorted(names[x - 1] if x > 0 else -names[-x - 1] for x in literals))
            # Glucose writes the empty clause also where it follows only from what was assumed.
            if not clause:
                continue
            if not line.startswith("d"):
                learned[clause] += 1
                proof.add(clause)
            elif learned[clause]:  # and not one of those that the solver was given
                learned[clause] -= 1
                proof.delete(clause)
        for clause in lemmas:
            proof.add(map(self.netlist.signed, clause))
        for clause in learned.elements():
            proof.delete(clause)


def _solved(engine: Any, assumptions: list[int], effort: int | None, enough: Callable[[], bool]) -> bool | None:
    """Whether there is a model; None where the effort was too small."""
    while True:
        engine.conf_budget(_SLICE if effort is None else effort)
        answer = engine.solve_limited(assumptions)
        if answer is not None or effort is not None:
            return answer
        if enough():
            raise OutOfTime

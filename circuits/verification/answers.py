"""The answers to questions about circuits: proved, or refuted by inputs; `jaxnet.answers.Undecided` is the third.

None of them is true or false: ask for the type.
"""

from dataclasses import dataclass
from typing import NamedTuple

from circuits.verification.drat import ProofFiles
from jaxnet.answers import Answer


class Matching(NamedTuple):
    """Which ports of two circuits belong together.

    Attributes:
        inputs: the name in the second circuit of each input of the first.
        outputs: the same of each output.
    """

    inputs: dict[str, str]
    outputs: dict[str, str]


@dataclass(frozen=True)
class Satisfiable(Answer):
    """The output can be 1.

    Attributes:
        inputs: values for which it is, by name; the circuit was evaluated on them.
        method: "all patterns", "random patterns" or "SAT sweeping".
        seconds: how long that took.

    >>> Satisfiable({"a": True}, "all patterns", 0.25)
    Satisfiable(inputs={'a': True}, method='all patterns', seconds=0.25)
    """

    inputs: dict[str, bool]
    method: str
    seconds: float


@dataclass(frozen=True)
class Counterexample(Answer):
    """Inputs for which two circuits differ; both were evaluated on them.

    Attributes:
        inputs: values by name, those of the first circuit.
        outputs_a: what the first circuit gives, by its names.
        outputs_b: what the second gives, by its names.
        method: "all patterns", "random patterns", "partial sums" or "SAT sweeping".
        seconds: how long that took.
    """

    inputs: dict[str, bool]
    outputs_a: dict[str, bool]
    outputs_b: dict[str, bool]
    method: str
    seconds: float


@dataclass(frozen=True)
class Proved(Answer):
    """What every proof has.

    Attributes:
        method: "structure", "all patterns", "algebraic rewriting", "partial sums" or "SAT sweeping".
        seconds: how long that took.
        calls: queries to a SAT solver; none where the patterns or the structure were enough.
        merged: gates that a solver proved equal to others.
        proof: the files of the proof, if it was asked for; `circuits.verification.drat.check` checks them.
    """

    method: str
    seconds: float
    calls: int = 0
    merged: int = 0
    proof: ProofFiles | None = None


class Unsatisfiable(Proved):
    """The output is never 1; see `Proved`."""


@dataclass(frozen=True)
class Equivalent(Proved):
    """The circuits give the same outputs for all inputs; see `Proved`.

    Attributes:
        matching: which of their ports belong together, where `by="function"` found it.
    """

    matching: Matching | None = None

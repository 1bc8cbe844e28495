"""The answers to a question about circuits: proved, refuted by inputs, or undecided. None of them is true or false."""

from dataclasses import dataclass

from circuits.verification.drat import ProofFiles
from jaxnet.answers import Answer


@dataclass(frozen=True)
class Satisfiable(Answer):
    """The output can be 1.

    Attributes:
        inputs: for these, by name; `evaluate` was asked.
        method: what found them.
        seconds: how long that took.
    """

    inputs: dict[str, bool]
    method: str
    seconds: float


@dataclass(frozen=True)
class Proved(Answer):
    """What every proof has.

    Attributes:
        method: "all patterns" or "SAT sweeping".
        seconds: how long that took.
        calls: questions that a SAT solver was asked; none where the patterns or the structure were enough.
        merged: gates that it proved equal to others.
        proof: the files of the proof, if it was asked for; `circuits.verification.drat.check` checks them.
    """

    method: str
    seconds: float
    calls: int = 0
    merged: int = 0
    proof: ProofFiles | None = None


class Unsatisfiable(Proved):
    """The output is never 1; see `Proved`."""

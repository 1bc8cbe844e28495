"""Are two circuits the same function? A proof, a counterexample, or that neither was found.

D. Brand, Verification of large synthesized designs (ICCAD 1993): the miter; A. Kuehlmann and F. Krohm, Equivalence
checking using cuts and heaps (1997): what to do with it.
"""

import os
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from circuits.netlist import Circuit
from circuits.simulation.simulator import evaluate
from circuits.verification.answers import Proved, Satisfiable
from circuits.verification.miters import miter
from circuits.verification.satisfiability import satisfiable
from jaxnet.answers import Answer, Undecided


class Equivalent(Proved):
    """The circuits give the same outputs for all inputs; see `Proved`."""


@dataclass(frozen=True)
class Counterexample(Answer):
    """Inputs for which the circuits differ; both were evaluated on them.

    Attributes:
        inputs: by name, those of the first circuit.
        outputs_a: what the first circuit gives, by its names.
        outputs_b: what the second gives, by its names.
        method: what found them.
        seconds: how long that took.
    """

    inputs: dict[str, bool]
    outputs_a: dict[str, bool]
    outputs_b: dict[str, bool]
    method: str
    seconds: float


def equivalent(
    a: Circuit,
    b: Circuit,
    *,
    by: Literal["name", "position"] = "name",
    time_limit: float | None = None,
    proof: str | os.PathLike | None = None,
    progress: bool = False,
    seed: int = 0,
) -> Equivalent | Counterexample | Undecided:
    """Prove that two circuits are the same function, or find inputs for which they are not.

    Up to 24 inputs and 2^39 gates times patterns, all patterns are tried. Beyond, random ones; then SAT sweeping: gates
    of both that look alike are proved equal and merged, inputs first, until nothing of the outputs is left to prove.

    Args:
        a: any circuit.
        b: another with as many inputs and outputs.
        by: which inputs and outputs belong together: those of the same "name", in any order, or those at the same
            "position", whatever their names.
        time_limit: seconds; looked at now and then, so that it may take a few more. None for no limit.
        proof: where to write the question as `proof.cnf` and, if they are equal, the proof as `proof.drat`: so that
            drat-trim or `verification.drat.check` can check it, and nothing here need be trusted but the CNF. Then no
            patterns are tried, since those are no proof that can be checked.
        progress: whether to show a bar, on a terminal or in a notebook.
        seed: of the random patterns.

    Returns:
        `Equivalent`, `Counterexample` or, only with a time limit, `Undecided`. None of them is true or false: match on
        the type.

    Raises:
        ValueError: if the inputs or outputs do not match, with those that are left over.
        TypeError: if one of them is no `Circuit`.
        KeyboardInterrupt: at Ctrl-C, also while a solver runs.

    Source: D. Brand (1993); A. Kuehlmann and F. Krohm (1997); A. Mishchenko et al. (2005).

    >>> from circuits import parse
    >>> match equivalent(parse("y = a ^ b"), parse("y = (a | b) & ~(a & b)")):
    ...     case Equivalent(method):
    ...         print("equal:", method)
    ...     case Counterexample(inputs):
    ...         print("not for", inputs)
    equal: all patterns
    >>> answer = equivalent(parse("y = a ^ b"), parse("y = a | b"))
    >>> answer.inputs, answer.outputs_a, answer.outputs_b
    ({'a': True, 'b': True}, {'y': False}, {'y': True})
    """
    for circuit in (a, b):
        if not isinstance(circuit, Circuit):
            raise TypeError(
                f"equivalent: expected two Circuits, got {type(circuit).__name__}. Of threshold units, "
                "circuits.to_circuit makes one."
            )
    answer = satisfiable(miter(a, b, by), time_limit=time_limit, proof=proof, progress=progress, seed=seed)
    if isinstance(answer, Undecided):
        return answer
    if not isinstance(answer, Satisfiable):
        return Equivalent(answer.method, answer.seconds, answer.calls, answer.merged, answer.proof)
    of_b = answer.inputs if by == "name" else dict(zip(b.input_names, answer.inputs.values(), strict=True))
    outputs_a, outputs_b = _outputs(a, answer.inputs), _outputs(b, of_b)
    partners = a.output_names if by == "name" else b.output_names
    if all(outputs_a[x] == outputs_b[y] for x, y in zip(a.output_names, partners, strict=True)):
        raise RuntimeError(f"equivalent: both circuits give {outputs_a} for {answer.inputs}: a mistake in circuits.")
    return Counterexample(answer.inputs, outputs_a, outputs_b, answer.method, answer.seconds)


def _outputs(circuit: Circuit, inputs: dict[str, bool]) -> dict[str, bool]:
    y: Any = np.asarray(evaluate(circuit, np.array([inputs[name] for name in circuit.input_names], bool)))
    return dict(zip(circuit.output_names, y.tolist(), strict=True))

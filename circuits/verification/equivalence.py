"""Are two circuits the same function? The answer is a proof, a counterexample, or that neither was found.

D. Brand, Verification of large synthesized designs (ICCAD 1993): the miter; A. Kuehlmann and F. Krohm, Equivalence
checking using cuts and heaps (1997): how to decide it.
"""

import os
from collections.abc import Mapping
from dataclasses import replace
from typing import Literal

import numpy as np

from circuits.netlist import Circuit
from circuits.simulation.simulator import evaluate
from circuits.verification.answers import Counterexample, Equivalent, Satisfiable
from circuits.verification.matching import match_and_prove
from circuits.verification.miters import By, check_circuit, joined
from circuits.verification.port_names import named, renamed
from circuits.verification.satisfiability import decide
from jaxnet.answers import Undecided


def equivalent(
    a: Circuit,
    b: Circuit,
    *,
    by: By | Literal["function"] = "name",
    names: Mapping[str, str] | None = None,
    time_limit: float | None = None,
    proof: str | os.PathLike | None = None,
    progress: bool = False,
    seed: int = 0,
) -> Equivalent | Counterexample | Undecided:
    """Prove that two circuits are the same function, or find inputs for which they are not.

    Where the two have the same structure, one pass over the gates shows it. Else, up to 24 inputs and 2^41 gates times
    patterns, all patterns are tried; beyond that, random ones. Outputs that are a sum or product of numbers, lowest
    digit first or last, are then compared as polynomials of the inputs. Else comes SAT sweeping: gates of both that
    look alike are proved equal and merged, inputs first, until the outputs are merged too.

    Args:
        a: any circuit.
        b: another with as many inputs and outputs.
        by: which inputs and outputs belong together: those of the same "name", in any order, or those at the same
            "position", whatever their names; or those that a search by "function" finds, whatever their names and
            places, which the answer has as its `matching`.
        names: what ports of a are called in b, where the names differ: `{"1": "N1"}`.
        time_limit: seconds; looked at now and then, so that it may take a few more. None for no limit.
        proof: where to write the question as `proof.cnf` and, if they are equal, the proof as `proof.drat`.
            `verification.drat.check`, or drat-trim, checks the proof, so that only the CNF has to be trusted. No
            patterns are tried then, since trying them leaves nothing to check.
        progress: whether to show a bar, on a terminal or in a notebook.
        seed: of the random patterns.

    Returns:
        `Equivalent`, `Counterexample` or, only with a time limit, `Undecided`. None of them is true or false: match on
        the type. By "function" there is no counterexample: where no matching is found, the answer is `Undecided`.

    Raises:
        ValueError: if the inputs or outputs do not match, with those that are left over; or if a number is out of
            range; or with a proof, if a name has a line break.
        TypeError: if one of them is no `Circuit`, or the seed is not whole.
        KeyboardInterrupt: at Ctrl-C, also while a solver runs.

    Source: D. Brand (1993); A. Kuehlmann and F. Krohm (1997); A. Mishchenko et al. (2005).

    >>> from circuits import Counterexample, Equivalent, parse
    >>> match equivalent(parse("y = a & b"), parse("y = (a | b) & ~(a ^ b)")):
    ...     case Equivalent(method):
    ...         print("equal:", method)
    ...     case Counterexample(inputs):
    ...         print("not for", inputs)
    equal: all patterns
    >>> answer = equivalent(parse("y = a ^ b"), parse("y = a | b"))
    >>> answer.inputs, answer.outputs_a, answer.outputs_b
    ({'a': True, 'b': True}, {'y': False}, {'y': True})
    """
    if by not in ("name", "position", "function"):
        raise ValueError(f"equivalent: expected by to be 'name', 'position' or 'function', got {by!r}.")
    if names is not None and by != "name":
        raise ValueError(f"equivalent: names says which ports belong together, expected no by={by!r} beside it.")
    if names is not None or by == "function":
        for circuit in (a, b):
            check_circuit("equivalent", circuit)

    def prove(renamed_b: Circuit, seconds: float | None) -> Equivalent | Counterexample | Undecided:
        return equivalent(a, renamed_b, time_limit=seconds, proof=proof, progress=progress, seed=seed)

    if by == "function":
        return match_and_prove(a, b, prove, time_limit=time_limit, seed=seed)
    if names is not None:
        matching = named("equivalent", a, b, names)
        answer = prove(renamed(b, matching), time_limit)
        if isinstance(answer, Counterexample):
            outputs_b = {matching.outputs[name]: bit for name, bit in answer.outputs_b.items()}
            return replace(answer, outputs_b=outputs_b)
        return answer
    question = joined("equivalent", a, b, by)
    # The miter has the gates of both, then the XOR of each two outputs: as words they are equal, or differ.
    words = question.fan_ins[a.n_gates + b.n_gates :][: a.n_outputs].T.tolist()
    answer = decide(
        "equivalent",
        question,
        None,
        time_limit=time_limit,
        proof=proof,
        progress=progress,
        seed=seed,
        words=(words[0], words[1]),
    )
    if isinstance(answer, Undecided):
        return answer
    if not isinstance(answer, Satisfiable):
        return Equivalent(answer.method, answer.seconds, answer.calls, answer.merged, answer.proof)
    inputs_of_b = answer.inputs if by == "name" else dict(zip(b.input_names, answer.inputs.values(), strict=True))
    outputs_a, outputs_b = _outputs(a, answer.inputs), _outputs(b, inputs_of_b)
    partners = a.output_names if by == "name" else b.output_names
    if all(outputs_a[x] == outputs_b[y] for x, y in zip(a.output_names, partners, strict=True)):
        raise RuntimeError(f"equivalent: both circuits give {outputs_a} for {answer.inputs}: a mistake in circuits.")
    return Counterexample(answer.inputs, outputs_a, outputs_b, answer.method, answer.seconds)


def _outputs(circuit: Circuit, inputs: dict[str, bool]) -> dict[str, bool]:
    y = np.asarray(evaluate(circuit, np.array([inputs[name] for name in circuit.input_names], bool)))
    return dict(zip(circuit.output_names, y.tolist(), strict=True))

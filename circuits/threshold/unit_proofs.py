"""Does a circuit compute one given threshold unit? The answer is a proof, inputs for which it does not, or neither.

Where the output of the circuit is proved to be a function of w.x (`verification.partial_sums`), one look at each value
of w.x decides; else the unit becomes gates, for `equivalent`.
"""

import math
import time
from dataclasses import replace

import numpy as np

from circuits.netlist import Circuit
from circuits.simulation.simulator import evaluate
from circuits.threshold.gate_conversion import from_unit, to_circuit
from circuits.threshold.units import ThresholdUnit
from circuits.verification.answers import Counterexample, Equivalent
from circuits.verification.equivalence import equivalent
from circuits.verification.partial_sums import function_of_sum
from circuits.verification.satisfiability import check_time_limit
from jaxnet.answers import Undecided
from jaxnet.validation import whole_number

# Random orders in which inputs are switched on, for patterns on both sides of the threshold.
_ORDERS = 512
# Bits of the table that finds inputs with a given sum; beyond, `equivalent` looks for them.
_MOST_BITS = 2**30


def prove_unit(
    circuit: Circuit, unit: ThresholdUnit, *, time_limit: float | None = None, seed: int = 0
) -> Equivalent | Counterexample | Undecided:
    """Prove that a circuit computes a threshold unit, or find inputs for which it does not.

    First come random patterns on both sides of the threshold, then partial sums: adder trees and sorting networks of a
    thousand inputs take seconds. Only where the output is not proved to be a function of w.x, or w.x takes too many
    values, `equivalent` compares the circuit with the gates of the unit, which may take long.

    Args:
        circuit: any circuit with one output and as many inputs as the unit, in the same order.
        unit: what it may compute.
        time_limit: seconds; looked at now and then, so that it may take a few more. None for no limit.
        seed: of the random patterns.

    Returns:
        `Equivalent`, `Counterexample`, whose `outputs_b` is what the unit gives, or, only with a time limit,
        `Undecided`. None of them is true or false: match on the type.

    Raises:
        ValueError: if the number of inputs or outputs does not fit, or a number is out of range.
        TypeError: if the circuit is no `Circuit`, the unit is no `ThresholdUnit`, or the seed is not whole.

    Source: A. Kuehlmann and F. Krohm (1997), for cuts.

    >>> from circuits import parse
    >>> from circuits.threshold.units import at_least, majority
    >>> gates = parse("y = (a & b) | (c & (a ^ b))")
    >>> prove_unit(gates, majority(3)).method
    'partial sums'
    >>> answer = prove_unit(gates, at_least(1, 3))
    >>> answer.outputs_a, answer.outputs_b, sum(answer.inputs.values())
    ({'y': False}, {'y': True}, 1)
    """
    if not isinstance(circuit, Circuit) or not isinstance(unit, ThresholdUnit):
        given = f"{type(circuit).__name__} and {type(unit).__name__}"
        raise TypeError(f"prove_unit: expected a Circuit and a ThresholdUnit, got {given}.")
    if circuit.n_outputs != 1:
        raise ValueError(f"prove_unit: expected one output, got {circuit.n_outputs}. `cone` takes one of them.")
    if circuit.n_inputs != unit.n_inputs:
        raise ValueError(
            f"prove_unit: expected as many inputs as the unit has, {unit.n_inputs}, got {circuit.n_inputs}."
        )
    check_time_limit("prove_unit", time_limit)
    seed = whole_number("prove_unit", "seed", seed, 0, 2**32 - 1)
    start = time.perf_counter()
    deadline = math.inf if time_limit is None else start + time_limit

    def refuted(x: np.ndarray, method: str) -> Counterexample:
        given, expected = bool(evaluate(circuit, x)[0]), bool(evaluate(unit, x))
        if given == expected:
            raise RuntimeError(f"prove_unit: {method} gave inputs for which both are {given}: a mistake in circuits.")
        inputs = dict(zip(circuit.input_names, x.tolist(), strict=True))
        (name,) = circuit.output_names
        return Counterexample(inputs, {name: given}, {name: expected}, method, time.perf_counter() - start)

    x = _near_the_threshold(unit, seed)
    wrong = np.asarray(evaluate(circuit, x))[:, 0] != evaluate(unit, x)
    if wrong.any():
        return refuted(x[wrong.argmax()], "random patterns")
    known = function_of_sum(circuit, unit.weights, deadline=deadline, seed=seed)
    if known is not None:
        wrong = known.values != (known.sums >= unit.threshold)
        if not wrong.any():
            return Equivalent("partial sums", time.perf_counter() - start)
        if (found := _with_sum(unit.weights, int(known.sums[wrong.argmax()]))) is not None:
            return refuted(found, "partial sums")
    rest = None if time_limit is None else max(0.0, deadline - time.perf_counter())
    # Adders, since of decision diagrams partial sums would have found a proof.
    gates = to_circuit(from_unit(unit), diagrams=False)
    answer = equivalent(circuit, gates, by="position", time_limit=rest, seed=seed)
    if isinstance(answer, Counterexample):
        return refuted(np.array(list(answer.inputs.values())), answer.method)
    if isinstance(answer, Equivalent):
        return replace(answer, seconds=time.perf_counter() - start)
    return answer


def _near_the_threshold(unit: ThresholdUnit, seed: int) -> np.ndarray:
    """Return rows for which w.x is next to the threshold, on both sides, as far as there are such: `(rows, n)` bool.

    From the row with the least sum, inputs are switched in random orders until the threshold is reached.
    """
    n, rng = unit.n_inputs, np.random.default_rng(seed)
    order = rng.permuted(np.tile(np.arange(n), (_ORDERS, 1)), axis=1)
    place = np.argsort(order, axis=1)
    least = np.minimum(unit.weights, 0).sum()
    reached = least + np.abs(unit.weights)[order].cumsum(axis=1) >= unit.threshold
    steps = np.where(reached.any(axis=1), reached.argmax(axis=1), n)
    # The input at that step is the first with which the threshold is reached.
    switched = np.concatenate([place < steps[:, None], place <= steps[:, None]])
    return switched ^ (unit.weights < 0)


def _with_sum(weights: np.ndarray, total: int) -> np.ndarray | None:
    """Return inputs for which w.x is a number that it can be, `(n,)` bool; None if there are too many sums to list."""
    total -= int(np.minimum(weights, 0).sum())
    if (total + 1) * len(weights) > _MOST_BITS:
        return None
    # Bit s of the k-th is 1 where the first k weights without their signs have a subset of sum s.
    sums, mask = [1], (1 << total + 1) - 1
    for weight in np.abs(weights).tolist():
        sums.append((sums[-1] | sums[-1] << weight) & mask if weight <= total else sums[-1])
    taken = np.zeros(len(weights), bool)
    for i in reversed(range(len(weights))):
        if not sums[i] >> total & 1:
            taken[i] = True
            total -= abs(int(weights[i]))
    return taken ^ (weights < 0)

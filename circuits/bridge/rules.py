"""Rules: what a circuit says of a table, in the values of its columns, such as "a1 = a2 or a5 = 1".

A rule is found by covering the rows where the output is 1, one conjunction after another, each by a beam search for
conditions that leave no other row (P. Clark and T. Niblett, The CN2 induction algorithm, 1989).
"""

from typing import NamedTuple

import numpy as np

from circuits.bridge.encodings import Encoding, Field
from circuits.errors import listed
from circuits.netlist import Circuit
from circuits.simulation.simulator import evaluate
from circuits.threshold.threshold_circuits import ThresholdCircuit

_MOST_ROWS = 2**16
_BEAM = 24


class _Condition(NamedTuple):
    """A condition on a row: its text, the rows where it holds `(rows,)` bool, and what it costs a reader."""

    text: str
    holds: np.ndarray
    cost: float


def rule(
    circuit: Circuit | ThresholdCircuit, encoding: Encoding, output: str | None = None, *, most: int | None = None
) -> str:
    """Return when an output is 1, as a rule in the columns of a table.

    Conditions are `=` and `!=` of a column and a value, `>=` and `<` where levels are ordered (all but one-hot), and
    `=` and `!=` of two columns that share values. The rule says exactly what the circuit says on the whole domain of
    the encoding; it is short, and not proved the shortest.

    Args:
        circuit: of as many inputs as the encoding has columns.
        encoding: of a table, with at most 2^16 rows in its domain.
        output: which, by name; not needed if there is one.
        most: how many conditions the rule may have; None for any number.

    Returns:
        A text: conjunctions of conditions joined by "or", perhaps under "not"; "always" or "never".

    Raises:
        ValueError: if the circuit does not fit, the domain is larger, or no rule is found with as few conditions.

    Source: P. Clark and T. Niblett (1989).

    >>> from circuits import parse
    >>> from circuits.bridge.encodings import fit_encoding
    >>> encoding = fit_encoding({"a": [1, 2, 3], "b": [1, 2, 3]})
    >>> same = parse("a1 & b1 | a2 & b2 | a3 & b3", inputs=["a1", "a2", "a3", "b1", "b2", "b3"])
    >>> rule(same, encoding)
    'a = b'
    """
    domain = encoding.domain
    if circuit.n_inputs != domain.n_columns:
        raise ValueError(f"rule: expected a circuit of {domain.n_columns} inputs for {encoding!r}, got {circuit!r}.")
    if domain.n_rows > _MOST_ROWS:
        raise ValueError(f"rule: expected a domain of at most {_MOST_ROWS:,} rows, got {domain.n_rows:,}.")
    names = circuit.output_names
    if (output is None and len(names) > 1) or output not in (None, *names):
        raise ValueError(f"rule: expected the name of one output, got {output!r}; the outputs are {listed(names)}.")
    column = 0 if output is None else names.index(output)
    rows = domain.block(0, domain.n_rows)
    wanted = np.asarray(evaluate(circuit, rows))[:, column].astype(bool)
    if wanted.all() or not wanted.any():
        return "always" if wanted.any() else "never"
    conditions = _conditions(encoding, rows)
    terms, negated = _cover(conditions, wanted, most), _cover(conditions, ~wanted, most)
    if terms is None and negated is None:
        raise ValueError(f"rule: found none of at most {most} conditions for {names[column]!r} of {circuit!r}.")
    if terms is None or (negated is not None and _cost(negated) + 1 < _cost(terms)):
        return f"not ({_text(negated or [])})"
    return _text(terms)


def _text(terms: list[list[_Condition]]) -> str:
    return " or ".join(" and ".join(condition.text for condition in term) for term in terms)


def _cost(terms: list[list[_Condition]]) -> float:
    return sum(condition.cost for term in terms for condition in term)


def _conditions(encoding: Encoding, rows: np.ndarray) -> list[_Condition]:
    table = encoding.decode(rows)
    places = {
        field.name: np.array([field.levels.index(value) for value in table[field.name]]) for field in encoding.fields
    }
    found = [condition for field in encoding.fields for condition in _of_column(field, places[field.name])]
    for k, one in enumerate(encoding.fields):
        for other in encoding.fields[:k]:
            if "ranges" not in (one.kind, other.kind) and len({*one.levels} & {*other.levels}) > 1:
                same = np.array([a == b for a, b in zip(table[one.name], table[other.name], strict=True)])
                found.append(_Condition(f"{other.name} = {one.name}", same, 1.5))
                found.append(_Condition(f"{other.name} != {one.name}", ~same, 1.6))
    return [condition for condition in found if condition.holds.any() and not condition.holds.all()]


def _of_column(field: Field, places: np.ndarray) -> list[_Condition]:
    found = []
    if field.kind == "ranges":
        known = places < len(field.levels) - (field.levels[-1] is None)
        for place, level in enumerate(field.levels[1:], 1):
            if level is None:
                found += [_Condition(f"{field.name} = ?", ~known, 1), _Condition(f"{field.name} != ?", known, 1)]
            else:
                found.append(_Condition(f"{field.name} >= {level}", known & (places >= place), 1))
                found.append(_Condition(f"{field.name} < {level}", places < place, 1))
        return found
    for place, level in enumerate("?" if level is None else level for level in field.levels):
        found.append(_Condition(f"{field.name} = {level}", places == place, 1))
        if len(field.levels) > 2:
            found.append(_Condition(f"{field.name} != {level}", places != place, 1.1))
        if field.kind != "one-hot" and 0 < place < len(field.levels):
            found.append(_Condition(f"{field.name} >= {level}", places >= place, 1))
            found.append(_Condition(f"{field.name} < {level}", places < place, 1))
    return found


def _cover(conditions: list[_Condition], wanted: np.ndarray, most: int | None) -> list[list[_Condition]] | None:
    """Return conjunctions that hold on the wanted rows, each on one of them at least, and on no other.

    None if they have more than `most` conditions, and twice as many before those that are not needed are left out.
    """
    holds = np.stack([condition.holds for condition in conditions])
    costs = np.array([condition.cost for condition in conditions])
    terms, left = [], wanted.copy()
    while left.any():
        term = _without_needless(_best_term(holds, costs, wanted, left), holds, costs, wanted)
        terms.append(term)
        left &= ~holds[term].all(axis=0)
        if most is not None and sum(map(len, terms)) > 2 * most:
            return None
    # One that the others cover is not needed; the longest go first.
    for term in sorted(terms, key=lambda term: -costs[term].sum()):
        others = [other for other in terms if other is not term]
        if others and (np.any([holds[other].all(axis=0) for other in others], axis=0) >= wanted).all():
            terms = others
    if most is not None and sum(map(len, terms)) > most:
        return None
    return [[conditions[k] for k in sorted(term)] for term in terms]


def _without_needless(term: list[int], holds: np.ndarray, costs: np.ndarray, wanted: np.ndarray) -> list[int]:
    """Return a conjunction without conditions that keep no other row away, the costliest first."""
    for condition in sorted(term, key=lambda k: -costs[k]):
        rest = [k for k in term if k != condition]
        if not (holds[rest].all(axis=0) & ~wanted).any():
            term = rest
    return term


def _best_term(holds: np.ndarray, costs: np.ndarray, wanted: np.ndarray, left: np.ndarray) -> list[int]:
    """Return the conditions of one conjunction that holds on wanted rows alone: on many that are left, for its cost."""
    best, best_score = None, 0.0
    beam: list[tuple[tuple[int, ...], np.ndarray]] = [((), np.ones(len(wanted), bool))]
    while beam:
        grown: dict[tuple[int, ...], tuple[float, np.ndarray]] = {}
        for term, on in beam:
            both = holds & on
            right, wrong = (both & left).sum(axis=1), (both & ~wanted).sum(axis=1)
            # A condition has to take wrong rows away, and leave some that are right.
            useful = np.flatnonzero((right > 0) & (wrong < (on & ~wanted).sum()))
            for k in useful.tolist():
                new = tuple(sorted({*term, k}))
                cost = costs[list(new)].sum()
                if wrong[k]:
                    grown[new] = right[k] * np.log2(1 + right[k] / wrong[k]) / cost, both[k]
                elif (score := right[k] / cost) > best_score:
                    best, best_score = list(new), score
        # Conjunctions only become smaller: those that hold on too few rows cannot be better.
        ranked = sorted(grown.items(), key=lambda item: -item[1][0])
        beam = [
            (term, on)
            for term, (_, on) in ranked[:_BEAM]
            if (on & left).sum() / (costs[list(term)].sum() + 1) > best_score
        ]
    assert best is not None  # all conditions of a wanted row together hold there alone
    return best

"""The proposition that a unit computes, and its inequality, as W. S. McCulloch and W. Pitts (1943) read a neuron.

A unit is unate, so that its prime implicants are its only minimal sum of products (W. V. Quine, 1952). What they have
in common is then taken out, the most frequent literal first (R. K. Brayton, Factoring logic functions, 1987).
"""

from collections import Counter
from collections.abc import Sequence

import numpy as np

from circuits.netlist import check_names
from circuits.threshold.packed_tables import MAX_INPUTS
from circuits.threshold.units import ThresholdUnit
from jaxnet.validation import whole_number

_FORMS = ("factored", "dnf", "cnf")


def proposition(unit: ThresholdUnit, names: Sequence[str] | None = None, *, form: str = "factored") -> str:
    """Return the formula of a unit.

    Args:
        unit: of at most 16 inputs.
        names: of the inputs; x0, x1, ... if None.
        form: "dnf" or "cnf" for the sum of products, or product of sums, with the fewest terms and the fewest
            literals, of which there is one; "factored" for the one of them that is shorter when factored, which has
            at most as many literals as either but may not be the shortest formula.

    Returns:
        Text that `parse` reads, if it reads the names; 0 or 1 for a constant.

    Raises:
        ValueError: if there are more inputs, names that are not as many or not distinct, or no such form.

    Source: W. S. McCulloch and W. Pitts, A logical calculus of the ideas immanent in nervous activity (1943).

    >>> proposition(ThresholdUnit([1, 1, -2], 1), ["a", "b", "c"])
    '~c & (a | b)'
    >>> proposition(ThresholdUnit([1, 1, 1], 2), ["a", "b", "c"], form="dnf")
    'a & b | a & c | b & c'
    """
    whole_number("proposition", "the fan-in", unit.n_inputs, 0, MAX_INPUTS)
    if form not in _FORMS:
        raise ValueError(f"proposition: expected a form of {', '.join(_FORMS)}, got {form!r}.")
    names = _names("proposition", unit, names)
    literals = [f"~{name}" if w < 0 else name for name, w in zip(names, unit.weights.tolist(), strict=True)]
    products, sums = _primes(unit)
    if form == "factored":
        texts = [_factored(products, "|", "&", literals), _factored(sums, "&", "|", literals)]
        return min(texts, key=lambda text: sum(map(text.count, "&|")))
    inner, outer, terms = (" & ", " | ", products) if form == "dnf" else (" | ", " & ", sums)
    if not terms or terms == [()]:
        return str(int(bool(terms) == (form == "dnf")))
    texts = [inner.join(literals[i] for i in term) for term in terms]
    bare = form == "dnf" or len(texts) == 1
    return outer.join(text if bare or " " not in text else f"({text})" for text in texts)


def inequality(unit: ThresholdUnit, names: Sequence[str] | None = None) -> str:
    """Return the inequality of a unit, w.x >= T, without the inputs of weight 0.

    Args:
        unit: any unit.
        names: of the inputs; x0, x1, ... if None.

    Returns:
        Text, with 0 for a sum of no inputs.

    Raises:
        ValueError: if names are not as many as inputs, or not distinct.

    >>> inequality(ThresholdUnit([2, 1, -1], 1), ["a", "b", "c"])
    '2 a + b - c >= 1'
    """
    names = _names("inequality", unit, names)
    text = ""
    for weight, name in zip(unit.weights.tolist(), names, strict=True):
        if weight:
            sign = (" - " if weight < 0 else " + ") if text else "-" * (weight < 0)
            text += sign + (name if abs(weight) == 1 else f"{abs(weight)} {name}")
    return f"{text or 0} >= {unit.threshold}"


def _names(where: str, unit: ThresholdUnit, names: Sequence[str] | None) -> list[str]:
    n = unit.n_inputs
    names = [f"x{i}" for i in range(n)] if names is None else list(names)
    check_names(where, "input", names)
    if len(names) != n:
        raise ValueError(f"{where}: expected {n} names, one for each input, got {len(names)}.")
    return names


def _primes(unit: ThresholdUnit) -> tuple[list[tuple[int, ...]], list[tuple[int, ...]]]:
    """Return the prime implicants and the prime clauses, each as the variables whose literals it has."""
    weights = np.abs(unit.weights)
    # Literals in place of variables: what is negative counts when it is off.
    threshold = unit.threshold - int(unit.weights[unit.weights < 0].sum())
    largest = np.iinfo(np.int64).max
    sums, lightest_on, lightest_off = np.zeros(1, np.int64), np.array([largest]), np.array([largest])
    for w in weights:
        sums = np.concatenate([sums, sums + w])
        lightest_on, lightest_off = (
            np.concatenate([lightest_on, np.minimum(lightest_on, w)]),
            np.concatenate([np.minimum(lightest_off, w), lightest_off]),
        )
    # No literal can go from a true row, and none can come to a false one.
    implicants = np.flatnonzero((sums >= threshold) & (sums - threshold < lightest_on))
    clauses = np.flatnonzero((sums < threshold) & (threshold - sums <= lightest_off))
    places = range(len(weights))
    return (
        sorted(tuple(i for i in places if row >> i & 1) for row in implicants.tolist()),
        sorted(tuple(i for i in places if not row >> i & 1) for row in clauses.tolist()),
    )


def _factored(terms: list[tuple[int, ...]], outer: str, inner: str, literals: list[str]) -> str:
    """Return a formula of terms: of products joined by |, or of sums joined by &."""
    if not terms or terms == [()]:
        return str(int(bool(terms) == (outer == "|")))
    text, _ = _quotient([frozenset(term) for term in terms], outer, inner, literals)
    return text


def _quotient(terms: list[frozenset[int]], outer: str, inner: str, literals: list[str]) -> tuple[str, str | None]:
    """Return the formula of terms, none of them empty, and its outermost operator, None for a literal."""
    common = frozenset.intersection(*terms)
    if common:
        parts: list[tuple[str, str | None]] = [(literals[i], None) for i in sorted(common)]
        if len(terms) > 1:
            parts.append(_quotient([term - common for term in terms], outer, inner, literals))
        return _joined(parts, inner)
    counts = Counter(i for term in terms for i in term)
    most = min(counts, key=lambda i: (-counts[i], i))
    if counts[most] == 1:
        return _joined([_quotient([term], outer, inner, literals) for term in terms], outer)
    having = [term for term in terms if most in term]
    rest = [term for term in terms if most not in term]
    return _joined([_quotient(part, outer, inner, literals) for part in (having, rest)], outer)


def _joined(parts: list[tuple[str, str | None]], operator: str) -> tuple[str, str | None]:
    """Join parts by an operator: those of the other one get brackets, a literal and the same operator none."""
    if len(parts) == 1:
        return parts[0]
    texts = [f"({text})" if own not in (None, operator) and operator == "&" else text for text, own in parts]
    return f" {operator} ".join(texts), operator

"""Are two binary words equal? Both are rewritten, outputs first, to polynomials of the inputs, which are compared.

For values 0 and 1 each gate equals a polynomial of its fan-ins, so that sum_i 2^i x_i equals the polynomial it is
rewritten to, modulo 2^m. If two words of m bits have the same polynomial, they agree modulo 2^m for all inputs; both
are in 0..2^m - 1, so they agree bit by bit. The sum of an adder is the bits that it adds less twice their carry, so
that carries cancel column by column and the polynomials stay short. D. Ritirc, A. Biere and M. Kauers, Column-wise
verification of multipliers (2017); D. Kaufmann, A. Biere and M. Kauers, Verifying large multipliers by combining SAT
and computer algebra (2019).
"""

import math
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence

from circuits.netlist import Circuit, without_dead_gates
from circuits.verification.adders import Adders, find_adders
from circuits.verification.hashed_graphs import Hashed
from circuits.verification.sat_queries import DeadlinePassed
from circuits.verification.xor_and_graphs import XorAndGraph

# A polynomial of variables that are 0 or 1: for each product of variables its coefficient. No variable has a power.
Polynomial = dict[frozenset[int], int]

# Products past which a polynomial is given up, and multiplications: a second. Where adders are found there are few.
_MOST_TERMS, _MOST_STEPS = 20_000, 1_000_000
# The lowest digits of a sum or a product are made of few gates; where they are not, nothing is tried.
_LOW_DIGITS, _MOST_LOW_GATES = 4, 500
# Multiplications that a word may take, times its digits squared, the number of partial products.
_STEPS = 50


def words_equal(
    circuit: Circuit, left: Sequence[int], right: Sequence[int], *, deadline: float = math.inf, seed: int = 0
) -> bool:
    """Try to prove that two words of a circuit are equal for all inputs, as sums and products of numbers are.

    Both words are rewritten to polynomials of the inputs, first the lowest four digits, then four times as
    many, so that words of another kind are soon given up.

    Args:
        circuit: any circuit; its outputs do not matter.
        left: m nodes, lowest digit first or last.
        right: m nodes in the same order.
        deadline: a time of `time.perf_counter()`; looked at now and then.
        seed: of the patterns that suggest which gates are carries.

    Returns:
        True is a proof. False means that none was found, which says nothing.

    Source: D. Kaufmann, A. Biere and M. Kauers (2019).

    >>> from circuits.library import multiplier
    >>> product = multiplier(8)
    >>> words_equal(product, product.outputs, product.outputs)
    True
    """
    words = [list(map(int, word)) for word in (left, right)]
    if not words[0]:
        return True
    if _cone_size(circuit, words[0][:1]) > _cone_size(circuit, words[0][-1:]):
        words = [word[::-1] for word in words]
    if any(_cone_size(circuit, word[:_LOW_DIGITS]) > _MOST_LOW_GATES for word in words):
        return False
    m, low = len(words[0]), _LOW_DIGITS
    while True:
        first, second = (word[:low] for word in words)
        steps = min(_MOST_STEPS, _STEPS * low**2)
        try:
            polynomial = polynomial_of(circuit, first, deadline=deadline, seed=seed, most_steps=steps)
            if polynomial is None:
                return False
            if polynomial != polynomial_of(circuit, second, deadline=deadline, seed=seed, most_steps=steps):
                return False
        except DeadlinePassed:
            return False
        if low >= m:
            return True
        low *= 4


def polynomial_of(
    circuit: Circuit,
    word: Sequence[int],
    *,
    deadline: float = math.inf,
    seed: int = 0,
    most_steps: int = _MOST_STEPS,
) -> Polynomial | None:
    """Return the polynomial modulo 2^m that a word of m digits is of the inputs.

    Args:
        circuit: any circuit; its outputs do not matter.
        word: m nodes, lowest digit first.
        deadline: a time of `time.perf_counter()`.
        seed: of the patterns that suggest which gates are carries.
        most_steps: variables in the products that are multiplied, after which to give up.

    Returns:
        For each product of inputs, as nodes, its coefficient in 1..2^m - 1: the same for all circuits that compute the
        word. None if the polynomials on the way there grow too long, or the deadline has passed.

    Raises:
        DeadlinePassed: if it passes while adders are looked for.

    >>> from circuits.library import adder
    >>> polynomial_of(adder(1), adder(1).outputs)                                       # a + b
    {frozenset({1}): 1, frozenset({2}): 1}
    """
    digits = [f"digit{i}" for i in range(len(word))]
    part = without_dead_gates(Circuit(circuit.input_names, circuit.fan_ins, circuit.tables, word, digits))
    hashed = Hashed(part.n_inputs)
    nodes = hashed.add(part)
    literals = [nodes[node] for node in part.outputs.tolist()]
    adders = find_adders(hashed, literals, expired=lambda: time.perf_counter() > deadline, seed=seed)
    rules = _rules(hashed.graph, adders)
    polynomial: Polynomial = {}
    for place, literal in enumerate(literals):
        for term, coefficient in _of_literal(literal).items():
            _add(polynomial, term, coefficient << place, 2 ** len(word))
    order = _order(rules, [literal >> 1 for literal in literals])
    return None if order is None else _reduced(polynomial, rules, order, 2 ** len(word), deadline, most_steps)


def _cone_size(circuit: Circuit, nodes: Sequence[int]) -> int:
    """Return how many gates some nodes depend on; counts no farther than needed."""
    first, seen, stack = 1 + circuit.n_inputs, set(), list(nodes)
    while stack and len(seen) <= _MOST_LOW_GATES:
        node = stack.pop()
        if node >= first and node not in seen:
            seen.add(node)
            stack += circuit.fan_ins[node - first].tolist()
    return len(seen)


def _of_literal(literal: int) -> Polynomial:
    """Return the polynomial of a literal."""
    if literal < 2:
        return {frozenset(): literal} if literal else {}
    variable = frozenset([literal >> 1])
    return {frozenset(): 1, variable: -1} if literal & 1 else {variable: 1}


def _product(a: Polynomial, b: Polynomial) -> Polynomial:
    """Return the product of two polynomials."""
    result: Polynomial = {}
    for x, p in a.items():
        for y, q in b.items():
            result[x | y] = result.get(x | y, 0) + p * q
    return result


def _linear(constant: int, terms: Iterable[tuple[int, int]]) -> Polynomial:
    """Return a constant plus variables with their coefficients."""
    result = {frozenset([variable]): coefficient for variable, coefficient in terms if coefficient}
    return {frozenset(): constant, **result} if constant else result


def _rules(graph: XorAndGraph, adders: Adders) -> dict[int, Polynomial]:
    """Return what each gate and carry is rewritten to. Variables past the nodes are the carries of a sum's bits."""
    rules: dict[int, Polynomial] = {}
    blocks = dict.fromkeys([*adders.sums.values(), *(carry.bits for carry in adders.carries.values())])
    carry_of = {bits: len(graph.fan_ins) + i for i, bits in enumerate(blocks)}
    for bits, variable in carry_of.items():
        x, y, *z = (frozenset([bit]) for bit in bits)
        rules[variable] = {x | y: 1, x | z[0]: 1, y | z[0]: 1, x | y | z[0]: -2} if z else {x | y: 1}
    for node, fan_ins in enumerate(graph.fan_ins):
        if fan_ins is None:
            continue
        if node in adders.sums:
            bits = adders.sums[node]
            rules[node] = _linear(0, [*((bit, 1) for bit in bits), (carry_of[bits], -2)])
        elif node in adders.carries:
            bits, inverted, complemented = adders.carries[node]
            # 2 carry + sum = the bits, and the sum is that of the bits themselves, inverted with each of them.
            odd = sum(inverted) % 2
            terms = [(bit, (1 - 2 * flip - (1 - 2 * odd)) // 2) for bit, flip in zip(bits, inverted, strict=True)]
            constant = (sum(inverted) - odd) // 2
            terms.append((carry_of[bits], 1 - 2 * odd))
            if complemented:
                constant, terms = 1 - constant, [(variable, -coefficient) for variable, coefficient in terms]
            rules[node] = _linear(constant, terms)
        else:
            rules[node] = _product(*map(_of_literal, fan_ins))
    return rules


def _order(rules: dict[int, Polynomial], digits: list[int]) -> list[int] | None:
    """Return the variables that rewriting may meet, each before those it is rewritten to; None if there is a loop.

    What only higher digits depend on comes first, so that column after column is done.
    """
    order: list[int] = []
    finished: dict[int, bool] = {}
    stack = [(digit, False) for digit in reversed(digits)]
    while stack:
        variable, last_visit = stack.pop()
        if last_visit:
            finished[variable] = True
            order.append(variable)
            continue
        if variable not in rules or finished.get(variable):
            continue
        if variable in finished:
            return None
        finished[variable] = False
        stack.append((variable, True))
        stack += [(child, False) for term in rules[variable] for child in term if not finished.get(child)]
    return order[::-1]


def _add(polynomial: Polynomial, term: frozenset[int], coefficient: int, modulus: int) -> bool:
    """Add a term to a polynomial; returns whether the polynomial has it then."""
    total = (polynomial.pop(term, 0) + coefficient) % modulus
    if total:
        polynomial[term] = total
    return total != 0


def _reduced(
    polynomial: Polynomial,
    rules: dict[int, Polynomial],
    order: list[int],
    modulus: int,
    deadline: float,
    most_steps: int,
) -> Polynomial | None:
    """Return a polynomial with all variables that have a rule rewritten; None if it grows too long."""
    where: defaultdict[int, set[frozenset[int]]] = defaultdict(set)
    for term in polynomial:
        for variable in term:
            where[variable].add(term)
    steps = 0
    for variable in order:
        rule = rules[variable].items()
        terms = where.pop(variable, ())
        steps += sum(map(len, terms)) * len(rule)
        if len(polynomial) > _MOST_TERMS or steps > most_steps or time.perf_counter() > deadline:
            return None
        for term in terms:
            coefficient = polynomial.pop(term)
            rest = term - {variable}
            for other in rest:
                where[other].discard(term)
            for factor, scale in rule:
                new = rest | factor
                kept = _add(polynomial, new, coefficient * scale, modulus)
                for other in new:
                    (where[other].add if kept else where[other].discard)(new)
    return polynomial

"""Are two binary words equal? Their difference as a polynomial is rewritten, outputs first, until it is seen to be 0.

For values 0 and 1 each gate equals a polynomial of its fan-ins, so each rewriting is exact. If sum_i 2^i (x_i - y_i)
becomes 0 modulo 2^m, the words agree modulo 2^m for all inputs; both are in 0..2^m - 1, so they agree bit by bit. That
is all that is claimed: another result proves nothing. The sum of an adder is the bits less twice their carry, so that
carries cancel column by column. A. Kaufmann, A. Biere and M. Kauers, Verifying large multipliers by combining SAT and
computer algebra (2019); D. Ritirc, A. Biere and M. Kauers, Column-wise verification of multipliers (2017).
"""

import math
import time
from collections import defaultdict
from collections.abc import Iterable, Sequence

import numpy as np

from circuits.netlist import Circuit, without_dead_gates
from circuits.verification.adders import Adders, Hashed, find_adders
from circuits.verification.xor_and_graphs import XorAndGraph

# A polynomial of variables that are 0 or 1: for each product of variables its coefficient. No variable has a power.
Polynomial = dict[frozenset[int], int]

# Products past which a polynomial is given up: where adders are found there are few.
_MOST_TERMS = 20_000
# Multiplications past which it is given up: seconds.
_MOST_STEPS = 1_000_000


def words_equal(
    circuit: Circuit, left: Sequence[int], right: Sequence[int], *, deadline: float = math.inf, seed: int = 0
) -> bool:
    """Try to prove that two words of a circuit are equal for all inputs.

    Args:
        circuit: any circuit; its outputs do not matter.
        left: m nodes, lowest digit first or last.
        right: m nodes in the same order.
        deadline: a time of `time.perf_counter()`; looked at now and then.
        seed: of the patterns that suggest which gates are carries.

    Returns:
        True is a proof. False means that none was found, which says nothing.

    Source: A. Kaufmann, A. Biere and M. Kauers (2019).

    >>> from circuits.library import multiplier
    >>> product = multiplier(8)
    >>> words_equal(product, product.outputs, product.outputs)
    True
    """
    first = polynomial_of(circuit, left, deadline=deadline, seed=seed)
    return first is not None and first == polynomial_of(circuit, right, deadline=deadline, seed=seed)


def polynomial_of(circuit: Circuit, word: Sequence[int], *, deadline: float = math.inf, seed: int = 0):
    part = without_dead_gates(
        Circuit(circuit.input_names, circuit.fan_ins, circuit.tables, word, [f"y{i}" for i in range(len(word))])
    )
    hashed = Hashed(part.n_inputs)
    literals = hashed.add(part)
    adders = find_adders(hashed, [literals[node] for node in part.outputs.tolist()])
    rules = _rules(hashed.graph, adders)
    m = len(word)
    polynomial: Polynomial = {}
    for place, node in enumerate(part.outputs.tolist()):
        for term, coefficient in _of_literal(literals[node]).items():
            _add(polynomial, term, coefficient << place, 2**m)
    order = _order(rules, {node for term in polynomial for node in term})
    if order is None: print("loop")
    return None if order is None else _reduced(polynomial, rules, order, 2**m, deadline)


def _of_literal(literal: int) -> Polynomial:
    """Return the polynomial of a literal."""
    if literal < 2:
        return {frozenset(): literal} if literal else {}
    variable = frozenset([literal >> 1])
    return {frozenset(): 1, variable: -1} if literal & 1 else {variable: 1}


def _product(a: Polynomial, b: Polynomial) -> Polynomial:
    result: Polynomial = {}
    for x, p in a.items():
        for y, q in b.items():
            result[x | y] = result.get(x | y, 0) + p * q
    return result


def _linear(constant: int, terms: Iterable[tuple[int, int]]) -> Polynomial:
    result = {frozenset([variable]): coefficient for variable, coefficient in terms if coefficient}
    return {frozenset(): constant, **result} if constant else result


def _rules(graph: XorAndGraph, adders: Adders) -> dict[int, Polynomial]:
    """Return what each gate and carry is rewritten to. Variables past the nodes are the carries of a sum's bits."""
    rules: dict[int, Polynomial] = {}
    blocks = {bits: None for bits in adders.sums.values()}
    blocks |= {carry.bits: None for carry in adders.carries.values()}
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


def _order(rules: dict[int, Polynomial], roots: Iterable[int]) -> list[int] | None:
    """Return the variables that rewriting may meet, each before those it is rewritten to; None if there is a loop."""
    order: list[int] = []
    state: dict[int, bool] = {}
    stack = [(root, False) for root in roots]
    while stack:
        variable, done = stack.pop()
        if done:
            state[variable] = True
            order.append(variable)
            continue
        if variable in state or variable not in rules:
            if not state.get(variable, True):
                return None
            continue
        state[variable] = False
        stack.append((variable, True))
        stack += [(child, False) for term in rules[variable] for child in term if not state.get(child, False)]
    return order[::-1]


def _add(polynomial: Polynomial, term: frozenset[int], coefficient: int, modulus: int) -> bool:
    """Add a term to a polynomial; returns whether the polynomial has it then."""
    total = (polynomial.pop(term, 0) + coefficient) % modulus
    if total:
        polynomial[term] = total
    return total != 0


def _reduced(
    polynomial: Polynomial, rules: dict[int, Polynomial], order: list[int], modulus: int, deadline: float
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
        steps += len(terms) * len(rule)
        if len(polynomial) > _MOST_TERMS or steps > _MOST_STEPS or time.perf_counter() > deadline:
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

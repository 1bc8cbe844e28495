import functools
import itertools

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from circuits.minimal_covers import MinimalCover, minimal_cover, prime_implicants


def rows_of(cube):
    """The rows of a cube, as a set: character i is bit i of the row."""
    return {sum(int(bit) << i for i, bit in enumerate(bits)) for bits in itertools.product(*map(CHOICES.get, cube))}


CHOICES = {"0": "0", "1": "1", "-": "01"}


def literals(cubes):
    return sum(len(cube) - cube.count("-") for cube in cubes)


@functools.cache
def costs(n):
    """(products, literals) of the least sum of products of every function of n inputs: a search over all cubes."""
    cubes = [(sum(1 << row for row in rows_of(cube)), literals([cube])) for cube in itertools.product("01-", repeat=n)]
    best = np.full(2**2**n, 10**6)
    best[0] = 0
    # Functions with k products are those with k - 1 and one cube more.
    changed = True
    while changed:
        before = best.copy()
        for mask, count in cubes:
            np.minimum.at(best, np.arange(len(best)) | mask, before + 1000 + count)
        changed = (best != before).any()
    return best


def cost(cover):
    return 1000 * len(cover.cubes) + literals(cover.cubes)


def bits(function, n):
    return [function >> row & 1 for row in range(2**n)]


def check(cover, on, free=()):
    covered = set().union(*map(rows_of, cover.cubes))
    assert on - set(free) <= covered <= on | set(free)


@pytest.mark.parametrize("n", [0, 1, 2, 3])
def test_every_function_of_few_inputs(n):
    for function in range(2**2**n):
        cover = minimal_cover(bits(function, n))
        check(cover, {row for row in range(2**n) if function >> row & 1})
        assert cover.proved
        assert cover.fewest == len(cover.cubes)
        assert cost(cover) == costs(n)[function]


def test_functions_of_four_inputs():
    for function in np.random.default_rng(0).integers(0, 2**16, 400).tolist():
        cover = minimal_cover(bits(function, 4))
        check(cover, {row for row in range(16) if function >> row & 1})
        assert cover.proved
        assert cost(cover) == costs(4)[function]


@pytest.mark.slow
def test_every_function_of_four_inputs():
    for function in range(2**16):
        assert cost(minimal_cover(bits(function, 4))) == costs(4)[function]


def test_values_that_do_not_matter():
    # The least of all functions between: by the table of all of them.
    rng = np.random.default_rng(1)
    for on, free in rng.integers(0, 256, (60, 2)).tolist():
        cover = minimal_cover(bits(on, 3), bits(free, 3))
        between = [costs(3)[on & ~free | extra] for extra in range(256) if extra & ~free == 0]
        assert cost(cover) == min(between)
        check(cover, {r for r in range(8) if on >> r & 1}, {r for r in range(8) if free >> r & 1})
    assert minimal_cover([0, 1], [1, 1]) == MinimalCover((), True, 0)
    assert minimal_cover([0, 1], [1, 0]) == MinimalCover(("-",), True, 1)


@given(st.data())
def test_primes_are_the_implicants_from_which_no_literal_can_be_dropped(data):
    n = data.draw(st.integers(0, 5))
    on = {row for row in range(2**n) if data.draw(st.booleans())}
    free = {row for row in range(2**n) if data.draw(st.integers(0, 3)) == 0} - on
    cubes = {"".join(cube) for cube in itertools.product("01-", repeat=n)}
    implicants = {cube for cube in cubes if rows_of(cube) <= on | free}
    wanted = {
        cube
        for cube in implicants
        if rows_of(cube) & on
        and not any(cube[i] != "-" and cube[:i] + "-" + cube[i + 1 :] in implicants for i in range(n))
    }
    tables = [[row in where for row in range(2**n)] for where in (on, free)]
    assert {"".join("01-"[value] for value in cube) for cube in prime_implicants(*tables)} == wanted


def counts(n):
    return np.array([row.bit_count() for row in range(2**n)])


def test_known_numbers_of_primes():
    # Parity: every minterm. Majority of 9: each choice of 5. At least 3 and at most 6 of 9, the textbook case of many
    # primes: 9! / (3! 3! 3!).
    parity = minimal_cover(counts(10) % 2)
    assert (len(prime_implicants(counts(10) % 2)), len(parity.cubes), parity.proved) == (512, 512, True)
    majority = minimal_cover(counts(9) > 4)
    assert (len(prime_implicants(counts(9) > 4)), len(majority.cubes), literals(majority.cubes)) == (126, 126, 630)
    assert len(prime_implicants((counts(9) >= 3) & (counts(9) <= 6))) == 1680


def test_a_cyclic_function_needs_the_integer_program():
    # No prime is needed, and none is better than another: 3 of 6 for three inputs that are not all equal.
    not_equal = (counts(3) > 0) & (counts(3) < 3)
    assert len(prime_implicants(not_equal)) == 6
    cover = minimal_cover(not_equal)
    assert (len(cover.cubes), literals(cover.cubes), cover.proved) == (3, 6, True)


def test_without_time_a_cover_is_not_called_minimal():
    table = np.random.default_rng(0).random(1024) < 0.7
    cover = minimal_cover(table, time_limit=0.001)
    assert not cover.proved
    assert cover.fewest <= len(cover.cubes)
    check(cover, set(np.flatnonzero(table).tolist()))


def test_as_small_as_those_of_sympy():
    logic = pytest.importorskip("sympy.logic")
    names = pytest.importorskip("sympy").symbols("x0:4")
    for function in np.random.default_rng(2).integers(1, 2**16 - 1, 20).tolist():
        terms = [[row >> i & 1 for i in range(4)] for row in range(16) if function >> row & 1]
        form = logic.SOPform(names, terms)
        products = len(form.args) if form.func.__name__ == "Or" else 1
        assert len(minimal_cover(bits(function, 4)).cubes) <= products


SIZES = "{}: expected tables of 2^n rows with n at most 10, got {} and {}."


@pytest.mark.parametrize("function", [minimal_cover, prime_implicants])
def test_errors(function, error):
    name = function.__name__
    assert error(ValueError, function, [0, 1, 1]) == SIZES.format(name, (3,), (3,))
    assert error(ValueError, function, [[0, 1]]) == SIZES.format(name, (1, 2), (1, 2))
    assert error(ValueError, function, [0, 1], [0, 1, 0, 1]) == SIZES.format(name, (2,), (4,))
    assert error(ValueError, function, np.zeros(2048)) == SIZES.format(name, (2048,), (2048,))
    assert error(ValueError, function, [0, 2]) == f"{name}: expected Booleans, or zeros and ones."

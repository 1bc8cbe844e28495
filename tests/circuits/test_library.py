import functools
import math

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given

from circuits import evaluate, library, trace
from circuits.gates import AND, OR, XOR
from circuits.netlist import depth
from circuits.threshold.gate_conversion import from_circuit

WIDTHS = range(1, 9)


def number(bits):
    """Bits `(patterns, n)`, lowest first, as Python integers, which have any width."""
    return bits.astype(object) @ np.array([1 << i for i in range(bits.shape[1])], object)


def digits(numbers, n):
    """The other way: integers as bits `(patterns, n)`."""
    return np.array([[value >> i & 1 for i in range(n)] for value in numbers], bool)


def samples(seed, count, n):
    """Random n-bit integers, the extremes among them."""
    rng = np.random.default_rng(seed)
    return [0, 2**n - 1, 1, 2 ** (n - 1), *(int.from_bytes(rng.bytes(n // 8 + 1)) % 2**n for _ in range(count))]


@pytest.mark.parametrize("n", WIDTHS)
@pytest.mark.parametrize(
    ("function", "expected"),
    [
        (library.and_, lambda ones, n: ones == n),
        (library.or_, lambda ones, n: ones > 0),
        (library.parity, lambda ones, n: ones % 2 == 1),
        (library.majority, lambda ones, n: 2 * ones > n),
    ],
)
def test_symmetric_functions(function, expected, n, reference, all_rows):
    circuit = function(n)
    x = all_rows(n)
    np.testing.assert_array_equal(reference(circuit, x)[:, 0], expected(x.sum(axis=1), n))
    assert circuit.input_names == tuple(f"x[{i}]" for i in range(n))
    assert circuit.output_names == ("y",)


@pytest.mark.parametrize(("function", "kind"), [(library.and_, AND), (library.or_, OR), (library.parity, XOR)])
@pytest.mark.parametrize("n", [1, 2, 3, 8, 9, 100, 1000])
def test_trees_have_n_minus_1_gates_and_are_balanced(function, kind, n):
    circuit = function(n)
    assert circuit.tables.tolist() == [kind] * (n - 1)
    assert depth(circuit) == math.ceil(math.log2(n))


@pytest.mark.parametrize("n", WIDTHS)
def test_population_count(n, reference, all_rows):
    circuit, x = library.population_count(n), all_rows(n)
    assert number(reference(circuit, x)).tolist() == x.sum(axis=1).tolist()
    assert circuit.output_names == tuple(f"count[{i}]" for i in range(n.bit_length()))


@pytest.mark.parametrize("n", [100, 255, 256, 1000])
def test_a_wide_population_count_and_majority(n, reference):
    x = np.random.default_rng(n).random((300, n)) < np.linspace(0, 1, 300)[:, None]
    circuit = library.population_count(n)
    assert circuit.n_outputs == math.floor(math.log2(n)) + 1
    assert number(reference(circuit, x)).tolist() == x.sum(axis=1).tolist()
    # The edge of a majority: exactly half, and one more.
    x[0], x[1] = np.arange(n) < n // 2, np.arange(n) < n // 2 + 1
    assert reference(library.majority(n), x)[:, 0].tolist() == (2 * x.sum(axis=1) > n).tolist()


@pytest.mark.parametrize("k", range(2, 8))
def test_a_population_count_of_2_to_the_k_minus_1_is_full_adders_alone(k):
    # Counting 2^k - 1 bits takes 2^k - 1 - k full adders of five gates (D. E. Muller and F. P. Preparata, 1975).
    assert library.population_count(2**k - 1).n_gates == 5 * (2**k - 1 - k)


@pytest.mark.parametrize("n", range(1, 66))
def test_a_majority_has_about_5_n_gates(n):
    assert library.majority(n).n_gates <= 6 * n


def test_a_majority_of_three_has_four_gates():
    assert library.majority(3).n_gates == 4


@pytest.mark.parametrize("n", WIDTHS)
def test_at_least(n, reference, all_rows):
    x = all_rows(n)
    for k in range(1, n + 1):
        circuit = trace(functools.partial(library.at_least, k), bits=n)
        np.testing.assert_array_equal(reference(circuit, x)[:, 0], x.sum(axis=1) >= k)


@pytest.mark.parametrize("k", range(4))
def test_multiplexer(k, reference, all_rows):
    circuit = library.multiplexer(k)
    assert circuit.input_names == (*(f"select[{i}]" for i in range(k)), *(f"data[{i}]" for i in range(2**k)))
    x = all_rows(k + 2**k)
    chosen = number(x[:, :k]).astype(int) if k else np.zeros(len(x), int)
    np.testing.assert_array_equal(reference(circuit, x)[:, 0], x[np.arange(len(x)), k + chosen])
    # Four gates for each of 2^k - 1 choices.
    assert circuit.n_gates == 4 * (2**k - 1)


def test_a_wide_multiplexer(reference):
    x = np.random.default_rng(0).integers(0, 2, (2000, 10 + 1024)).astype(bool)
    chosen = number(x[:, :10]).astype(int)
    assert len(set(chosen.tolist())) > 800
    got = reference(library.multiplexer(10), x)[:, 0]
    np.testing.assert_array_equal(got, x[np.arange(len(x)), 10 + chosen])


@pytest.mark.parametrize("n", WIDTHS)
def test_comparator(n, reference, all_rows):
    circuit, x = library.comparator(n), all_rows(2 * n)
    a, b = number(x[:, :n]), number(x[:, n:])
    np.testing.assert_array_equal(reference(circuit, x), np.stack([a < b, a == b, a > b], axis=1).astype(bool))
    assert circuit.input_names == (*(f"a[{i}]" for i in range(n)), *(f"b[{i}]" for i in range(n)))
    assert circuit.output_names == ("less", "equal", "greater")


def test_a_comparator_of_100_bits(reference):
    a, b = samples(1, 100, 100), samples(2, 100, 100)
    # Random numbers are told apart by their top digits: these differ in one digit alone, or in none.
    a, b = a + b + b, [*b, *(value ^ 1 << i % 100 for i, value in enumerate(b)), *b]
    got = reference(library.comparator(100), np.hstack([digits(a, 100), digits(b, 100)]))
    assert got.tolist() == [[x < y, x == y, x > y] for x, y in zip(a, b, strict=True)]


@pytest.mark.parametrize("n", WIDTHS)
def test_adder(n, reference, all_rows):
    circuit, x = library.adder(n), all_rows(2 * n)
    a, b = number(x[:, :n]), number(x[:, n:])
    np.testing.assert_array_equal(number(reference(circuit, x)), a + b)
    assert circuit.input_names == (*(f"a[{i}]" for i in range(n)), *(f"b[{i}]" for i in range(n)))
    assert circuit.output_names == tuple(f"s[{i}]" for i in range(n + 1))
    assert circuit.n_gates == 5 * n - 3


def test_a_64_bit_adder_run_by_jax():
    a, b = samples(3, 200, 64), samples(4, 200, 64)
    a, b = [*a, *a, 2**64 - 1], [*b, *(-value % 2**64 for value in a), 1]
    y = np.asarray(evaluate(library.adder(64), np.hstack([digits(a, 64), digits(b, 64)])))
    assert number(y).tolist() == [x + y for x, y in zip(a, b, strict=True)]


@pytest.mark.parametrize(("n", "m"), [(n, n) for n in WIDTHS] + [(1, 5), (5, 1), (2, 7), (7, 3)])
def test_multiplier(n, m, reference, all_rows):
    circuit, x = library.multiplier(n, m), all_rows(n + m)
    a, b = number(x[:, :n]), number(x[:, n:])
    np.testing.assert_array_equal(number(reference(circuit, x)), a * b)
    assert circuit.input_names == (*(f"a[{i}]" for i in range(n)), *(f"b[{i}]" for i in range(m)))
    assert circuit.output_names == tuple(f"p[{i}]" for i in range(n + m))
    assert circuit.n_gates <= 6 * n * m


def test_a_multiplier_is_square_unless_told():
    assert library.multiplier(3).input_names == library.multiplier(3, 3).input_names


def test_a_32_bit_multiplier_run_by_jax():
    a, b = samples(5, 400, 32), samples(6, 400, 32)
    y = np.asarray(evaluate(library.multiplier(32), np.hstack([digits(a, 32), digits(b, 32)])))
    assert number(y).tolist() == [x * y for x, y in zip(a, b, strict=True)]


def test_a_multiplier_as_threshold_units():
    a, b = samples(7, 50, 8), samples(8, 50, 8)
    y = evaluate(from_circuit(library.multiplier(8)), np.hstack([digits(a, 8), digits(b, 8)]))
    assert number(y).tolist() == [x * y for x, y in zip(a, b, strict=True)]


@given(heights=st.lists(st.integers(0, 6), max_size=8), seed=st.integers(0, 10**6))
def test_add_columns_on_boolean_arrays(heights, seed):
    rng = np.random.default_rng(seed)
    columns = [list(rng.integers(0, 2, (height, 20)).astype(bool)) for height in heights]
    total = sum((bit.astype(int) << i for i, column in enumerate(columns) for bit in column), np.zeros(20, int))
    got = library.add_columns(columns)
    assert len(got) >= len(heights)
    np.testing.assert_array_equal(sum((np.asarray(d).astype(int) << i for i, d in enumerate(got)), 0 * total), total)
    assert [len(column) for column in columns] == heights


def test_add_columns_gives_the_constant_for_an_empty_column_that_no_carry_reaches():
    a = np.array([False, True])
    assert library.add_columns([]) == []
    assert library.add_columns([[]]) == [0]
    low, middle, high = library.add_columns([[], [], [a]])
    assert (low, middle, high.tolist()) == (0, 0, a.tolist())
    # A carry does reach the second here.
    both = library.add_columns([[a, a], []])
    assert [digit.tolist() for digit in both] == [[False, False], [False, True]]


def test_less_equal_greater_on_boolean_arrays():
    rng = np.random.default_rng(0)
    a, b = rng.integers(0, 2, (2, 5, 300)).astype(bool)
    x, y = number(a.T), number(b.T)
    less, equal, greater = library.less_equal_greater(list(a), list(b))
    np.testing.assert_array_equal(less, (x < y).astype(bool))
    np.testing.assert_array_equal(equal, (x == y).astype(bool))
    np.testing.assert_array_equal(greater, (x > y).astype(bool))


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 8])
def test_maj_count_and_mux_on_boolean_arrays(n):
    x = np.random.default_rng(n).integers(0, 2, (n, 100)).astype(bool)
    np.testing.assert_array_equal(library.maj(*x), 2 * x.sum(axis=0) > n)
    np.testing.assert_array_equal(number(np.stack(library.count(list(x)), axis=1)), x.sum(axis=0))
    np.testing.assert_array_equal(library.mux(x[0], x[-1], ~x[0]), np.where(x[0], x[-1], ~x[0]))


def test_functions_of_bits_on_jax_arrays_under_jit():
    x = jnp.asarray(np.random.default_rng(0).integers(0, 2, (5, 64)).astype(bool))
    np.testing.assert_array_equal(jax.jit(lambda x: library.maj(*x))(x), np.asarray(x).sum(axis=0) > 2)
    np.testing.assert_array_equal(jax.jit(lambda x: library.mux(*x[:3]))(x), np.where(x[0], x[1], x[2]))


WITH_A_WIDTH = [
    library.and_,
    library.or_,
    library.parity,
    library.majority,
    library.population_count,
    library.comparator,
    library.adder,
    library.multiplier,
]


@pytest.mark.parametrize("function", WITH_A_WIDTH)
@pytest.mark.parametrize("width", [True, 2.0, "3", None])
def test_widths_that_are_no_whole_numbers_are_refused(function, width, error):
    message = f"{function.__name__}: expected a width to be a whole number, got {width!r}."
    assert error(TypeError, function, width) == message


@pytest.mark.parametrize("function", WITH_A_WIDTH)
def test_widths_are_any_whole_numbers_from_1(function, error):
    assert function(np.int64(2)).n_gates == function(2).n_gates
    for width in (0, -1):
        message = f"{function.__name__}: expected a width to be at least 1, got {width}."
        assert error(ValueError, function, width) == message


def test_the_second_width_of_a_multiplier_is_checked(error):
    assert error(ValueError, library.multiplier, 2, 0) == "multiplier: expected a width to be at least 1, got 0."


def test_a_number_of_select_bits_that_is_none_is_refused(error):
    for width in (True, 2.0, "3", None):
        message = f"multiplexer: expected n_select to be a whole number, got {width!r}."
        assert error(TypeError, library.multiplexer, width) == message
    message = "multiplexer: expected n_select to be at least 0, got -1."
    assert error(ValueError, library.multiplexer, -1) == message
    assert library.multiplexer(np.int64(2)).input_names == library.multiplexer(2).input_names


def test_the_other_messages(error):
    a, b = [np.array([True])], [np.array([True])] * 2
    assert error(TypeError, library.maj) == "maj: expected at least one bit."
    for k in (0, 3, -1):
        message = error(ValueError, library.at_least, k, b)
        assert message == f"at_least: expected k in 1..2, got {k}."
    message = "less_equal_greater: expected two numbers of the same width, got {} and {} bits."
    assert error(ValueError, library.less_equal_greater, a, b) == message.format(1, 2)
    assert error(ValueError, library.less_equal_greater, [], []) == message.format(0, 0)

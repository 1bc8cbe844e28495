import numpy as np
import pytest

from circuits import chow_parameters, influence, npn, pack_tables, symmetric_variables, unate, unpack_tables


@pytest.fixture(scope="module", params=[0, 1, 3, 5, 6, 7, 8])
def tables(request):
    """Random tables of n inputs, some of them sparse enough to be unate, symmetric or independent of a variable."""
    n = request.param
    rng = np.random.default_rng(n)
    values = rng.random((40, 1 << n)) < rng.choice([0.05, 0.5, 0.98], (40, 1))
    row = np.arange(1 << n)
    values[:10] |= values[:10][:, row & ~1]
    values[10:20] &= values[10:20][:, row & ~(1 << max(0, n - 1))]
    return n, values


def test_tables_pack_and_unpack(tables):
    n, values = tables
    words = pack_tables(values, n)
    assert (words.shape, words.dtype) == ((40, max(1, 1 << n >> 6)), np.uint64)
    np.testing.assert_array_equal(unpack_tables(words, n), values)
    for table, packed in zip(values, words, strict=True):
        number = sum(int(value) << row for row, value in enumerate(table))
        np.testing.assert_array_equal(pack_tables(number, n), packed)
    np.testing.assert_array_equal(pack_tables(words if n > 6 else words[:, 0], n), words)


def test_parameters_against_all_rows(tables, all_rows):
    n, values = tables
    bits = all_rows(n)
    row = np.arange(1 << n)
    chow = chow_parameters(values, n)
    np.testing.assert_array_equal(chow[:, :n], values.astype(int) @ (2 * bits.astype(int) - 1))
    np.testing.assert_array_equal(chow[:, n], values.sum(axis=1) - 2**n // 2)
    for i in range(n):
        other = values[:, row ^ 1 << i]
        np.testing.assert_array_equal(influence(values, n)[:, i], (values != other).mean(axis=1))
        rises = (values & ~other)[:, bits[:, i]].any(axis=1)
        falls = (other & ~values)[:, bits[:, i]].any(axis=1)
        expected = np.select([rises & falls, rises, falls], [2, 1, -1], 0)
        np.testing.assert_array_equal(unate(values, n)[:, i], expected)
        for j in range(n):
            swapped = np.where((row >> i ^ row >> j) & 1, row ^ 1 << i ^ 1 << j, row) if i != j else row
            expected = (values == values[:, swapped]).all(axis=1)
            np.testing.assert_array_equal(symmetric_variables(values, n)[:, i, j], expected)


@pytest.mark.parametrize(("n", "classes"), [(0, 1), (1, 2), (2, 4), (3, 14), (4, 222)])
def test_classes_are_as_many_as_in_a000370(n, classes):
    assert len(np.unique(npn(np.arange(1 << (1 << n), dtype=np.uint64), n))) == classes


@pytest.mark.parametrize("n", [2, 5, 6])
def test_a_class_has_one_least_table(n):
    rng = np.random.default_rng(n)
    values = rng.random((30, 1 << n)) < 0.5
    row = np.arange(1 << n)
    order = rng.permutation(n)
    moved = sum((row >> i & 1) << int(order[i]) for i in range(n)) ^ int(rng.integers(1 << n))
    least = npn(pack_tables(values, n)[:, 0], n)
    np.testing.assert_array_equal(npn(pack_tables(~values[:, moved], n)[:, 0], n), least)
    np.testing.assert_array_equal(npn(least, n), least)


@pytest.mark.parametrize(
    ("tables", "n", "error", "message"),
    [
        (16, 2, ValueError, "unate: expected a table of 4 bits for n = 2, got 0x10."),
        ([3, 16], 2, ValueError, "unate: expected tables of 4 bits for n = 2, got 0x10."),
        ([-1], 2, ValueError, "unate: expected tables of 4 bits for n = 2, got -1, a negative one."),
        ([0.5], 2, TypeError, "unate: expected tables of bool or integers, got float64."),
        (np.zeros(3, bool), 2, ValueError, "unate: expected bool tables of shape (..., 4) for n = 2, got (3,)."),
        (
            np.zeros(3, np.uint64),
            7,
            ValueError,
            "unate: expected uint64 tables of shape (..., 2) for n = 7, got uint64 (3,).",
        ),
    ],
)
def test_errors_say_what_was_expected(tables, n, error, message):
    with pytest.raises(error) as raised:
        unate(tables, n)
    assert str(raised.value) == message

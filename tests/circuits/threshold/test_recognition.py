import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from circuits import NotThreshold, ThresholdUnit, minimality, pack_tables, recognise, truth_table
from circuits.threshold.recognition import _decide
from circuits.threshold.trades import fires

# Its linear program has the optimum 71, and its least integer weights 73; found at random.
ABOVE_THE_BOUND = ThresholdUnit([2, 1, 4, 5, 7, 9, 11, 15, 19], 19)


def units(n, largest):
    return st.tuples(st.lists(st.integers(-largest, largest), min_size=n, max_size=n), st.integers(-largest, largest))


@pytest.mark.parametrize("n", range(4))
def test_all_functions_without_the_look_up(n, all_rows):
    bits = all_rows(n).astype(int)
    looked_up = recognise(np.arange(1 << (1 << n)), n)
    for table in range(1 << (1 << n)):
        answer, _ = _decide(pack_tables(table, n), n)
        assert isinstance(answer, ThresholdUnit) == looked_up.found[table]
        if isinstance(answer, NotThreshold):
            assert answer.certificate.check()
            assert (answer.certificate.n, answer.certificate.table) == (n, table)
            continue
        values = bits @ answer.weights >= answer.threshold
        assert sum(int(value) << row for row, value in enumerate(values)) == table
        assert answer == looked_up.unit(table)


@pytest.mark.slow
def test_all_functions_of_four_inputs_without_the_look_up():
    looked_up = recognise(np.arange(65_536), 4)
    answers = [_decide(pack_tables(table, 4), 4)[0] for table in range(65_536)]
    assert [isinstance(answer, ThresholdUnit) for answer in answers] == looked_up.found.tolist()
    assert looked_up.found.sum() == 1882
    assert all(answer.certificate.check() for answer in answers if isinstance(answer, NotThreshold))


@given(st.integers(8, 12).flatmap(lambda n: units(n, 12)))
def test_units_are_found_with_no_larger_sum(given_unit):
    weights, threshold = np.array(given_unit[0]), given_unit[1]
    unit = recognise(fires(weights, threshold), len(weights))
    np.testing.assert_array_equal(truth_table(unit), fires(weights, threshold))
    assert np.abs(unit.weights).sum() <= np.abs(weights).sum()
    proof = minimality(unit)
    assert proof.by in ("linear program", "integer program")
    assert (proof.certificate is not None) == (proof.by == "linear program")
    assert proof.certificate is None or proof.certificate.check()


@given(st.integers(6, 9).flatmap(lambda n: st.lists(units(n, 9), min_size=2, max_size=3)), st.booleans())
def test_a_union_or_a_difference_is_a_unit_or_refuted(parts, both):
    first, *rest = (fires(np.array(weights), threshold) for weights, threshold in parts)
    for table in rest:
        first = first | table if both else first ^ table
    n = len(parts[0][0])
    answer, _ = _decide(pack_tables(first, n), n)
    if n <= 7:
        assert isinstance(answer, ThresholdUnit) == recognise(first[None], n).found[0]
    if isinstance(answer, NotThreshold):
        assert answer.certificate.check()
    else:
        np.testing.assert_array_equal(truth_table(answer), first)


@pytest.mark.parametrize("n", [13, 14, 15, 16])
def test_sixteen_inputs_with_gaussian_weights(n):
    rng = np.random.default_rng(n)
    weights = np.round(1e3 * rng.normal(size=n)).astype(int)
    table = fires(weights, int(weights @ rng.integers(0, 2, n)))
    unit = recognise(table, n)
    np.testing.assert_array_equal(truth_table(unit), table)
    assert np.abs(unit.weights).sum() <= np.abs(weights).sum()
    # One value changed beside it: the first false row becomes true.
    table[int(np.argmin(table))] ^= True
    other = recognise(table, n)
    assert isinstance(other, ThresholdUnit) or other.certificate.check()


def test_a_binate_variable_is_named():
    certificate = recognise(fires(np.arange(8), 9) ^ np.arange(256).astype(bool), 8).certificate
    assert certificate.binate in range(8)
    assert certificate.check()
    assert len(certificate.true) == len(certificate.false) == 2


def test_a_sum_above_the_bound_is_by_integer_program_only():
    unit = recognise(truth_table(ABOVE_THE_BOUND), 9)
    assert np.abs(unit.weights).sum() == 73
    assert minimality(unit) == (True, "integer program", 71, None)
    larger = ThresholdUnit(2 * unit.weights, 2 * unit.threshold)
    assert minimality(larger) == (False, "weights", 71, None)


def test_without_an_integer_program_weights_are_exact_still(monkeypatch):
    monkeypatch.setattr("circuits.threshold.weight_programs._integer_program", lambda *args: None)
    unit = recognise(truth_table(ABOVE_THE_BOUND), 9)
    np.testing.assert_array_equal(truth_table(unit), truth_table(ABOVE_THE_BOUND))
    assert minimality(unit) == (False, "nothing", 71, None)


def test_tables_at_once_are_as_one_by_one():
    rng = np.random.default_rng(0)
    tables = np.array([fires(rng.integers(-5, 6, 8), 2) for _ in range(6)])
    tables[3] ^= np.arange(256) == 77
    answer = recognise(tables, 8)
    for k, table in enumerate(tables):
        assert answer.unit(k) == (recognise(table, 8) or None)
    assert recognise(pack_tables(tables, 8), 8).found.tolist() == answer.found.tolist()


@pytest.mark.parametrize("n", [0, 1, 5, 7, 8, 12])
def test_constants_need_no_weight(n):
    for value in (0, 1):
        unit = recognise(value * ((1 << (1 << n)) - 1), n)
        assert unit == ThresholdUnit(np.zeros(n, int), 1 - value)
        assert minimality(unit).certificate.check()
    assert minimality(ThresholdUnit([1, 0], 5)) == (False, "weights", 0, None)


def test_errors():
    with pytest.raises(ValueError, match=r"^recognise: expected .*17"):
        recognise(0, 17)
    with pytest.raises(ValueError, match="reshape") as raised:
        recognise(np.zeros((2, 2, 4), bool), 2)
    assert str(raised.value) == "recognise: expected one table, or k of them, got shape (2, 2, 4); reshape them."


@pytest.mark.filterwarnings("ignore")  # boofun warns that Numba is not there
def test_boofun_agrees():
    boofun = pytest.importorskip("boofun", reason="boofun is not installed")
    from boofun.analysis.ltf_analysis import is_ltf

    rng = np.random.default_rng(0)
    tables = rng.random((40, 8)) < 0.5
    tables[:20] = [fires(rng.integers(-4, 5, 3), 1) for _ in range(20)]
    expected = [is_ltf(boofun.create(table.astype(int).tolist())) for table in tables]
    assert recognise(tables, 3).found.tolist() == expected
    assert 20 <= sum(expected) < 40

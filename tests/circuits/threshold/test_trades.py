import dataclasses
import itertools

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from circuits import MinimalSum, ThresholdUnit, TradingTransform, minimality, recognise
from circuits.threshold.trades import fires, table_of


def refusals():
    """Certificates of all three kinds: binate, not comparable, and neither."""
    two_pairs = sum(1 << row for row in range(16) if row & 3 == 3 or row & 12 == 12)
    return [recognise(table, n).certificate for table, n in [(0b0110, 2), (two_pairs, 4), (all_comparable(), 6)]]


def all_comparable():
    """The first union of two 6-input units, with falling weights both, that is no unit."""
    for seed in itertools.count():
        rng = np.random.default_rng(seed)
        tables = [fires(np.sort(rng.integers(1, 9, 6))[::-1], int(rng.integers(8, 16))) for _ in range(2)]
        table = int.from_bytes(np.packbits(tables[0] | tables[1], bitorder="little").tobytes(), "little")
        if not recognise(table, 6):
            return table
    raise AssertionError


CERTIFICATES = [
    *refusals(),
    *(minimality(ThresholdUnit(w, t)).certificate for w, t in [([1, 1, 1], 2), ([2, -1, 1], 2)]),
]


@pytest.mark.parametrize("certificate", CERTIFICATES, ids=str)
def test_certificates_check(certificate):
    assert certificate.check()


@given(st.data())
def test_altered_certificates_fail(data):
    certificate = data.draw(st.sampled_from(CERTIFICATES))
    side = data.draw(st.sampled_from(["true", "false"]))
    rows = list(getattr(certificate, side))
    place = data.draw(st.integers(0, len(rows) - 1))
    row, times = rows[place]
    kind = data.draw(st.sampled_from(["row", "times", "gone", "side"]))
    n = certificate.n if isinstance(certificate, TradingTransform) else certificate.unit.n_inputs
    if kind == "row":
        # Any one bit, or one past the table.
        rows[place] = row ^ 1 << data.draw(st.integers(0, n)), times
        altered = dataclasses.replace(certificate, **{side: tuple(rows)})
        if isinstance(altered, MinimalSum) and altered.check():
            # Another row may prove the same; then it does, by brute force.
            assert proves(altered)
            return
    elif kind == "times":
        rows[place] = row, data.draw(st.integers(-3, 9).filter(lambda other: other != times))
        altered = dataclasses.replace(certificate, **{side: tuple(rows)})
    elif kind == "gone":
        altered = dataclasses.replace(certificate, **{side: tuple(rows[:place] + rows[place + 1 :])})
    else:
        altered = dataclasses.replace(certificate, true=certificate.false, false=certificate.true)
    assert not altered.check()


def proves(proof):
    """No smaller weights compute the function of the unit."""
    n, total = proof.unit.n_inputs, int(np.abs(proof.unit.weights).sum())
    tables = {
        table_of(ThresholdUnit(weights, threshold))
        for weights in itertools.product(range(-total, total + 1), repeat=n)
        if sum(map(abs, weights)) < total
        for threshold in range(-total, total + 2)
    }
    return table_of(proof.unit) not in tables


@pytest.mark.parametrize(("weights", "threshold"), [([1, 1, 1], 2), ([3, -2, 1], 2), ([1, 0], 1), ([0, 0], 1)])
def test_what_is_proved_minimal_is(weights, threshold):
    unit = recognise(fires(np.array(weights), threshold), len(weights))
    proof = minimality(unit).certificate
    assert proof.check()
    assert proves(proof)


def test_other_alterations_fail():
    refusal = CERTIFICATES[0]
    assert not dataclasses.replace(refusal, table=refusal.table ^ 2).check()
    assert not dataclasses.replace(refusal, binate=5).check()
    proof = minimality(ThresholdUnit([1, 1, 1], 2)).certificate
    assert not dataclasses.replace(proof, unit=ThresholdUnit([2, 1, 1], 2)).check()
    assert not dataclasses.replace(proof, scale=2 * proof.scale).check()
    assert not dataclasses.replace(proof, scale=0).check()

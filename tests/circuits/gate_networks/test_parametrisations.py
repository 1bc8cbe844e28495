import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from common.gate_references import PARAMETRISATIONS, gate_by_definition
from hypothesis import given
from hypothesis import strategies as st

from circuits import gates
from circuits.gate_networks.parametrisations import TRUTH, coefficients, hard_tables, initial_logits, logits_of

each = pytest.mark.parametrize("parametrisation", PARAMETRISATIONS)
# Rows of a table in their order, as a + 2b counts.
A, B = np.array([0, 1, 0, 1]), np.array([0, 0, 1, 1])
SIGNS = 2 * TRUTH.T - 1  # (4 rows, 16 tables)
WALSH = np.stack([np.ones(4), 2 * A - 1, 2 * B - 1, (2 * A - 1) * (2 * B - 1)]) / 4
# Logits `(P, 16)`, the t-th of table t without doubt.
SURE = {"input-wise": 40 * SIGNS, "softmax": 40 * np.eye(16), "walsh": 40 * WALSH @ SIGNS}
SURE = {name: logits.astype(np.float32) for name, logits in SURE.items()}


@functools.partial(jax.jit, static_argnames=("parametrisation", "forward"))
def found(logits, parametrisation, forward="soft", temperature=1.0, key=None):
    return coefficients(logits, parametrisation, forward, temperature, key).k


def at(k, a, b):
    """The polynomial in float64: `(..., W)` of numbers a and b."""
    k0, ka, kb, kab = np.moveaxis(np.asarray(k, np.float64), -2, 0)
    return k0 + ka * a + kb * b + kab * a * b


def at_rows(k):
    """At the four rows of a table, `(4, W)`."""
    return np.stack([at(k, a, b) for a, b in zip(A, B, strict=True)])


def test_bit_r_of_a_table_is_its_value_where_a_plus_two_b_is_r():
    meant = {
        gates.FALSE: 0 * A, gates.TRUE: 0 * A + 1, gates.BUF: A, gates.NOT: 1 - A,
        gates.AND: A & B, gates.NAND: 1 - (A & B), gates.OR: A | B, gates.NOR: 1 - (A | B),
        gates.XOR: A ^ B, gates.XNOR: 1 - (A ^ B),
        0b0010: A & (1 - B), 0b0100: (1 - A) & B, 0b1011: A | (1 - B), 0b1101: (1 - A) | B, 0b1100: B, 0b0011: 1 - B,
    }  # fmt: skip
    assert len(meant) == 16
    for table, rows in meant.items():
        np.testing.assert_array_equal(TRUTH[table], rows)


@each
def test_all_sixteen_gates_hard_and_soft_at_the_corners(parametrisation):
    logits = SURE[parametrisation]
    np.testing.assert_array_equal(hard_tables(logits, parametrisation), np.arange(16))
    hard, soft = (at_rows(found(logits, parametrisation, forward)) for forward in ("hard", "soft"))
    if parametrisation == "walsh":
        hard, soft = hard > 0, 1 / (1 + np.exp(-soft))
    np.testing.assert_array_equal(hard, TRUTH.T)
    np.testing.assert_allclose(soft, TRUTH.T, atol=1e-6)


@each
def test_a_soft_gate_is_its_definition(parametrisation):
    rng = np.random.default_rng(1)
    logits = rng.normal(size=(16 if parametrisation == "softmax" else 4, 16)).astype(np.float32)
    a, b = rng.random((2, 7, 16))
    got = at(found(logits, parametrisation), a, b)
    got = 1 / (1 + np.exp(-got)) if parametrisation == "walsh" else got
    expected = gate_by_definition(parametrisation, logits.astype(np.float64), a, b)
    np.testing.assert_allclose(got, expected, atol=1e-6)


@pytest.mark.parametrize("parametrisation", ["input-wise", "softmax"])
def test_a_soft_gate_is_an_expectation_over_independent_bits(parametrisation):
    """A Walsh gate is none: its sigmoid is taken after the sum."""
    rng = np.random.default_rng(2)
    logits = rng.normal(size=(16 if parametrisation == "softmax" else 4, 16)).astype(np.float32)
    k, (p, q) = found(logits, parametrisation), rng.random((2, 16))
    chances = np.stack([(p if a else 1 - p) * (q if b else 1 - q) for a, b in zip(A, B, strict=True)])
    np.testing.assert_allclose(at(k, p, q), (chances * at_rows(k)).sum(axis=0), atol=1e-12)
    assert ((at_rows(k) >= -1e-6) & (at_rows(k) <= 1 + 1e-6)).all()


@each
def test_straight_through_has_hard_values_and_soft_derivatives(parametrisation):
    rng = np.random.default_rng(3)
    logits = rng.normal(size=SURE[parametrisation].shape).astype(np.float32)
    weights = rng.normal(size=(4, 16)).astype(np.float32)
    np.testing.assert_array_equal(
        found(logits, parametrisation, "straight-through"), found(logits, parametrisation, "hard")
    )

    @jax.jit
    def derivatives(logits):
        return [
            jax.grad(lambda z: (weights * coefficients(z, parametrisation, forward, 0.7).k).sum())(logits)  # noqa: B023
            for forward in ("soft", "straight-through")
        ]

    soft, through = derivatives(logits)
    np.testing.assert_allclose(through, soft, rtol=1e-6, atol=1e-7)
    assert np.abs(soft).max() > 0.1


@each
def test_gumbel_draws_gates_by_their_probability(parametrisation):
    rng, count = np.random.default_rng(4), 20_000
    one = rng.normal(size=(len(SURE[parametrisation]), 1)).astype(np.float32)
    k = found(np.repeat(one, count, axis=1), parametrisation, "gumbel", 0.3, jax.random.key(5))
    rows = at_rows(k) > (0 if parametrisation == "walsh" else 0.5)
    if parametrisation == "softmax":
        shares = np.bincount(np.packbits(rows, axis=0, bitorder="little")[0], minlength=16) / count
        expected = np.exp(one[:, 0]) / np.exp(one).sum()
    else:
        shares = rows.mean(axis=1)
        expected = 1 / (1 + np.exp(-(one[:, 0] if parametrisation == "input-wise" else 4 * WALSH.T @ one[:, 0])))
        independent = np.corrcoef(rows) - np.eye(4)
        assert np.abs(independent).max() < 4 / np.sqrt(count)
    assert (np.abs(shares - expected) < 4 * np.sqrt(expected * (1 - expected) / count)).all()


@each
def test_logits_are_divided_by_the_temperature(parametrisation):
    logits = np.random.default_rng(6).normal(size=SURE[parametrisation].shape).astype(np.float32)
    np.testing.assert_array_equal(found(logits, parametrisation, temperature=4.0), found(logits / 4, parametrisation))


NUMBERS = np.array([0, -0.0, 1, -1, 1e-42, -1e-42, 1e-45, 2.0**-126, 1e30, -1e30, 0.1, 0.2, 0.3, -0.3], np.float32)


@each
@given(seed=st.integers(0, 2**32 - 1))
def test_hard_tables_are_the_gates_that_run(parametrisation, seed):
    """To the last bit: ties, sums that round to zero, and numbers so small that XLA takes them for zero."""
    logits = np.random.default_rng(seed).choice(NUMBERS, SURE[parametrisation].shape)
    k = np.asarray(found(logits, parametrisation, "hard"))
    inputs = zip(A.astype(np.float32), B.astype(np.float32), strict=True)  # no sum in float64
    rows = np.stack([k[0] + k[1] * a + (k[2] + k[3] * a) * b for a, b in inputs])
    tables = np.packbits(rows > 0, axis=0, bitorder="little")[0]
    np.testing.assert_array_equal(hard_tables(logits, parametrisation), tables)


def test_of_equal_logits_the_first_table_and_no_row_are_taken():
    assert hard_tables(np.zeros((4, 2)), "input-wise").tolist() == [0, 0]
    assert hard_tables(np.zeros((4, 2)), "walsh").tolist() == [0, 0]
    tied = np.zeros((16, 1))
    tied[[7, 9]] = 1
    assert hard_tables(tied, "softmax").tolist() == [7]
    assert hard_tables(np.zeros((3, 4, 5)), "walsh").shape == (3, 5)


@each
def test_residual_gates_begin_as_their_first_input_and_normal_ones_anywhere(parametrisation):
    shape = (len(SURE[parametrisation]), 4000)
    key = jax.random.key(7)
    residual = initial_logits(jax.random.clone(key), shape, parametrisation, "residual")
    # A row is wrong if normal noise exceeds 2 / 0.3; for Walsh gates the noise of a row is twice as large.
    assert (hard_tables(residual, parametrisation) == gates.BUF).mean() > 0.99
    a = np.array([[0.0], [1.0]])
    got = at(found(logits_of(jnp.zeros(shape), parametrisation, "residual"), parametrisation), a, 0.5)[:, 0]
    got = 1 / (1 + np.exp(-got)) if parametrisation == "walsh" else got
    doubt = 8 / (np.exp(5) + 15) if parametrisation == "softmax" else 1 / (1 + np.exp(2))
    np.testing.assert_allclose(got, [doubt, 1 - doubt], atol=1e-6)
    normal = np.asarray(initial_logits(key, shape, parametrisation, "normal"))
    assert abs(normal.mean()) < 5 / np.sqrt(normal.size)
    assert abs(normal.std() - 1) < 5 / np.sqrt(normal.size)

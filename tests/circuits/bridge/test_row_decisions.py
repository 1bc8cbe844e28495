"""Decisions of rows: exact ties, arg max, any mix of units, and many rows through XLA as few through NumPy."""

import hypothesis.strategies as st
import numpy as np
import pytest
from common.exact_networks import by_definition, exact_units, networks
from hypothesis import assume, given

from circuits import rows
from circuits.bridge.domains import Domain
from circuits.bridge.exact_rows import Reading
from circuits.bridge.network_units import NetworkUnits
from circuits.bridge.row_decisions import decide, decide_domain
from jaxnet.networks.wiring import Wiring

readings = st.one_of(
    st.builds(Reading, st.just("bits"), st.integers(-4, 4).map(lambda k: k / 4)), st.just(Reading("argmax"))
)


def settled(units, reading):
    """Return all rows, and what is decided of them; arg max is not of inputs."""
    assume(reading.read == "bits" or units.wiring.outputs.min() >= units.wiring.n_inputs)
    x = rows(units.wiring.n_inputs)
    found = decide(units, reading, x)
    return x, found


@given(networks(), readings)
def test_rows_are_decided_as_by_definition(units, reading):
    x, found = settled(units, reading)
    for r, row in enumerate(x):
        if r not in found.unsettled:
            assert found.bits[r].tolist() == by_definition(units, reading, row)


@given(networks(("step", "sign", "relu", "identity")), readings)
def test_rows_without_smooth_units_are_all_decided_ties_included(units, reading):
    x, found = settled(units, reading)
    assert not found.unsettled
    assert found.bits.tolist() == [by_definition(units, reading, row) for row in x]


@given(networks(("sigmoid", "tanh")), readings)
def test_closest_is_a_lower_bound(units, reading):
    """Without a step before it: every output is at least as far from its threshold."""
    x, found = settled(units, reading)
    assume(not found.unsettled and reading.read == "bits")
    n = units.wiring.n_inputs
    for row in x:
        sums = exact_units(units, row)
        for node in units.wiring.outputs.tolist():
            assert node < n or abs(sums[node - n]) >= found.closest


def many(kinds, dtype="float32", n=16, seed=0, outputs=None, integral=False):
    """A graph of five units on n inputs, two of which an output reads."""
    random = np.random.default_rng(seed)
    hidden = len(kinds) - 2
    sources = [*range(n)] * hidden + [n + k for k in range(hidden)] * 2
    offsets = [n * k for k in range(hidden + 1)] + [n * hidden + hidden, n * hidden + 2 * hidden]
    w = random.normal(size=len(sources))
    w = np.round(2 * w) / 2 if integral else w.astype(dtype)
    b = np.zeros(len(kinds)) if integral else random.normal(size=len(kinds)).astype(dtype)
    outputs = [n + hidden, n + hidden + 1] if outputs is None else outputs
    return NetworkUnits(Wiring(n, offsets, sources, outputs), w.astype(float), b.astype(float), tuple(kinds), dtype)


def assert_as_numpy(units, reading, domain, few=40):
    blocks = list(decide_domain(units, reading, domain))
    assert [start for start, _ in blocks] == np.cumsum([0, *(len(found.bits) for _, found in blocks[:-1])]).tolist()
    bits = np.concatenate([found.bits for _, found in blocks])
    assert len(bits) == domain.n_rows
    for start in range(0, domain.n_rows, 2**16):
        part = decide(units, reading, domain.block(start, min(start + 2**16, domain.n_rows)))
        np.testing.assert_array_equal(bits[start : start + 2**16], part.bits)
        assert not part.unsettled
    random = np.random.default_rng(0)
    for row in random.integers(domain.n_rows, size=few).tolist():
        x = domain.block(row, row + 1)[0]
        assert bits[row].tolist() == by_definition(units, reading, x)
    return blocks


@pytest.mark.slow
def test_many_rows_through_xla():
    domain = Domain.one_hot([3]) * Domain.cube(13) * Domain.thermometer([2])
    assert domain.n_rows >= 2**16
    units = many(["sigmoid", "step", "tanh", "relu", "identity", "identity"], n=18, outputs=[22, 0, 23])
    assert_as_numpy(units, Reading("bits", 0.25), domain)


def test_arg_max_of_many_rows_through_xla():
    assert_as_numpy(many(["step", "sigmoid", "tanh", "tanh"]), Reading("argmax"), Domain.cube(16), few=10)


@pytest.mark.slow
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("reading", [Reading(), Reading("bits", -0.5), Reading("argmax")])
@pytest.mark.parametrize("integral", [False, True])
@pytest.mark.parametrize(
    "kinds",
    [
        ["sigmoid"] * 5,
        ["tanh"] * 5,
        ["step"] * 3 + ["sigmoid"] * 2,
        ["sign", "relu", "identity", "tanh", "tanh"],
        ["step", "sigmoid", "relu", "identity", "identity"],
    ],
)
def test_many_rows_of_every_kind_through_xla(kinds, reading, dtype, integral):
    assert_as_numpy(many(kinds, dtype, integral=integral), reading, Domain.cube(16))


@pytest.mark.slow
def test_blocks_of_many_rows_are_those_of_the_domain():
    units = many(["sigmoid"] * 4 + ["identity"] * 2, n=20)
    blocks = assert_as_numpy(units, Reading(), Domain.cube(20))
    assert len(blocks) > 1


def test_a_network_of_inputs_alone():
    units = NetworkUnits(Wiring(2, [0], [], [1, 0, 1]), np.zeros(0), np.zeros(0), (), "float32")
    found = decide(units, Reading(), rows(2))
    assert (found.closest, found.uncertain, found.unsettled) == (np.inf, 0, ())
    assert found.bits.tolist() == [[b, a, b] for a, b in rows(2).tolist()]

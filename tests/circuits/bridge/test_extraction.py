import copy
import itertools
import re

import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from common.exact_networks import by_definition, networks
from hypothesis import assume, given

from circuits import evaluate, rows
from circuits.bridge.domains import Domain
from circuits.bridge.exact_rows import Reading
from circuits.bridge.extraction import from_network
from circuits.bridge.extraction_certificates import ExtractionCertificate, circuit_of, digest_of
from circuits.bridge.network_units import NetworkUnits
from circuits.gates import TRUE
from jaxnet import Neuron, identity, mlp, per_unit, relu, sigmoid, step, tanh, wired
from jaxnet.networks.wiring import Wiring

FUNCTIONS = {
    sigmoid: lambda z: 1 / (1 + np.exp(-z)),
    tanh: np.tanh,
    relu: lambda z: np.maximum(z, 0),
    step: lambda z: (z >= 0).astype(float),
    identity: lambda z: z,
}


def drawn(sizes, seed, scale):
    random = np.random.default_rng(seed)
    return tuple(
        Neuron(
            jnp.asarray(scale * random.normal(size=(m, n)), jnp.float32),
            jnp.asarray(scale * random.normal(size=m), jnp.float32),
        )
        for n, m in itertools.pairwise(sizes)
    )


def by_definition_in_floats(params, functions, x):
    z = v = x.astype(float)
    for (w, b), function in zip(params, functions, strict=True):
        z = v @ np.float64(w).T + np.float64(b)
        v = FUNCTIONS[function](z)
    return z >= 0


@given(
    st.integers(1, 7),
    st.sampled_from(list(FUNCTIONS)),
    st.sampled_from([sigmoid, tanh, identity]),
    st.integers(0, 1000),
    st.sampled_from([1, 5]),
    st.booleans(),
)
def test_circuits_agree_with_brute_force(n, hidden, last, seed, scale, one_hot):
    params = drawn([n, 4, 2], seed, scale)
    domain = Domain.one_hot([n]) if one_hot else Domain.cube(n)
    found = from_network(mlp([n, 4, 2], [hidden, last]), params, domain)
    x = domain.block(0, domain.n_rows)
    np.testing.assert_array_equal(evaluate(found.circuit, x), by_definition_in_floats(params, [hidden, last], x))
    assert found.certificate.check()


@pytest.mark.slow
@pytest.mark.parametrize("n", [9, 12])
@pytest.mark.parametrize("hidden", [sigmoid, tanh, relu, step])
@pytest.mark.parametrize("seed", range(4))
def test_circuits_of_up_to_twelve_inputs_agree_with_brute_force(n, hidden, seed):
    params = drawn([n, 6, 2], seed, 3)
    for want in ("structural", "functional"):
        found = from_network(mlp([n, 6, 2], [hidden, sigmoid]), params, want=want)
        x = rows(n)
        np.testing.assert_array_equal(evaluate(found.circuit, x), by_definition_in_floats(params, [hidden, sigmoid], x))
        assert found.certificate.check()


def test_altered_certificates_are_refused():
    found = from_network(mlp([3, 4, 1]), drawn([3, 4, 1], 0, 5))
    again = ExtractionCertificate.loads(found.certificate.dumps())
    assert again.check()
    again.data["network"]["w"][0] += 1
    assert not again.check()


def test_a_domain_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"^from_network: expected a domain of 2 columns, one for each input, got "):
        from_network(mlp([2, 1]), drawn([2, 1], 0, 1), Domain.cube(3))


HIDDEN = {"step": step, "sigmoid": sigmoid, "tanh": tanh, "relu": relu, "identity": identity}
readings = st.one_of(
    st.fixed_dictionaries({"threshold": st.integers(-4, 4).map(lambda k: k / 4)}), st.just({"read": "argmax"})
)


def read(units, options):
    """Skip what cannot be read; return the options without a threshold that nothing reads."""
    n, kinds = units.wiring.n_inputs, units.kinds
    outputs = {kinds[node - n] if node >= n else "input" for node in units.wiring.outputs.tolist()}
    assume("relu" not in outputs)
    assume("read" not in options or (len(outputs) == 1 and not outputs & {"step", "input"}))
    return options if "identity" in outputs or "read" in options else {}


@given(networks(tuple(HIDDEN), dtype="float32"), readings, st.sampled_from(["structural", "functional"]))
def test_graphs_of_any_units_agree_with_fractions_and_are_certified(units, options, want):
    options = read(units, options)
    params = Neuron(jnp.asarray(units.w, jnp.float32), jnp.asarray(units.b, jnp.float32))
    net = wired(units.wiring, per_unit([HIDDEN[kind] for kind in units.kinds]))
    found = from_network(net, params, want=want, **options)
    reading, x = Reading(**options), rows(units.wiring.n_inputs)
    assert found.guarantee == "statistical" or list(found.certificate.faults()) == []
    if found.guarantee != "statistical":
        assert evaluate(found.circuit, x).tolist() == [by_definition(units, reading, row) for row in x]
    again = circuit_of(found.certificate.data["circuit"])
    np.testing.assert_array_equal(evaluate(again, x), evaluate(found.circuit, x))
    assert found.certificate.is_of(net, params)


@given(st.integers(0, 10_000), st.sampled_from([sigmoid, tanh, step, relu]), st.booleans(), st.booleans())
def test_float64(seed, hidden, rounded, argmax):
    random = np.random.default_rng(seed)
    numbers = [2 * random.normal(size=shape) for shape in ((3, 4), (3,), (2, 3), (2,))]
    w, b, v, c = (np.round(x) if rounded else x for x in numbers)
    with jax.enable_x64(True):
        params = Neuron(jnp.asarray(w), jnp.asarray(b)), Neuron(jnp.asarray(v), jnp.asarray(c))
        net = mlp([4, 3, 2], [hidden, identity])
        found = from_network(net, params, read="argmax" if argmax else "bits")
        assert found.certificate.is_of(net, params)
    kinds = (next(name for name, function in HIDDEN.items() if function is hidden),) * 3 + ("identity",) * 2
    units = NetworkUnits(
        Wiring.from_mlp([4, 3, 2]), np.concatenate([w.ravel(), v.ravel()]), np.concatenate([b, c]), kinds, "float64"
    )
    x, reading = rows(4), Reading("argmax" if argmax else "bits")
    assert found.guarantee != "statistical"
    assert found.certificate.data["network"]["dtype"] == "float64"
    assert evaluate(found.circuit, x).tolist() == [by_definition(units, reading, row) for row in x]
    assert list(found.certificate.faults()) == []


def test_inputs_as_outputs_and_outputs_of_the_identity_with_a_threshold():
    net = wired(Wiring(2, [0, 2], [0, 1], [1, 2, 0]), identity)
    found = from_network(net, Neuron(jnp.array([1.0, 2.0]), jnp.array([0.0])), threshold=2.0)
    assert found.guarantee == "structural"
    assert evaluate(found.circuit, rows(2)).astype(int).tolist() == [[0, 0, 0], [0, 0, 1], [1, 1, 0], [1, 1, 1]]
    assert found.certificate.check()


@pytest.mark.parametrize("hidden", [sigmoid, step])
def test_of_outputs_that_tie_the_first_is_the_largest(hidden):
    w, v = jnp.eye(2), jnp.array([[1.0, 0.0], [0.0, 1.0]])
    params = Neuron(w, jnp.full(2, -0.5)), Neuron(v, jnp.zeros(2))
    found = from_network(mlp([2, 2, 2], [hidden, identity]), params, read="argmax")
    expected = [[1, 0], [1, 0], [0, 1], [1, 0]]
    assert evaluate(found.circuit, rows(2)).astype(int).tolist() == expected
    assert found.certificate.data["closest"] == 0 if hidden is not step else found.certificate.data["rows"] == 0
    assert found.certificate.check()


@pytest.mark.slow
def test_many_rows_that_tie():
    """Sigmoids that cancel on 1,600 of 2^16 rows, and hidden steps that tie."""
    random = np.random.default_rng(0)
    w, v = random.integers(0, 2, size=(4, 16)), np.array([[1, -1, 1, -1]])
    params = tuple(Neuron(jnp.asarray(x, jnp.float32), jnp.zeros(len(x))) for x in (w, v))
    found = from_network(mlp([16, 4, 1]), params)
    x = rows(16)
    hidden = 1 / (1 + np.exp(-(x @ w.T).astype(float)))
    assert (abs(hidden @ v[0]) < 1e-9).sum() == 1600
    assert found.guarantee == "functional"
    np.testing.assert_array_equal(evaluate(found.circuit, x)[:, 0], hidden @ v[0] >= -1e-9)
    assert list(found.certificate.faults()) == []


def test_larger_domains_are_compared_on_samples():
    params = drawn([40, 3, 1], 1, 1)
    net, domain = mlp([40, 3, 1]), Domain.cube(40)
    found = from_network(net, params, domain, samples=500, seed=3)
    assert found.guarantee == "statistical"
    data = found.certificate.data
    x = domain.sample(500, np.random.Generator(np.random.PCG64(3)))
    wrong = (evaluate(found.circuit, x) != by_definition_of(params, x)).any(axis=1)
    assert (data["rows"], data["seed"], data["differ"]) == (500, 3, wrong.sum())
    assert repr(found).endswith(f"{wrong.sum()} of 500 rows differ)")
    row = found.counterexample[None]
    assert (evaluate(found.circuit, row) != by_definition_of(params, row)).any()
    assert "".join("01"[bit] for bit in found.counterexample.tolist()) == data["counterexample"]
    assert list(found.certificate.faults()) == []


def test_a_counterexample_is_searched_where_no_sample_is_one():
    """One sigmoid of a sum near 15 before another: the two steps say something else of 16 ones alone."""
    params = Neuron(jnp.full((1, 30), 1.0), jnp.array([-15.2])), Neuron(jnp.array([[1.0]]), jnp.array([-0.5]))
    same = from_network(mlp([30, 1, 1]), params, samples=200)
    assert (same.guarantee, same.certificate.data["method"]) == ("structural", "margins of units")
    params = params[0], Neuron(jnp.array([[1.0]]), jnp.array([-0.7]))
    found = from_network(mlp([30, 1, 1]), params, Domain.cube(30), samples=1)
    assert found.counterexample is not None
    assert found.counterexample.sum() == 16
    assert list(found.certificate.faults()) == []


def by_definition_of(params, x):
    return by_definition_in_floats(params, [sigmoid] * len(params), x)


@pytest.mark.parametrize(
    ("given", "error", "message"),
    [
        ({"read": "max"}, ValueError, "expected read to be 'bits' or 'argmax', got 'max'."),
        ({"want": "exact"}, ValueError, "expected want to be 'structural' or 'functional', got 'exact'."),
        ({"domain": 3}, TypeError, "expected a Domain, such as Domain.cube(2), got int."),
        (
            {"threshold": 1.0},
            ValueError,
            "expected a finite threshold, for outputs of the identity read as bits, got 1.0.",
        ),
        ({"output_names": "ab"}, ValueError, "expected 1 output names, got 2."),
        ({"samples": 0}, ValueError, "expected samples in 1..16777216, got 0."),
    ],
)
def test_options_that_are_none(given, error, message):
    with pytest.raises(error, match=f"^{re.escape(f'from_network: {message}')}$"):
        from_network(mlp([2, 1]), drawn([2, 1], 0, 1), **given)


@pytest.mark.parametrize(
    ("activations", "given", "message"),
    [
        ([relu, relu], {}, "expected no rectifier at an output, whose sign says nothing. Use the identity."),
        ([relu, step], {"read": "argmax"}, "arg max of bits is always a tie. Use read='bits'."),
        (
            [relu, identity],
            {"threshold": float("nan")},
            "expected a finite threshold, for outputs of the identity read as bits, got nan.",
        ),
    ],
)
def test_outputs_that_cannot_be_read(activations, given, message):
    with pytest.raises(ValueError, match=f"^{re.escape(f'from_network: {message}')}$"):
        from_network(mlp([2, 2, 2], activations), drawn([2, 2, 2], 0, 1), **given)


def test_arg_max_of_several_kinds():
    net = wired(Wiring(1, [0, 1, 2], [0, 0], [1, 2]), per_unit([sigmoid, tanh]))
    message = "from_network: expected outputs of one kind for arg max, got sigmoid, tanh."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        from_network(net, Neuron(jnp.ones(2), jnp.ones(2)), read="argmax")


def test_a_network_without_outputs():
    net = wired(Wiring(1, [0, 1], [0], []), sigmoid)
    with pytest.raises(ValueError, match=r"^from_network: expected a network with outputs, got none\.$"):
        from_network(net, Neuron(jnp.ones(1), jnp.ones(1)))


def halves(threshold):
    """60 inputs, of which 40 are free: a hidden sigmoid above 0.73, and an output that wants more than a threshold."""
    ball = Domain.around([1] * 60, range(40))
    first = Neuron(jnp.full((1, 60), 0.25), jnp.array([-4.0]))
    return mlp([60, 1, 1]), (first, Neuron(jnp.ones((1, 1)), jnp.array([-threshold]))), ball


@pytest.mark.parametrize(("threshold", "value"), [(1.0, False), (0.7, True)])
def test_local_domains_of_any_size(threshold, value):
    network, params, ball = halves(threshold)
    found = from_network(network, params, ball, want="functional")
    assert (found.guarantee, found.certificate.data["method"]) == ("functional", "branch and bound")
    assert list(found.certificate.faults()) == []
    rows = ball.sample(50, np.random.default_rng(0))
    assert (np.asarray(evaluate(found.circuit, rows))[:, 0] == value).all()
    assert (
        repr(found) == f"Extracted(functional, Circuit(60 inputs, 1 outputs, {int(value)} gates), all rows, in 1 boxes)"
    )


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"nodes": -1}, "Expected a whole number in 0..1099511627776, got -1."),
        ({"rows": 7}, "Only claims of all rows and of samples count rows."),
        ({"guarantee": "structural"}, "The circuit has not as many units as the hardened network, or other outputs."),
        ({"circuit": "inverted"}, "Network and circuit differ, or may, on 1 of 1 regions."),
    ],
)
def test_altered_claims_of_branch_and_bound(change, fault):
    network, params, ball = halves(1.0)
    found = from_network(network, params, ball, want="functional")
    data = copy.deepcopy(found.certificate.data)
    if "circuit" in change:
        data["circuit"]["fan_ins"], data["circuit"]["tables"], data["circuit"]["outputs"] = [[0, 0]], [TRUE], [61]
    else:
        data.update(change)
    data["digest"] = digest_of(data)
    assert next(ExtractionCertificate(data).faults()) == fault


def test_a_search_without_time_is_statistical():
    network, params, ball = halves(0.99)
    found = from_network(network, params, ball, time_limit=0, samples=100)
    assert found.guarantee == "statistical"
    assert list(found.certificate.faults()) == []


@pytest.mark.parametrize("n", [1_100, pytest.param(20_000, marks=pytest.mark.slow)])
def test_domains_of_more_rows_than_floats_count(n):
    # Floats end at 2^1024; Python refuses to write whole numbers of more than 4,300 digits, 2^14285.
    params = (Neuron(jnp.ones((1, n)), jnp.array([-0.5])), Neuron(jnp.ones((1, 1)), jnp.array([-0.55])))
    found = from_network(mlp([n, 1, 1]), params, Domain.around([1] * n, range(n - 1)))
    assert found.guarantee == "structural"
    assert f"about 2^{n - 1} rows" in repr(found.domain)
    assert f"about 2^{n - 1} rows" in repr(found)
    assert list(ExtractionCertificate.loads(found.certificate.dumps()).faults()) == []

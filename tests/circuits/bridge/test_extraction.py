import itertools

import hypothesis.strategies as st
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given

from circuits import evaluate
from circuits.bridge.domains import Domain
from circuits.bridge.extraction import from_network
from circuits.bridge.extraction_certificates import ExtractionCertificate
from jaxnet import Neuron, identity, mlp, relu, sigmoid, step, tanh

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


def by_definition(params, functions, x):
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
    rows = domain.block(0, domain.n_rows)
    np.testing.assert_array_equal(evaluate(found.circuit, rows), by_definition(params, [hidden, last], rows))
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

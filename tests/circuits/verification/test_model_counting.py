import sys

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits import count_models, library, parse


@pytest.fixture
def dd():
    """Skips where the extra is not installed."""
    return pytest.importorskip("dd.autoref", reason="needs dd")


@given(seed=st.integers(0, 10**6), n=st.integers(0, 7))
def test_random_circuits(seed, n, random_circuit, reference, all_rows):
    pytest.importorskip("dd.autoref", reason="needs dd")
    circuit = random_circuit(seed, n, 30, 2)
    for place in range(2):
        assert count_models(circuit, f"o{place}") == reference(circuit, all_rows(n))[:, place].sum()


@pytest.mark.usefixtures("dd")
def test_known_numbers():
    assert count_models(library.majority(31)) == 2**30
    assert count_models(library.parity(100)) == 2**99
    # a < b for as many pairs as b < a, of 2^64 pairs less those that are equal.
    assert count_models(library.comparator(32), library.comparator(32).output_names[0]) in (2**32, 2**63 - 2**31)
    carry = library.adder(40).output_names[-1]
    # Pairs with a + b >= 2^40.
    assert count_models(library.adder(40), carry) == 2**39 * (2**40 - 1)


@pytest.mark.usefixtures("dd")
def test_it_says_when_it_gives_up():
    product = library.multiplier(12)
    middle = product.output_names[11]
    answer = count_models(product, middle, max_nodes=2_000)
    assert answer.reason == "limit of 2,000 nodes"
    (tried,) = answer.what_was_tried
    assert tried.startswith("decision diagrams: ")
    answer = count_models(product, middle, time_limit=0)
    assert answer.reason == "time limit of 0 s"


@pytest.mark.usefixtures("dd")
def test_very_deep_diagrams():
    n = 2 * sys.getrecursionlimit()
    answer = count_models(library.parity(n))
    assert answer == 2 ** (n - 1) or answer.reason == "a diagram too deep for Python"


@pytest.mark.usefixtures("dd")
def test_wrong_arguments(error):
    circuit = parse("y = a")
    assert error(ValueError, count_models, circuit, "z") == (
        "count_models: expected the name of one output, got 'z'; the outputs are 'y'."
    )
    assert error(ValueError, count_models, circuit, time_limit=-1) == (
        "count_models: expected a time limit of 0 seconds or more, or None, got -1."
    )
    assert count_models(circuit, max_nodes=np.int64(20)) == 1
    for wrong in (True, 2.0):
        assert error(TypeError, count_models, circuit, max_nodes=wrong) == (
            f"count_models: expected max_nodes to be a whole number, got {wrong!r}."
        )
    assert error(ValueError, count_models, circuit, max_nodes=0) == (
        "count_models: expected max_nodes to be at least 1, got 0."
    )


def test_without_dd(monkeypatch, error):
    monkeypatch.setitem(sys.modules, "dd.autoref", None)
    assert error(ImportError, count_models, parse("y = a")) == (
        "count_models: needs the package dd: pip install 'jaxnet-circuits[counting]'."
    )

"""What the tests of `circuits` share: random circuits, a plain reading of a netlist, and the folder of real data."""

import os
from pathlib import Path

import numpy as np
import pytest

from circuits.netlist import Circuit


@pytest.fixture(scope="session")
def random_circuit():
    """A circuit of any gates at all: all sixteen tables, dead gates, the constant and the inputs as outputs."""

    def make(seed, n=5, gates=30, m=3):
        rng = np.random.default_rng(seed)
        fan_ins = [rng.integers(0, 1 + n + gate, 2) for gate in range(gates)]
        outputs = rng.integers(0, 1 + n + gates, m)
        names = [f"i{i}" for i in range(n)], [f"o{i}" for i in range(m)]
        return Circuit(names[0], fan_ins, rng.integers(0, 16, gates), outputs, names[1])

    return make


@pytest.fixture(scope="session")
def nodes_of():
    """The value of every node, one gate after another, read from its table: what all readings must agree with."""

    def values(circuit, x):
        x = np.asarray(x, np.uint8)
        nodes = [np.zeros(len(x), np.uint8), *x.T]
        for table, (a, b) in zip(circuit.tables.tolist(), circuit.fan_ins.tolist(), strict=True):
            nodes.append((table >> (nodes[a] + 2 * nodes[b])).astype(np.uint8) & 1)
        return np.stack(nodes, axis=1).astype(bool)

    return values


@pytest.fixture(scope="session")
def reference(nodes_of):
    """The outputs of a circuit by that reading: `(patterns, n)` -> `(patterns, m)`."""
    return lambda circuit, x: nodes_of(circuit, x)[:, circuit.outputs]


@pytest.fixture(scope="session")
def all_rows():
    """All inputs of n bits, from the digits of Python's integers, the first input the lowest digit."""
    return lambda n: np.array([[row >> i & 1 for i in range(n)] for row in range(2**n)], bool).reshape(2**n, n)


@pytest.fixture(scope="session")
def integers_of():
    """Rows of bits, the lowest first, as integers."""
    return lambda bits: np.asarray(bits) @ (1 << np.arange(np.shape(bits)[1]))


@pytest.fixture(scope="session")
def error():
    """The whole message of the exception, of exactly this type, that a call raises."""

    def message(kind, function, *arguments, **named):
        with pytest.raises(kind) as caught:
            function(*arguments, **named)
        assert type(caught.value) is kind
        return str(caught.value)

    return message


@pytest.fixture(scope="session")
def iscas85():
    """The folder with the ISCAS-85 netlists; they are no part of the repository."""
    data = Path(os.environ["JAXNET_DATA"])
    folder = data / "circuits" / "iscas85" / "bench"
    if not folder.is_dir():
        pytest.skip(f"needs the ISCAS-85 netlists in {folder}; JAXNET_DATA names another data folder")
    return folder


@pytest.fixture(scope="session")
def iscas89(iscas85):
    """The folder with the ISCAS-89 netlists, which have registers."""
    folder = iscas85.parents[1] / "iscas89" / "bench"
    if not folder.is_dir():
        pytest.skip(f"needs the ISCAS-89 netlists in {folder}; JAXNET_DATA names another data folder")
    return folder

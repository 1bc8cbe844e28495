"""Networks of gates on file, as networks of jaxnet are."""

import json
import re
import subprocess
import sys
import zlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import circuits
from jaxnet import CheckpointError, Network, chain, load_network, read_header, save

GATES = circuits.gate_network(4, [6, 6, 4], classes=2, wiring=["balanced", "learned", "random"], choices=3, tau=1.7)
TREES = circuits.logic_convolution((4, 4, 2), 2, parametrisation="walsh")
ONE = circuits.gate_network(3, [4], parametrisation="softmax")
NETWORKS = [GATES, chain(TREES, circuits.gate_network(2, [4])), circuits.side_by_side([ONE, ONE])]


def params_of(net: Network):
    rng = np.random.default_rng(0)
    shapes = jax.eval_shape(net.init, jax.random.key(0))
    return jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape), leaf.dtype), shapes)


@pytest.fixture
def path(tmp_path):
    return tmp_path / "gates.safetensors"


@pytest.mark.parametrize("net", NETWORKS, ids=repr)
def test_the_same_function_bit_for_bit(path, net):
    params = params_of(net)
    save(path, params, network=net)
    again, loaded = load_network(path)
    assert repr(again) == repr(net)
    assert jax.tree.structure(loaded) == jax.tree.structure(params)
    n = (net.structure.parts[0] if hasattr(net.structure, "parts") else net.structure).n_inputs
    x = np.random.default_rng(1).random((3, n), np.float32)
    np.testing.assert_array_equal(again.apply(loaded, x), net.apply(params, x))
    before = read_header(path)
    save(path, loaded, network=again)
    assert read_header(path) == before


def test_it_is_hardened_to_the_same_circuit(path):
    params = params_of(GATES)
    save(path, params, network=GATES)
    again = circuits.harden(*load_network(path))
    assert circuits.dumps(again, ".bench") == circuits.dumps(circuits.harden(GATES, params), ".bench")


def test_jaxnet_alone_says_which_package_knows_it(path):
    save(path, params_of(ONE), network=ONE)
    code = f"import jaxnet; jaxnet.load_network({str(path)!r})"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    expected = "found 'circuits/gates'. It may be one of the package circuits: import it first."
    assert answer.stderr.splitlines()[-1].endswith(expected)


@pytest.mark.parametrize(
    ("net", "name", "value", "expected"),
    [
        (GATES, "inputs", 3, "network.reads[0]: expected two of the nodes 0..2 for each gate, found others"),
        (GATES, "classes", 3, "network.reads: expected layers, the last in 3 equal groups, found 4 gates"),
        (GATES, "reads", [], "network.reads: expected layers, the last in 2 equal groups, found 4 gates"),
        (GATES, "reads", ["network.0"] * 2, "network.reads[1]: expected the name of an array of the file, each once"),
        (GATES, "tau", 0.0, "network.tau: expected a positive, finite number, found 0.0"),
        (GATES, "parametrisation", "none", "expected one of input-wise, softmax, walsh, found 'none'"),
        (TREES, "size", 2, "network.leaves: expected leaves in a window of 2x2x2"),
        (TREES, "rows", 2, "network: expected images in which a window fits, found (0, 1, 2)"),
        (TREES, "stride", 0, "network.stride: expected a whole number in 1..2147483647, found 0"),
        (TREES, "padding", 3, "network.padding: expected a whole number in 0..2, found 3"),
        (NETWORKS[2], "members", [], "side_by_side: expected at least one network, got none"),
    ],
    ids=str,
)
def test_a_record_that_is_none_is_refused(path, net, name, value, expected):
    save(path, params_of(net), network=net)
    header = read_header(path)
    header["network"]["record"][name] = value
    text = json.dumps(header)
    save_file(load_file(path), path, {"jaxnet": text, "crc32": f"{zlib.crc32(text.encode()):08x}"})
    with pytest.raises(CheckpointError, match=re.escape(expected)):
        load_network(path)

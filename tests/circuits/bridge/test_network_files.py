"""Networks on file: bit for bit, from other libraries too, and one clear line for what is none."""

import json
import zlib

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import load_file, save_file

import circuits
import jaxnet
from circuits import ParseError, read_network, to_network, write_network
from circuits.bridge.network_units import units_of_network
from jaxnet import Neuron

ADDER = circuits.parse("s = a ^ b ^ c; carry = maj(a, b, c)")


def as_written(network, params):
    """The units of a network as they are compared: everything that the file has to keep."""
    units = units_of_network("here", network, params)
    w = units.wiring
    arrays = (w.offsets, w.sources, w.outputs, units.w, units.b)
    return w.n_inputs, units.kinds, units.dtype, [array.tobytes() for array in arrays]


@pytest.mark.parametrize("activation", ["step", "sigmoid", "relu", pytest.param("tanh", marks=pytest.mark.slow)])
@pytest.mark.parametrize("layered", [False, pytest.param(True, marks=pytest.mark.slow)])
def test_what_was_written_is_read_bit_for_bit(activation, layered, tmp_path):
    error = 0.1 if activation in ("sigmoid", "tanh") else None
    made = to_network(ADDER, getattr(jaxnet, activation), error=error, layered=layered)
    path = tmp_path / "adder.safetensors"
    write_network(path, made.network, made.params, "abc", ["s", "carry"], threshold=0.5)
    found = read_network(path)
    assert (found.input_names, found.output_names, found.threshold) == (("a", "b", "c"), ("s", "carry"), 0.5)
    assert as_written(found.network, found.params) == as_written(made.network, made.params)
    assert type(found.network.structure) is type(made.network.structure)


def layers(*shapes, dtype=np.float32):
    random = np.random.default_rng(0)
    return [(random.normal(size=(m, n)).astype(dtype), random.normal(size=m).astype(dtype)) for m, n in shapes]


@pytest.mark.parametrize("names", ["{}.weight {}.bias", "fc{}.weight fc{}.bias", "body.{}.weight body.{}.bias"])
def test_layers_of_other_libraries_in_the_order_of_their_numbers(names, tmp_path):
    (first, second), path = layers((4, 3), (2, 4)), tmp_path / "foreign.safetensors"
    weight, bias = names.split()
    # As texts, 10 comes before 2.
    numbered = {2: first, 10: second}
    weights = {weight.format(k): w for k, (w, _) in numbered.items()}
    save_file(weights | {bias.format(k): b for k, (_, b) in numbered.items()}, path)
    found = read_network(path, ["tanh", "identity"])
    assert repr(found.network) == "Network(3 -> 4 tanh -> 2 identity)"
    assert all(map(np.array_equal, jax.tree.leaves(found.params), (*first, *second)))
    assert (found.input_names, found.output_names, found.threshold) == (None, None, 0.0)


def test_parameters_that_jaxnet_saved(tmp_path):
    path = tmp_path / "trained.safetensors"
    params = tuple(Neuron(w, b) for w, b in layers((2, 2), (1, 2)))
    jaxnet.save(path, params, {"epochs": 3})
    assert as_written(*read_network(path, "sigmoid")[:2]) == as_written(jaxnet.mlp([2, 2, 1]), params)
    jaxnet.save(path, params[0])
    assert repr(read_network(path, "step").network) == "Network(2 -> 2 step)"


def test_float64_is_never_cast(tmp_path):
    path = tmp_path / "doubles.safetensors"
    save_file({"0.weight": np.array([[0.1]]), "0.bias": np.array([0.2])}, path)
    with pytest.raises(ParseError, match=r"'0\.weight' is of float64, but JAX's 64 bits are off: turn on "):
        read_network(path, "step")
    with jax.enable_x64(True):
        (own,) = read_network(path, "step").params
        assert (own.w.item(), own.b.item()) == (0.1, 0.2)


def test_a_step_keeps_the_derivative_that_it_has(tmp_path):
    net = jaxnet.mlp([1, 1], jaxnet.surrogate_step())
    write_network(tmp_path / "step.safetensors", net, ((jnp.ones((1, 1)), jnp.zeros(1)),))
    found = read_network(tmp_path / "step.safetensors")
    assert found.network.structure == net.structure
    assert (found.input_names, found.output_names) == (("x0",), ("y",))
    assert repr(jaxnet.load_network(tmp_path / "step.safetensors")[0]) == repr(net)


def test_a_network_that_jaxnet_saved_has_no_names(tmp_path):
    net, params = jaxnet.mlp([2, 1]), (Neuron(jnp.ones((1, 2)), jnp.zeros(1)),)
    jaxnet.save(tmp_path / "net.safetensors", params, {"epochs": 3}, network=net)
    found = read_network(tmp_path / "net.safetensors")
    assert (repr(found.network), found.input_names, found.threshold) == ("Network(2 -> 1 sigmoid)", None, 0.0)


def test_what_cannot_be_written(tmp_path):
    net, params = jaxnet.mlp([2, 1]), (Neuron(np.ones((1, 2), np.float32), np.zeros(1, np.float32)),)
    path = tmp_path / "none.safetensors"
    with pytest.raises(ValueError, match=r"^write_network: expected 2 input names, got 1\.$"):
        write_network(path, net, params, ["a"])
    with pytest.raises(ValueError, match=r"^write_network: input name 'a' is given twice\.$"):
        write_network(path, net, params, ["a", "a"])
    with pytest.raises(TypeError, match=r"^write_network: expected units of .* or step, got gelu\."):
        write_network(path, jaxnet.mlp([2, 1], jaxnet.gelu), params)
    assert not path.exists()


ONE = {"0.weight": np.ones((1, 2), np.float32), "0.bias": np.zeros(1, np.float32)}


@pytest.mark.parametrize(
    ("tensors", "message"),
    [
        ({}, "expected tensors named alike but for a number, got none"),
        ({"0.weight": ONE["0.weight"]}, "expected weights and biases of each layer, got '0.weight' alone"),
        (ONE | {"a.0.bias": ONE["0.bias"]}, "expected tensors named alike but for a number, got '0.bias', '0.weight'"),
        (ONE | {"0.b": ONE["0.bias"]}, "expected tensors named alike but for a number, got '0.b', '0.bias'"),
        (ONE | {"embedding": ONE["0.bias"]}, 'expected tensors such as "0.weight" and "0.bias", got \'embedding\''),
        (
            {"0.weight": np.ones((2, 1), np.float32), "0.bias": np.zeros(1, np.float32)},
            "expected '0.weight' (units, inputs) and '0.bias' (units,), got (2, 1) and (1,)",
        ),
        (
            ONE | {"1.weight": np.ones((1, 2), np.float32), "1.bias": np.zeros(1, np.float32)},
            "expected '1.weight' (units, 1) and '1.bias' (units,), got (1, 2) and (1,)",
        ),
        (ONE | {"0.bias": np.zeros(1, np.float16)}, "expected tensors of float32 or float64, got '0.bias' of F16"),
        (ONE | {"0.bias": np.zeros(1, np.int32)}, "expected tensors of float32 or float64, got '0.bias' of int32"),
    ],
)
def test_tensors_that_are_no_layers(tensors, message, tmp_path):
    path = tmp_path / "foreign.safetensors"
    save_file(tensors, path)
    with pytest.raises(ParseError) as raised:
        read_network(path, "sigmoid")
    assert str(raised.value).startswith(f"{path}: {message}")


def test_the_checkpoint_of_a_run_is_no_network(tmp_path):
    path = tmp_path / "run.safetensors"
    jaxnet.save(path, {"key": np.zeros(2, np.uint32), "state": (Neuron(*ONE.values()),)})
    with pytest.raises(ParseError) as raised:
        read_network(path)
    assert str(raised.value) == (
        f"{path}: expected a network, got the checkpoint of a run. Write the network of the run: "
        "jaxnet.save(path, run.params, network=net)"
    )


def test_activations_that_the_file_or_the_caller_has_to_say(tmp_path):
    foreign, own = tmp_path / "foreign.safetensors", tmp_path / "own.safetensors"
    save_file(ONE, foreign)
    write_network(own, jaxnet.mlp([2, 1]), (Neuron(*ONE.values()),))
    for path, activation, message in (
        (foreign, None, "expected an activation, such as sigmoid, since the file does not say what its units are"),
        (foreign, ["step", "step"], "expected one activation, or 1, one for each layer, got 2"),
        (foreign, "gelu", "expected activations among step, sigmoid, tanh, relu, identity, got 'gelu'"),
        (own, "step", "expected no activation, since the file says what its units are"),
    ):
        with pytest.raises(ParseError) as raised:
            read_network(path, activation)
        assert str(raised.value) == f"{path}: {message}"


@pytest.fixture(scope="module")
def graph(tmp_path_factory):
    path = tmp_path_factory.mktemp("graph") / "xor.safetensors"
    made = to_network(circuits.parse("a ^ b"))
    write_network(path, made.network, made.params, "ab", "y")
    return path


def test_files_that_were_cut_off_or_altered(graph, tmp_path):
    data, path = graph.read_bytes(), tmp_path / "broken.safetensors"
    for cut in (0, 7, 8, 100, len(data) - 1):
        path.write_bytes(data[:cut])
        with pytest.raises(ParseError, match="expected a whole safetensors file, got one with an error: "):
            read_network(path)
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(ParseError, match=r"expected a whole checkpoint, but leaf .* has CRC-32 "):
        read_network(path)
    path.write_bytes(data.replace(b"threshold", b"thresholb"))
    with pytest.raises(ParseError, match="expected a whole checkpoint, but its header has CRC-32 "):
        read_network(path)
    jaxnet.save(path, (Neuron(np.ones((1, 2), np.float32), np.ones(1, np.float32)),))
    data = path.read_bytes()
    path.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
    with pytest.raises(ParseError, match=" was altered: its CRC-32 is another one"):
        read_network(path, "step")
    with pytest.raises(FileNotFoundError, match="nowhere"):
        read_network(tmp_path / "nowhere.safetensors")
    with pytest.raises(IsADirectoryError):
        read_network(tmp_path)


def forged(graph, path, changed):
    """Write a graph with other metadata, and the checksum of these."""
    header = jaxnet.read_header(graph)
    text = json.dumps({**header, "metadata": header["metadata"] | changed})
    save_file(load_file(graph), path, {"jaxnet": text, "crc32": f"{zlib.crc32(text.encode()):08x}"})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"threshold": "0"}, "expected a threshold, a number, got '0'"),
        ({"input_names": "ab"}, "expected input_names, a list of texts, got 'ab'"),
        ({"input_names": ["a", "a"]}, "read_network: input name 'a' is given twice."),
        ({"input_names": ["a"]}, "expected names of (2, 1) inputs and outputs, got (1, 1)"),
        ({"output_names": ["y", "z"]}, "expected names of (2, 1) inputs and outputs, got (2, 2)"),
    ],
)
def test_names_that_do_not_fit(changed, message, graph, tmp_path):
    path = tmp_path / "forged.safetensors"
    forged(graph, path, changed)
    with pytest.raises(ParseError) as raised:
        read_network(path)
    assert str(raised.value).startswith(f"{path}: {message}")

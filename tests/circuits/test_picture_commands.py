"""`python -m circuits draw`, and networks on file as arguments of `stats` and `extract`."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import circuits
import jaxnet
from circuits.command_line import main
from jaxnet import Neuron

XOR = jaxnet.mlp([2, 2, 1])
PARAMS = (Neuron(9 * jnp.ones((2, 2)), jnp.array([-4.0, -14.0])), Neuron(jnp.array([[9.0, -9.0]]), jnp.array([-4.0])))
GATES = circuits.gate_network(3, [4, 2])


def certain(tables):
    """Logits of gates that compute these tables, as good as surely."""
    return jnp.asarray([[20.0 * (2 * (t >> r & 1) - 1) for t in tables] for r in range(4)])[None]


@pytest.fixture(autouse=True)
def folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    jaxnet.save("xor.safetensors", PARAMS, network=XOR)
    shapes = [shape[0] * shape[2] for shape in GATES.structure.shapes.gates]
    assert shapes == [4, 2]
    gates = GATES.init(jax.random.key(0))._replace(gates=(certain([8, 6, 14, 10]), certain([6, 8])))
    jaxnet.save("gates.safetensors", gates, network=GATES)
    dag = jaxnet.dag({"a": (jaxnet.layer(2, 1), "x")}, {"x": 2}, "a")
    jaxnet.save("dag.safetensors", {"a": Neuron(jnp.ones((1, 2)), jnp.ones(1))}, network=dag)
    wide = jaxnet.layer(2, 101)
    jaxnet.save("wide.safetensors", Neuron(jnp.ones((101, 2)), jnp.ones(101)), network=wide)
    jaxnet.save("params.safetensors", PARAMS)
    data = (tmp_path / "xor.safetensors").read_bytes()
    (tmp_path / "cut.safetensors").write_bytes(data[:-1])
    return tmp_path


@pytest.mark.parametrize(
    "arguments",
    [
        ["xor.safetensors", "--inputs", "0.5,-1"],
        ["dag.safetensors"],
        ["params.safetensors", "--activation", "tanh"],
        ["gates.safetensors", "--inputs", "011"],
        ["a ^ b", "--inputs", "01"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_picture_is_written(arguments, folder, capsys):
    assert main(["draw", arguments[0], "picture.svg", *arguments[1:]]) == 0
    assert capsys.readouterr() == ("", "")
    assert "<svg" in (folder / "picture.svg").read_text()


def test_stats_of_networks_and_circuits(capsys):
    assert main(["stats", "xor.safetensors", "a ^ b"]) == 0
    out = capsys.readouterr().out
    assert out.startswith(f"xor.safetensors\n{jaxnet.summary(XOR, PARAMS)}\n\na ^ b\n")
    assert out.endswith(f"{circuits.statistics(circuits.parse('a ^ b'))}\n")


def test_a_trained_network_is_extracted_without_more_ado(capsys):
    assert main(["extract", "xor.safetensors", "--formula"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "y = x0 & ~x1 | ~x0 & x1"


def test_a_network_of_gates_is_hardened(capsys):
    assert main(["extract", "gates.safetensors", "gates.bench"]) == 0
    said = "hardened: 6 gates, depth 2; the network says otherwise on 0 of all 8 rows\n"
    assert capsys.readouterr().out == said
    network, params = jaxnet.load_network("gates.safetensors")
    assert (
        circuits.truth_table(circuits.read("gates.bench")) == circuits.truth_table(circuits.harden(network, params))
    ).all()


def test_a_network_of_gates_that_are_not_decided_exits_with_1(capsys):
    network = circuits.gate_network(2, [2], parametrisation="walsh", wiring=[np.array([[0, 1], [1, 0]])])
    # A mixture that says 0.56 for one bit, and whose sign is wrong nowhere; then one whose soft sum is wrong.
    params = network.init(jax.random.key(0))._replace(gates=(jnp.zeros((1, 4, 2)).at[0, 0].set(0.25),))
    jaxnet.save("soft.safetensors", params, network=network)
    assert main(["extract", "soft.safetensors"]) == 0
    capsys.readouterr()
    chained = jaxnet.chain(
        network, circuits.gate_network(2, [1], parametrisation="walsh", wiring=[np.array([[0], [1]])])
    )
    # An AND of two bits of 0.56 each: hardly, though 1 and 1.
    last = jnp.array([[[-1.0], [1.0], [1.0], [1.0]]])
    jaxnet.save("both.safetensors", (params, params._replace(gates=(last,))), network=chained)
    assert main(["extract", "both.safetensors"]) == 1
    assert capsys.readouterr().out.splitlines()[1].startswith("counterexample x0=0 x1=0")


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["draw", "xor.safetensors", "x.png", "--inputs", "011"], "--inputs: expected 2 digits such as 0110, or"),
        (["draw", "xor.safetensors", "x.png", "--inputs", "a,b"], "--inputs: expected 2 digits such as 0110, or"),
        (["draw", "xor.safetensors", "x.png", "--inputs", "nan,1"], "--inputs: expected 2 digits such as 0110, or"),
        (["draw", "a ^ b", "x.png", "--inputs", "0"], "--inputs: expected 2 digits such as 0110, or"),
        (["draw", "a ^ b", "x.png", "--activation", "tanh"], "--activation: expected a network, a .safetensors file"),
        (["draw", "xor.safetensors", "x.png", "--activation", "tanh"], "xor.safetensors: expected no activation"),
        (["draw", "params.safetensors", "x.png"], "params.safetensors: expected an activation, such as sigmoid, since"),
        (["draw", "wide.safetensors", "x.png"], "draw_network: expected at most 100 units and 64 inputs, got 101"),
        (["draw", "cut.safetensors", "x.png"], "cut.safetensors: expected a whole safetensors file, got one with"),
        (["draw", "none.safetensors", "x.png"], "none.safetensors: no such file or directory"),
        (["stats", "none.safetensors"], "none.safetensors: no such file or directory"),
        (["stats", "params.safetensors"], "params.safetensors: expected a network, found parameters alone."),
        (["stats", "cut.safetensors"], "cut.safetensors: expected a whole checkpoint, but it is no whole safetensors"),
        (["extract", "dag.safetensors"], "from_network: expected a network made by jaxnet.mlp, layer, chain or wired"),
        (["extract", "gates.safetensors", "--one-hot", "3"], "--one-hot: a network of gates is hardened, gate by gate"),
        (["extract", "gates.safetensors", "--threshold", "0"], "--threshold: a network of gates is hardened, gate by"),
        (["extract", "gates.safetensors", "--read", "argmax"], "--read: a network of gates is hardened, gate by gate"),
        (["extract", "gates.safetensors", "--time-limit", "9"], "--time-limit: a network of gates is hardened, gate"),
        (["stats", "xor.safetensors", "--undriven", "0"], "xor.safetensors: --undriven is for circuits, and this is a"),
        (["stats", "xor.safetensors", "--from", ".blif"], "xor.safetensors: --from is for circuits, and this is a"),
        (["draw", "xor.safetensors", "x.png", "--undriven", "0"], "xor.safetensors: --undriven is for circuits, and"),
        (["draw", "gates.safetensors", "x.png", "--registers", "cut"], "gates.safetensors: --registers is for"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else None,
)  # fmt: skip
def test_what_cannot_be_done_exits_with_2_and_one_line(arguments, message, capsys, folder):
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert (out, err.count("\n")) == ("", 1)
    assert err.startswith(f"circuits: {message}")
    assert not (folder / "x.png").exists()

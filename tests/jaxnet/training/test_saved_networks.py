"""Whole networks on file: what comes back is the same function, bit for bit, and everything else is refused."""

import functools
import inspect
import itertools
import json
import re
import zlib

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from safetensors.numpy import load_file, save_file

import jaxnet
from jaxnet import CheckpointError, Network, Neuron, Wiring, load, load_network, read_header, save

ACTIVATIONS = [
    jaxnet.sigmoid,
    jaxnet.tanh,
    jax.nn.softmax,
    jaxnet.straight_through_step,
    functools.partial(jaxnet.leaky_relu, negative_slope=0.3),
    jaxnet.surrogate_step(jaxnet.tanh, gain=3.0),
]


def own(z):
    return jnp.sin(z) + z


def params_of(net):
    """Parameters such as `init` makes, without its compilation."""
    rng = np.random.default_rng(0)
    shapes = jax.eval_shape(net.init, jax.random.key(0))
    return jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape), leaf.dtype), shapes)


def saved(path, net, **options):
    params = params_of(net)
    save(path, params, network=net)
    return params, *load_network(path, **options)


def same_bits(a, b):
    return jax.tree.structure(a) == jax.tree.structure(b) and all(
        x.dtype == y.dtype and x.shape == y.shape and x.tobytes() == y.tobytes()
        for x, y in zip(*(map(np.asarray, jax.tree.leaves(tree)) for tree in (a, b)), strict=True)
    )


def check(path, net, **options):
    """That a network comes back: description, parameters and function; and that it is saved as before."""
    params, again, loaded = saved(path, net, **options)
    assert repr(again) == repr(net)
    assert same_bits(params, loaded)
    n = net.structure.n_inputs
    x = jax.random.normal(jax.random.key(1), (3, n))
    assert same_bits(net.apply(params, x), again.apply(loaded, x))
    before = read_header(path)
    save(path, loaded, network=again)
    assert read_header(path) == before


@st.composite
def random_wirings(draw):
    n, units = draw(st.integers(1, 3)), draw(st.integers(1, 4))
    feeds = [draw(st.lists(st.integers(0, n + unit - 1), min_size=1, max_size=3)) for unit in range(units)]
    outputs = draw(st.lists(st.integers(0, n + units - 1), min_size=1, max_size=3))
    return Wiring(n, np.cumsum([0, *map(len, feeds)]), list(itertools.chain(*feeds)), outputs)


@st.composite
def random_networks(draw, n=None, depth=2):
    """Layers, wirings, chains and dags of them, to a depth."""
    kind = draw(st.sampled_from(["layer", "wired", "chain", "dag"] if depth else ["layer", "wired"]))
    n = draw(st.integers(1, 3)) if n is None else n
    activation = draw(st.sampled_from(ACTIVATIONS))
    if kind == "layer":
        m = draw(st.integers(1, 3))
        if draw(st.booleans()):
            activation = jaxnet.per_unit(draw(st.lists(st.sampled_from(ACTIVATIONS[:2]), min_size=m, max_size=m)))
        return jaxnet.layer(n, m, activation)
    if kind == "wired":
        front = draw(random_wirings())
        units = jaxnet.per_unit([jaxnet.step, jaxnet.tanh, jaxnet.step, jaxnet.relu][: front.n_units])
        net = jaxnet.wired(front, units)
        return net if front.n_inputs == n else jaxnet.chain(jaxnet.layer(n, front.n_inputs), net)
    first = draw(random_networks(n, depth - 1))
    if kind == "chain":
        second = draw(random_networks(first.structure.n_outputs, depth - 1))
        return jaxnet.chain(first, second)
    m = first.structure.n_outputs
    last = jaxnet.layer(m + n, 2)
    return jaxnet.dag({"π": (first, "x"), "last": (last, ["π", "x"])}, {"x": n}, ["last", "π", "last"])


@pytest.mark.slow
@hypothesis.given(net=random_networks())
@hypothesis.settings(max_examples=40, deadline=None)
def test_any_network_comes_back(tmp_path_factory, net):
    path = tmp_path_factory.mktemp("net") / "net.safetensors"
    params, again, loaded = saved(path, net)
    assert repr(again) == repr(net)
    assert same_bits(params, loaded)
    # The same program: it would be compiled to the same function.
    x = jax.ShapeDtypeStruct((3, net.structure.n_inputs), np.float32)
    assert str(jax.make_jaxpr(net.apply)(params, x)) == str(jax.make_jaxpr(again.apply)(params, x))


@pytest.mark.parametrize(
    "net",
    [
        jaxnet.mlp([2, 3, 1], [jaxnet.tanh, jaxnet.identity]),
        jaxnet.wired(Wiring(2, [0, 2, 5], [0, 1, 0, 1, 2], [3, 0]), jaxnet.per_unit([jaxnet.tanh, jaxnet.step])),
        jaxnet.as_mlp(*(lambda net: (net, params_of(net)))(jaxnet.wired(Wiring(2, [0, 2, 5], [0, 1, 0, 1, 2], [3]))))[
            0
        ],
        jaxnet.dag({"a": (jaxnet.layer(2, 2), "x"), "b": (jaxnet.mlp([3, 2, 1]), ["a", "y"])}, {"x": 2, "y": 1}, "b"),
    ],
    ids=repr,
)
def test_the_same_function_bit_for_bit(path, net):
    check(path, net)


def test_a_network_that_was_loaded_trains_on_with_the_same_bits(path):
    net = jaxnet.mlp([2, 3, 1], [jaxnet.tanh, jaxnet.sigmoid])
    params, again, loaded = saved(path, net)
    data = jnp.eye(2), jnp.ones((2, 1))

    def trained(net, params):
        rule = jaxnet.gradient_descent(
            lambda p, batch: jaxnet.squared_error(net.apply(p, batch[0]), batch[1]).mean(), optax.sgd(0.1)
        )
        return jaxnet.train(rule, rule.init(params), data, steps=5, key=jax.random.key(0))[0].params

    assert same_bits(trained(net, params), trained(again, loaded))
    assert same_bits(net.init(jax.random.key(7)), again.init(jax.random.key(7)))


def test_dtypes_are_those_of_the_parameters(path):
    net = jaxnet.mlp([2, 2, 1], dtype=jnp.bfloat16)
    _, again, loaded = saved(path, net)
    assert {leaf.dtype for leaf in jax.tree.leaves((loaded, again.init(jax.random.key(0))))} == {jnp.dtype("bfloat16")}
    # Training in another dtype than that of `init` is on file too.
    save(path, jax.tree.map(lambda leaf: leaf.astype(np.float16), loaded), network=again)
    assert {leaf.dtype for leaf in jax.tree.leaves(load_network(path)[1])} == {jnp.dtype("float16")}
    with jax.enable_x64(True):
        wide = jaxnet.layer(2, 1)
        save(path, params_of(wide), network=wide)
        assert load_network(path)[1].w.dtype == np.float64
    with pytest.raises(CheckpointError, match=r"leaf \.w is of float64, but JAX's 64 bits are off: turn on"):
        load_network(path)


def test_the_file_is_a_checkpoint_like_any_other(path):
    net = jaxnet.mlp([2, 3, 1])
    params = params_of(net)
    save(path, params, {"epochs": 3}, network=net)
    assert same_bits(load(path, like=params), params)
    header = read_header(path)
    assert header["metadata"] == {"epochs": 3}
    layer = {"kind": "layer", "inputs": 3, "outputs": 1, "activation": "sigmoid", "dtype": "float32"}
    assert header["network"]["record"]["parts"][1] == layer
    wired = jaxnet.wired(Wiring(1, [0, 1], [0], [1]))
    save(path, params_of(wired), network=wired)
    assert same_bits(load(path, like=params_of(wired)), params_of(wired))  # its wiring is no leaf
    assert sorted(load_file(path)) == [".b", ".w", "network.0", "network.1", "network.2"]


def test_activations_of_your_own_are_passed(path):
    net = jaxnet.mlp([2, 2, 1], [own, functools.partial(own)])
    params = params_of(net)
    save(path, params, network=net)
    with pytest.raises(
        CheckpointError,
        match=re.escape(
            f"load_network: {path}: network.parts[0].activation: found an activation of your own, 'own'. "
            "Pass the function: load_network(path, activations={'own': ...})."
        ),
    ):
        load_network(path)
    again, loaded = load_network(path, activations={"own": own})
    x = jnp.ones((1, 2))
    assert same_bits(net.apply(params, x), again.apply(loaded, x))
    with pytest.raises(TypeError, match=r"^load_network: expected activations, functions by name, got 3 for 'own'\.$"):
        load_network(path, activations={"own": 3})


def test_a_function_of_your_own_is_not_taken_for_one_of_jax(path):
    def relu(z):
        return -z

    net = jaxnet.layer(1, 1, relu)
    save(path, params_of(net), network=net)
    with pytest.raises(CheckpointError, match="an activation of your own, 'relu'"):
        load_network(path)
    assert load_network(path, activations={"relu": relu})[0].structure == net.structure


def named(name):
    def f(z):
        return z

    f.__name__ = name
    return f


@pytest.mark.parametrize(
    ("net", "params", "expected"),
    [
        (Network(lambda key: (), lambda params, x: x), (), "network: expected a network whose structure is known, "
         "found your own. For one of your own save the parameters alone, or register its structure: "
         "jaxnet.networks.network_records.register."),
        (jaxnet.chain(jaxnet.layer(1, 1), Network(lambda key: (), lambda params, x: x)), None,
         "network.parts[1]: expected a network whose structure is known, found your own. For one"),
        (jaxnet.layer(1, 1, lambda z: z), None, "network.activation: expected an activation with a name, found "),
        (jaxnet.mlp([1, 1, 1], [named("f"), named("f")]), None,
         "network.parts[1].activation: expected different names of different activations, found f twice."),
        (jaxnet.layer(1, 1, functools.partial(jaxnet.sigmoid, gain=jnp.ones(1))), None,
         "network.activation: expected settings of functools.partial by name, each a finite Python number or a bool"),
        (jaxnet.mlp([2, 1]), (Neuron(jnp.ones((1, 3)), jnp.ones(1)),), "network: expected the parameters of "
         "Network(2 -> 1 sigmoid), leaf [0].w (1, 2), found (1, 3)."),
        (jaxnet.mlp([2, 1]), ((jnp.ones((1, 2)), jnp.ones(1)),), "network: expected the parameters of "
         "Network(2 -> 1 sigmoid), leaf [0].w (1, 2), found none."),
        (jaxnet.mlp([2, 1]), {"params": 1.0}, "network: expected the parameters of"),
        ("net", (), "network: expected a jaxnet.Network, found str."),
        (functools.reduce(lambda net, _: jaxnet.chain(net), range(60), jaxnet.layer(1, 1)), None,
         "network" + 50 * ".parts[0]" + ": expected parts in parts at most 50 deep."),
    ],
    ids=range(10),
)  # fmt: skip
def test_what_cannot_be_saved_is_refused_and_the_old_file_stays(path, net, params, expected):
    save(path, {"w": np.zeros(1)})
    before = path.read_bytes()
    with pytest.raises(ValueError, match=r"^save: " + re.escape(expected)):
        save(path, params_of(net) if params is None else params, network=net)
    assert path.read_bytes() == before


def test_a_file_without_a_network(path):
    save(path, {"w": np.zeros(1)})
    with pytest.raises(CheckpointError, match=r"expected a network, found parameters alone\. Save them with their"):
        load_network(path)


def rewritten(path, change, tensors=None):
    """A file whose header was changed by hand, with a CRC-32 that fits."""
    header = read_header(path)
    text = json.dumps(change(header))
    save_file(
        {**load_file(path), **(tensors or {})},
        path,
        {"jaxnet": text, "crc32": f"{zlib.crc32(text.encode()):08x}"},
    )


WIRED = jaxnet.wired(Wiring(2, [0, 2, 5], [0, 1, 0, 1, 2], [3]), jaxnet.per_unit([jaxnet.tanh, jaxnet.step]))
DAG = jaxnet.dag({"a": (jaxnet.layer(1, 1), "x"), "b": (jaxnet.layer(1, 1), "a")}, {"x": 1}, "b")
LOOP = jaxnet.dag({"a": (jaxnet.layer(2, 1), ["x", "x"]), "b": (jaxnet.layer(1, 1), "a")}, {"x": 1}, "b")
MLP = jaxnet.mlp([2, 3, 1], [functools.partial(jaxnet.leaky_relu, negative_slope=0.5), jaxnet.surrogate_step()])


@pytest.mark.parametrize(
    ("net", "where", "value", "expected"),
    [
        (MLP, ["version"], 2, "network.version: expected 1, found a later one. Read it with a newer jaxnet"),
        (MLP, ["kind"], "transformer", "network.kind: expected one of chain, "),
        (MLP, ["kind"], "other/gates", "It may be one of the package other: import it first"),
        (MLP, ["kind"], ["layer"], "network.kind: expected text, found ['layer']"),
        (MLP, ["sizes"], [2, 3, 1], "network: expected no field 'sizes'"),
        (MLP, ["parts"], {}, "network.parts: expected a list, found {}"),
        (MLP, ["parts"], [], "network: expected a network, found chain: expected at least one network, got none."),
        (MLP, ["parts", 0], 3, "network.parts[0]: expected an object, found 3"),
        (MLP, ["parts", 0, "inputs"], 3, "leaf [0].w (3, 3), found (3, 2)"),
        (MLP, ["parts", 0, "inputs"], 0, "network.parts[0].inputs: expected a whole number in 1..2147483647, found 0"),
        (MLP, ["parts", 0, "inputs"], 2.0, "found 2.0"),
        (MLP, ["parts", 0, "inputs"], True, "found True"),
        (MLP, ["parts", 0, "inputs"], 10**400, "found a number of 300 digits or more"),
        (MLP, ["parts", 0, "inputs"], 2**31 - 1, "leaf [0].w (3, 2147483647), found (3, 2)"),
        (MLP, ["parts", 0, "outputs"], 4, "chain: part 1 gives 4 outputs, but part 2 takes 3 inputs"),
        (MLP, ["parts", 0, "dtype"], "float8", "dtype: expected one of float16, bfloat16, float32, float64"),
        (MLP, ["parts", 0, "activation"], "os.system", "expected an activation that jaxnet knows by name, found 'os.s"),
        (MLP, ["parts", 0, "activation"], None, "network.parts[0].activation: expected an object, found None"),
        (MLP, ["parts", 0, "activation", "settings"], {"beta": 1.0}, "expected settings of leaky_relu, found others"),
        (MLP, ["parts", 0, "activation", "settings"], {"negative_slope": "x"}, "expected numbers by name"),
        (MLP, ["parts", 0, "activation", "settings"], {"negative_slope": float("nan")}, "expected numbers by name"),
        (MLP, ["parts", 1, "activation", "gain"], -1.0, "gain: expected a positive, finite number, found -1.0"),
        (MLP, ["parts", 1, "activation", "gain"], float("inf"), "a positive, finite number, found inf"),
        (WIRED, ["offsets"], "network.9", "network.offsets: expected the name of an array of the file, each once"),
        (WIRED, ["offsets"], "network.1", "network.offsets: expected int64 of 1 axes, found int32 of shape (5,)"),
        (WIRED, ["outputs"], "network.1", "network.outputs: expected the name of an array of the file, each once"),
        (WIRED, ["inputs"], 1, "unit 0 (node 1) is fed by node 1, expected one of 0..0"),
        (WIRED, ["inputs"], 2**31, "network.inputs: expected a whole number"),
        (WIRED, ["activation"], "tanh", "network: expected no array network.3, which it does not use"),
        (WIRED, ["activation", "per_unit"], ["tanh"], "network.activation: PerUnit: expected kinds in 0..0"),
        (WIRED, ["activation", "per_unit"], "tanh", "network.activation.per_unit: expected a list, found 'tanh'"),
        (DAG, ["nodes", 0, "reads"], ["b"], "dag: "),
        (LOOP, ["nodes", 0, "reads"], ["x", "b"], "feed each other in a circle; expected a loop-free graph"),
        (DAG, ["nodes", 0, "reads"], [1], "network.nodes[0].reads: expected a list of texts, found [1]"),
        (DAG, ["nodes", 1, "name"], "a", "network.nodes[1].name: expected each name once, found 'a' twice"),
        (DAG, ["nodes", 1, "name"], "c", "dag: the output reads 'b', which is neither an input nor a node"),
        (DAG, ["inputs", 0, "size"], 2, "dag: node 'a' takes 1 inputs, but what it reads gives 2: x 2."),
    ],
)  # fmt: skip
def test_a_record_that_is_none_is_refused(path, net, where, value, expected):
    save(path, params_of(net), network=net)

    def change(header):
        fields = header["network"]["record"]
        for step in where[:-1]:
            fields = fields[step]
        fields[where[-1]] = value
        return header

    rewritten(path, change)
    with pytest.raises(CheckpointError, match=re.escape(f"load_network: {path}: network")) as caught:
        load_network(path)
    assert expected in str(caught.value)


@pytest.mark.parametrize("entry", [None, [], {}, {"record": {}}, {"arrays": {}}, {"record": {}, "arrays": []}], ids=str)
def test_an_entry_that_is_none_is_refused(path, entry):
    save(path, params_of(MLP), network=MLP)
    rewritten(path, lambda header: {**header, "network": entry})
    with pytest.raises(CheckpointError, match=rf"^load_network: {re.escape(str(path))}: "):
        load_network(path)


@pytest.mark.parametrize("text", ["[" * 100_000, '{"format": ' + "9" * 5_000 + "}", '{"format": 2', "[]", "NaN"])
def test_a_header_that_no_parser_takes_is_refused(path, text):
    save_file({"w": np.zeros(1)}, path, {"jaxnet": text, "crc32": f"{zlib.crc32(text.encode()):08x}"})
    with pytest.raises(CheckpointError, match="its header cannot be read"):
        load_network(path)


def test_parts_without_end_are_refused(path):
    save(path, params_of(MLP), network=MLP)
    deep = functools.reduce(lambda record, _: {"kind": "chain", "parts": [record]}, range(100), {"kind": "layer"})
    rewritten(path, lambda header: {**header, "network": {"record": {"version": 1, **deep}, "arrays": {}}})
    with pytest.raises(CheckpointError, match="expected parts in parts at most 50 deep"):
        load_network(path)


def test_leaves_that_are_not_those_of_the_network_are_refused(path):
    net = jaxnet.layer(2, 1)
    save(path, params_of(net), network=net)
    rewritten(path, lambda h: {**h, "leaves": {**h["leaves"], "more": h["leaves"][".b"]}}, {"more": np.zeros(1)})
    with pytest.raises(CheckpointError, match=r"Network\(2 -> 1 sigmoid\), which has no leaf more, found \(1,\)"):
        load_network(path)
    save(path, params_of(net), network=net)
    changed = {"kind": "array", "dtype": "float64", "shape": [1, 2]}
    rewritten(path, lambda h: {**h, "leaves": {**h["leaves"], ".w": {**h["leaves"][".w"], **changed}}})
    with jax.enable_x64(True), pytest.raises(CheckpointError, match=r"leaf \.w is not as its header describes it"):
        load_network(path)


@pytest.mark.parametrize("every", [31, pytest.param(1, marks=pytest.mark.slow)])
def test_truncations_and_bit_flips_are_refused_or_give_the_same_network(path, every):
    """Of a small file: cut off at each place, and with a bit of each byte changed."""
    net = jaxnet.wired(Wiring(1, [0, 1], [0], [1]), jaxnet.tanh)
    params, again, _ = saved(path, net)
    data = path.read_bytes()

    def refused_or_same(changed):
        path.write_bytes(changed)
        try:
            found, loaded = load_network(path)
        except CheckpointError:
            return True
        return repr(found) == repr(again) and same_bits(loaded, params)

    assert all(refused_or_same(data[:size]) for size in range(0, len(data), every))
    for place in range(0, len(data), every):
        changed = bytearray(data)
        changed[place] ^= 1 << place % 8
        assert refused_or_same(bytes(changed)), place


def test_loading_runs_no_code_of_the_file():
    for module in (jaxnet.networks.network_records, jaxnet.networks.activation_records, jaxnet.networks.records):
        text = inspect.getsource(module)
        assert not re.search(r"\b(pickle|eval|exec|__import__|importlib)\b", text)

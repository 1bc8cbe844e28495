import numpy as np
import pytest

from circuits import parse
from circuits.builder import Builder
from circuits.composition import cone, connect, join, rename, restrict, select
from circuits.gates import AND, NOT, TRUE, XOR
from circuits.netlist import Circuit, node_names

WORDS = Circuit(["a[0]", "a[1]", "b"], [[1, 3], [2, 3]], [AND, XOR], [4, 5, 1], ["y[0]", "y[1]", "z"], ["p", "q"])


@pytest.mark.parametrize("seed", range(30))
def test_a_restricted_circuit_is_the_circuit_on_the_rows_with_these_values(seed, random_circuit, reference, all_rows):
    circuit = random_circuit(seed)
    rng = np.random.default_rng(seed)
    fixed = {f"i{i}": int(rng.integers(2)) for i in rng.permutation(5)[: seed % 6]}
    part = restrict(circuit, fixed)
    assert part.input_names == tuple(name for name in circuit.input_names if name not in fixed)
    free = all_rows(part.n_inputs)
    whole = np.zeros((len(free), 5), bool)
    for place, name in enumerate(circuit.input_names):
        whole[:, place] = fixed[name] if name in fixed else free[:, part.input_names.index(name)]
    assert (reference(part, free) == reference(circuit, whole)).all()
    # No gate reads a constant, except as the second fan-in of NOT and BUF, and TRUE.
    reads = part.fan_ins[(part.tables != TRUE)]
    assert (reads[:, 0] > 0).all()


def test_restrict_takes_words_and_keeps_names():
    assert restrict(WORDS, a=2).input_names == ("b",)
    assert restrict(WORDS, a=2).tables.tolist() == [NOT]
    assert restrict(WORDS, a=3).tables.tolist() == [NOT, TRUE]
    assert restrict(WORDS, b=1).gate_names == "q"
    assert restrict(WORDS, {"a[1]": 0}, b=1).input_names == ("a[0]",)
    assert len(restrict(parse("y = a & b"), a=1, b=1)) == 1  # the constant true is a gate


def test_restrict_refuses_what_does_not_fit(error):
    for value in (4, -1, 0.5, "x", None):
        message = error(ValueError, restrict, WORDS, {"a": value})
        assert message == f"restrict: input 'a' has 2 bits: expected a whole number in 0..3, got {value!r}."
    assert error(ValueError, restrict, WORDS, {"c": 1}) == "restrict: there is no input 'c'; the inputs are 'a', 'b'."


@pytest.mark.parametrize("seed", range(10))
def test_select_and_cone_have_the_values_of_their_outputs(seed, random_circuit, reference, all_rows):
    circuit = random_circuit(seed, m=6)
    asked = ["o4", "o1"]
    for part in (select(circuit, asked), cone(circuit, asked, all_inputs=True), cone(circuit, asked)):
        assert part.output_names == ("o4", "o1")
        x = all_rows(5)
        seen = [circuit.input_names.index(name) for name in part.input_names]
        assert (reference(part, x[:, seen]) == reference(circuit, x)[:, [4, 1]]).all()
    small = cone(circuit, asked)
    read = {*small.fan_ins.ravel().tolist(), *small.outputs.tolist()}
    assert set(range(1, small.n_nodes)) <= read
    assert select(circuit, asked).n_gates == circuit.n_gates


def test_outputs_are_asked_for_by_word_or_by_name(error):
    assert select(WORDS, ["z", "y"]).output_names == ("z", "y[0]", "y[1]")
    assert cone(WORDS, "y[1]").input_names == ("a[1]", "b")
    assert cone(WORDS, "y[1]").gate_names == "q"
    assert error(ValueError, cone, WORDS, ["x"]) == "cone: there is no output 'x'; the outputs are 'y', 'z'."
    assert error(ValueError, select, WORDS, ["x"]) == "select: there is no output 'x'; the outputs are 'y', 'z'."
    assert error(ValueError, select, WORDS, ["z", "z"]) == "select: output name 'z' is given twice."


def test_names_of_inputs_outputs_and_words_change():
    other = rename(WORDS, {"a": "x", "z": "t", "b": "a"})
    assert other.input_names == ("x[0]", "x[1]", "a")
    assert other.output_names == ("y[0]", "y[1]", "t")
    assert other.fan_ins is WORDS.fan_ins or (other.fan_ins == WORDS.fan_ins).all()
    both = rename(parse("y = a"), {"a": "y", "y": "a"})
    assert (both.input_names, both.output_names) == (("y",), ("a",))


def test_renaming_to_a_name_that_is_there_is_refused(error):
    assert error(ValueError, rename, WORDS, {"z": "y[0]"}) == "rename: output name 'y[0]' is given twice."
    message = error(ValueError, rename, WORDS, {"x": "t"})
    assert message == (
        "rename: there is no input or output 'x'; the inputs are 'a', 'b', 'a[0]', 'a[1]', "
        "the outputs 'y', 'z', 'y[0]', 'y[1]'."
    )


def test_circuits_side_by_side_compute_what_each_computes(random_circuit, reference, all_rows):
    a, b = random_circuit(1, n=3), random_circuit(2, n=4)
    b = rename(b, {name: name.replace(name[0], "pq"[name[0] == "o"]) for name in b.input_names + b.output_names})
    both, x = join(a, b), all_rows(7)
    assert both.n_gates == a.n_gates + b.n_gates
    expected = np.hstack([reference(a, x[:, :3]), reference(b, x[:, 3:])])
    assert (reference(both, x) == expected).all()
    assert join().n_nodes == 1
    assert node_names(join(WORDS, parse("v = u & w")))[-3:] == ["p", "q", "v"]


def test_joining_circuits_with_a_common_name_says_how_to_mend_it(error):
    message = error(ValueError, join, parse("y = a"), parse("z = b"), parse("t = b"))
    assert message == (
        "join: input 'b' is in circuit 1 and in circuit 2: expected different names. "
        "Rename one: rename(circuit, {'b': ...})."
    )


def test_connected_circuits_are_the_composed_function(reference, all_rows):
    half = parse("s = a ^ b; c = a & b")
    second = rename(half, {"a": "d", "b": "e", "s": "sum", "c": "c2"})
    # The second comes first, so that its gates have to move behind those that feed them.
    whole = connect(join(second, half), {"d": "s"})
    assert whole.input_names == ("e", "a", "b")
    e, a, b = all_rows(3).T
    expected = np.stack([a ^ b ^ e, (a ^ b) & e, a ^ b, a & b], axis=1)
    assert (reference(whole, all_rows(3)) == expected).all()


def test_words_and_inputs_feed_inputs():
    pair = Circuit(["u[0]", "u[1]"], [], [], [2, 1], ["v[0]", "v[1]"])
    whole = connect(join(WORDS, pair), {"u": "y"})
    assert whole.outputs[-2:].tolist() == [5, 4]
    one = connect(parse("y = a & b"), {"b": "a"})
    assert (one.input_names, one.fan_ins.tolist()) == (("a",), [[1, 1]])
    # An input that is fed by an input that is fed.
    chain = connect(parse("y = a & b; z = c"), {"b": "a", "c": "b"})
    assert (chain.input_names, chain.outputs.tolist()) == (("a",), [2, 1])


def test_what_cannot_be_connected_is_refused(error):
    loop = parse("y = a & b; z = c | d")
    message = error(ValueError, connect, loop, {"a": "z", "c": "y"})
    assert message == "connect: 'a' would depend on itself: a <- z <- c <- y <- a. A circuit has no loops."
    assert "'a' would depend on itself: a <- a." in error(ValueError, connect, loop, {"a": "a"})
    message = error(ValueError, connect, WORDS, {"a": "z"})
    assert message == "connect: input 'a' has the width 2 and 'z' the width 1: expected the same."
    message = error(ValueError, connect, WORDS, {"b": "x"})
    assert message == "connect: there is no output 'x' to feed input 'b'; the outputs are 'y', 'z'."
    assert error(ValueError, connect, WORDS, {"x": "z"}) == "connect: there is no input 'x'; the inputs are 'a', 'b'."
    assert error(ValueError, connect, WORDS, {"a": "y", "a[0]": "z"}) == "connect: input 'a[0]' is fed twice."


def test_a_chain_of_many_gates_is_connected_without_recursion():
    netlist = Builder(["a", "b"])
    node = 1
    for _ in range(20_000):
        node = netlist.gate(XOR, node, 1)
    whole = connect(netlist.circuit({"y": node, "z": netlist.gate(NOT, 2)}), {"b": "y"})
    assert whole.n_gates == 20_001
    assert restrict(whole, a=0).n_gates == 1

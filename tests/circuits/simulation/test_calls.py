import numpy as np
import pytest

from circuits import Circuit, evaluate, library, loads, parse, trace, truth_table, values
from circuits.builder import Builder
from circuits.gates import AND, XOR

FULL = parse("s = a ^ b ^ cin; c = maj(a, b, cin)")
ADDER = library.adder(8)
PAIR = trace(lambda a, b: {"sum": a + b, "equal": a == b}, a=4, b=4)


def test_a_circuit_inside_a_trace_by_position_and_by_name(reference, all_rows):
    def two(a, b):
        s0, carry = FULL(a[0], b[0], 0)
        s1, top = FULL(a=a[1], cin=carry, b=b[1])
        return [s0, s1, top]

    def by_attribute(a, b):
        low = FULL(a[0], b[0], 0)
        high = FULL(a[1], b[1], low.c)
        return [low.s, high.s, high.c]

    expected = reference(library.adder(2), all_rows(4))
    for f in (two, by_attribute):
        assert (reference(trace(f, a=2, b=2), all_rows(4)) == expected).all()


def test_words_and_lists_of_bits_go_in_and_words_come_out():
    twice = trace(lambda a: ADDER(a, a), a=8)
    assert twice.output_names == tuple(f"out[{i}]" for i in range(9))
    assert [twice(x) for x in (0, 3, 255)] == [0, 6, 510]
    assert trace(lambda a: ADDER([*a[0:4], 0, 0, 0, 0], 1), a=4)(15) == 16
    bits = trace(lambda a: ADDER(*a, *a), a=8)
    assert bits(200) == 400
    named = trace(lambda a: ADDER(**{f"a[{i}]": a[i] for i in range(8)}, b=7), a=8)
    assert named(200) == 207
    assert trace(lambda a, b: tuple(PAIR(a, b)), a=4, b=4)(9, 9) == (2, True)


def test_outside_of_a_trace_a_call_computes():
    assert FULL(1, 1, 0) == (False, True)
    assert FULL(True, cin=False, b=0).s is True
    assert ADDER(200, 100) == ADDER(a=200, b=100) == ADDER(b=100, a=200) == 300
    assert type(ADDER(1, 2)) is int
    assert PAIR(9, 9) == (2, True)
    assert PAIR(9, 9).equal is True
    sums, equal = PAIR(np.arange(16)[:, None], np.arange(16))
    assert (sums == (np.arange(16)[:, None] + np.arange(16)) % 16).all()
    assert (equal == np.eye(16, dtype=bool)).all()
    assert ADDER(*[1] * 16) == 510
    assert parse("y = 1")() is True


def test_evaluate_takes_words_by_name():
    assert evaluate(ADDER, {"a": 200, "b": 55}) == {"s": 255}
    assert evaluate(FULL, {"a": [0, 1], "b": 1, "cin": np.array([True, True])})["c"].tolist() == [True, True]
    assert evaluate(ADDER, {"a": [], "b": 1})["s"].shape == (0,)


def test_words_of_files_are_their_vectors():
    text = "module m(input [3:0] a, input c, output [3:0] y); assign y = a ^ {c, c, c, c}; endmodule"
    circuit = loads(text, ".v")
    assert isinstance(circuit, Circuit)
    assert circuit(5, 1) == 10


def test_bits_that_are_no_whole_word_stay_bits():
    circuit = Circuit(["a[1]", "b[0]", "b[1]"], [], [], [1, 3], ["y[1]", "y[0]"])
    assert evaluate(circuit, {"a[1]": 1, "b": 2}) == {"y": 3}
    assert circuit(1, 0, 0) == 2
    clash = Circuit(["a[0]", "a"], [], [], [1, 2], ["x", "y"])
    assert clash(1, 0) == (True, False)


WRONG = [
    ((1, 2, 3), {}, ValueError, "call: input 'b' of {} has 1 bit: expected whole numbers in 0..1, got 2."),
    ((1, 1), {}, TypeError, "call: {} takes 'a', 'b', 'cin'; no value for 'cin'."),
    ((1, 1, 1, 1), {}, TypeError, "call: {} takes 'a', 'b', 'cin'; got 4 values by position."),
    ((1, 1), {"b": 1}, TypeError, "call: input 'b' of {} is given twice."),
    ((1, 1), {"d": 1}, TypeError, "call: {} has no input 'd'; it takes 'a', 'b', 'cin'."),
    ((0.5, 1, 1), {}, ValueError, "call: input 'a' of {} has 1 bit: expected whole numbers in 0..1, got 0.5."),
]


@pytest.mark.parametrize(("arguments", "named", "kind", "message"), WRONG)
def test_values_that_do_not_fit_are_refused(arguments, named, kind, message, error):
    assert error(kind, FULL, *arguments, **named) == message.format(FULL)


def test_words_that_do_not_fit_are_refused(error):
    for value in (256, -1):
        message = error(ValueError, ADDER, value, 0)
        assert message == f"call: input 'a' of {ADDER} has 8 bits: expected whole numbers in 0..255, got {value}."
    message = error(TypeError, ADDER, 1)
    assert message == f"call: {ADDER} takes 'a: 8 bits', 'b: 8 bits'; no value for 'b'."
    message = error(TypeError, evaluate, ADDER, {"a": 1, "b[0]": 1})
    assert message.startswith(f"evaluate: {ADDER} takes 'a: 8 bits', 'b: 8 bits'; no value for 'b[1]', 'b[2]'")
    assert error(TypeError, ADDER, 1, 2, **{"a[0]": 1}) == f"call: input 'a' of {ADDER} is given twice."


def test_words_of_another_width_are_refused_in_a_trace(error):
    message = error(ValueError, lambda: trace(lambda a: ADDER(a, a), a=4))
    assert message == f"call: input 'a' of {ADDER} has 8 bits, got Word(4 bits): write w.extend(8)."
    message = error(ValueError, lambda: trace(lambda a: ADDER(a, a), a=9))
    assert message == f"call: input 'a' of {ADDER} has 8 bits, got Word(9 bits): write w[0:8]."


@pytest.mark.parametrize("seed", range(5))
def test_values_of_all_nodes(seed, random_circuit, nodes_of, all_rows):
    circuit = random_circuit(seed)
    names = [f"i{i}" for i in range(5)]
    found, expected = values(circuit, all_rows(5)), nodes_of(circuit, all_rows(5))
    for i, name in enumerate(names):
        assert (found[name] == expected[:, 1 + i]).all()
    for name, node in zip(circuit.output_names, circuit.outputs, strict=True):
        assert (found[name] == expected[:, node]).all()
    for node in range(6, circuit.n_nodes):
        if node not in circuit.outputs:
            assert (found[f"n{node}"] == expected[:, node]).all()
            assert (truth_table(circuit, node=f"n{node}") == expected[:, node]).all()


def test_nodes_have_the_names_of_the_file(error):
    netlist = Builder(["a[0]", "a[1]"])
    both = netlist.gate(AND, 1, 2)
    circuit = netlist.circuit({"y": netlist.gate(XOR, both, 1)}, {"both": both})
    assert values(circuit, {"a": 3}) == {"0": False, "a[0]": True, "a[1]": True, "both": True, "y": False}
    assert values(circuit, [[1, 1], [1, 0]])["both"].tolist() == [True, False]
    assert truth_table(circuit, node="both").tolist() == [False, False, False, True]
    message = error(ValueError, truth_table, circuit, node="n3")
    assert message == "truth_table: there is no node 'n3'; the nodes are '0', 'a[0]', 'a[1]', 'both', 'y'."
    assert error(ValueError, values, circuit, [1]).startswith("values: expected inputs (..., 2) for Circuit(2 inputs")
    assert error(TypeError, values, circuit, {"a[0]": 1}).endswith("no value for 'a[1]'.")

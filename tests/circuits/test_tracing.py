import functools
import operator
from collections import namedtuple

import numpy as np
import pytest

from circuits import Word, concat, maj, mux, trace
from circuits.gates import AND, NOT, OR, TRUE, XNOR, XOR


@pytest.fixture
def table(reference, all_rows):
    """The truth table of a function of bits, one list of zeros and ones an output."""

    def of(function, **widths):
        circuit = trace(function, **widths)
        return reference(circuit, all_rows(circuit.n_inputs)).T.astype(int).tolist()

    return of


@pytest.mark.parametrize(
    ("function", "kind"), [(operator.and_, AND), (operator.or_, OR), (operator.xor, XOR)], ids=["and", "or", "xor"]
)
def test_an_operator_is_one_gate(function, kind, table):
    circuit = trace(lambda a, b: function(a, b))
    assert (circuit.tables.tolist(), circuit.fan_ins.tolist()) == ([kind], [[1, 2]])
    assert table(lambda a, b: function(a, b)) == [[int(function(r & 1, r >> 1)) for r in range(4)]]


def test_not_is_one_gate(table):
    assert trace(lambda a: ~a).tables.tolist() == [NOT]
    assert table(lambda a: ~a) == [[1, 0]]


@pytest.mark.parametrize("constant", [0, 1, False, True])
@pytest.mark.parametrize("function", [operator.and_, operator.or_, operator.xor], ids=["and", "or", "xor"])
def test_a_constant_on_either_side(constant, function, table):
    expected = [[int(function(a, bool(constant))) for a in (False, True)]]
    assert table(lambda a: function(a, constant)) == expected
    assert table(lambda a: function(constant, a)) == expected


def test_a_constant_of_numpy_on_either_side(table):
    for constant in (np.True_, np.False_, np.int64(1), np.uint8(0)):
        assert table(lambda a: constant & a) == [[0, int(constant)]]  # noqa: B023
    for constant in (np.True_, np.False_, np.int64(1), np.uint8(0)):
        assert table(lambda a: a & constant) == [[0, int(constant)]]  # noqa: B023


def test_assignment_operators(table):
    def f(a, b, c):
        a &= b
        a |= c
        a ^= 1
        return a

    assert table(f) == [[int(not ((a and b) or c)) for c in (0, 1) for b in (0, 1) for a in (0, 1)]]


@pytest.mark.parametrize("constant", [0, 1, False, True])
def test_constants_as_outputs(constant, table):
    assert table(lambda a: {"y": constant, "z": a}) == [[int(constant)] * 2, [0, 1]]
    assert table(lambda: constant) == [[int(constant)]]
    assert trace(lambda: [1, 1, True]).tables.tolist() == [TRUE]


def test_names_of_outputs():
    assert trace(lambda a, b: a).output_names == ("out",)
    assert trace(lambda a, b: [a, b]).output_names == ("out0", "out1")
    assert trace(lambda a, b: (b, a)).outputs.tolist() == [2, 1]
    named = trace(lambda a, b: {"x": b, "a": a})
    assert (named.output_names, named.outputs.tolist()) == (("x", "a"), [2, 1])
    assert trace(lambda a: []).output_names == ()
    assert trace(lambda a: {}).output_names == ()


def test_words_are_bits_lowest_first():
    circuit = trace(lambda a, s, b: [a[0], s, *b], a=2, b=3)
    assert circuit.input_names == ("a[0]", "a[1]", "s", "b[0]", "b[1]", "b[2]")
    assert circuit.outputs.tolist() == [1, 3, 4, 5, 6]
    assert isinstance(trace(lambda a: [type(a) is Word, len(a) == 1], a=1).n_gates, int)


def test_a_word_may_have_one_bit_or_none(table):
    assert trace(lambda a: a[0], a=1).input_names == ("a[0]",)
    assert table(lambda a, b: functools.reduce(operator.or_, a, b), a=0) == [[0, 1]]


def test_a_parameter_with_a_default_keeps_it_and_others_are_inputs(table):
    def f(a, c=1, w=None, *, b):
        return a & b & c if w is None else w[1] & a & b & c

    assert trace(f).input_names == ("a", "b")
    assert trace(f, w=2).input_names == ("a", "w[0]", "w[1]", "b")
    assert table(lambda a, not_a_bit=1: a ^ not_a_bit) == [[1, 0]]


def test_positional_only_parameters_are_inputs():
    def f(a, b, /):
        return a & b

    assert trace(f).input_names == ("a", "b")
    assert trace(operator.xor).tables.tolist() == [XOR]


def test_a_parameter_of_any_name_may_be_a_word():
    # The parameter of trace itself is called f.
    assert trace(lambda f, widths: f[0] & widths[1], f=1, widths=2).input_names == ("f[0]", "widths[0]", "widths[1]")


def test_loops_are_unrolled_and_dead_gates_left_out(table):
    def f(a):
        a[0] & a[1]
        carry = 0
        for bit in a:
            carry = bit ^ carry
        return carry

    assert trace(f, a=4).tables.tolist() == [XOR] * 4
    assert table(f, a=4) == [[row.bit_count() % 2 for row in range(16)]]


def test_mux_and_maj(table):
    assert table(mux) == [[int(a if s else b) for b in (0, 1) for a in (0, 1) for s in (0, 1)]]
    assert table(lambda a, b, c: maj(a, b, c)) == [[int(row.bit_count() >= 2) for row in range(8)]]


NO_VALUE = "trace: a traced bit has no value yet: instead of if, and, or, not write mux(s, a, b), &, |, ~."


@pytest.mark.parametrize(
    "function",
    [
        lambda a, b: a if b else 0,
        lambda a, b: a and b,
        lambda a, b: a or b,
        lambda a, b: not a,
        lambda a, b: bool(a),
        lambda a, b: any([a, b]),
        lambda a, b: [a for _ in range(3) if a],
    ],
)
def test_a_bit_has_no_value(function, error):
    assert error(TypeError, trace, function) == NO_VALUE


def test_comparisons_of_bits_are_gates(table):
    assert trace(lambda a, b: a == b).tables.tolist() == [XNOR]
    assert trace(lambda a, b: a != b).tables.tolist() == [XOR]
    assert table(lambda a: [a == 1, a != 0, a == a]) == [[0, 1], [0, 1], [1, 1]]


def test_membership_asks_for_a_value(error):
    assert error(TypeError, trace, lambda a, b: a in [b]) == NO_VALUE


def test_a_bit_has_no_hash(error):
    assert error(TypeError, trace, lambda a: {a}) == "unhashable type: 'Bit'"


@pytest.mark.parametrize(
    "function", [lambda a, old: a & old, lambda a, old: old & a, lambda a, old: old, lambda a, old: [a, old]]
)
def test_bits_of_another_trace_are_refused(function, error):
    kept = []
    trace(lambda a: kept.append(a) or a)
    message = error(TypeError, trace, lambda a: function(a, kept[0]))
    assert message == "trace: a bit of another trace cannot be used here: traces do not share bits."


@pytest.mark.parametrize(
    ("result", "shown"),
    [
        (None, "None of type NoneType"),
        ("a", "'a' of type str"),
        (2, "2 of type int"),
        (-1, "-1 of type int"),
        (1.0, "1.0 of type float"),
        ([[1]], "[1] of type list"),
        ({"y": None}, "None of type NoneType"),
        ([{"y": 1}], "{'y': 1} of type dict"),
    ],
)
def test_results_that_are_no_bits_are_refused(result, shown, error):
    assert error(TypeError, trace, lambda a: result) == f"trace: expected a bit, got {shown}."


@pytest.mark.parametrize("other", [2, -1, 1.0, "1", None, [1]])
@pytest.mark.parametrize("function", [operator.and_, operator.or_, operator.xor], ids=["and", "or", "xor"])
def test_operands_that_are_no_bits_are_refused(other, function, error):
    message = f"trace: expected a bit, got {other!r} of type {type(other).__name__}."
    assert error(TypeError, trace, lambda a: function(a, other)) == message
    assert error(TypeError, trace, lambda a: function(other, a)) == message


def test_an_output_name_that_is_no_string_is_refused(error):
    message = error(ValueError, trace, lambda a: {0: a})
    assert message == "trace: expected output names that are non-empty strings, got 0."


def test_widths_of_no_parameter_are_refused(error):
    message = error(TypeError, functools.partial(trace, lambda a, b: a & b, d=2, c=3))
    assert message == "trace: ['c', 'd'] are no parameters of the function; it has ['a', 'b']."


def test_names_that_collide_are_refused(error):
    message = error(ValueError, trace, lambda a: {"y": concat(a, a), "y[1]": a})
    assert message == "trace: output name 'y[1]' is given twice."


def test_an_annotation_states_a_width():
    def f(a: 3, b: "2", c, d: bool):
        return {"y": a + b, "z": c & d}

    circuit = trace(f)
    assert circuit.input_names == ("a[0]", "a[1]", "a[2]", "b[0]", "b[1]", "c", "d")
    assert circuit.output_names == ("y[0]", "y[1]", "y[2]", "z")
    assert trace(f, a=1).input_names[:2] == ("a[0]", "b[0]")


def test_outputs_may_be_a_named_tuple():
    pair = namedtuple("pair", "total carry")
    assert trace(lambda a, b: pair(a ^ b, a & b)).output_names == ("total", "carry")
    assert trace(lambda a: a[0:2], a=3).output_names == ("out[0]", "out[1]")
    assert trace(lambda a: [a, 1], a=2).output_names == ("out0[0]", "out0[1]", "out1")
    assert trace(lambda a: {"y": Word.constant(2, 2)}).tables.tolist() == [TRUE]


def test_any_number_of_arguments_is_refused(error):
    message = error(TypeError, trace, lambda *bits: bits[0])
    assert message == "trace: parameter *bits has no fixed number of bits; name each of them."


@pytest.mark.parametrize("width", [True, 2.0, None, "2"])
def test_a_width_that_is_no_whole_number_is_refused(width, error):
    message = f"trace: expected the width of 'a' to be a whole number, got {width!r}."
    assert error(TypeError, functools.partial(trace, lambda a, b: b, a=width)) == message


def test_a_width_is_any_whole_number(error):
    assert trace(lambda a, b: b, a=np.int64(2)).n_inputs == 3
    message = "trace: expected the width of 'a' to be at least 0, got -1."
    assert error(ValueError, functools.partial(trace, lambda a, b: b, a=-1)) == message


def test_a_bit_shows_its_node():
    shown = []
    trace(lambda a, b: shown.append(repr(a & b)) or a)
    assert shown == ["Bit(node 3)"]

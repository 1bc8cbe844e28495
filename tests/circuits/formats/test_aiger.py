import re
import shutil
import subprocess

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from circuits import Circuit, ParseError, depth
from circuits.and_inverter import from_circuit
from circuits.formats import bench
from circuits.formats.aiger import dumps, loads
from circuits.formats.aiger_binary import ands_bytes, read_ands
from circuits.formats.aiger_lines import NUMBER, Lines
from circuits.gates import AND, BUF, NOT, TRUE, XOR
from jaxnet.networks.wiring import levels

HALF_ADDER = b"aag 7 2 0 2 3\n2\n4\n6\n12\n6 13 15\n12 2 4\n14 3 5\ni0 x\ni1 y\no0 s\no1 c\nc\nhalf adder\n"
TOGGLE = b"aag 7 2 1 2 4\n2\n4\n6 8\n6\n7\n8 4 10\n10 13 15\n12 2 6\n14 3 7\n"
# One of each section, with two justice properties, of two literals and of none.
SECTIONS = b"aag 4 2 1 1 1 1 1 2 1\n2\n4\n6 8\n8\n3\n5\n2\n0\n7\n9\n1\n8 2 6\n"


def hand_read(data, x):
    """The outputs of an ASCII file without latches for one input: literal by literal, as the format defines them."""
    lines = [[int(number) for number in line.split()] for line in data.split(b"\n") if re.fullmatch(rb"[0-9 ]+", line)]
    _, inputs, _, outputs, ands = map(int, data.split(b"\n")[0].split()[1:6])
    values = {0: 0, 1: 1}
    for (literal,), bit in zip(lines[:inputs], x, strict=True):
        values |= {literal: bit, literal + 1: 1 - bit}
    waiting = lines[inputs + outputs : inputs + outputs + ands]
    while waiting:
        ready = [line for line in waiting if line[1] in values and line[2] in values]
        for left, a, b in ready:
            values |= {left: values[a] & values[b], left + 1: 1 - (values[a] & values[b])}
        waiting = [line for line in waiting if line not in ready]
    return [values[literal] for (literal,) in lines[inputs : inputs + outputs]]


@pytest.fixture(scope="session")
def table(reference, all_rows):
    """The truth table of a file: a list for each output, rows in the order of the inputs."""

    def of(data, **options):
        circuit = loads(data, **options)
        return reference(circuit, all_rows(circuit.n_inputs)).T.astype(int).tolist()

    return of


@pytest.fixture(scope="session")
def data(iscas85):
    """The folder of circuits on file."""
    folder = iscas85.parents[1]
    if not (folder / "aiger").is_dir() or not (folder / "epfl").is_dir():
        pytest.skip(f"needs the AIGER and EPFL files in {folder}; JAXNET_DATA names another data folder")
    return folder


# The examples of the format's own document.


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("aag 0 0 0 0 0\n", []),
        ("aag 0 0 0 1 0\n0\n", [[0]]),
        ("aag 0 0 0 1 0\n1\n", [[1]]),
        ("aag 0 0 0 3 0\n1\n0\n1\n", [[1], [0], [1]]),
        ("aag 1 1 0 1 0\n2\n2\n", [[0, 1]]),
        ("aag 1 1 0 1 0\n2\n3\n", [[1, 0]]),
        ("aag 3 2 0 1 1\n2\n4\n6\n6 2 4\n", [[0, 0, 0, 1]]),
        ("aag 3 2 0 1 1\n2\n4\n7\n6 3 5\n", [[0, 1, 1, 1]]),
        ("aag 3 2 0 1 1\n2\n4\n6\n6 2 5\n", [[0, 1, 0, 0]]),
        ("aag 3 2 0 1 1\n2\n4\n6\n6 3 4\n", [[0, 0, 1, 0]]),
        (HALF_ADDER.decode(), [[0, 1, 1, 0], [0, 0, 0, 1]]),
        # Constants as fan-ins, and one literal or a variable and its complement.
        ("aag 2 1 0 1 1\n2\n4\n4 2 1\n", [[0, 1]]),
        ("aag 2 1 0 1 1\n2\n4\n4 0 2\n", [[0, 0]]),
        ("aag 2 1 0 1 1\n2\n5\n4 1 1\n", [[0, 0]]),
        ("aag 2 1 0 1 1\n2\n4\n4 3 3\n", [[1, 0]]),
        ("aag 2 1 0 1 1\n2\n4\n4 3 2\n", [[0, 0]]),
        # Binary: the header, the outputs, and differences of literals.
        (b"aig 0 0 0 1 0\n1\n", [[1]]),
        (b"aig 2 2 0 2 0\n2\n5\n", [[0, 1, 0, 1], [1, 1, 0, 0]]),
        (b"aig 3 2 0 1 1\n6\n\x02\x02", [[0, 0, 0, 1]]),
        (b"aig 3 2 0 1 1\n7\n\x01\x02", [[0, 1, 1, 1]]),
        (b"aig 5 2 0 2 3\n10\n6\n\x02\x02\x03\x02\x01\x02", [[0, 1, 1, 0], [0, 0, 0, 1]]),
    ],
)
def test_examples(text, expected, table):
    assert table(text) == expected


def test_names_and_gates():
    circuit = loads(HALF_ADDER)
    assert (circuit.input_names, circuit.output_names) == (("x", "y"), ("s", "c"))
    # A gate for each AND, in topological order: 12 = x & y, 14 = ~x & ~y, 6 = ~12 & ~14.
    assert (circuit.fan_ins.tolist(), circuit.tables.tolist()) == ([[1, 2], [1, 2], [3, 4]], [AND, 0b0001, 0b0001])
    assert circuit.outputs.tolist() == [5, 3]


def test_inverted_outputs_share_a_gate():
    circuit = loads("aag 3 2 0 7 1\n2\n4\n7\n1\n3\n7\n6\n1\n0\n6 2 4\n")
    assert circuit.tables.tolist() == [AND, TRUE, NOT, NOT]
    assert circuit.outputs.tolist() == [6, 4, 5, 6, 3, 4, 0]


@pytest.mark.parametrize("differences", [(10, 10), (99, 10), (10, 99), (105, 105), (138, 10), (10, 1290)])
def test_a_difference_may_look_like_a_new_line_or_a_symbol(differences):
    # 10 is the byte of a new line, 99 that of "c", 105 that of "i"; 1290 is the bytes 0x8a 0x0a.
    n = 800
    first, second = 2 * n + 2 - differences[0], 2 * n + 2 - sum(differences)
    ands = ands_bytes(np.array([[first, second]]), n)
    circuit = loads(f"aig {n + 1} {n} 0 1 1\n{2 * n + 2}\n".encode() + ands + b"o0 y\nc\n")
    assert circuit.fan_ins.tolist() == [[first // 2, second // 2]]
    assert circuit.output_names == ("y",)


# The table of the format's document.
ENCODINGS = [
    (1, "01"),
    (127, "7f"),
    (128, "80 01"),
    (258, "82 02"),
    (2**14 - 1, "ff 7f"),
    (2**14 + 3, "83 80 01"),
    (2**28 - 1, "ff ff ff 7f"),
    (2**28 + 7, "87 80 80 80 01"),
]


@pytest.mark.parametrize(("number", "encoded"), ENCODINGS)
def test_the_encoding_of_numbers(number, encoded):
    n, left = 2**28, 2**29 + 2
    for differences, encoding in (((number, 0), encoded + " 00"), ((1, number), "01 " + encoded)):
        literals = np.array([[left - differences[0], left - sum(differences)]])
        assert ands_bytes(literals, n) == bytes.fromhex(encoding)
        ands, used = read_ands(np.frombuffer(bytes.fromhex(encoding) + b"\n\xff", np.uint8), n, 1, ValueError)
        assert (ands.tolist(), used) == (literals.tolist(), len(bytes.fromhex(encoding)))


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(0, 2**40), count=st.integers(0, 300))
def test_numbers_of_all_sizes_are_read_as_they_are_written(seed, n, count):
    rng = np.random.default_rng(seed)
    left = 2 * np.arange(n + 1, n + 1 + count)
    share = np.sort(rng.random((count, 2)) ** rng.integers(1, 12, (count, 2)), axis=1)[:, ::-1]
    ands = np.minimum((share * left[:, None]).astype(np.int64), left[:, None] - 1)
    data = ands_bytes(ands, n)
    got, used = read_ands(np.frombuffer(data, np.uint8), n, count, ValueError)
    np.testing.assert_array_equal(got, ands)
    assert used == len(data)


# The order and the numbers of ASCII files.


@given(order=st.permutations(range(3)))
def test_ands_may_come_in_any_order(order):
    lines = HALF_ADDER.split(b"\n")
    lines[5:8] = [lines[5 + i] for i in order]
    circuit, expected = loads(b"\n".join(lines)), loads(HALF_ADDER)
    assert (circuit.fan_ins.tolist(), circuit.outputs.tolist()) == (
        expected.fan_ins.tolist(),
        expected.outputs.tolist(),
    )


@given(seed=st.integers(0, 2**32 - 1), most=st.sampled_from([14, 40, 10**6, 10**17]))
def test_variables_may_have_any_numbers(seed, most, reference, all_rows, random_circuit):
    """Inputs above ANDs, gaps, and lines in any order: the same function."""
    rng = np.random.default_rng(seed)
    n, ands, outputs = from_circuit(random_circuit(seed, n=3, gates=8))
    highest = n + len(ands)
    most = max(most, highest)
    numbers = set()
    while len(numbers) < highest:
        numbers.add(int(rng.integers(1, most, endpoint=True)))
    variable = [0, *rng.permutation(sorted(numbers)).tolist()]

    def literals(of):
        return [2 * variable[literal // 2] + literal % 2 for literal in of]

    lines = [" ".join(map(str, literals([2 * (n + 1 + k), *pair]))) for k, pair in enumerate(ands.tolist())]
    rng.shuffle(lines)
    listed = map(str, literals([*range(2, 2 * n + 1, 2), *outputs.tolist()]))
    text = "\n".join([f"aag {most} {n} 0 {len(outputs)} {len(ands)}", *listed, *lines])
    expected = reference(random_circuit(seed, n=3, gates=8), all_rows(3))
    np.testing.assert_array_equal(reference(loads(text), all_rows(3)), expected)


@pytest.mark.parametrize("end", [b"", b"\n"])
@pytest.mark.parametrize(
    "data",
    [
        b"aag 0 0 0 0 0",
        b"aag 1 1 0 1 0\n2\n3",
        b"aag 2 1 0 1 1\n2\n4\n4 2 2",
        b"aag 1 1 0 1 0\n2\n3\ni0 a",
        b"aag 1 1 0 1 0\n2\n3\nc",
        b"aag 1 1 0 1 0\n2\n3\nc\ncomment",
        b"aig 1 1 0 1 0\n3",
        b"aig 1 1 0 1 0\n3\no0 y",
        b"aig 1 1 0 1 0\n3\nc",
    ],
)
def test_the_last_new_line_may_be_missing(data, end):
    assert loads(data + end).n_inputs <= 1


@pytest.mark.parametrize(
    "comment", [b"", b"\n", b"i0 x\n", b"c\n", b"\xff\x00\n\n  \r\n", "\u03b2".encode(), b"top\0\n"]
)
def test_comments_are_any_bytes(comment):
    for data in (HALF_ADDER[: HALF_ADDER.index(b"c\nhalf")], dumps(loads(HALF_ADDER), binary=True)):
        assert loads(data + b"c\n" + comment).output_names == ("s", "c")


def test_the_name_that_abc_appends_to_a_binary_file():
    # ABC's &write: comments begin with "cn", four bytes of length, and the name with a zero.
    data = dumps(loads(HALF_ADDER), binary=True)
    for rest in (b"\0\0\0\x04top\0\nwritten by ABC\n", b"\0\0\0\x04top\0", b"\0\0\0\x05t\nop\0\n"):
        assert loads(data + b"cn" + rest).n_gates == 3
    for rest in (b"", b"\0\0\0\x04to", b"\0\0\0\x03top\0\n", b"\0\0\0\x04top\0m\0\0\0\0", b"\xff\xff\xff\xfftop\0"):
        with pytest.raises(ParseError, match=f"byte {len(data)}: expected a symbol"):
            loads(data + b"cn" + rest)
    with pytest.raises(ParseError, match="aiger:13: expected a symbol"):
        loads(HALF_ADDER.replace(b"c\nhalf", b"cn\0\0\0\x04top\0\n"))


# Symbols.

TWO_EACH = b"aag 2 2 0 2 0\n2\n4\n2\n4\n"


@pytest.mark.parametrize(
    ("symbols", "inputs", "outputs"),
    [
        ("", "i0 i1", "o0 o1"),
        ("i1 b\no0 y\n", "i0 b", "y o1"),
        ("o1 z\ni1 b\no0 y\ni0 a\n", "a b", "y z"),
        # A place without a symbol is called by its number, unless another has that name.
        ("i0 i1\no1 o0\n", "i1 ii1", "oo0 o0"),
        ("i0 o0\no1 i0\n", "o0 i1", "o0 i0"),
        ("i1 i0\ni0 i1\n", "i1 i0", "o0 o1"),
        # An input and an output may have one name.
        ("i0 a\ni1 b\no0 a\no1 b\n", "a b", "a b"),
        ("i0 b\ni1 a\no0 a\no1 b\n", "b a", "a b"),
        ("i0 c\ni1 C\no0 A[1]\no1 ~!\"#$%&'()*+,-./:;<=>?@\\^_`{|}\n", "c C", "A[1] ~!\"#$%&'()*+,-./:;<=>?@\\^_`{|}"),
    ],
)
def test_names(symbols, inputs, outputs):
    circuit = loads(TWO_EACH + symbols.encode())
    assert (" ".join(circuit.input_names), " ".join(circuit.output_names)) == (inputs, outputs)
    for binary in (True, False):
        again = loads(dumps(circuit, binary=binary))
        assert (again.input_names, again.output_names) == (circuit.input_names, circuit.output_names)


def test_names_may_have_spaces():
    assert loads(TWO_EACH + b"i0  a b \ni1 a  b\n").input_names == (" a b ", "a  b")


# Registers and properties.


def test_registers_are_cut(table):
    # With the enable, the active low reset and the state: the next state is reset & (enable ^ state).
    circuit = loads(TOGGLE, registers="cut")
    assert (circuit.input_names, circuit.output_names) == (("i0", "i1", "l0"), ("o0", "o1", "l0_next"))
    state = [row >> 2 for row in range(8)]
    following = [(row >> 1 & 1) & ((row & 1) ^ (row >> 2)) for row in range(8)]
    assert table(TOGGLE, registers="cut") == [state, [1 - bit for bit in state], following]
    assert loads(TOGGLE + b"l0 q\ni0 enable\n", registers="cut").input_names == ("enable", "i1", "q")


@pytest.mark.parametrize("reset", [b"", b" 0", b" 1", b" 6"])
def test_reset_values_are_dropped(reset, table):
    assert table(TOGGLE.replace(b"6 8", b"6 8" + reset), registers="cut") == table(TOGGLE, registers="cut")


@pytest.mark.parametrize("reset", [b"", b" 0", b" 1", b" 4"])
def test_binary_registers(reset, table):
    # One input and one latch: next(latch) = ~latch & input.
    data = b"aig 3 1 1 1 1\n6" + reset + b"\n4\n\x01\x03"
    assert table(data, registers="cut") == [[0, 0, 1, 1], [0, 1, 0, 0]]
    assert loads(data + b"l0 q\no0 y\n", registers="cut").output_names == ("y", "q_next")


def test_properties_are_outputs(table):
    options = {"registers": "cut", "properties": "outputs"}
    circuit = loads(SECTIONS, **options)
    assert circuit.output_names == ("o0", "b0", "c0", "j0_0", "j0_1", "f0", "l0_next")
    a, b, q = ([row >> i & 1 for row in range(8)] for i in range(3))
    both = [one & other for one, other in zip(a, q, strict=True)]
    inverted = [[1 - bit for bit in bits] for bits in (a, b, q, both)]
    assert table(SECTIONS, **options) == [both, *inverted, [1] * 8, both]
    names = loads(SECTIONS + b"b0 bad\nc0 assume\nj0 live\nj1 none\nf0 fair\nl0 q\no0 y\n", **options).output_names
    assert names == ("y", "bad", "assume", "live_0", "live_1", "fair", "q_next")


def test_binary_properties(table):
    data = b"aig 3 2 0 1 1 1 1\n6\n7\n2\n\x02\x02b0 bad\nc0 c\nc\nc0\n"
    assert loads(data, properties="outputs").output_names == ("o0", "bad", "c")
    assert table(data, properties="outputs") == [[0, 0, 0, 1], [1, 1, 1, 0], [0, 1, 0, 1]]


LATCHES = (
    "the header has latches ({}): expected a combinational circuit, without state. "
    'registers="cut" makes the value of each an input, and its next value an output'
)
PROPERTIES = (
    'the header has properties ({}): expected inputs, outputs and ANDs alone. properties="outputs" makes each an output'
)


def test_registers_and_properties_are_refused(error):
    assert error(ParseError, loads, TOGGLE) == f"aiger:1: {LATCHES.format(1)}"
    assert error(ParseError, loads, SECTIONS) == f"aiger:1: {LATCHES.format(1)}"
    found = "bad state: 1, constraint: 1, justice property: 2, fairness constraint: 1"
    assert error(ParseError, loads, SECTIONS, registers="cut") == f"aiger:1: {PROPERTIES.format(found)}"
    assert error(ParseError, loads, b"aig 1 1 0 0 0 1\n2\n") == f"aiger:1: {PROPERTIES.format('bad state: 1')}"
    # A header that counts none of them is that of a circuit.
    assert loads(b"aag 1 1 0 1 0 0 0 0 0\n2\n3\n").n_outputs == 1
    message = "expected registers to be 'refuse' or 'cut', got 'keep'."
    assert error(ValueError, loads, TOGGLE, registers="keep") == message
    message = "expected properties to be 'refuse' or 'outputs', got 'cut'."
    assert error(ValueError, loads, TOGGLE, properties="cut") == message


# Errors.

HEADER = "expected 'aag' or 'aig' and M I L O A, and up to four numbers more, parted by single spaces, found {!r}"
TABLE = "expected a symbol, such as 'i0 name', or 'c' alone before comments, found {!r}"
THREE = "AND {}: expected three numbers parted by single spaces, found {!r}"
UNDEFINED = "literal {} is undefined: expected an input, a latch or an AND that defines {}"
ERRORS = [
    (b"", 1, HEADER.format("")),
    (b"\n" + HALF_ADDER, 1, HEADER.format("")),
    (b"\xef\xbb\xbf" + HALF_ADDER, 1, HEADER.format("ï»¿aag 7 2 0 2 3")),
    (HALF_ADDER.replace(b"\n", b"\r\n"), 1, HEADER.format("aag 7 2 0 2 3\r")),
    (b"aag 7 2 0 2", 1, HEADER.format("aag 7 2 0 2")),
    (b"aag 0 0 0 0 0 0 0 0 0 0", 1, HEADER.format("aag 0 0 0 0 0 0 0 0 0 0")),
    (b"aag 1 1 0 -1 0\n2\n", 1, HEADER.format("aag 1 1 0 -1 0")),
    (b"aag 1 01 0 0 0\n2\n", 1, HEADER.format("aag 1 01 0 0 0")),
    (b"AAG 0 0 0 0 0\n", 1, HEADER.format("AAG 0 0 0 0 0")),
    (b"aag 1 1 0 1 9" + b"9" * 5000, 1, HEADER.format("aag 1 1 0 1 9" + "9" * 44 + "...")),
    (b"\x89PNG\r\n\x1a\n", 1, HEADER.format("\x89PNG\r")),
    (b"aag 2 2 0 1 1\n", 1, "expected M to be at least I + L + A = 3, found 2"),
    (b"aig 4 2 0 1 1\n", 1, "expected M to be I + L + A = 3, found 4"),
    (b"aig 2 2 0 1 1\n", 1, "expected M to be I + L + A = 3, found 2"),
    (b"aig 1000000000 1000000000 0 0 0\n", 1, "expected at most 1048608 inputs in so short a file, found 1000000000"),
    ("aig 0 0 0 0 0\n", 1, "expected the bytes of a binary file, found its text"),
    # The lines of a half adder, one after another.
    (HALF_ADDER[:14], 2, "expected input 0 of 2, found the end of the file"),
    (HALF_ADDER[:16], 3, "expected input 1 of 2, found the end of the file"),
    (HALF_ADDER[:18], 4, "expected output 0 of 2, found the end of the file"),
    (HALF_ADDER[:23], 6, "expected AND 0 of 3, found the end of the file"),
    (HALF_ADDER[:31], 7, "expected AND 1 of 3, found the end of the file"),
    (HALF_ADDER[:30], 7, "expected AND 1 of 3, found the end of the file"),
    (HALF_ADDER[:28], 6, THREE.format(0, "6 13 ")),
    (HALF_ADDER.replace(b"\n4\n", b"\n5\n"), 3, "expected input as an even number from 2 to 14, found 5"),
    (HALF_ADDER.replace(b"\n4\n", b"\n0\n"), 3, "expected input as an even number from 2 to 14, found 0"),
    (HALF_ADDER.replace(b"\n4\n", b"\n16\n"), 3, "expected input as an even number from 2 to 14, found 16"),
    (HALF_ADDER.replace(b"\n4\n", b"\n2\n"), 3, "2 is defined twice: here and in line 2"),
    (HALF_ADDER.replace(b"\n4\n", b"\n12\n"), 7, "12 is defined twice: here and in line 3"),
    (HALF_ADDER.replace(b"14 3 5", b"6 3 5"), 8, "6 is defined twice: here and in line 6"),
    (HALF_ADDER.replace(b"14 3 5", b"2 3 5"), 8, "2 is defined twice: here and in line 2"),
    (HALF_ADDER.replace(b"12 2 4\n14", b"6 2 4\n2"), 7, "6 is defined twice: here and in line 6"),
    (HALF_ADDER.replace(b"14 3 5", b"15 3 5"), 8, "expected AND as an even number from 2 to 14, found 15"),
    (HALF_ADDER.replace(b"14 3 5", b"0 3 5"), 8, "expected AND as an even number from 2 to 14, found 0"),
    (HALF_ADDER.replace(b"14 3 5", b"10 3 5"), 6, UNDEFINED.format(15, 14)),
    (HALF_ADDER.replace(b"14 3 5", b"14 3 11"), 8, UNDEFINED.format(11, 10)),
    (HALF_ADDER.replace(b"14 3 5", b"14 3 16"), 8, "expected fan-in as a literal from 0 to 15, found 16"),
    (HALF_ADDER.replace(b"\n6\n", b"\n16\n"), 4, "expected output as a literal from 0 to 15, found 16"),
    (HALF_ADDER.replace(b"\n6\n", b"\n8\n"), 4, UNDEFINED.format(8, 8)),
    (HALF_ADDER.replace(b"\n6\n", b"\n-6\n"), 4, "output 0: expected a number, found '-6'"),
    (HALF_ADDER.replace(b"\n6\n", b"\n06\n"), 4, "output 0: expected a number, found '06'"),
    (HALF_ADDER.replace(b"\n6\n", b"\n6\t\n"), 4, "output 0: expected a number, found '6\\t'"),
    (
        HALF_ADDER.replace(b"\n6\n", b"\n" + b"6" * 5000 + b"\n"),
        4,
        f"output 0: expected a number, found '{'6' * 57}...'",
    ),
    (HALF_ADDER.replace(b"14 3 5", b"14 3"), 8, THREE.format(2, "14 3")),
    (HALF_ADDER.replace(b"14 3 5", b"14 3 5 7"), 8, THREE.format(2, "14 3 5 7")),
    (HALF_ADDER.replace(b"14 3 5", b"14  3 5"), 8, THREE.format(2, "14  3 5")),
    (HALF_ADDER.replace(b"14 3 5", b"14\t3 5"), 8, THREE.format(2, "14\t3 5")),
    (HALF_ADDER.replace(b"14 3 5", b"14 3 05"), 8, THREE.format(2, "14 3 05")),
    (HALF_ADDER.replace(b"14 3 5", b"14 3 +5"), 8, THREE.format(2, "14 3 +5")),
    (HALF_ADDER.replace(b"14 3 5", b"14 3 5:"), 8, THREE.format(2, "14 3 5:")),
    (HALF_ADDER.replace(b"14 3 5", b"14 3\n5"), 8, THREE.format(2, "14 3")),
    (HALF_ADDER.replace(b"6 13 15\n12", b"6 13\n15 12"), 6, THREE.format(0, "6 13")),
    (HALF_ADDER.replace(b"12 2 4", b"12 6 4"), 6, "AND 6 depends on itself: 6 <- 12 <- 6; expected no cycles"),
    (HALF_ADDER.replace(b"12 2 4", b"12 2 12"), 7, "AND 12 depends on itself: 12 <- 12; expected no cycles"),
    (HALF_ADDER.replace(b"12 2 4", b"12 2 13"), 7, "AND 12 depends on itself: 12 <- 12; expected no cycles"),
    # Symbols.
    (HALF_ADDER.replace(b"i1 y", b"i2 y"), 10, "a symbol for input 2: the header has 2, counted from 0"),
    (HALF_ADDER.replace(b"i1 y", b"l0 y"), 10, "a symbol for latch 0: the header has 0, counted from 0"),
    (HALF_ADDER.replace(b"i1 y", b"b0 y"), 10, "a symbol for bad state 0: the header has 0, counted from 0"),
    (HALF_ADDER.replace(b"i1 y", b"c0 y"), 10, "a symbol for constraint 0: the header has 0, counted from 0"),
    (HALF_ADDER.replace(b"i1 y", b"i0 y"), 10, "input 0 has a symbol already, 'x'"),
    (HALF_ADDER.replace(b"i1 y", b"i1 x"), 10, "two inputs or latches are called 'x'"),
    (HALF_ADDER.replace(b"o1 c", b"o1 s"), 12, "two outputs are called 's'"),
    (HALF_ADDER.replace(b"i1 y", b"i01 y"), 10, TABLE.format("i01 y")),
    (HALF_ADDER.replace(b"i1 y", b"i1 "), 10, TABLE.format("i1 ")),
    (HALF_ADDER.replace(b"i1 y", b"i 1 y"), 10, TABLE.format("i 1 y")),
    (HALF_ADDER.replace(b"i1 y", b"i1 y\tz"), 10, TABLE.format("i1 y\tz")),
    (HALF_ADDER.replace(b"i1 y", b"i1 y\r"), 10, TABLE.format("i1 y\r")),
    (HALF_ADDER.replace(b"i1 y", b"i1 \xce\xb2"), 10, TABLE.format("i1 \xce\xb2")),
    (HALF_ADDER.replace(b"i1 y", b""), 10, TABLE.format("")),
    (HALF_ADDER.replace(b"i1 y", b"16 3 5"), 10, TABLE.format("16 3 5")),
    (HALF_ADDER.replace(b"c\nhalf", b"c half"), 13, TABLE.format("c half adder")),
    (HALF_ADDER.replace(b"i1 y", b"i1" + b"9" * 5000 + b" y"), 10, TABLE.format("i1" + "9" * 55 + "...")),
    # Latches and properties, where they are taken.
    (TOGGLE.replace(b"6 8", b"6"), 4, "latch 0: expected 'latch next' or 'latch next reset', found '6'"),
    (TOGGLE.replace(b"6 8", b"6 8 0 0"), 4, "latch 0: expected 'latch next' or 'latch next reset', found '6 8 0 0'"),
    (TOGGLE.replace(b"6 8", b"6 8 2"), 4, "expected latch 6 to be reset to 0, 1 or 6 (not at all), found 2"),
    (TOGGLE.replace(b"6 8", b"6 8 7"), 4, "expected latch 6 to be reset to 0, 1 or 6 (not at all), found 7"),
    (TOGGLE.replace(b"6 8", b"7 8"), 4, "expected latch as an even number from 2 to 14, found 7"),
    (TOGGLE.replace(b"6 8", b"4 8"), 4, "4 is defined twice: here and in line 3"),
    (TOGGLE.replace(b"6 8", b"6 16"), 4, "expected next state as a literal from 0 to 15, found 16"),
    (TOGGLE.replace(b" 7 2", b" 9 2").replace(b"6 8", b"6 18"), 4, UNDEFINED.format(18, 18)),
    (TOGGLE[:18], 4, "expected latch 0 of 1, found the end of the file"),
    (TOGGLE + b"i0 q\nl0 q\n", 12, "two inputs or latches are called 'q'"),
    (b"aig 1 0 1 0 0\n2 2 2\n", 2, "latch 0: expected 'next' or 'next reset', found '2 2 2'"),
    (b"aig 1 0 1 0 0\n2 3\n", 2, "expected latch 2 to be reset to 0, 1 or 2 (not at all), found 3"),
    (b"aig 1 0 1 0 0\n4\n", 2, "expected next state as a literal from 0 to 3, found 4"),
    (b"aig 1 1 0 1 0\n4\n", 2, "expected output as a literal from 0 to 3, found 4"),
    (b"aig 1 1 0 1 0", 2, "expected output 0 of 1, found the end of the file"),
    (SECTIONS[:34], 7, "expected constraint 0 of 1, found the end of the file"),
    (SECTIONS.replace(b"\n2\n0\n", b"\n3\n0\n"), 13, "fairness constraint 0: expected a number, found '8 2 6'"),
    (
        SECTIONS.replace(b"\n2\n0\n", b"\n999999999999999999\n0\n")[:-6],
        13,
        "expected literal of justice properties 3 of 999999999999999999, found the end of the file",
    ),
    (SECTIONS.replace(b"\n3\n5\n", b"\n3\n15\n"), 7, "expected constraint as a literal from 0 to 9, found 15"),
]


@pytest.mark.parametrize(("data", "line", "message"), ERRORS)
def test_errors_say_the_line_and_what(data, line, message, error):
    options = {"registers": "cut", "properties": "outputs"}
    assert error(ParseError, loads, data, **options) == f"aiger:{line}: {message}"
    with pytest.raises(ParseError) as caught:
        loads(data, source="a.aag", **options)
    assert (caught.value.source, caught.value.line, caught.value.column) == ("a.aag", line, None)


TEXT, ANDS = b"aig 5 2 0 2 3\n10\n6\n", b"\x02\x02\x03\x02\x01\x02"  # 19 bytes, and 6 = 4 & 2 and so on
BINARY = TEXT + ANDS
BETWEEN = "AND {}: expected literals {} > a >= b >= 0, found differences {} and {}"
BYTES = "AND 1: expected a number in as few bytes as it needs, found {}"
BINARY_ERRORS = [
    (TEXT[:-1], 18, "AND 0 of 3: expected two numbers, found the end of the file"),
    (TEXT + ANDS[:1], 20, "AND 0 of 3: expected two numbers, found the end of the file"),
    (TEXT + ANDS[:3], 22, "AND 1 of 3: expected two numbers, found the end of the file"),
    (TEXT + ANDS[:5] + b"\xff", 25, "AND 2 of 3: expected two numbers, found the end of the file"),
    (TEXT + b"\0\2" + ANDS[2:], 19, BETWEEN.format(0, 6, 0, 2)),
    (TEXT + ANDS[:2] + b"\x09\2" + ANDS[4:], 21, BETWEEN.format(1, 8, 9, 2)),
    (TEXT + ANDS[:2] + b"\x08\1" + ANDS[4:], 21, BETWEEN.format(1, 8, 8, 1)),
    (TEXT + ANDS[:2] + b"\3" + b"\xff" * 8 + b"\x7f" + ANDS[4:], 21, BETWEEN.format(1, 8, 3, 2**63 - 1)),
    (TEXT + ANDS[:2] + (b"\xff" * 8 + b"\x7f") * 2 + ANDS[4:], 21, BETWEEN.format(1, 8, 2**63 - 1, 2**63 - 1)),
    (TEXT + ANDS[:3] + b"\x82\0" + ANDS[4:], 22, BYTES.format("a zero as the last")),
    (TEXT + ANDS[:3] + b"\xff" * 9 + b"\1" + ANDS[4:], 22, BYTES.format(10)),
    (BINARY + b"\n", 25, TABLE.format("")),
    (BINARY + b"\2", 25, TABLE.format("\2")),
    (BINARY + b"i0 x\ni0 y\n", 30, "input 0 has a symbol already, 'x'"),
    (BINARY + b"i0 x\no9 y\n", 30, "a symbol for output 9: the header has 2, counted from 0"),
    (BINARY + b"i0 x\ni1 x\n", 30, "two inputs or latches are called 'x'"),
]


@pytest.mark.parametrize(("data", "byte", "message"), BINARY_ERRORS)
def test_errors_of_the_binary_part_say_the_byte(data, byte, message, error):
    assert error(ParseError, loads, data, source="a.aig") == f"a.aig: byte {byte}: {message}"


def test_a_binary_file_cut_off_anywhere_is_an_error():
    for cut in range(len(BINARY)):
        with pytest.raises(ParseError):
            loads(BINARY[:cut])


def test_outputs_that_are_made_may_have_a_name_already(error):
    made = "a latch q gives an output q_next, and a justice property j gives j_0, j_1, ..."
    options = {"registers": "cut", "properties": "outputs"}
    message = error(ParseError, loads, TOGGLE + b"o0 l0_next\n", **options)
    assert message == f"aiger: two outputs would be called 'l0_next': {made}"
    message = error(ParseError, loads, SECTIONS + b"j0 live\no0 live_1\n", **options)
    assert message == f"aiger: two outputs would be called 'live_1': {made}"


TOKENS = st.sampled_from(
    [b"0", b"1", b"2", b"17", b"02", b"00", b"", b" ", b"\t", b"-1", b"a", b":", b"/", b"9" * 18, b"9" * 19]
)


@given(st.lists(st.lists(TOKENS, min_size=1, max_size=4).map(b" ".join), max_size=4), st.booleans())
def test_blocks_of_numbers_are_those_whose_every_line_is(lines, last):
    data = b"\n".join(lines) + b"\n" * last
    count = len(data.rstrip(b"\n").split(b"\n")) if last else max(1, len(lines))
    for columns in (1, 3):
        pattern = b" ".join([NUMBER] * columns)
        expected = [re.fullmatch(pattern, line) for line in data.split(b"\n")[:count]]
        if all(expected):
            found = Lines(data, "file").numbers("number", count, columns)
            assert found.tolist() == [list(map(int, line.split())) for line in data.split(b"\n")[:count]]
        else:
            with pytest.raises(ParseError) as caught:
                Lines(data, "file").numbers("number", count, columns)
            assert caught.value.line == 1 + expected.index(None)


# Writing.


@pytest.mark.parametrize("binary", [False, True])
@pytest.mark.parametrize("pair", [(1, 2), (2, 1), (1, 1), (0, 2), (1, 0), (0, 0)])
@pytest.mark.parametrize("gate", range(16))
def test_each_gate_is_written(gate, pair, binary, reference, all_rows):
    circuit = Circuit(["a", "b"], [pair], [gate], [3, 1, 0], ["y", "a", "zero"])
    written = dumps(circuit, binary=binary)
    again = loads(written)
    assert (again.input_names, again.output_names) == (("a", "b"), ("y", "a", "zero"))
    np.testing.assert_array_equal(reference(again, all_rows(2)), reference(circuit, all_rows(2)))
    # Three ANDs for XOR and XNOR of two nodes, one for a function that depends on two, none for any other.
    by_row = reference(circuit, all_rows(2))[:, 0]
    depends = (by_row[[0, 2]] != by_row[[1, 3]]).any() and (by_row[:2] != by_row[2:]).any()
    assert int(written.split()[5]) == (0 if not depends else 3 if by_row.sum() == 2 else 1)


@given(seed=st.integers(0, 2**32 - 1), n=st.integers(0, 5), gates=st.integers(0, 40), m=st.integers(0, 5))
def test_what_is_written_is_read_as_the_same_function(seed, n, gates, m, random_circuit, reference, all_rows):
    circuit = random_circuit(seed, n, gates, m)
    ascii_file, binary_file = dumps(circuit, binary=False), dumps(circuit, binary=True)
    expected = reference(circuit, all_rows(n))
    for data in (ascii_file, binary_file):
        again = loads(data)
        assert (again.input_names, again.output_names) == (circuit.input_names, circuit.output_names)
        np.testing.assert_array_equal(reference(again, all_rows(n)), expected)
    by_hand = [hand_read(ascii_file, row) for row in all_rows(n).astype(int).tolist()]
    np.testing.assert_array_equal(np.array(by_hand).reshape(expected.shape), expected)
    # The two formats have the same ANDs.
    same = loads(ascii_file), loads(binary_file)
    assert same[0].fan_ins.tolist() == same[1].fan_ins.tolist()
    assert same[0].tables.tolist() == same[1].tables.tolist()


@pytest.mark.parametrize("name", ["\u03b2", "a\nb", "a\tb", "\x7f", "a\r"])
def test_a_name_that_the_format_has_not_is_refused(name, error):
    expected = f"aiger: the name {name!r} cannot be written: expected printable ASCII. Rename it."
    for names in ([name], ["y"]), (["a"], [name]):
        circuit = Circuit(names[0], [], [], [1], names[1])
        for binary in (False, True):
            assert error(ValueError, dumps, circuit, binary=binary) == expected


# Large and deep files, and headers that promise them.


@pytest.mark.parametrize("step", [1, -1])
def test_a_chain_of_200_000_ands(step):
    n = 200_000
    lines = [f"{2 * k} {2 * k - 2} {2 * k - 1}" for k in range(2, n + 2)][::step]
    circuit = loads("\n".join([f"aag {n + 1} 1 0 1 {n}", "2", str(2 * n + 2), *lines]))
    assert circuit.fan_ins[:, 0].tolist() == list(range(1, n + 1))


def test_a_chain_with_falling_numbers():
    # Each AND is fed by that of the next higher number, so their numbers are no order; the input has the highest.
    n = 200_000
    lines = [f"{2 * k} {2 * k + 2} {2 * k + 3}" for k in range(1, n + 1)]
    circuit = loads("\n".join([f"aag {n + 1} 1 0 1 {n}", str(2 * n + 2), "2", *lines]))
    assert circuit.fan_ins[:, 0].tolist() == list(range(1, n + 1))
    assert circuit.outputs.tolist() == [n + 1]


def test_a_long_loop_is_shown_in_short(error):
    n = 200_000
    lines = [f"{2 * k} {2 * (k % n + 1)} 1" for k in range(1, n + 1)]
    loop = "2 <- 4 <- 6 <- 8 <- 10 <- 12 <- ... <- 2"
    message = f"aiger:2: AND 2 depends on itself: {loop}; expected no cycles"
    assert error(ParseError, loads, "\n".join([f"aag {n} 0 0 0 {n}", *lines])) == message


def test_a_loop_beside_other_logic(error):
    # 8 and 10 are the loop; 6 hangs off it, and 4 feeds it.
    data = "aag 5 1 0 1 4\n2\n6\n4 2 2\n6 8 2\n8 4 11\n10 9 9\n"
    message = "aiger:6: AND 8 depends on itself: 8 <- 10 <- 8; expected no cycles"
    assert error(ParseError, loads, data) == message


def test_many_paths_are_walked_once():
    n = 5000
    lines = [f"{2 * k} {2 * k + 2} {2 * k + 4}" for k in range(1, n + 1)]
    inputs = [str(2 * n + 2), str(2 * n + 4)]
    assert loads("\n".join([f"aag {n + 2} 2 0 1 {n}", *inputs, "2", *lines])).n_gates == n


@pytest.mark.parametrize("table", [BUF, NOT])
def test_a_chain_of_buffers_is_no_and(table, reference):
    n = 200_000
    circuit = Circuit(["a"], [(k, 0) for k in range(1, n + 1)], [table] * n, [n + 1, n], ["y", "z"])
    written = dumps(circuit, binary=False)
    literals = (2, 2) if table == BUF else (2, 3)
    assert written == f"aag 1 1 0 2 0\n2\n{literals[0]}\n{literals[1]}\ni0 a\no0 y\no1 z\n".encode()


def test_a_long_chain_of_exclusive_ors_is_written_and_read():
    n = 50_000
    fan_ins = [(1, 2), *((k, 1 + k % 2) for k in range(3, n + 2))]
    circuit = Circuit(["a", "b"], fan_ins, [XOR] * n, [n + 2], ["y"])
    for binary in (False, True):
        assert depth(loads(dumps(circuit, binary=binary))) == 2 * n


@pytest.mark.parametrize("many", ["1000000000000", "9" * 18])
@pytest.mark.parametrize("letter", ["I", "L", "O", "A", "B", "C", "J", "F"])
@pytest.mark.parametrize("kind", ["aag", "aig"])
def test_a_header_that_promises_too_much_allocates_nothing(kind, letter, many):
    counts = ["0"] * 8
    counts["ILOABCJF".index(letter)] = many
    highest = many if letter in "ILA" else "0"
    with pytest.raises(ParseError):
        loads(f"{kind} {highest} {' '.join(counts)}\n0\n".encode(), registers="cut", properties="outputs")


def test_a_highest_variable_that_is_far_off_allocates_nothing():
    most = 5 * 10**17 - 1  # literals of 18 digits
    circuit = loads(f"aag {most} 1 0 1 1\n{2 * most}\n5\n4 {2 * most} {2 * most + 1}\n")
    assert circuit.fan_ins.tolist() == [[1, 1], [2, 0]]
    with pytest.raises(ParseError, match="aiger:1: expected 'aag'"):
        loads(f"aag {10**18} 1 0 0 0\n2\n")


# Mutations of valid files.


def mutated(data, rng):
    """A file with a byte changed, a few replaced or the end lost; or with a line dropped, doubled, moved or edited."""
    place, lines = int(rng.integers(len(data))), data.split(b"\n")
    here, there = rng.integers(len(lines), size=2)
    kind = rng.integers(7)
    if kind == 0:
        return data[:place] + rng.bytes(1) + data[place + 1 :]
    if kind == 1:
        return data[:place] + rng.bytes(int(rng.integers(4))) + data[place + int(rng.integers(9)) :]
    if kind == 2:
        return data[:place]
    if kind == 3:
        del lines[here]
    elif kind == 4:
        lines.insert(there, lines[here])
    elif kind == 5:
        lines[here], lines[there] = lines[there], lines[here]
    else:
        tokens = lines[here].split(b" ")
        tokens[int(rng.integers(len(tokens)))] = rng.choice(
            [b"0", b"1", b"2", b"3", b"6", b"14", b"99999999999999999999"]
        )
        lines[here] = b" ".join(tokens)
    return b"\n".join(lines)


@given(seed=st.integers(0, 2**32 - 1), times=st.integers(1, 3))
def test_a_mutated_file_is_refused_or_is_a_circuit(seed, times, random_circuit, reference, all_rows):
    rng = np.random.default_rng(seed)
    circuit = random_circuit(seed, 3, 8)
    for data in (dumps(circuit, binary=False), dumps(circuit, binary=True), HALF_ADDER, TOGGLE, SECTIONS):
        changed = data
        for _ in range(times):
            changed = mutated(changed, rng) if changed else data
        try:
            accepted = loads(changed, registers="cut", properties="outputs")
        except ParseError:
            continue
        if accepted.n_inputs > 8:
            continue
        again = loads(dumps(accepted, binary=bool(seed % 2)))
        assert (again.input_names, again.output_names) == (accepted.input_names, accepted.output_names)
        x = all_rows(accepted.n_inputs)
        np.testing.assert_array_equal(reference(again, x), reference(accepted, x))


@given(st.binary(max_size=60))
def test_any_bytes_are_a_circuit_or_an_error(data):
    for start in (b"", b"aag 3 1 0 1 1\n2\n4\n", b"aig 3 1 0 1 2\n4\n", b"aig 1 1 0 1 0\n3\n"):
        try:
            loads(start + data)
        except ParseError:
            continue


# Files that others wrote.

# Each read by hand: what is wrong stands in the first line that cannot belong to any file.
MALFORMED = {
    "err01": (1, "a space before the header"),
    "err03": (1, "two spaces"),
    "err05": (1, "no aag"),
    "err07": (1, "numbers in the next line"),
    "err09": (1, "a tab"),
    "err11": (1, "a space after the header"),
    "err13": (1, "M is less than I + L + A"),
    "err15": (2, "no input"),
    "err17": (2, "a space after an input"),
    "err19": (3, "an odd input"),
    "err21": (3, "an input twice"),
    "err23": (3, "a constant as input"),
    "err25": (4, "an empty line for an output"),
    "err27": (5, "a space before an output"),
    "err29": (6, "one number for an AND"),
    "err31": (6, "a space before an AND"),
    "err33": (6, "a space after an AND"),
    "err35": (6, "a literal above 2 M"),
    "err37": (6, "four numbers for an AND"),
    "err39": (8, "an AND too few"),
    "err41": (9, "white space for a symbol"),
    "err43": (9, "a tab in a symbol"),
    "err45": (9, "a symbol without a name"),
    "err47": (9, "a tab for a name"),
    "err49": (9, "an empty line for a symbol"),
    "err51": (10, "a symbol for 'a0'"),
    "err53": (10, "two symbols for an input"),
    "err55": (10, "a tab before a symbol"),
    "err57": (1, "M is less than I + L + A"),
    "err59": (1, "a letter in a number"),
    "err61": (13, "a comment in the line of 'c'"),
    "flt03": (4, "6 is undefined"),
    "flt05": (3, "4 is undefined"),
    "flt07": (7, "12 is undefined"),
}
# Inputs, outputs, ANDs.
WELL_FORMED = {
    "flt01": (2, 0, 1),
    "ok01": (2, 3, 3),
    "ok03": (2, 2, 3),
    "ok05": (2, 2, 3),
    "ok07": (2, 2, 3),
    "ok09": (2, 2, 3),
    "ok11": (2, 2, 1),
}


def read(path, **options):
    return loads(path.read_bytes(), path.name, **options)


def n_ands(circuit):
    """The gates that are not the inverters of outputs."""
    return int((circuit.tables != NOT).sum() - (circuit.tables == TRUE).sum())


def test_the_malformed_files_of_dsnp(data):
    files = {path.stem: path for path in (data / "aiger/dsnp/tests.err").glob("*.aag")}
    assert set(files) == {*MALFORMED, *WELL_FORMED}
    assert sum(name.startswith("err") for name in files) == 31
    found = {}
    for name in MALFORMED:
        with pytest.raises(ParseError, match=rf"^{name}\.aag:\d+: ") as caught:
            read(files[name], registers="cut", properties="outputs")
        found[name] = caught.value.line
    assert found == {name: line for name, (line, _) in MALFORMED.items()}


def test_the_good_files_of_dsnp(data, reference, all_rows):
    for name, counts in WELL_FORMED.items():
        path = data / f"aiger/dsnp/tests.err/{name}.aag"
        circuit = read(path)
        assert (circuit.n_inputs, circuit.n_outputs, n_ands(circuit)) == counts
        by_hand = [hand_read(path.read_bytes(), row) for row in all_rows(2).astype(int).tolist()]
        assert reference(circuit, all_rows(2)).astype(int).tolist() == by_hand
    assert read(data / "aiger/dsnp/tests.err/ok05.aag").input_names == (" x", "y")
    assert read(data / "aiger/dsnp/tests.err/ok09.aag").input_names == ("x", "i1")


# Inputs and latches, outputs and next states, ANDs; and what is refused.
EXAMPLES = {
    "aiger/arminbiere/examples/and.aag": ((2, 1, 1), None),
    "aiger/arminbiere/examples/buffer.aag": ((1, 1, 0), None),
    "aiger/arminbiere/examples/cnt1.aag": ((1, 2, 0), "latches"),
    "aiger/arminbiere/examples/cnt1e.aag": ((2, 2, 3), "latches"),
    "aiger/arminbiere/examples/empty.aag": ((0, 0, 0), None),
    "aiger/arminbiere/examples/false.aag": ((0, 1, 0), None),
    "aiger/arminbiere/examples/halfadder.aag": ((2, 2, 3), None),
    "aiger/arminbiere/examples/inverter.aag": ((1, 1, 0), None),
    "aiger/arminbiere/examples/notcnt1.aag": ((1, 2, 0), "latches"),
    "aiger/arminbiere/examples/notcnt1e.aag": ((2, 2, 3), "latches"),
    "aiger/arminbiere/examples/or.aag": ((2, 1, 1), None),
    "aiger/arminbiere/examples/toggle-re.aag": ((3, 3, 4), "latches"),
    "aiger/arminbiere/examples/toggle.aag": ((1, 3, 0), "latches"),
    "aiger/arminbiere/examples/true.aag": ((0, 1, 0), None),
    "aiger/arminbiere/examples/xor1.aag": ((2, 1, 3), None),
    "aiger/arminbiere/examples/xorxormiter.aag": ((2, 1, 9), None),
    "aiger/py-aiger/tests/bench1.aag": ((542, 1, 5676), None),
    "aiger/py-aiger/tests/mutex_converted.aag": ((9, 5, 501), "latches"),
    "aiger/py-aiger/tests/aig/mutex_converted.aig": ((9, 5, 501), "latches"),
    "aiger/py-aiger/tests/aig/test1.aig": ((3, 3, 1), "latches"),
    "aiger/py-aiger/tests/aig/test_degenerate1.aig": ((0, 1, 0), None),
    "aiger/py-aiger/tests/aig/test_degenerate2.aig": ((0, 1, 0), None),
    "aiger/py-aiger/tests/aig/test_degenerate3.aig": ((0, 0, 0), None),
    "aiger/py-aiger/tests/aig/test_degenerate4.aig": ((0, 2, 0), None),
    "iscas85/aig/c17.aig": ((5, 2, 6), None),
    "iscas85/aig/c432.aig": ((36, 7, 208), None),
}


def test_examples_of_biere_and_of_py_aiger(data, error):
    for name, (counts, refused) in EXAMPLES.items():
        circuit = read(data / name, registers="cut", properties="outputs")
        assert (circuit.n_inputs, circuit.n_outputs, n_ands(circuit)) == counts, name
        if refused:
            assert error(ParseError, read, data / name).startswith(f"{(data / name).name}:1: the header has {refused}")
        else:
            assert n_ands(read(data / name)) == counts[2]
    # M is 2 where all variables are the one input, which the binary format does not allow.
    message = "test2.aig:1: expected M to be I + L + A = 1, found 2"
    assert error(ParseError, read, data / "aiger/py-aiger/tests/aig/test2.aig") == message


def test_no_file_is_left_out(data):
    known = {data / name for name in EXAMPLES} | {data / f"epfl/aig/{name}.aig" for name in EPFL}
    known |= {data / f"aiger/dsnp/tests.err/{name}.aag" for name in {*MALFORMED, *WELL_FORMED}}
    known.add(data / "aiger/py-aiger/tests/aig/test2.aig")
    assert {*data.rglob("*.aag"), *data.rglob("*.aig")} == known


def test_an_ascii_file_and_its_binary_one_are_equal(data, reference):
    # The literals differ: in the ASCII file inputs and latches are spread over 526 variables, of which 510 are used.
    files = [data / f"aiger/py-aiger/tests/{name}" for name in ("mutex_converted.aag", "aig/mutex_converted.aig")]
    first, second = (read(path, registers="cut") for path in files)
    assert (first.input_names, first.output_names) == (second.input_names, second.output_names)
    x = np.random.default_rng(0).integers(0, 2, (2000, 9)).astype(bool)
    got = reference(first, x)
    np.testing.assert_array_equal(got, reference(second, x))
    assert got.any(axis=0).sum() >= 4


def test_py_aiger_test1(data, table):
    # Latches 4 and 6 with resets 0 and 1: next(4) = ~8, next(6) = 2, output ~8, 8 = ~6 & ~4.
    path = data / "aiger/py-aiger/tests/aig/test1.aig"
    circuit = read(path, registers="cut")
    assert (circuit.input_names, circuit.output_names) == (("ap1", "y", "z"), ("x", "y_next", "z_next"))
    either = [0, 0, 1, 1, 1, 1, 1, 1]
    assert table(path.read_bytes(), registers="cut") == [either, either, [0, 1] * 4]


@pytest.mark.parametrize("name", ["c17", "c432"])
def test_iscas85_as_and_inverter_graphs(name, data, reference):
    # Input G5 is the fifth of the netlist, and they come in another order; the outputs come in the same.
    netlist = bench.loads((data / f"iscas85/bench/{name}.bench").read_text())
    circuit = read(data / f"iscas85/aig/{name}.aig")
    columns = [int(input_name[1:]) - 1 for input_name in circuit.input_names]
    assert columns != sorted(columns)
    x = np.random.default_rng(0).integers(0, 2, (4000, netlist.n_inputs)).astype(bool)
    np.testing.assert_array_equal(reference(circuit, x[:, columns]), reference(netlist, x))


# Inputs, outputs, ANDs, levels, as published.
EPFL = {
    "adder": (256, 129, 1020, 255),
    "arbiter": (256, 129, 11839, 87),
    "bar": (135, 128, 3336, 12),
    "cavlc": (10, 11, 693, 16),
    "ctrl": (7, 26, 174, 10),
    "dec": (8, 256, 304, 3),
    "i2c": (147, 142, 1342, 20),
    "int2float": (11, 7, 260, 16),
    "max": (512, 130, 2865, 287),
    "priority": (128, 8, 978, 250),
    "router": (60, 30, 257, 54),
    "sin": (24, 25, 5416, 225),
    "square": (64, 128, 18484, 250),
    "voter": (1001, 1, 13758, 70),
}


@pytest.mark.parametrize(("name", "published"), EPFL.items())
def test_the_published_counts_of_epfl(name, published, data):
    path = data / f"epfl/aig/{name}.aig"
    circuit = read(path)
    level = levels(1 + circuit.n_inputs, 2 * np.arange(circuit.n_gates + 1), circuit.fan_ins.ravel())
    # Inverters are no levels.
    inverted = np.isin(circuit.outputs, 1 + circuit.n_inputs + np.flatnonzero(circuit.tables == NOT))
    deepest = int((level[circuit.outputs] - inverted).max())
    assert (circuit.n_inputs, circuit.n_outputs, n_ands(circuit), deepest) == published
    # Written again it is the same file, up to the comments; in the ASCII format it is the same circuit.
    written = dumps(circuit, binary=True)
    assert path.read_bytes().startswith(written + b"c\n")
    again = loads(dumps(circuit, binary=False))
    np.testing.assert_array_equal(again.fan_ins, circuit.fan_ins)
    np.testing.assert_array_equal(again.tables, circuit.tables)
    np.testing.assert_array_equal(again.outputs, circuit.outputs)
    assert (again.input_names, again.output_names) == (circuit.input_names, circuit.output_names)


def bits(numbers, n):
    """Python's integers as rows of bits, the lowest first."""
    return np.array([[number >> i & 1 for i in range(n)] for number in numbers], bool)


def numbers(rows):
    return [sum(1 << i for i, bit in enumerate(row) if bit) for row in rows.tolist()]


def random_numbers(n, count):
    """Of all sizes, up to n bits."""
    rng = np.random.default_rng(0)
    return [int.from_bytes(rng.bytes(n // 8), "little") >> int(rng.integers(n)) for _ in range(count)] + [0, 2**n - 1]


def test_epfl_adder_and_square(data, reference):
    a, b = random_numbers(128, 100), random_numbers(128, 100)[::-1]
    got = reference(read(data / "epfl/aig/adder.aig"), np.hstack([bits(a, 128), bits(b, 128)]))
    assert numbers(got) == [one + other for one, other in zip(a, b, strict=True)]
    a = random_numbers(64, 100)
    assert numbers(reference(read(data / "epfl/aig/square.aig"), bits(a, 64))) == [one**2 for one in a]


def test_epfl_priority_bar_and_voter(data, reference):
    a = random_numbers(128, 200)
    got = numbers(reference(read(data / "epfl/aig/priority.aig"), bits(a, 128)))
    assert got == [one.bit_length() - 1 + 128 if one else 0 for one in a]
    by = [k % 128 for k in range(len(a))]
    got = numbers(reference(read(data / "epfl/aig/bar.aig"), np.hstack([bits(a, 128), bits(by, 7)])))
    assert got == [(one << k | one >> 128 - k) & 2**128 - 1 for one, k in zip(a, by, strict=True)]
    votes = np.random.default_rng(0).random((200, 1001)) < np.linspace(0.4, 0.6, 200)[:, None]
    got = reference(read(data / "epfl/aig/voter.aig"), votes)
    assert got[:, 0].tolist() == (votes.sum(axis=1) >= 501).tolist()


def test_epfl_max_and_dec(data, reference):
    columns = [random_numbers(128, 100)[k : k + 90] for k in range(4)]
    signed = np.array([[one - (one >> 127 << 128) for one in column] for column in columns], object)
    got = reference(read(data / "epfl/aig/max.aig"), np.hstack([bits(column, 128) for column in columns]))
    largest = [max(row) for row in signed.T.tolist()]
    assert numbers(got[:, :128]) == [one % 2**128 for one in largest]
    at = numbers(got[:, 128:])
    assert [row[k] for row, k in zip(signed.T.tolist(), at, strict=True)] == largest
    got = reference(read(data / "epfl/aig/dec.aig"), bits(range(256), 8))
    assert got.argmax(axis=1).tolist() == [(k + 128) % 256 for k in range(256)]
    assert (got.sum(axis=1) == 1).all()


# The judgement of another tool.


@pytest.fixture(scope="session")
def abc(tmp_path_factory):
    """Runs commands of ABC in a folder; gives what it prints."""
    program = shutil.which("berkeley-abc") or shutil.which("abc")
    if program is None:
        pytest.skip("needs ABC, as berkeley-abc or abc, to compare with")
    folder = tmp_path_factory.mktemp("abc")

    def run(*commands):
        done = subprocess.run(
            [program, "-q", "; ".join(commands)], cwd=folder, capture_output=True, text=True, timeout=60, check=True
        )
        return done.stdout

    return folder, run


def test_abc_reads_what_is_written(abc, random_circuit):
    folder, run = abc
    for seed in range(20):
        circuit = random_circuit(seed, 6, 60, 4)
        (folder / f"{seed}.aig").write_bytes(dumps(circuit, binary=True))
        (folder / f"{seed}.bench").write_text(bench.dumps(circuit))
    # Inputs and outputs are matched by their names.
    assert run(*(f"cec {seed}.aig {seed}.bench" for seed in range(20))).count("Networks are equivalent") == 20
    (folder / "and.bench").write_text("INPUT(i0)\nINPUT(i1)\nOUTPUT(o0)\no0 = AND(i0, i1)\n")
    (folder / "or.aig").write_bytes(b"aig 3 2 0 1 1\n7\n\x01\x02i0 i0\ni1 i1\no0 o0\n")
    assert "NOT EQUIVALENT" in run("cec and.bench or.aig")


@pytest.mark.parametrize("write", ["strash; write_aiger -s", "strash; &get -n; &w"])
def test_what_abc_writes_is_read(write, abc, random_circuit, reference, all_rows):
    folder, run = abc
    circuits = {seed: random_circuit(seed, 6, 60, 4) for seed in range(5)}
    for seed, circuit in circuits.items():
        (folder / f"{seed}.bench").write_text(bench.dumps(circuit))
    run(*(f"read {seed}.bench; {write} written_{seed}.aig" for seed in circuits))
    for seed, circuit in circuits.items():
        got = loads((folder / f"written_{seed}.aig").read_bytes())
        assert (got.input_names, got.output_names) == (circuit.input_names, circuit.output_names)
        np.testing.assert_array_equal(reference(got, all_rows(6)), reference(circuit, all_rows(6)))

import shutil
import subprocess

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from circuits import Circuit, ParseError
from circuits.and_inverter import from_circuit
from circuits.formats import bench
from circuits.formats.aiger import dumps, loads
from circuits.formats.aiger_binary import ands_bytes, read_ands
from circuits.gates import AND, NOT, TRUE

HALF_ADDER = b"aag 7 2 0 2 3\n2\n4\n6\n12\n6 13 15\n12 2 4\n14 3 5\ni0 x\ni1 y\no0 s\no1 c\nc\nhalf adder\n"
TOGGLE = b"aag 7 2 1 2 4\n2\n4\n6 8\n6\n7\n8 4 10\n10 13 15\n12 2 6\n14 3 7\n"
# One of each section, with two justice properties, of two literals and of none.
SECTIONS = b"aag 4 2 1 1 1 1 1 2 1\n2\n4\n6 8\n8\n3\n5\n2\n0\n7\n9\n1\n8 2 6\n"


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
def test_examples(text, expected, aiger_table):
    assert aiger_table(text) == expected


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


def test_registers_are_cut(aiger_table):
    # With the enable, the active low reset and the state: the next state is reset & (enable ^ state).
    circuit = loads(TOGGLE, registers="cut")
    assert (circuit.input_names, circuit.output_names) == (("i0", "i1", "l0"), ("o0", "o1", "l0_next"))
    state = [row >> 2 for row in range(8)]
    following = [(row >> 1 & 1) & ((row & 1) ^ (row >> 2)) for row in range(8)]
    assert aiger_table(TOGGLE, registers="cut") == [state, [1 - bit for bit in state], following]
    assert loads(TOGGLE + b"l0 q\ni0 enable\n", registers="cut").input_names == ("enable", "i1", "q")


@pytest.mark.parametrize("reset", [b"", b" 0", b" 1", b" 6"])
def test_reset_values_are_dropped(reset, aiger_table):
    assert aiger_table(TOGGLE.replace(b"6 8", b"6 8" + reset), registers="cut") == aiger_table(TOGGLE, registers="cut")


@pytest.mark.parametrize("reset", [b"", b" 0", b" 1", b" 4"])
def test_binary_registers(reset, aiger_table):
    # One input and one latch: next(latch) = ~latch & input.
    data = b"aig 3 1 1 1 1\n6" + reset + b"\n4\n\x01\x03"
    assert aiger_table(data, registers="cut") == [[0, 0, 1, 1], [0, 1, 0, 0]]
    assert loads(data + b"l0 q\no0 y\n", registers="cut").output_names == ("y", "q_next")


def test_properties_are_outputs(aiger_table):
    options = {"registers": "cut", "properties": "outputs"}
    circuit = loads(SECTIONS, **options)
    assert circuit.output_names == ("o0", "b0", "c0", "j0_0", "j0_1", "f0", "l0_next")
    a, b, q = ([row >> i & 1 for row in range(8)] for i in range(3))
    both = [one & other for one, other in zip(a, q, strict=True)]
    inverted = [[1 - bit for bit in bits] for bits in (a, b, q, both)]
    assert aiger_table(SECTIONS, **options) == [both, *inverted, [1] * 8, both]
    names = loads(SECTIONS + b"b0 bad\nc0 assume\nj0 live\nj1 none\nf0 fair\nl0 q\no0 y\n", **options).output_names
    assert names == ("y", "bad", "assume", "live_0", "live_1", "fair", "q_next")


def test_binary_properties(aiger_table):
    data = b"aig 3 2 0 1 1 1 1\n6\n7\n2\n\x02\x02b0 bad\nc0 c\nc\nc0\n"
    assert loads(data, properties="outputs").output_names == ("o0", "bad", "c")
    assert aiger_table(data, properties="outputs") == [[0, 0, 0, 1], [1, 1, 1, 0], [0, 1, 0, 1]]


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
    message = "loads: expected registers to be 'refuse', 'cut' or 'unroll', got 'keep'."
    assert error(ValueError, loads, TOGGLE, registers="keep") == message
    message = "loads: expected properties to be 'refuse' or 'outputs', got 'cut'."
    assert error(ValueError, loads, TOGGLE, properties="cut") == message


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
def test_what_is_written_is_read_as_the_same_function(
    seed, n, gates, m, random_circuit, reference, all_rows, aiger_by_hand
):
    circuit = random_circuit(seed, n, gates, m)
    ascii_file, binary_file = dumps(circuit, binary=False), dumps(circuit, binary=True)
    expected = reference(circuit, all_rows(n))
    for data in (ascii_file, binary_file):
        again = loads(data)
        assert (again.input_names, again.output_names) == (circuit.input_names, circuit.output_names)
        np.testing.assert_array_equal(reference(again, all_rows(n)), expected)
    by_hand = [aiger_by_hand(ascii_file, row) for row in all_rows(n).astype(int).tolist()]
    np.testing.assert_array_equal(np.array(by_hand).reshape(expected.shape), expected)
    # The two formats have the same ANDs.
    same = loads(ascii_file), loads(binary_file)
    assert same[0].fan_ins.tolist() == same[1].fan_ins.tolist()
    assert same[0].tables.tolist() == same[1].tables.tolist()


@pytest.mark.parametrize("name", ["\u03b2", "a\nb", "a\tb", "\x7f", "a\r"])
def test_a_name_that_the_format_has_not_is_refused(name, error):
    expected = f"dumps: {{}} cannot hold the name {name!r}: expected printable ASCII. Rename it."
    for names in ([name], ["y"]), (["a"], [name]):
        circuit = Circuit(names[0], [], [], [1], names[1])
        for binary in (False, True):
            extension = ".aig" if binary else ".aag"
            assert error(ValueError, dumps, circuit, binary=binary) == expected.format(extension)


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

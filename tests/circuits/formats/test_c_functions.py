import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from circuits import Circuit, Equivalent, ParseError, equivalent, library, parse, read, write
from circuits.formats.c_functions import dumps, loads
from circuits.gates import AND, BUF, NOT, TRUE, XNOR, XOR

HINT = "only C that circuits.write wrote is read"
ODD = Circuit(
    ["int", "a[0]", "*/\u00e9/*", 'a"\\', "??/"],
    [[1, 2], [4, 0], [3, 5]],
    [XOR, NOT, 0b0010],
    [6, 6, 0, 1, 8],
    ["int", "while", "\u2028", "y\n", "\ud800"],
)


def statements(text):
    return [
        line.strip() for line in text.split("\n") if " = " in line and line.startswith("    ") and "part" not in line
    ]


def test_the_gates_of_a_full_adder_in_c():
    text = dumps(parse("s = a ^ b ^ c; carry = a & b | c & (a | b)"))
    lines = text.split("\n")
    begin = lines.index("    (void)out;") + 1
    assert lines[begin : begin + 12] == [
        "    const uint64_t n4 = in[0] ^ in[1];",
        "    const uint64_t n5 = n4 ^ in[2];",
        "    const uint64_t n6 = in[0] & in[1];",
        "    const uint64_t n7 = in[0] | in[1];",
        "    const uint64_t n8 = in[2] & n7;",
        "    const uint64_t n9 = n6 | n8;",
        "    v[0] = n5;",
        "    v[1] = n9;",
        "}",
        "",
        lines[begin + 10],
        "{",
    ]


@given(
    seed=st.integers(0, 10**6),
    n=st.integers(0, 20),
    gates=st.integers(0, 300),
    m=st.integers(0, 20),
    split=st.booleans(),
)
@example(seed=0, n=0, gates=0, m=0, split=False)
def test_dumps_and_loads_keep_names_and_function(seed, n, gates, m, split, random_circuit, reference):
    # Constants, inputs as outputs, two outputs of one node and dead gates are among them, and up to five parts.
    circuit = random_circuit(seed, n, gates, m)
    counts = m if split and m else None
    text = dumps(circuit, counts=counts)
    again = loads(text)
    assert (again.input_names, again.output_names) == (circuit.input_names, circuit.output_names)
    assert again.n_gates <= circuit.n_gates
    assert dumps(again, counts=counts) == text
    x = np.random.default_rng(seed).integers(0, 2, (64, n)).astype(bool)
    np.testing.assert_array_equal(reference(again, x), reference(circuit, x))


@pytest.mark.parametrize("table", range(16))
def test_each_of_the_sixteen_gates_is_read_as_it_was_written(table, reference, all_rows):
    circuit = Circuit("ab", [[1, 2]], [table], [3], ["y"])
    again = loads(dumps(circuit))
    assert again.n_gates == 1
    assert reference(again, all_rows(2))[:, 0].tolist() == [bool(table >> row & 1) for row in range(4)]


def test_a_multiplier_read_back_is_proved_equal():
    circuit = library.multiplier(8)
    assert isinstance(equivalent(circuit, loads(dumps(circuit, name="times", counts=2))), Equivalent)


def test_any_names_are_kept_and_the_file_is_ascii(tmp_path):
    write(ODD, tmp_path / "odd.c")
    data = (tmp_path / "odd.c").read_bytes()
    assert data.isascii()
    assert (data.count(b"/*"), data.count(b"*/")) == (5, 5)
    again = read(tmp_path / "odd.c")
    assert (again.input_names, again.output_names) == (ODD.input_names, ODD.output_names)
    assert loads(data.decode().replace("\n", "\r\n")).n_gates == again.n_gates


def test_places_are_used_again():
    # A chain keeps one value from part to part, whatever its length.
    n = 10_000
    chain = Circuit(["a", "b"], [[2 + i if i else 1, 2] for i in range(n)], [XOR] * n, [2 + n], ["y"])
    text = dumps(chain)
    assert "    uint64_t v[1];" in text.split("\n")
    assert loads(text).n_gates == n


@pytest.mark.parametrize(
    "name", ["", "1a", "a b", "int", "class", "_a", "a-b", "\u00e9", "main", "uint64_t", "a" * 64, 3]
)
def test_a_name_that_is_no_identifier_is_refused(name, error):
    assert error(ValueError, dumps, ODD, name=name) == (
        f"dumps: expected a name that is an identifier of C and C++, got {name!r}."
    )


def test_names_that_templates_use_are_names_like_others():
    for name in ("INPUTS", "COUNTS", "PORTS", "STACK", "GROUP", "rows", "n3", "x"):
        assert loads(dumps(ODD, name=name, counts=5)).n_outputs == 5


@pytest.mark.parametrize("counts", [0, 2, 10])
def test_outputs_that_do_not_split_into_equal_groups_are_refused(counts, error):
    message = f"dumps: expected counts to split 5 outputs into equal groups, got {counts}."
    assert error(ValueError, dumps, ODD, counts=counts) == message


def test_counts_of_no_outputs_are_refused(error):
    empty = Circuit("a", [], [], [], [])
    assert error(ValueError, dumps, empty, counts=1) == (
        "dumps: expected counts to split 0 outputs into equal groups, got 1."
    )


TEXT = dumps(Circuit("abc", [[1, 2], [1, 3]], [0b0010, XNOR], [4, 5], "yz"), counts=2)
LINES = TEXT.split("\n")


def line_of(text):
    return 1 + next(i for i, line in enumerate(LINES) if text in line)


@pytest.mark.parametrize(
    ("old", "new", "expected", "found"),
    [
        ("in[0] & ~in[1]", "in[3] & ~in[1]", "an input below in[3]", None),
        ("in[0] & ~in[1]", "in[00] & ~in[1]", "an expression of one gate, such as 'in[0] & ~n7'", None),
        ("in[0] & ~in[1]", "in[0] && in[1]", "an expression of one gate, such as 'in[0] & ~n7'", None),
        ("in[0] & ~in[1]", "in[0] & in[1] & in[2]", "an expression of one gate, such as 'in[0] & ~n7'", None),
        ("in[0] & ~in[1]", "n4 & ~in[1]", "a value that is there already, which n4 is not", None),
        ("in[0] & ~in[1]", "v[0] & ~in[1]", "a value that is there already, which v[0] is not", None),
        ("const uint64_t n5", "const uint64_t n4", "a new name, n4 is there already", None),
        ("out[1] =", "out[0] =", "each of 2 outputs once", None),
        ("out[1] =", "out[2] =", "each of 2 outputs once", None),
        ("    v[1] = n5;", "    v[1] = in[0] | n5;", None, None),
        ("    uint64_t v[2];", "    uint64_t v[1];", "'    uint64_t v[2];', the places that are used", None),
        ("    uint64_t v[2];", "    uint64_t v[];", "'    uint64_t v[N];'", None),
        ("part1(in, v, out);", "part0(in, v, out);", "'    circuit_part1(in, v, out);'", None),
        ("x[k] = out[c + k];", "x[k] = out[c];", None, None),
        ("planes[k] ^= carry;", "planes[k] |= carry;", None, None),
        ("#include <string.h>", '#include "string.h"', "'#include <string.h>'", None),
        ("of 3 inputs", "of 4 inputs", None, None),
    ],
)
def test_what_is_changed_is_refused_with_its_line(old, new, expected, found, error):
    number = line_of(old)
    changed = LINES[number - 1].replace(old, new)
    message = error(ParseError, loads, TEXT.replace(LINES[number - 1], changed, 1), "x.c")
    assert message.startswith(f"x.c:{number}: expected {expected or ''}")
    assert message.endswith(f"; {HINT}")
    assert repr(changed)[1:40] in message


def test_what_is_cut_or_goes_on_is_refused(error):
    for end in range(len(LINES) - 1):
        assert "expected" in error(ParseError, loads, "\n".join(LINES[:end]))
    assert error(ParseError, loads, TEXT + "int x;\n") == (f"c:{len(LINES)}: expected '', found 'int x;'; {HINT}")


def test_other_c_is_refused(error):
    assert error(ParseError, loads, "int main(void) { return 0; }") == (
        f"c: expected C of a circuit, with a line 'enum {{ NAME_n_inputs = ...', found none; {HINT}"
    )


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        (' * in[0] is "a"\n', "", "expected 3 lines in[i] is NAME, found 2"),
        ('in[0] is "a"', 'in[0] is "b"', "expected different names of in[i], found one twice, or an empty one"),
        ('out[0] is "y"', 'out[0] is ""', "expected different names of out[i], found one twice, or an empty one"),
    ],
)
def test_ports_without_a_name_of_their_own_are_refused(old, new, message, error):
    assert error(ParseError, loads, TEXT.replace(old, new)) == f"c: {message}"


def test_an_operator_that_changed_is_read_as_it_stands():
    # Comments say nothing of functions: what the code computes is what is read.
    changed = loads(TEXT.replace("in[0] & ~in[1]", "in[0] | ~in[1]"))
    assert isinstance(equivalent(changed, parse("y = a | ~b; z = ~(a ^ c)")), Equivalent)


EDITS = [
    "in[0]",
    "n4",
    "v[0]",
    "~",
    "&",
    "(",
    ")",
    ";",
    "{",
    "}",
    "UINT64_C(0)",
    "out[1]",
    "9" * 30,
    "\x00",
    "*/",
    "\\",
]


@given(data=st.data())
def test_any_change_to_a_file_is_an_error_or_a_circuit(data, reference, all_rows):
    by = data.draw(st.sampled_from([" ", "\n"]))
    parts = TEXT.split(by)
    for _ in range(data.draw(st.integers(1, 3))):
        i, j = (data.draw(st.integers(0, len(parts) - 1)) for _ in range(2))
        kind = data.draw(st.sampled_from(["swap", "copy", "drop", "new"]))
        if kind == "swap":
            parts[i], parts[j] = parts[j], parts[i]
        else:
            new = [data.draw(st.sampled_from(EDITS))] if kind == "new" else []
            parts[i : i + 1] = {"copy": [parts[i], parts[j]]}.get(kind, new)
    try:
        circuit = loads(by.join(parts))
    except ParseError:
        return
    again = loads(dumps(circuit))
    x = all_rows(circuit.n_inputs)
    np.testing.assert_array_equal(reference(again, x), reference(circuit, x))


@pytest.mark.skipif(shutil.which("gcc") is None or shutil.which("g++") is None, reason="needs gcc and g++")
@pytest.mark.parametrize(
    "command",
    [
        [
            "gcc",
            "-std=c99",
            "-O2",
            "-Wall",
            "-Wextra",
            "-Wpedantic",
            "-Wconversion",
            "-Wshadow",
            "-Wmissing-prototypes",
        ],
        ["g++", "-x", "c++", "-std=c++11", "-O1", "-Wall", "-Wextra", "-Wpedantic"],
    ],
    ids=["C", "C++"],
)
def test_compilers_have_nothing_to_say(command, tmp_path, random_circuit):
    # Without inputs, outputs or gates, fewer columns than eight and more, and several circuits in one program.
    for i, (circuit, counts) in enumerate(
        [
            (Circuit([], [], [], [], []), None),
            (Circuit("a", [], [], [], []), None),
            (Circuit([], [[0, 0]], [TRUE], [0, 1], "yz"), 1),
            (ODD, 5),
            (random_circuit(0, 9, 200, 12), 4),
        ]
    ):
        (tmp_path / f"x{i}.c").write_text(dumps(circuit, name=f"f{i}", counts=counts))
    both = "".join(f'#include "x{i}.c"\n' for i in range(5))
    (tmp_path / "all.c").write_text(both)
    subprocess.run([*command, "-Werror", "-c", "all.c", "-o", "all.o"], check=True, cwd=tmp_path)


def test_gates_that_nothing_reads_are_not_written():
    circuit = Circuit("ab", [[1, 2], [1, 1], [4, 3]], [AND, XOR, 0b1100], [5], ["y"])
    assert statements(dumps(circuit))[:3] == [
        "const uint64_t n3 = in[0] & in[1];",
        "const uint64_t n4 = n3;",
        "v[0] = n4;",
    ]
    assert loads(dumps(circuit)).tables.tolist() == [AND, BUF]

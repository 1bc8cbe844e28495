import itertools
import shutil
import subprocess

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from circuits import ParseError, ThresholdCircuit, evaluate, read, to_circuit
from circuits.formats import bench
from circuits.formats.th import dumps, loads
from circuits.netlist import Circuit
from circuits.threshold.gate_conversion import from_circuit
from circuits.threshold.symmetric_functions import parity
from jaxnet.networks.wiring import Wiring

# Inputs, outputs and units of the files of threABC, and the two that were made from ISCAS-85.
FILES = {
    "bnn_mnist/binarized_dnn_16_3_16": (16, 16, 64),
    "bnn_mnist/binarized_dnn_16_3_256": (16, 16, 64),
    "bnn_mnist/binarized_dnn_16_4_16": (16, 16, 80),
    "bnn_mnist/binarized_dnn_32_3_16": (32, 32, 128),
    "generated/c17_tl": (5, 2, 5),
    "generated/c432_tl": (36, 7, 70),
    **{f"rand_tl/{n}_0": (n, 1, 2) for n in (16, 20, 24, 28, 32, 36, 40)},
}
C17 = """\
Threshold logic gate list written by NZ.
.model c17_tl.th
.input 1 2 3 4 5
.output 6 7
.threshold 9 6
-1 0
.threshold 10 7
1 1
.threshold 2 3 4 8
2 -1 -1 1
.threshold 8 1 3 9
-2 -1 -1 -1
.threshold 8 5 3 4 10
3 2 -1 -1 1
"""
HEAD = "title\n.model m\n.input a b\n.output y\n"


@pytest.fixture(scope="session")
def threabc(iscas85):
    folder = iscas85.parents[1] / "threabc"
    if not folder.is_dir():
        pytest.skip(f"needs the threshold networks in {folder}; JAXNET_DATA names another data folder")
    return folder


def by_hand(text, row):
    """The outputs for one input, from the text alone: every unit again and again, until nothing changes."""
    words = [line.split() for line in text.splitlines()[1:] if line.split() not in ([], [".end"])]
    (inputs,), (outputs,) = ([line[1:] for line in words if line[0] == kind] for kind in (".input", ".output"))
    pairs = [(line, below) for line, below in itertools.pairwise(words) if line[0] == ".threshold"]
    units = [(names[1:], [int(word) for word in below]) for names, below in pairs]
    values = dict(zip(inputs, map(int, row), strict=True))
    while any(names[-1] not in values for names, _ in units):
        for (*fan_ins, name), (*weights, threshold) in units:
            if all(net in values for net in fan_ins):
                total = sum(w * values[net] for w, net in zip(weights, fan_ins, strict=True))
                values[name] = int(total >= threshold)
    return [values[name] == 1 for name in outputs]


def test_c17(all_rows):
    circuit = loads(C17)
    assert (circuit.input_names, circuit.output_names) == (tuple("12345"), ("6", "7"))

    def c17(x1, x2, x3, x4, x5):
        n11 = not (x3 and x4)
        n16 = not (x2 and n11)
        return [not (not (x1 and x3) and n16), not (n16 and not (n11 and x5))]

    assert evaluate(circuit, all_rows(5)).tolist() == [c17(*row) for row in all_rows(5)]


@given(order=st.permutations(range(5)))
def test_units_come_in_any_order(order, all_rows):
    lines = C17.splitlines()
    units = ["\n".join(lines[4 + 2 * i : 6 + 2 * i]) for i in order]
    circuit = loads("\n".join([*lines[:4], *units]))
    np.testing.assert_array_equal(evaluate(circuit, all_rows(5)), evaluate(loads(C17), all_rows(5)))


@pytest.mark.parametrize(("name", "counts"), FILES.items())
def test_all_files_are_read_and_written(name, counts, threabc):
    text = (threabc / f"{name}.th").read_text()
    circuit = loads(text)
    assert (circuit.n_inputs, circuit.n_outputs, circuit.n_units) == counts
    x = np.random.default_rng(0).integers(0, 2, (20, circuit.n_inputs))
    assert evaluate(circuit, x).tolist() == [by_hand(text, row) for row in x]
    # The units of the outputs are their own already, so that nothing is added.
    again = loads(dumps(circuit))
    assert (again.input_names, again.output_names) == (circuit.input_names, circuit.output_names)
    assert again.n_units == circuit.n_units
    assert dumps(again) == dumps(circuit)
    np.testing.assert_array_equal(evaluate(again, x), evaluate(circuit, x))


def test_every_file_of_the_folder_is_in_the_table(threabc):
    assert {str(path.relative_to(threabc))[:-3] for path in threabc.rglob("*.th")} == set(FILES)


@pytest.mark.parametrize("name", ["c17", "c432"])
def test_the_expansion_is_the_circuit_that_it_was_made_from(name, threabc, iscas85, tmp_path, reference):
    original = read(iscas85 / f"{name}.bench")
    units = loads((threabc / "generated" / f"{name}_tl.th").read_text())
    gates = to_circuit(units)
    x = np.random.default_rng(0).integers(0, 2, (2000, units.n_inputs)).astype(bool)
    np.testing.assert_array_equal(reference(gates, x), reference(original, x))
    if shutil.which("berkeley-abc") is None:
        pytest.skip("needs berkeley-abc for a proof; random inputs agree")
    # By position: the names differ.
    gates = Circuit(original.input_names, gates.fan_ins, gates.tables, gates.outputs, original.output_names)
    (tmp_path / "a.bench").write_text(bench.dumps(gates))
    command = f"cec {tmp_path / 'a.bench'} {iscas85 / f'{name}.bench'}"
    said = subprocess.run(["berkeley-abc", "-c", command], capture_output=True, text=True, check=True).stdout
    assert "Networks are equivalent" in said


@pytest.mark.parametrize(
    ("text", "values"),
    [
        (".threshold a b y\n1 1 2", [0, 0, 0, 1]),
        ("  .threshold\ta  b y \n  +1\t1 02  \n", [0, 0, 0, 1]),
        ("\n.threshold a b y\n\n1 1 2\n\n.end\n\n", [0, 0, 0, 1]),
        (".threshold n y\n-1 0\n.threshold a b n\n1 1 2", [1, 1, 1, 0]),
        (".threshold a a b y\n1 1 -2 1", [0, 1, 0, 0]),
        (".threshold a CONST1 y\n-1 1 1", [1, 0, 1, 0]),
        (".threshold k CONST1 y\n1 1 2\n.threshold CONST1 k\n1 1", [1, 1, 1, 1]),
        (".threshold y\n1", [0, 0, 0, 0]),
        (".threshold y\n0", [1, 1, 1, 1]),
        (".threshold a b y\n0 0 0", [1, 1, 1, 1]),
        (".threshold a b y\n0 1 1", [0, 0, 1, 1]),
        # Beyond 32 bits, and beyond what a double tells apart.
        (f".threshold a b y\n{2**31} {2**31} {2**32}", [0, 0, 0, 1]),
        (f".threshold a b y\n{2**53} 1 {2**53 + 1}", [0, 0, 0, 1]),
        (f".threshold a b y\n{-(2**60)} {2**60 + 1} 1", [0, 0, 1, 1]),
    ],
)
def test_units(text, values, all_rows):
    for end in ("\n", "\r\n", "\r"):
        circuit = loads((HEAD + text).replace("\n", end))
        assert evaluate(circuit, all_rows(2))[:, 0].astype(int).tolist() == values


def test_the_plural_and_empty_lists_are_taken():
    circuit = loads("\n.inputs\n.outputs y\n.model m\n.threshold y\n0")
    assert evaluate(circuit, []).tolist() == [True]
    assert loads("no outputs\n.model m\n.input a\n.output").n_outputs == 0


EXPECTED = "expected .model, .input, .output, .threshold or .end, found"
NAME = "expected a name that does not begin with a dot and is not CONST1, found"
ERRORS = [
    (".threshold a b y", "5: expected a line of weights and a threshold below unit 'y', found the end"),
    (".threshold a b y\n1 1", "6: expected 2 weights and a threshold for unit 'y', found 2 numbers"),
    (".threshold a b y\n1 1 1 2", "6: expected 2 weights and a threshold for unit 'y', found 4 numbers"),
    (".threshold a b y\n1 1\n2", "6: expected 2 weights and a threshold for unit 'y', found 2 numbers"),
    (".threshold a b y\n1 1.5 2", "6: expected an integer of at most 19 digits, found '1.5'"),
    (".threshold a b y\n1 1_0 2", "6: expected an integer of at most 19 digits, found '1_0'"),
    (
        ".threshold a b y\n1 \N{ARABIC-INDIC DIGIT ONE} 2",
        "6: expected an integer of at most 19 digits, found '\N{ARABIC-INDIC DIGIT ONE}'",
    ),
    (".threshold a b y\n1 - 2", "6: expected an integer of at most 19 digits, found '-'"),
    (
        ".threshold a b y\n1 1 " + "9" * 5000,
        "6: expected an integer of at most 19 digits, found '" + "9" * 57 + "...'",
    ),
    (
        ".threshold a b y\n.threshold a b z",
        "6: expected an integer of at most 19 digits, found '.threshold'",
    ),
    (
        f".threshold a b y\n{2**61} {-(2**60)} {-(2**60)}",
        f"6: unit 'y' has sum |w| + |T| = {2**62}, expected below 2^62",
    ),
    (".threshold", "5: expected .threshold, the fan-ins and the name of a unit, found no name"),
    (".treshold a b y\n1 1 2", f"5: {EXPECTED} '.treshold'"),
    ("# a comment", f"5: {EXPECTED} '#'"),
    ("x" * 100, f"5: {EXPECTED} '{'x' * 57}...'"),
    (".threshold a .b y\n1 1 2", f"5: {NAME} '.b'"),
    (".threshold a b CONST1\n1 1 2", f"5: {NAME} 'CONST1'"),
    (".input c", "5: .input stands in line 3 already"),
    (".outputs z", "5: .output stands in line 4 already"),
    (".model", "5: .model stands in line 2 already"),
    (".end of it", "5: words after .end: expected 0, found 2"),
    (".end\n.end", "6: expected nothing after .end, found '.end'"),
    (".threshold a c y\n1 1 2", "5: net 'c', an input of gate 'y', is driven by nothing: expected .input c or .thr"),
    ("", "4: net 'y' of .output y is driven by nothing: expected .input y or .threshold ... y"),
    (".threshold a b y\n1 1 2\n.threshold a b y\n1 1 1", "7: net 'y' is driven twice: here and in line 5"),
    (".threshold a b y\n1 1 2\n.threshold b a\n1 1", "7: net 'a' is driven twice: here and in line 3"),
    (".threshold a y y\n1 1 2", "5: net 'y' depends on itself: y <- y; expected no cycles"),
    (".threshold z y\n1 2\n.threshold y z\n1 1", "5: net 'y' depends on itself: y <- z <- y; expected no cycles"),
]


@pytest.mark.parametrize(("text", "message"), ERRORS)
def test_errors_say_the_line_and_what(text, message, error):
    assert error(ParseError, loads, HEAD + text).startswith(f"th:{message}")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "th: expected a line .model, found none"),
        ("t\n.model m\n.output\n", "th: expected a line .input, found none"),
        ("t\n.model m\n.input a\n", "th: expected a line .output, found none"),
        ("t\n.model\n", "th:2: words after .model: expected 1, found 0"),
        (".model m\n.input\n", "th:1: expected a title in the first line, which is not read, found '.model m'"),
        ("t\n.input a a", "th:2: .input a stands in line 2 already"),
        ("t\n.output y y", "th:2: .output y stands in line 2 already"),
        ("t\n.input CONST1", f"th:2: {NAME} 'CONST1'"),
        ("t\n.input .output", f"th:2: {NAME} '.output'"),
        (
            "t\n.model m\n.input a\n.output a",
            "th:4: output 'a' is an input: expected a unit of its own, such as one of weight 1",
        ),
    ],
)
def test_the_lines_before_the_units(text, message, error):
    assert error(ParseError, loads, text) == message


def test_a_long_chain_and_a_long_loop(error):
    n = 20_000
    units = [f".threshold x{i} x{i + 1}\n-1 0" for i in range(n)]
    head = f"t\n.model m\n.input x0\n.output x{n}\n"
    circuit = loads(head + "\n".join(units[::-1]))
    assert circuit.wiring.sources.tolist() == list(range(n))
    assert to_circuit(circuit).n_gates == n
    loop = head.replace("x0", "a") + "\n".join([*units, f".threshold x{n} x0\n1 1"])
    assert "depends on itself: x1 <- x0 <- x20000 <- x19999" in error(ParseError, loads, loop)


def test_a_unit_of_many_fan_ins():
    n = 100_000
    text = "t\n.model m\n.input a\n.output y\n.threshold" + " a" * n + " y\n" + "1 " * n + f"{n}\n"
    assert evaluate(loads(text), [[0], [1]])[:, 0].tolist() == [False, True]


def one_unit(weights, threshold, inputs=None, output="y"):
    n = len(weights)
    return ThresholdCircuit(
        Wiring(n, [0, n], range(n), [n]), weights, [threshold], inputs or [f"x{i}" for i in range(n)], [output]
    )


def test_outputs_come_first_and_have_one_fan_in():
    # As threABC wants them: node 3 feeds two outputs, node 4 is an output and is read, node 5 has one fan-in.
    wiring = Wiring(2, [0, 2, 3, 4, 4], [0, 1, 2, 3], [2, 2, 3, 4, 0, 5])
    circuit = ThresholdCircuit(wiring, [1, 1, -1, -1], [2, 0, 0, 7], "ab", "pqrstu")
    assert dumps(circuit) == (
        "Written by circuits: threshold units, w.x >= T\n.model circuit\n.input a b\n.output p q r s t u\n"
        ".threshold n2 p\n1 1\n.threshold n2 q\n1 1\n.threshold n3 r\n1 1\n.threshold n3 s\n-1 0\n"
        ".threshold a t\n1 1\n.threshold n5 u\n1 1\n"
        ".threshold a b n2\n1 1 2\n.threshold n2 n3\n-1 0\n.threshold n5\n7\n.end\n"
    )


@given(seed=st.integers(0, 10**6), n=st.integers(0, 4), gates=st.integers(0, 12), m=st.integers(0, 3))
def test_dumps_and_loads_keep_names_and_function(seed, n, gates, m, random_circuit, all_rows):
    circuit = from_circuit(random_circuit(seed, n, gates, m))
    again = loads(dumps(circuit))
    assert (again.input_names, again.output_names) == (circuit.input_names, circuit.output_names)
    np.testing.assert_array_equal(evaluate(again, all_rows(n)), evaluate(circuit, all_rows(n)))
    # Once the outputs have units of their own, nothing is added.
    assert loads(dumps(again)).n_units == again.n_units


def test_names_of_units_stay_clear_of_others(all_rows):
    circuit = one_unit([1, 1], 2, ["n2", "n3"], "nn2")
    assert "nnn2" in dumps(circuit)
    assert evaluate(loads(dumps(circuit)), all_rows(2))[:, 0].tolist() == [False, False, False, True]


@pytest.mark.parametrize("name", ["a b", ".a", "CONST1", " a", "a\n", "a\u2028b"])
def test_names_that_cannot_be_written_are_refused(name, error):
    message = f"dumps: .th cannot hold the name {name!r}. Rename it."
    assert error(ValueError, dumps, one_unit([1], 1, [name])) == message
    assert error(ValueError, dumps, one_unit([1], 1, output=name)) == message


def test_an_output_with_the_name_of_an_input_is_refused(error):
    assert error(ValueError, dumps, one_unit([1], 1, ["y"])) == (
        "dumps: .th cannot hold output 'y', which has the name of an input. Rename it."
    )


EDITS = [
    ".input",
    ".output",
    ".threshold",
    ".end",
    "CONST1",
    "1",
    "-1",
    "9" * 20,
    "1.5",
    "a",
    "\n",
    "\r",
    "\x00",
    "\N{ARABIC-INDIC DIGIT ONE}",
]


@given(data=st.data())
def test_any_change_to_a_file_is_an_error_or_a_circuit(data, all_rows):
    text = data.draw(st.sampled_from([C17, dumps(parity(3))]))
    for _ in range(data.draw(st.integers(1, 4))):
        by = data.draw(st.sampled_from([" ", "\n", ""]))
        parts = text.split(by) if by else list(text)
        i, j = (data.draw(st.integers(0, max(0, len(parts) - 1))) for _ in range(2))
        other = data.draw(st.sampled_from(["swap", "copy", "drop", "new"]))
        if not parts:
            break
        if other == "swap":
            parts[i], parts[j] = parts[j], parts[i]
        else:
            parts[i : i + 1] = {"copy": [parts[i], parts[j]], "drop": [], "new": [data.draw(st.sampled_from(EDITS))]}[
                other
            ]
        text = by.join(parts)
    try:
        circuit = loads(text)
    except ParseError:
        return
    x = all_rows(circuit.n_inputs)
    np.testing.assert_array_equal(evaluate(loads(dumps(circuit)), x), evaluate(circuit, x))

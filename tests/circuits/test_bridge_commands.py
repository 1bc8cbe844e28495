"""`python -m circuits network` and `extract`: what they print and write, and all their exit statuses."""

import io
from pathlib import Path

import numpy as np
import pytest
from safetensors.numpy import save_file

import circuits
import jaxnet
from circuits import ExtractionCertificate, ThresholdCircuit, read_network
from circuits.bridge.certificates import from_json
from circuits.command_line import main
from jaxnet import Neuron
from jaxnet.networks.wiring import Wiring

ADDER = "s = a ^ b ^ c; carry = maj(a, b, c)"


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def layers(path, *pairs, dtype="float32"):
    """Write a file such as other libraries write."""
    tensors = {}
    for k, (weight, bias) in enumerate(pairs):
        tensors |= {f"{k}.weight": np.array(weight, dtype), f"{k}.bias": np.array(bias, dtype)}
    save_file(tensors, path)


def test_a_network_is_proved_and_written(capsys):
    assert main(["network", "a & b", "and.safetensors", "--activation", "sigmoid", "--certificate", "and.json"]) == 0
    # The theorem: ln 9 / (1/2) rounded up to 1/64, and sigma(-2.203125).
    assert capsys.readouterr().out == "2 inputs, 1 units (sigmoid), gain 4.40625, error 0.0995 on all inputs, proved\n"
    assert 0.0994 < from_json(Path("and.json").read_text()).check() < 0.0996
    found = read_network("and.safetensors")
    assert (found.input_names, found.output_names) == (("a", "b"), ("out",))
    assert found.params.w.tolist() == [4.40625, 4.40625]


def test_the_error_that_is_printed_is_a_bound_too(capsys):
    # 0.0753124 is proved, so that 0.0753 would be too small.
    assert main(["network", "y = a & b; z = a ^ b", "--activation", "sigmoid", "--certificate", "xor.json"]) == 0
    assert capsys.readouterr().out.endswith(", error 0.0754 on all inputs, proved\n")
    assert 0.0753 < from_json(Path("xor.json").read_text()).check() < 0.0754


@pytest.mark.parametrize(
    ("options", "kind"),
    [
        ([], "structural"),
        (["--activation", "sigmoid"], "structural"),
        (["--activation", "relu"], "functional"),
        pytest.param(["--activation", "tanh", "--error", "0.5"], "structural", marks=pytest.mark.slow),
        pytest.param(
            ["--activation", "sigmoid", "--fan-in", "3", "--weight", "2"], "structural", marks=pytest.mark.slow
        ),
        pytest.param(["--activation", "relu", "--layered"], "functional", marks=pytest.mark.slow),
        pytest.param(["--activation", "tanh", "--layered"], "structural", marks=pytest.mark.slow),
    ],
)
def test_there_and_back_is_the_same_function(options, kind, capsys):
    assert main(["network", ADDER, "adder.safetensors", *options]) == 0
    assert capsys.readouterr().out.startswith("3 inputs, ")
    assert main(["extract", "adder.safetensors", "adder.blif", "--certificate", "adder.json"]) == 0
    first, second = capsys.readouterr().out.splitlines()
    assert first.startswith(f"{kind}: ")
    assert second == "3 columns: 3 bits; 8 rows"
    assert ExtractionCertificate.loads(Path("adder.json").read_text()).check()
    # Equal by name too: the names go through the file.
    assert main(["prove", ADDER, "adder.blif"]) == 0


def test_units_stay_units_in_th_and_are_gates_otherwise(capfd):
    assert main(["network", "y = a & b & c", "net.safetensors"]) == 0
    assert main(["extract", "net.safetensors", "net.th"]) == 0
    assert isinstance(circuits.read("net.th"), ThresholdCircuit)
    capfd.readouterr()
    assert main(["extract", "net.safetensors", "-", "--to", ".bench", "--formula"]) == 0
    out, err = capfd.readouterr()
    assert circuits.loads(out, ".bench").input_names == ("a", "b", "c")
    assert err.splitlines() == [
        "structural: 2 units, depth 2; equal in exact integers, on any inputs",
        "3 columns: 3 bits; 8 rows",
        "y = a & b & c",
    ]


def test_layers_of_another_library_on_one_hot_groups_and_on_rows(capsys, monkeypatch):
    # The sum of all inputs less 1.5: on two one-hot groups always 1, on the cube not.
    layers("sum.safetensors", ([[1, 1, 1, 1]], [-1.5]))
    asked = ["extract", "sum.safetensors", "--activation", "sigmoid", "--functional", "--formula"]
    assert main([*asked, "--one-hot", "2,2"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "functional: 1 gates, depth 1; equal on all 4 rows",
        "4 columns: 2 one-hot groups of 2, 2; 4 rows",
        "y = 1",
    ]
    monkeypatch.setattr("sys.stdin", io.StringIO("0001  # one\n\n0011\n0001\n"))
    assert main([*asked, "--rows", "-"]) == 0
    assert capsys.readouterr().out.splitlines()[1:] == ["4 columns: 2 listed rows of 4; 2 rows", "y = x2"]


def test_arg_max_and_thresholds_of_linear_outputs(capsys):
    layers("linear.safetensors", (np.eye(2), [0, 0.25]))
    asked = ["extract", "linear.safetensors", "--activation", "identity", "--formula"]
    assert main([*asked, "--read", "argmax"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[2:] == ["y0 = x0 & ~x1", "y1 = ~x0 | x1"]
    assert main([*asked, "--threshold", "1.25"]) == 0
    assert capsys.readouterr().out.splitlines()[2:] == ["y0 = 0", "y1 = x1"]


def test_parameters_of_float64_are_taken_as_they_are(capsys):
    # In float32 the sum would be 0, and the unit would fire.
    layers("double.safetensors", ([[1.0]], [-1 - 2.0**-40]), dtype="float64")
    assert main(["extract", "double.safetensors", "--activation", "step", "--formula"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "y = 0"


def test_a_trained_network_that_jaxnet_saved(capsys):
    xor = (Neuron(np.full((2, 2), 9, np.float32), np.array([-4, -14], np.float32)),)
    xor += (Neuron(np.array([[9, -9]], np.float32), np.array([-4], np.float32)),)
    jaxnet.save("xor.safetensors", xor, {"epochs": 3})
    assert main(["extract", "xor.safetensors", "--activation", "tanh,sigmoid", "--formula"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "structural: 3 units, depth 2; equal on all 4 rows"
    assert isinstance(circuits.equivalent(circuits.parse(lines[2]), circuits.parse("y = x0 ^ x1")), circuits.Equivalent)


def test_a_network_that_is_not_its_hardening_exits_with_1(capsys):
    # The hidden sigmoid is 1/2 from 15.5 ones on, and the output wants 0.6 of it.
    layers("soft.safetensors", (np.full((1, 30), 0.1), [-1.55]), ([[1]], [-0.6]))
    assert main(["extract", "soft.safetensors", "soft.th", "--activation", "sigmoid"]) == 1
    first, second, third = capsys.readouterr().out.splitlines()
    assert first.startswith("statistical: 2 units, depth 2; ")
    assert first.endswith(" of 65,536 rows that were drawn differ")
    assert second == "30 columns: 30 bits; 1,073,741,824 rows"
    name, *row = third.split()
    ones = sum(int(value.partition("=")[2]) for value in row)
    # sigma(z) >= 0.6 from z = ln 1.5 on, 19.55 ones.
    assert (name, len(row)) == ("counterexample", 30)
    assert 16 <= ones <= 19
    assert "2 units" in repr(circuits.read("soft.th"))


def test_a_network_with_too_many_rows_and_no_counterexample_exits_with_3(capsys):
    # They differ where all inputs are on, and nowhere else.
    layers("and.safetensors", (np.ones((1, 40)), [-39.5]), ([[1]], [-0.7]))
    command = ["extract", "and.safetensors", "--activation", "sigmoid", "--samples", "1000"]
    assert main([*command, "--time-limit", "1e-9"]) == 3
    assert capsys.readouterr().out.splitlines() == [
        "statistical: 2 units, depth 2; 0 of 1,000 rows that were drawn differ",
        "40 columns: 40 bits; 1,099,511,627,776 rows",
    ]
    assert main(command) == 0
    assert capsys.readouterr().out.startswith("functional: ")


def test_a_network_of_which_nothing_is_proved_exits_with_1_and_is_not_written(capsys, tmp_path):
    # Rounding of 4,000 inexact terms is more than any margin.
    n = 4000
    wiring = Wiring(n, [*range(n + 1), 2 * n], [*range(2 * n)], [2 * n])
    names = [f"x{i}" for i in range(n)]
    circuits.write(ThresholdCircuit(wiring, np.ones(2 * n, int), np.ones(n + 1, int), names, "y"), "wide.th")
    assert main(["network", "wide.th", "wide.safetensors", "--activation", "sigmoid"]) == 1
    assert capsys.readouterr().out.startswith("nothing is proved: unit 4000: expected gain / 2 > D, got gain / 2 = ")
    assert not (tmp_path / "wide.safetensors").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["network", "a &"], "expression:1:4: expected a name, a constant, ~ or (, found end of the statement"),
        (["network", "a", "--error", "0.1"], "to_network: steps are exact and take neither error nor gain."),
        (
            ["network", "a", "--activation", "sigmoid", "--error", "nan"],
            "to_network: expected an error between 0 and 1/2, got nan.",
        ),
        (["extract", "nowhere.safetensors"], "nowhere.safetensors: no such file or directory"),
        (
            ["extract", "text.safetensors"],
            "text.safetensors: expected a whole safetensors file, got one with an ",
        ),
        (
            ["extract", "two.safetensors"],
            "two.safetensors: expected an activation, such as sigmoid, since the ",
        ),
        (
            ["extract", "two.safetensors", "--activation", "step,step,step"],
            "two.safetensors: expected one activation, or 1, one for each layer, got 3",
        ),
        (
            ["extract", "two.safetensors", "two.xyz", "--activation", "step"],
            "two.xyz: unknown format '.xyz', ",
        ),
        (
            ["extract", "two.safetensors", "--activation", "step", "--one-hot", "3"],
            "--one-hot: expected groups of 2 columns, one for each input, got 3",
        ),
        (
            ["extract", "two.safetensors", "--activation", "step", "--rows", "text.safetensors"],
            "text.safetensors:2: expected 2 digits 0 or 1, one per input, got 'text'",
        ),
        (
            ["extract", "two.safetensors", "--activation", "step", "--read", "argmax"],
            "from_network: arg max of bits is always a tie. Use --read bits.",
        ),
        (
            ["extract", "two.safetensors", "--activation", "step", "--threshold", "1"],
            "from_network: expected a finite threshold, for outputs of the identity read as bits, got 1.0.",
        ),
        (
            ["extract", "nan.safetensors", "--activation", "step"],
            "from_network: expected finite parameters, got NaN",
        ),
        (
            ["extract", "relu.safetensors", "--activation", "relu"],
            "from_network: expected no rectifier at an output, whose sign says nothing. Use the identity.",
        ),
    ],
)
def test_what_cannot_be_done_exits_with_2_and_one_line(arguments, message, capsys, tmp_path):
    (tmp_path / "text.safetensors").write_text("01\ntext\n")
    layers("two.safetensors", ([[1, 1]], [-1.5]))
    layers("relu.safetensors", ([[1, 1]], [-1.5]))
    layers("nan.safetensors", ([[np.nan]], [0]))
    assert main(arguments) == 2
    captured = capsys.readouterr()
    assert captured.err.startswith(f"circuits: {message}")
    assert captured.err.count("\n") == 1
    assert captured.out == ""


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["network", "a", "a.bench"], "argument OUT: expected a file that ends in .safetensors, got 'a.bench'"),
        (["network", "a", "no/a.safetensors"], "argument OUT: there is no folder no"),
        (["network", "a", "--certificate", "a"], "argument --certificate: expected a file that ends in .json, got 'a'"),
        (["network", "a", "--error", "x"], "argument --error: expected a number, got 'x'"),
        (["extract", "a", "--one-hot", "3,0"], "argument --one-hot: expected sizes of groups such as 3,3,2, got '3,0'"),
        (
            ["extract", "a", "--activation", "gelu"],
            "argument --activation: expected names among step, sigmoid, tanh, relu, identity, got 'gelu'",
        ),
        (["extract", "a", "--one-hot", "3", "--rows", "x"], "argument --rows: not allowed with argument --one-hot"),
        (["extract", "a", "--registers", "cut"], "unrecognized arguments: --registers cut"),
    ],
)
def test_bad_options_exit_with_2_before_anything_runs(arguments, message, capsys):
    with pytest.raises(SystemExit) as raised:
        main(arguments)
    assert raised.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].endswith(message)

import re
import shutil
import subprocess

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from circuits import Equivalent, equivalent, evaluate, parse, read, unroll, write
from circuits.netlist import Circuit

TOGGLE = parse("q_next = q ^ enable; out = q", inputs=["enable", "q"])
GATES = {
    "AND": all,
    "NAND": lambda bits: not all(bits),
    "OR": any,
    "NOR": lambda bits: not any(bits),
    "NOT": lambda bits: not bits[0],
    "XOR": lambda bits: sum(bits) % 2 == 1,
}


class Machine:
    """A .bench file, simulated net by net and cycle by cycle, by nothing but its text."""

    def __init__(self, text):
        lines = [line.split("#")[0].strip() for line in text.splitlines()]
        self.inputs = [m[1] for line in lines if (m := re.fullmatch(r"INPUT\((\S+)\)", line))]
        self.outputs = [m[1] for line in lines if (m := re.fullmatch(r"OUTPUT\((\S+)\)", line))]
        gates = [re.fullmatch(r"(\S+) = (\w+)\((.*)\)", line) for line in lines if "=" in line]
        gates = [(m[1], m[2], [net.strip() for net in m[3].split(",")]) for m in gates]
        self.registers = {net: nets[0] for net, kind, nets in gates if kind == "DFF"}
        self.gates, known = [], {*self.inputs, *self.registers}
        waiting = [gate for gate in gates if gate[1] != "DFF"]
        while waiting:
            ready = [gate for gate in waiting if known.issuperset(gate[2])]
            known |= {net for net, *_ in ready}
            self.gates += ready
            waiting = [gate for gate in waiting if gate not in ready]

    def run(self, state, inputs):
        """The outputs of each cycle, and the state after the last."""
        shown = []
        for row in inputs:
            values = dict(zip(self.inputs, row, strict=True)) | state
            for net, kind, nets in self.gates:
                values[net] = GATES[kind]([values[name] for name in nets])
            shown.append([values[net] for net in self.outputs])
            state = {net: values[following] for net, following in self.registers.items()}
        return shown, state


def test_a_counter_by_hand():
    circuit = unroll(TOGGLE, 3, initial=0, final=True)
    assert circuit.input_names == ("enable@0", "enable@1", "enable@2")
    assert circuit.output_names == ("out@0", "out@1", "out@2", "q@3")
    assert circuit.n_gates == 3
    assert np.asarray(evaluate(circuit, np.array([1, 0, 1], bool))).astype(int).tolist() == [0, 1, 1, 0]


def test_one_cycle_with_a_free_state_is_the_circuit_that_was_cut():
    circuit = unroll(TOGGLE, 1, final=True)
    assert circuit.input_names == ("enable@0", "q@0")
    assert circuit.output_names == ("out@0", "q@1")
    rows = np.array([[a, b] for a in (0, 1) for b in (0, 1)], bool)
    assert np.asarray(evaluate(circuit, rows)).tolist() == [[b, a != b] for a in (0, 1) for b in (0, 1)]


def test_initial_values_of_some():
    pair = parse("p_next = q; q_next = p; y = p; z = q", inputs=["p", "q"])
    circuit = unroll(pair, 2, initial={"q": 1})
    assert circuit.input_names == ("p@0",)
    assert np.asarray(evaluate(circuit, np.array([False]))).tolist() == [False, True, True, False]


def test_registers_of_other_names():
    circuit = unroll(parse("d = s ^ a; y = s"), 2, registers={"s": "d"}, initial=1)
    assert circuit.output_names == ("y@0", "y@1")
    assert np.asarray(evaluate(circuit, np.array([True, False]))).tolist() == [True, False]


@pytest.mark.parametrize("name", ["s27", "s298", "s344"])
def test_iscas89_against_a_simulation_cycle_by_cycle(iscas89, name):
    path = iscas89 / f"{name}.bench"
    machine, cycles = Machine(path.read_text()), 7
    cut = read(path, registers="cut")
    rng = np.random.default_rng(0)
    for initial in (0, 1, "free"):
        circuit = unroll(cut, cycles, initial=initial, final=True)
        assert circuit.n_gates == cycles * cut.n_gates + (initial == 1)
        for _ in range(5):
            values = dict(zip(circuit.input_names, rng.integers(0, 2, circuit.n_inputs).tolist(), strict=True))
            inputs = [[values[f"{net}@{cycle}"] for net in machine.inputs] for cycle in range(cycles)]
            state = {net: values[f"{net}@0"] if initial == "free" else initial for net in machine.registers}
            shown, last = machine.run(state, inputs)
            outputs = np.asarray(evaluate(circuit, np.array([*values.values()], bool)))
            outputs = dict(zip(circuit.output_names, outputs.tolist(), strict=True))
            expected = {
                f"{net}@{t}": bit for t, row in enumerate(shown) for net, bit in zip(machine.outputs, row, strict=True)
            }
            assert outputs == expected | {f"{net}@{cycles}": bit for net, bit in last.items()}


@pytest.mark.skipif(shutil.which("berkeley-abc") is None, reason="needs berkeley-abc")
def test_iscas89_against_the_frames_of_abc(iscas89, tmp_path):
    frames = tmp_path / "frames.bench"
    commands = f"read_bench {iscas89}/s298.bench; strash; zero; frames -F 6 -i; write_bench -l {frames}"
    subprocess.run(["berkeley-abc", "-c", commands], check=True, capture_output=True, timeout=60)
    circuit = unroll(read(iscas89 / "s298.bench", registers="cut"), 6, initial=0)
    assert isinstance(equivalent(circuit, read(frames), by="position"), Equivalent)


@given(st.integers(0, 2**32), st.integers(1, 4), st.integers(1, 4))
def test_random_machines(nodes_of, random_circuit, seed, n_registers, cycles):
    circuit = random_circuit(seed, n=n_registers + 2, m=n_registers + 1)
    rng = np.random.default_rng(seed)
    states, following = rng.permutation(circuit.n_inputs)[:n_registers], rng.integers(0, circuit.n_outputs, n_registers)
    registers = {f"i{i}": f"o{o}" for i, o in zip(states, following, strict=True)}
    initial = {f"i{i}": ("free", 0, 1)[rng.integers(3)] for i in states}
    unrolled = unroll(circuit, cycles, registers=registers, initial=initial, final=True)
    x = rng.integers(0, 2, (8, unrolled.n_inputs)).astype(bool)
    values = {name: x[:, i] for i, name in enumerate(unrolled.input_names)}
    state = {name: np.full(8, bool(v)) if v != "free" else values[f"{name}@0"] for name, v in initial.items()}
    expected = {}
    for cycle in range(cycles):
        row = [state[name] if name in state else values[f"{name}@{cycle}"] for name in circuit.input_names]
        outputs = dict(
            zip(circuit.output_names, nodes_of(circuit, np.stack(row, 1))[:, circuit.outputs].T, strict=True)
        )
        expected |= {f"{name}@{cycle}": bits for name, bits in outputs.items() if name not in registers.values()}
        state = {name: outputs[registers[name]] for name in registers}
    expected |= {f"{name}@{cycles}": bits for name, bits in state.items()}
    got = nodes_of(unrolled, x)[:, unrolled.outputs].T
    assert dict(zip(unrolled.output_names, got.tolist(), strict=True)) == {k: v.tolist() for k, v in expected.items()}


@pytest.mark.parametrize("extension", [".blif", ".bench", ".v", ".aag", ".pla"])
def test_the_names_can_be_written(tmp_path, extension):
    circuit = unroll(TOGGLE, 2)
    write(circuit, tmp_path / f"a{extension}")
    back = read(tmp_path / f"a{extension}")
    assert (back.input_names, back.output_names) == (circuit.input_names, circuit.output_names)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (
            {"circuit": parse("y = a ^ b")},
            "unroll: expected a netlist that was cut at its registers, an input q and an output q_next for each, got "
            "inputs 'a', 'b' and outputs 'y'. registers= names others.",
        ),
        ({"registers": {"x": "out"}}, "unroll: register 'x' has no input 'x'; there are 'enable', 'q'."),
        ({"registers": {"q": "d"}}, "unroll: register 'q' has no output 'd'; there are 'q_next', 'out'."),
        ({"initial": {"enable": 0}}, "unroll: initial has 'enable', expected registers, which are 'q'."),
        ({"initial": 2}, "unroll: expected an initial value of 0, 1 or 'free', got 2."),
        ({"cycles": 0}, "unroll: expected cycles to be at least 1, got 0."),
    ],
)
def test_errors(error, arguments, message):
    assert error(ValueError, unroll, **{"circuit": TOGGLE, "cycles": 2, **arguments}) == message


def test_only_circuits(error):
    assert error(TypeError, unroll, "s27.bench", 2) == "unroll: expected a Circuit, got str."


def test_a_long_run_is_built_without_recursion():
    circuit = unroll(TOGGLE, 20_000, initial=0)
    assert isinstance(circuit, Circuit)
    assert circuit.n_gates == 20_000

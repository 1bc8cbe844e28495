import io
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits import library, miter, parse
from circuits.builder import Builder
from circuits.gates import AND, NOT, XOR
from circuits.netlist import Circuit
from circuits.verification.drat import Proof
from circuits.verification.sweeping import mixed_patterns, sweep

# True for one of 2^40 inputs, which random patterns do not meet.
ALTERNATING = f"y = {' & '.join('~' * (i % 2) + f'x{i}' for i in range(40))}"


def commuted(n):
    """The miter of a b and b a, of n bits each: few gates inside are equal, so that solvers have real work."""
    product = library.multiplier(n)
    a, b = product.input_names[:n], product.input_names[n:]
    return miter(product, Circuit(b + a, product.fan_ins, product.tables, product.outputs, product.output_names))


@given(seed=st.integers(0, 10**6), n=st.integers(0, 6), gates=st.integers(0, 60))
def test_random_circuits_agree_with_a_plain_loop(seed, n, gates, random_circuit, reference, all_rows):
    circuit = random_circuit(seed, n, gates, 1)
    swept = sweep(circuit)
    ones = reference(circuit, all_rows(n))[:, 0]
    assert swept.decided
    assert (swept.model is not None) == ones.any()
    if swept.model is not None:
        assert reference(circuit, np.array([swept.model], bool).reshape(1, n))[0, 0]


@pytest.mark.parametrize("effort", [1, 1_000])
def test_a_miter_of_a_circuit_with_itself_in_other_gates(effort):
    # Where nothing inside can be proved, the outputs are, by CaDiCaL.
    swept = sweep(commuted(6), effort=effort)
    assert (swept.decided, swept.model) == (True, None)
    assert effort > 1 or swept.apart > 0


@given(
    gate=st.integers(0, 10**6),
    row=st.integers(0, 3),
    effort=st.sampled_from([1, 1_000]),
    most=st.sampled_from([0, 2**15]),
    written=st.booleans(),
)
def test_one_wrong_entry_of_one_table_agrees_with_brute_force(gate, row, effort, most, written, reference, all_rows):
    # With operands exchanged, little is equal by structure; some wrong entries are never read, so that both are equal.
    product = library.multiplier(3)
    tables = product.tables.copy()
    tables[gate % product.n_gates] ^= 1 << row
    names = product.input_names[3:] + product.input_names[:3]
    other = Circuit(names, product.fan_ins, tables, product.outputs, product.output_names)
    question = miter(product, other)
    proof = Proof(io.StringIO()) if written else None
    swept = sweep(question, patterns=128, effort=effort, most_patterns=most, proof=proof)
    ones = reference(question, all_rows(6))[:, 0]
    assert swept.decided
    assert (swept.model is not None) == ones.any()
    assert swept.model is None or reference(question, np.array([swept.model]))[0, 0]


@given(rare=st.integers(0, 2**40 - 1), place=st.integers(0, 20))
def test_an_output_that_is_wrong_for_one_of_many_inputs_is_found(rare, place):
    # No pattern meets it, a solver has to.
    adder = library.adder(20)
    model = [bool(rare >> i & 1) for i in range(adder.n_inputs)]
    netlist = Builder(adder.input_names)
    nodes = [0, *netlist.inputs]
    for table, (a, b) in zip(adder.tables.tolist(), adder.fan_ins.tolist(), strict=True):
        nodes.append(netlist.gate(table, nodes[a], nodes[b]))
    is_model = netlist.tree(AND, [node if bit else netlist.gate(NOT, node) for node, bit in enumerate(model, 1)])
    outputs = [nodes[node] for node in adder.outputs]
    outputs[place] = netlist.gate(XOR, outputs[place], is_model)
    wrong = netlist.circuit(dict(zip(adder.output_names, outputs, strict=True)))
    assert sweep(miter(adder, wrong), patterns=128).model == model


@pytest.mark.parametrize("patterns", [128, 2048])
@pytest.mark.parametrize("most", [0, 2**15])
def test_few_patterns_and_no_new_ones_make_more_queries_and_the_same_answer(patterns, most):
    adder = library.adder(40)
    assert sweep(miter(adder, adder), patterns=patterns, most_patterns=most).model is None
    swept = sweep(parse(ALTERNATING), patterns=patterns, most_patterns=most)
    assert swept.model == [i % 2 == 0 for i in range(40)]
    assert swept.calls > 0


def test_the_output_may_have_the_structure_of_a_gate_that_was_left_apart():
    wide = parse(ALTERNATING)
    gates = wide.n_gates
    again = np.where(wide.fan_ins > 40, wide.fan_ins + gates, wide.fan_ins)
    twice = Circuit(
        wide.input_names,
        np.concatenate([wide.fan_ins, again]),
        np.concatenate([wide.tables] * 2),
        wide.outputs + gates,
        ["y"],
    )
    swept = sweep(twice, effort=1, most_patterns=0)
    assert swept.apart > 0
    assert swept.hashed >= gates
    assert swept.model == [i % 2 == 0 for i in range(40)]


def test_numbers_of_what_was_done():
    adder = library.adder(8)
    swept = sweep(miter(adder, adder))
    # The second copy by its structure; the XORs and their ORs by constants.
    assert (swept.calls, swept.merged, swept.apart) == (0, 0, 0)
    assert swept.hashed == adder.n_gates + 2 * 9 - 1
    assert swept.passed == miter(adder, adder).n_gates


@pytest.mark.parametrize(("text", "model"), [("y = 1", []), ("y = 0", None)])
def test_no_inputs(text, model):
    assert sweep(parse(text)).model == model


@pytest.mark.parametrize(("node", "model"), [(0, None), (1, True), (2, True)])
def test_no_gates(node, model):
    swept = sweep(Circuit("ab", [], [], [node], ["y"]))
    assert swept.decided
    assert (swept.model is None) == (model is None)
    assert model is None or swept.model[node - 1]


def test_one_output_is_expected(error):
    assert error(ValueError, sweep, parse("y = a; z = a")) == (
        "sweep: expected one output, got 2. Take the miter of two circuits first."
    )


@pytest.mark.parametrize("name", ["effort", "patterns", "most_patterns"])
def test_limits_are_whole_numbers(name, error):
    circuit = parse("y = a & b")
    assert sweep(circuit, **{name: np.int64(2048)}) == sweep(circuit, **{name: 2048})
    for wrong in (True, 2.0):
        message = f"sweep: expected {name} to be a whole number, got {wrong!r}."
        assert error(TypeError, sweep, circuit, **{name: wrong}) == message


def test_patterns_are_words_in_four_parts(error):
    assert error(ValueError, sweep, parse("y = a"), patterns=130) == (
        "sweep: expected patterns to be a multiple of 128, got 130."
    )


def test_the_deadline():
    circuit = commuted(16)
    start = time.perf_counter()
    swept = sweep(circuit, deadline=start + 0.3)
    assert (swept.decided, swept.model) == (False, None)
    assert 0 < swept.passed < circuit.n_gates
    assert not sweep(circuit, deadline=start).decided


def test_the_same_seed_gives_the_same_sweep():
    circuit = commuted(4)
    assert sweep(circuit, seed=3) == sweep(circuit, seed=3)


def test_a_proof_ends_with_the_empty_clause():
    file = io.StringIO()
    sweep(parse("y = (a ^ b) & ~(a | b)"), proof=Proof(file))
    assert file.getvalue().endswith("\n0\n")
    file = io.StringIO()
    sweep(parse("y = a & b"), proof=Proof(file))
    assert "\n0\n" not in f"\n{file.getvalue()}"


def test_mixed_patterns_are_fair_sparse_and_dense():
    words = mixed_patterns(256, 512, seed=0)
    assert (words.shape, words.dtype) == ((256, 512), np.uint32)
    ones = np.bitwise_count(words).sum(axis=0).reshape(4, 128).mean(axis=1) / 32
    # Of 256 inputs one is 1, or 0, on average.
    np.testing.assert_allclose(ones, [1, 255, 128, 128], atol=0.5)
    assert mixed_patterns(0, 8, seed=0).shape == (0, 8)


SOLVING = """
import signal
from circuits import library, miter
from circuits.netlist import Circuit
from circuits.verification.sweeping import sweep
p = library.multiplier(16)
names = p.input_names[16:] + p.input_names[:16]
m = miter(p, Circuit(names, p.fan_ins, p.tables, p.outputs, p.output_names))
signal.signal(signal.SIGINT, signal.default_int_handler)  # also where it is ignored, as under nohup
print("solving", flush=True)
try:
    sweep(m)
except KeyboardInterrupt:
    print("stopped", flush=True)
try:
    sweep(m)
except KeyboardInterrupt:
    print("and again")
"""


@pytest.mark.slow
def test_ctrl_c_stops_a_solver_every_time():
    process = subprocess.Popen([sys.executable, "-c", SOLVING], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    for expected in ("solving", "stopped"):
        assert process.stdout.readline() == f"{expected}\n"
        time.sleep(4)  # by then CaDiCaL is at work
        process.send_signal(signal.SIGINT)
    assert process.communicate(timeout=60)[0] == "and again\n"
    assert process.returncode == 0

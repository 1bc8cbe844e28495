import itertools

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from circuits import Circuit, Equivalent, Undecided, equivalent, optimise, parse, read
from circuits.verification.answers import Matching
from circuits.verification.matching import matchings
from circuits.verification.port_names import renamed


def shuffled(circuit, seed):
    """The circuit with its ports in another order and under names that say nothing."""
    rng = np.random.default_rng(seed)
    inputs, outputs = rng.permutation(circuit.n_inputs), rng.permutation(circuit.n_outputs)
    node = np.arange(circuit.n_nodes)
    node[1 + inputs] = 1 + np.arange(circuit.n_inputs)
    names = [f"p{i}" for i in range(len(inputs))], [f"z{i}" for i in range(len(outputs))]
    return Circuit(names[0], node[circuit.fan_ins], circuit.tables, node[circuit.outputs][outputs], names[1])


def tables(circuit, nodes_of, all_rows):
    """The table of each output, one axis for each input, in order."""
    columns = nodes_of(circuit, all_rows(circuit.n_inputs))[:, circuit.outputs].T
    return [column.reshape((2,) * circuit.n_inputs, order="F") for column in columns]


def by_brute_force(a, b, nodes_of, all_rows):
    """Whether the circuits are equal under some order of the inputs of b, and of its outputs."""
    of_a, of_b = tables(a, nodes_of, all_rows), tables(b, nodes_of, all_rows)
    wanted = sorted(table.tobytes() for table in of_a)
    return any(
        sorted(np.ascontiguousarray(table.transpose(order)).tobytes() for table in of_b) == wanted
        for order in itertools.permutations(range(a.n_inputs))
    )


@given(st.integers(0, 2**32), st.integers(1, 5), st.integers(1, 3))
def test_ports_are_found_again(random_circuit, seed, n, m):
    circuit = random_circuit(seed, n=n, gates=12, m=m)
    other = shuffled(circuit, seed)
    answer = equivalent(circuit, other, by="function")
    assert isinstance(answer, Equivalent)
    assert isinstance(equivalent(circuit, renamed(other, answer.matching)), Equivalent)


@given(st.integers(0, 2**32), st.integers(1, 4))
def test_the_answer_is_that_of_all_permutations(random_circuit, nodes_of, all_rows, seed, n):
    # Few gates, so that two circuits are often equal.
    a, b = random_circuit(seed, n=n, gates=2, m=2), random_circuit(seed + 1, n=n, gates=2, m=2)
    answer = equivalent(a, b, by="function")
    assert isinstance(answer, Equivalent) == by_brute_force(a, b, nodes_of, all_rows)
    if isinstance(answer, Undecided):
        assert answer.reason == "no matching of the inputs and outputs was found"


@pytest.mark.parametrize("name", ["c17", "c432", "c880", "c1908", "c6288"])
def test_iscas85(iscas85, name):
    circuit = read(iscas85 / f"{name}.bench")
    answer = equivalent(circuit, shuffled(circuit, 1), by="function", time_limit=60)
    assert isinstance(answer, Equivalent)
    assert set(answer.matching.inputs) == set(circuit.input_names)
    assert sorted(answer.matching.outputs.values()) == sorted(f"z{i}" for i in range(circuit.n_outputs))


@pytest.mark.slow
def test_two_netlists_of_one_function(iscas85):
    """c1355 is c499 with its XOR gates written out as NAND gates."""
    a, b = read(iscas85 / "c499.bench"), read(iscas85 / "c1355.bench")
    assert isinstance(equivalent(a, shuffled(b, 2), by="function", time_limit=60), Equivalent)


def test_another_structure():
    adder = parse("s = a ^ b ^ c; carry = maj(a, b, c); t = a & ~d")
    other = optimise(shuffled(adder, 3))
    assert isinstance(equivalent(adder, other, by="function"), Equivalent)


def test_a_function_that_random_patterns_never_see():
    """Words of 24 bits are compared: even bits decide at once, so that the lower ones hardly ever matter."""
    text = ["r0 = 0"] + [f"r{i + 1} = a{i} & ~b{i} | ~(a{i} ^ b{i}) & r{i}" for i in range(24)]
    circuit = parse("; ".join(text), outputs=["r24"])
    answer = equivalent(circuit, shuffled(circuit, 4), by="function", time_limit=60)
    assert isinstance(answer, Equivalent)
    assert answer.matching.outputs == {"r24": "z0"}


def test_a_function_that_one_flip_never_changes():
    """Constant wherever fewer than two inputs differ from the others: pairs have to be flipped."""
    pairs = [(0, 3), (1, 4), (2, 5), (0, 4), (6, 7), (1, 6)]
    words = " | ".join(f"x{i} & x{j} & " + " & ".join(f"~x{k}" for k in range(8) if k not in (i, j)) for i, j in pairs)
    circuit = parse(f"y = {words}", inputs=[f"x{i}" for i in range(8)])
    answer = equivalent(circuit, shuffled(circuit, 6), by="function")
    assert isinstance(answer, Equivalent)


def test_symmetric_inputs_need_no_search():
    circuit = parse("y = xor(" + ", ".join(f"x{i}" for i in range(64)) + ")")
    assert next(matchings(circuit, shuffled(circuit, 5), [])).outputs == {"y": "z0"}


def test_without_ports():
    answer = equivalent(parse("y = 1"), parse("z = 1"), by="function")
    assert answer.matching == Matching({}, {"y": "z"})


def test_what_does_not_match():
    answer = equivalent(parse("y = a & b"), parse("z = p | q"), by="function")
    assert answer == Undecided(
        "no matching of the inputs and outputs was found", ("0 matchings that agree on random patterns, each refuted",)
    )


def test_the_time_limit():
    circuit = parse("y = a & b")
    answer = equivalent(circuit, shuffled(circuit, 0), by="function", time_limit=0)
    assert answer.reason == "time limit of 0 s"


def test_other_errors(error):
    a, b = parse("y = a & b"), parse("y = a & b & c")
    message = "equivalent: expected as many inputs in both circuits, got 2 and 3."
    assert error(ValueError, equivalent, a, b, by="function") == message
    message = "equivalent: names says which ports belong together, expected no by='function' beside it."
    assert error(ValueError, equivalent, a, a, by="function", names={}) == message
    message = "equivalent: expected two Circuits, got str. circuits.to_circuit makes one of threshold units."
    assert error(TypeError, equivalent, a, "a", by="function") == message

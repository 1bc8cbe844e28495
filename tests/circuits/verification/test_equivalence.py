import shutil
import subprocess

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits import Satisfiable, ThresholdUnit, Undecided, evaluate, from_truth_table, library, parse, read, write
from circuits.gates import AND, FALSE, NOT, TRUE, XOR
from circuits.netlist import Circuit, cone
from circuits.verification import equivalence
from circuits.verification.answers import Counterexample, Equivalent
from circuits.verification.cnf import dimacs_text
from circuits.verification.drat import Proof, ProofFiles, check
from circuits.verification.equivalence import equivalent
from circuits.verification.miters import miter
from circuits.verification.satisfiability import satisfiable
from circuits.verification.sweeping import sweep

SLOW = ["arbiter", "bar", "cavlc", "max", "priority", "router", "sin", "square", "voter"]
EPFL = ["adder", "ctrl", "dec", "i2c", "int2float", *SLOW]
# Those that take a second or less with their proof, for every run of the tests.
QUICK = ["adder", "c17", "c432", "c499", "c880", "c1355", "ctrl", "dec", "i2c", "int2float"]
RESYN2 = "balance; rewrite; refactor; balance; rewrite; rewrite -z; balance; refactor -z; rewrite -z; balance"


@pytest.fixture
def benchmark(iscas85):
    """The file of a circuit of ISCAS-85 or EPFL, by its name."""

    def path(name):
        if (bench := iscas85 / f"{name}.bench").exists():
            return bench
        return iscas85.parents[1] / "epfl" / "aig" / f"{name}.aig"

    return path


@pytest.fixture
def restructured(tmp_path, benchmark):
    """A circuit in other gates, by ABC."""
    abc = shutil.which("berkeley-abc") or shutil.which("abc")
    if abc is None:
        pytest.skip("needs ABC, as berkeley-abc or abc")

    def form(name, how):
        path = benchmark(name)
        file = tmp_path / {"resyn2": f"{name}.aig", "luts": f"{name}.blif"}[how]
        reading = f"read_bench {path}; strash" if path.suffix == ".bench" else f"read_aiger {path}"
        writing = f"{RESYN2}; write_aiger -s {file}" if how == "resyn2" else f"if -K 6; write_blif {file}"
        subprocess.run([abc, "-c", f"{reading}; {writing}"], check=True, capture_output=True, timeout=120)
        return read(file)

    return form


def flipped(circuit, gate, row):
    """The circuit with one entry of one truth table inverted."""
    tables = circuit.tables.copy()
    tables[gate] ^= 1 << row
    return Circuit(circuit.input_names, circuit.fan_ins, tables, circuit.outputs, circuit.output_names)


def checked(files):
    """Whether an independent checker, and the one here, find that a proof holds."""
    dratify = pytest.importorskip("dratify", reason="needs dratify, a checker of proofs")
    verdict = dratify.check_proof(dratify.parse_dimacs(files.cnf.read_text()), files.drat.read_text())
    assert check(*files) >= 0
    return verdict.ok


@given(seed=st.integers(0, 10**6), n=st.integers(0, 6), m=st.integers(0, 4), bit=st.integers(0, 10**6))
@pytest.mark.parametrize("prove", [True, False], ids=["by SAT", "all patterns"])
def test_one_bit_of_one_table_changed(prove, seed, n, m, bit, random_circuit, reference, all_rows, tmp_path_factory):
    a = random_circuit(seed, n, 30, m)
    b = flipped(a, bit // 4 % 30, bit % 4)
    answer = equivalent(a, b, proof=tmp_path_factory.getbasetemp() / "p" if prove else None)
    x = all_rows(n)
    differ = (reference(a, x) != reference(b, x)).any(axis=1)
    if isinstance(answer, Equivalent):
        assert not differ.any()
        return
    assert isinstance(answer, Counterexample)
    row = np.array([list(answer.inputs.values())], bool).reshape(1, n)
    assert list(answer.outputs_a.values()) == reference(a, row)[0].tolist()
    assert list(answer.outputs_b.values()) == reference(b, row)[0].tolist()
    assert answer.outputs_a != answer.outputs_b


def proved(a, b, effort, folder):
    """The files of a proof that two circuits are equal, with little effort for gates inside them."""
    question, files = cone(miter(a, b), ["differs"]), ProofFiles(folder / "p.cnf", folder / "p.drat")
    files.cnf.write_text(dimacs_text(question))
    with open(files.drat, "w") as file:
        assert sweep(question, proof=Proof(file), effort=effort).model is None
    return files


@given(seed=st.integers(0, 10**6), n=st.integers(0, 6), effort=st.sampled_from([1, 1000]))
def test_proofs_of_random_circuits_hold(seed, n, effort, random_circuit, all_rows, reference, tmp_path_factory):
    # A circuit against its sum of products.
    a = random_circuit(seed, n, 25, 2)
    b = from_truth_table(reference(a, all_rows(n)), list(a.input_names), list(a.output_names))
    assert checked(proved(a, b, effort, tmp_path_factory.getbasetemp()))


def commuted(n):
    """A multiplier, and the same with its two numbers swapped."""
    product = library.multiplier(n)
    a, b = product.input_names[:n], product.input_names[n:]
    return product, Circuit(b + a, product.fan_ins, product.tables, product.outputs, product.output_names)


def test_the_proof_of_a_solver_at_length_holds(tmp_path):
    # Nothing inside is proved, so that CaDiCaL proves the outputs.
    files = proved(*commuted(4), 1, tmp_path)
    assert checked(files)
    # And it is needed: the same without a lemma of it is none.
    lines = files.drat.read_text().splitlines(keepends=True)
    files.drat.write_text("".join(line for line in lines if len(line.split()) > 4))
    with pytest.raises(ValueError, match=r"does not follow by unit propagation|nothing is refuted"):
        check(*files)


def test_a_proof_of_another_question_does_not_hold(tmp_path):
    a, b = parse("y = a ^ b"), parse("y = (a | b) & ~(a & b)")
    files = equivalent(a, b, proof=tmp_path / "p").proof
    assert checked(files)
    satisfiable(parse("y = a | b; z = a"), "y", proof=tmp_path / "q")
    with pytest.raises(ValueError, match=r"does not follow by unit propagation|has a variable that is not in"):
        check(tmp_path / "q.cnf", files.drat)


def test_by_name_and_by_position():
    a, b = parse("s = x & ~y; t = x"), parse("t = x; s = ~(~x | y)")
    assert isinstance(equivalent(a, b), Equivalent)
    answer = equivalent(a, b, by="position")
    assert isinstance(answer, Counterexample)
    assert list(answer.outputs_b) == ["t", "s"]
    renamed = Circuit("pq", b.fan_ins, b.tables, b.outputs[::-1], "uv")
    assert isinstance(equivalent(a, renamed, by="position"), Equivalent)
    answer = equivalent(a, parse("u = p; v = q | p"), by="position")
    assert set(answer.inputs) == {"x", "y"}
    assert list(answer.outputs_b) == ["u", "v"]


def test_inputs_in_another_order_are_evaluated_by_name():
    # Twelve inputs, reversed, and a difference that shows for one row of them only.
    names = [f"x{i}" for i in range(12)]
    first = parse(f"y = {' & '.join('~' * (i % 3 == 0) + f'x{i}' for i in range(12))}")
    nothing = Circuit(names[::-1], [], [], [0], ["y"])
    answer = equivalent(first, nothing)
    assert list(answer.inputs.values()) == [i % 3 != 0 for i in range(12)]
    assert (answer.outputs_a, answer.outputs_b) == ({"y": True}, {"y": False})


@pytest.mark.parametrize("prove", [True, False], ids=["by SAT", "all patterns"])
def test_corner_cases(prove, tmp_path):
    def equivalent(a, b):
        return equivalence.equivalent(a, b, proof=tmp_path / "p" if prove else None)

    one, zero = Circuit([], [[0, 0]], [TRUE], [1], ["y"]), Circuit([], [[0, 0]], [FALSE], [1], ["y"])
    assert isinstance(equivalent(one, one), Equivalent)
    assert isinstance(equivalent(zero, Circuit([], [], [], [0], ["y"])), Equivalent)
    assert equivalent(one, zero).inputs == {}
    assert equivalent(one, zero).outputs_a == {"y": True}
    no_outputs = Circuit("ab", [[1, 2]], [AND], [], [])
    assert isinstance(equivalent(no_outputs, Circuit("ab", [], [], [], [])), Equivalent)
    wire, buffer = Circuit("a", [], [], [1], ["y"]), Circuit("a", [[1, 0], [2, 0]], [NOT, NOT], [3], ["y"])
    assert isinstance(equivalent(wire, buffer), Equivalent)
    assert equivalent(wire, Circuit("a", [[1, 0]], [NOT], [2], ["y"])).outputs_a in ({"y": False}, {"y": True})
    assert equivalent(Circuit("ab", [[1, 2]], [AND], [3], ["y"]), Circuit("ab", [[1, 2]], [XOR], [3], ["y"])).outputs_a


def test_names_that_do_not_match_are_listed(error):
    assert error(ValueError, equivalent, parse("y = a & b"), parse("z = b & c")) == (
        "equivalent: expected the same input names in both circuits, got 'a' only in the first and 'c' only in the "
        'second. Rename them, or pass by="position".'
    )
    assert error(ValueError, equivalent, parse("y = a & b"), parse("y = a"), by="position") == (
        "equivalent: expected as many inputs in both circuits, got 2 and 1."
    )


def test_what_is_no_circuit_is_refused(error):
    assert error(TypeError, equivalent, parse("y = a"), ThresholdUnit([1], 1)) == (
        "equivalent: expected two Circuits, got ThresholdUnit. circuits.to_circuit makes one of threshold units."
    )


def test_a_counterexample_that_is_none_is_a_mistake_that_is_reported(monkeypatch, error):
    monkeypatch.setattr(
        equivalence, "decide", lambda *_, **__: Satisfiable({"a": True, "b": True}, "all patterns", 0.0)
    )
    circuit = parse("y = a & b")
    assert error(RuntimeError, equivalent, circuit, circuit) == (
        "equivalent: both circuits give {'y': True} for {'a': True, 'b': True}: a mistake in circuits."
    )


def test_undecided_says_what_was_tried():
    # With the highest digits first, then the lowest, they are no number.
    half = 16
    answer = equivalent(*(cone(c, c.output_names[half:] + c.output_names[:half]) for c in commuted(16)), time_limit=0.3)
    assert isinstance(answer, Undecided)
    assert answer.reason == "time limit of 0.3 s"
    assert len(answer.what_was_tried) == 2


def test_adders_of_three_kinds():
    n = 32
    ripple = library.adder(n)
    # Carry select in blocks of 4: both carries of a block at once, and then a choice.
    text, carry = [], "0"
    for low in range(0, n, 4):
        for assumed in "01":
            c = assumed
            for i in range(low, low + 4):
                text.append(f"s{i}_{assumed} = a{i} ^ b{i} ^ {c}")
                text.append(f"c{i}_{assumed} = a{i} & b{i} | {c} & (a{i} | b{i})")
                c = f"c{i}_{assumed}"
        text += [f"t{i} = mux({carry}, s{i}_1, s{i}_0)" for i in range(low, low + 4)]
        text.append(f"k{low} = mux({carry}, c{low + 3}_1, c{low + 3}_0)")
        carry = f"k{low}"
    circuit = parse("; ".join(text))
    place = dict(zip(circuit.output_names, circuit.outputs.tolist(), strict=True))
    order = [circuit.input_names.index(f"{operand}{i}") for operand in "ab" for i in range(n)]
    back = {1 + old: 1 + new for new, old in enumerate(order)}
    fan_ins = [[back.get(node, node) for node in pair] for pair in circuit.fan_ins.tolist()]
    outputs = [place[f"t{i}"] for i in range(n)] + [place[carry]]
    select = Circuit(ripple.input_names, fan_ins, circuit.tables, outputs, ripple.output_names)
    answer = equivalent(ripple, select)
    assert isinstance(answer, Equivalent)
    assert answer.method == "algebraic rewriting"
    # With the highest digits in the middle they are no number, and it takes a sweep.
    shuffled = [*range(0, n + 1, 2), *range(n - 1, 0, -2)]
    answer = equivalent(*(cone(c, [ripple.output_names[i] for i in shuffled]) for c in (ripple, select)))
    assert isinstance(answer, Equivalent)
    assert answer.merged > n
    x = np.random.default_rng(0).integers(0, 2, (50, 2 * n)).astype(bool)
    np.testing.assert_array_equal(evaluate(ripple, x), evaluate(select, x))


@pytest.mark.parametrize("name", [name for name in QUICK if name in EPFL])
def test_twins_of_epfl(name, benchmark):
    file = benchmark(name)
    assert isinstance(equivalent(read(file), read(file.parents[1] / "blif" / f"{name}.blif")), Equivalent)


@pytest.mark.parametrize("how", ["resyn2", pytest.param("luts", marks=pytest.mark.slow)])
@pytest.mark.parametrize("name", QUICK)
def test_restructured_forms_with_proof(name, how, benchmark, restructured, tmp_path):
    answer = equivalent(read(benchmark(name)), restructured(name, how), by="position", proof=tmp_path / "p")
    assert isinstance(answer, Equivalent)
    assert checked(answer.proof)


def test_the_multiplier_c6288(benchmark, restructured):
    assert isinstance(equivalent(read(benchmark("c6288")), restructured("c6288", "resyn2"), by="position"), Equivalent)


@pytest.mark.slow
@pytest.mark.parametrize("how", ["resyn2", "luts", "twin"])
@pytest.mark.parametrize("name", [*SLOW, "c1908", "c6288"])
def test_all_are_decided(name, how, benchmark, restructured):
    file = benchmark(name)
    if how == "twin" and name not in EPFL:
        pytest.skip("there is no BLIF twin")
    other = read(file.parents[1] / "blif" / f"{name}.blif") if how == "twin" else restructured(name, how)
    assert isinstance(equivalent(read(file), other, by="position"), Equivalent)


@pytest.mark.slow
@pytest.mark.parametrize(("name", "how"), [("c6288", "luts"), ("max", "luts"), ("square", "resyn2"), ("i2c", "luts")])
def test_proofs_of_large_circuits_hold(name, how, benchmark, restructured, tmp_path):
    answer = equivalent(read(benchmark(name)), restructured(name, how), by="position", proof=tmp_path / "p")
    assert checked(answer.proof)


@pytest.mark.slow
@pytest.mark.parametrize("name", [*EPFL, "c6288"])
def test_a_flipped_bit_anywhere_is_found_or_changes_nothing(name, benchmark, tmp_path):
    abc = shutil.which("berkeley-abc") or shutil.which("abc")
    if abc is None:
        pytest.skip("needs ABC, as berkeley-abc or abc")
    circuit = read(benchmark(name))
    random = np.random.default_rng(0)
    for _ in range(4):
        other = flipped(circuit, random.integers(circuit.n_gates), random.integers(4))
        answer = equivalent(circuit, other)
        if isinstance(answer, Equivalent):
            write(circuit, tmp_path / "a.aig")
            write(other, tmp_path / "b.aig")
            command = [abc, "-c", f"cec {tmp_path}/a.aig {tmp_path}/b.aig"]
            said = subprocess.run(command, check=True, capture_output=True, text=True, timeout=300).stdout
            assert "are equivalent" in said
        else:
            assert isinstance(answer, Counterexample)


def test_by_is_one_of_three(error):
    a = parse("y = a")
    assert error(ValueError, equivalent, a, a, by="order") == (
        "equivalent: expected by to be 'name', 'position' or 'function', got 'order'."
    )

import gc
import re
import threading
import weakref

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jax.sharding import AxisType, Mesh, NamedSharding, PartitionSpec

from circuits import ThresholdUnit, evaluate, library, random_patterns, simulate, truth_table
from circuits.builder import Builder
from circuits.gates import AND, NOT, TRUE, XOR
from circuits.netlist import Circuit
from circuits.simulation.program_loops import run_on_one_cpu
from circuits.simulation.programs import ROW
from circuits.simulation.simulator import _LIVE_WORDS, _simulate_anywhere, as_bits, program_of

HALF_ADDER = Circuit(["a", "b"], [[1, 2], [1, 2]], [XOR, AND], [3, 4], ["sum", "carry"])


def patterns(seed, count, n):
    return np.random.default_rng(seed).integers(0, 2, (count, n)).astype(bool)


@pytest.mark.parametrize("table", range(16))
def test_each_of_the_sixteen_gates(table):
    circuit = Circuit(["a", "b"], [[1, 2]], [table], [3], ["y"])
    got = evaluate(circuit, [[0, 0], [1, 0], [0, 1], [1, 1]])
    assert np.asarray(got)[:, 0].astype(int).tolist() == [table >> row & 1 for row in range(4)]


@given(seed=st.integers(0, 10**6), gates=st.integers(0, 32))
def test_random_circuits_agree_with_a_plain_loop(seed, gates, random_circuit, reference):
    circuit, x = random_circuit(seed, 5, gates, 3), patterns(seed, 70, 5)
    np.testing.assert_array_equal(evaluate(circuit, x), reference(circuit, x))


@pytest.mark.parametrize(("count", "n", "m"), [(1, 4, 7), (31, 4, 7), (32, 1, 1), (33, 1, 1), (64, 4, 7), (97, 4, 7)])
def test_any_number_of_patterns(count, n, m, random_circuit, reference):
    circuit, x = random_circuit(count, n, 20, m), patterns(count, count, n)
    np.testing.assert_array_equal(evaluate(circuit, x), reference(circuit, x))


def by_words(circuit, words):
    """The outputs on packed patterns, node after node, by NumPy."""
    nodes = [np.zeros(words.shape[1], np.uint32), *words]
    for table, (a, b) in zip(circuit.tables.tolist(), circuit.fan_ins.tolist(), strict=True):
        x, y = nodes[a], nodes[b]
        terms = [~x & ~y, x & ~y, ~x & y, x & y]
        nodes.append(np.bitwise_or.reduce([np.zeros_like(nodes[0])] + [terms[r] for r in range(4) if table >> r & 1]))
    return np.stack(nodes)[circuit.outputs]


def random_words(seed, n, k):
    return np.random.default_rng(seed).integers(0, 2**32, (n, k), dtype=np.uint32)


# A row is 256 words, and a part of this circuit 2^20 / 32 words: more than one, rows that are not full, several parts.
@pytest.mark.parametrize("k", [1, ROW - 1, ROW, ROW + 1, 3 * ROW, 70_000])
def test_many_words_are_run_row_by_row_and_part_by_part(k, random_circuit):
    circuit, words = random_circuit(7, 11, 300, 9), random_words(k, 11, k)
    got = simulate(circuit, words)
    assert (got.shape, got.dtype) == ((9, k), jnp.uint32)
    np.testing.assert_array_equal(got, by_words(circuit, words))


def test_more_threads_than_one_give_the_same(random_circuit, monkeypatch):
    circuit, words = random_circuit(8, 11, 300, 9), random_words(8, 11, 100_001)
    started, run = set(), run_on_one_cpu
    monkeypatch.setattr(
        "circuits.simulation.native_runs.run_on_one_cpu",
        lambda *args: (started.add(threading.get_ident()), run(*args))[1],
    )
    expected = by_words(circuit, words)
    np.testing.assert_array_equal(simulate(circuit, words, threads=2), expected)
    assert threading.get_ident() not in started
    np.testing.assert_array_equal(simulate(circuit, words, threads=1), expected)
    assert threading.get_ident() in started


def test_threads_are_a_whole_number(error):
    words = np.zeros((2, 1), np.uint32)
    assert error(ValueError, simulate, HALF_ADDER, words, threads=0) == (
        "simulate: expected threads to be at least 1, got 0."
    )
    for threads in (True, 2.0):
        message = error(TypeError, simulate, HALF_ADDER, words, threads=threads)
        assert message == f"simulate: expected threads to be a whole number, got {threads!r}."
    assert simulate(HALF_ADDER, words, threads=np.int64(2)).shape == (2, 1)


def test_a_result_stays_when_the_next_is_computed(random_circuit):
    circuit = random_circuit(9, 6, 40, 4)
    first, second = random_words(1, 6, 3000), random_words(2, 6, 3000)
    kept = simulate(circuit, first)
    simulate(circuit, second)
    np.testing.assert_array_equal(kept, by_words(circuit, first))


def test_an_interrupted_run_leaves_nothing_wrong(random_circuit, monkeypatch):
    circuit, words = random_circuit(10, 6, 40, 4), random_words(3, 6, 1000)
    simulate(circuit, words)

    def interrupted(*args):
        run_on_one_cpu(*args)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr("circuits.simulation.native_runs.run_on_one_cpu", interrupted)
        with pytest.raises(KeyboardInterrupt):
            simulate(circuit, words)
    np.testing.assert_array_equal(simulate(circuit, words), by_words(circuit, words))


@pytest.mark.parametrize("device", range(2))
def test_words_on_a_device_stay_there(device, random_circuit):
    circuit, words = random_circuit(11, 6, 40, 4), random_words(4, 6, 600)
    device = jax.devices()[device]
    got = simulate(circuit, jax.device_put(words, device))
    assert got.devices() == {device}
    np.testing.assert_array_equal(got, by_words(circuit, words))


def mesh_of(a, b=1, kind=AxisType.Auto):
    """A mesh of so many devices, or of as many as there are."""
    b = min(b, jax.device_count())
    a = min(a, jax.device_count() // b)
    return Mesh(np.array(jax.devices()[: a * b]).reshape(a, b), ("a", "b"), axis_types=(kind, kind))


def put(words, mesh, *spec):
    return jax.device_put(words, NamedSharding(mesh, PartitionSpec(*spec)))


def assert_every_device_has(expected, got):
    assert (got.shape, got.dtype) == (expected.shape, np.uint32)
    assert {shard.device for shard in got.addressable_shards} == got.sharding.device_set
    for shard in got.addressable_shards:
        np.testing.assert_array_equal(shard.data, expected[shard.index])


# Columns narrower than a row, wider, of a length that is no power of two, and in parts that end within a shard.
@pytest.mark.parametrize("k", [8, 8 * 37, 8 * ROW, 8 * 5_003])
@pytest.mark.parametrize(
    ("devices", "spec", "expected_spec"),
    [
        ((1, 1), (None, "a"), (None, "a")),
        ((2, 1), (None, "a"), (None, "a")),
        ((4, 1), (None, "a"), (None, "a")),
        ((8, 1), (None, "a"), (None, "a")),
        ((4, 2), (None, "a"), (None, "a")),
        ((4, 2), (None, "b"), (None, "b")),
        ((4, 2), (None, ("b", "a")), (None, ("b", "a"))),
        ((4, 2), (), ()),
        ((4, 2), ("b", "a"), (None, "a")),
        ((4, 2), ("b",), (None,)),
    ],
)
def test_words_over_devices_stay_there(k, devices, spec, expected_spec, random_circuit):
    circuit, words = random_circuit(12, 12, 300, 9), random_words(k, 12, k)
    sharded = put(words, mesh_of(*devices), *spec)
    got = simulate(circuit, sharded)
    assert got.sharding == NamedSharding(sharded.sharding.mesh, PartitionSpec(*expected_spec))
    expected = np.asarray(simulate(circuit, words))
    np.testing.assert_array_equal(expected, by_words(circuit, words))
    assert_every_device_has(expected, got)


def test_words_over_devices_are_shared_by_threads(random_circuit):
    circuit, words = random_circuit(8, 11, 300, 9), random_words(8, 11, 8 * 12_501)
    got = simulate(circuit, put(words, mesh_of(8), None, "a"), threads=2)
    assert_every_device_has(by_words(circuit, words), got)


@pytest.mark.parametrize(("k", "spec"), [(ROW, ()), (8, (None, "a")), (ROW, ("b", None)), (ROW, (None, "b"))])
def test_no_columns_are_simulated_twice_and_narrow_ones_together(k, spec, random_circuit, monkeypatch):
    circuit, words, blocks = random_circuit(12, 6, 40, 4), random_words(5, 6, k), []
    monkeypatch.setattr(
        "circuits.simulation.native_runs.run_on_one_cpu",
        lambda *args: (blocks.append(args[1][0]), run_on_one_cpu(*args))[1],
    )
    assert_every_device_has(by_words(circuit, words), simulate(circuit, put(words, mesh_of(4, 2), *spec)))
    assert blocks == [ROW]


@pytest.mark.parametrize(
    ("spec", "simulated"),
    [
        ((None, "a"), 2),
        ((), 1),
        *(pytest.param(*each, marks=pytest.mark.slow) for each in (((None, ("a", "b")), 4), (("b", "a"), 2))),
    ],
)
def test_devices_that_are_no_cpus_simulate_what_they_have(spec, simulated, random_circuit, monkeypatch):
    circuit, words, at = random_circuit(12, 6, 40, 4), random_words(5, 6, 8 * 37), []
    monkeypatch.setattr("circuits.simulation.simulator.on_cpus", lambda array: False)
    monkeypatch.setattr(
        "circuits.simulation.simulator.program_of",
        lambda circuit, device: (at.append(device), program_of(circuit, device))[1],
    )
    mesh = mesh_of(2, 2)
    assert_every_device_has(by_words(circuit, words), simulate(circuit, put(words, mesh, *spec)))
    assert len(set(at)) == len(at) == min(simulated, mesh.size)
    np.testing.assert_array_equal(simulate(circuit, words), by_words(circuit, words))
    assert simulate(circuit, put(words[:, :0], mesh, *spec)).shape == (4, 0)


def test_a_copy_of_the_outputs_stays_when_another_is_given_away(random_circuit):
    circuit, words = random_circuit(12, 6, 40, 4), random_words(5, 6, 64)
    first, *others = simulate(circuit, put(words, mesh_of(8))).addressable_shards
    jax.jit(lambda y: ~y, donate_argnums=0)(first.data).block_until_ready()
    for other in others:
        np.testing.assert_array_equal(other.data, by_words(circuit, words))


@pytest.mark.parametrize("kind", [AxisType.Auto, AxisType.Explicit])
def test_simulate_and_what_stands_on_it_where_a_mesh_is_set(kind, random_circuit, reference):
    circuit, words, mesh = random_circuit(12, 6, 40, 4), random_words(5, 6, 64), mesh_of(8, kind=kind)
    expected, x = by_words(circuit, words), patterns(5, 40, 6)
    with jax.set_mesh(mesh):
        assert_every_device_has(expected, simulate(circuit, put(words, mesh, None, "a")))
        assert_every_device_has(expected, simulate(circuit, jax.device_put(words, jax.devices()[-1])))
        np.testing.assert_array_equal(simulate(circuit, words), expected)
        np.testing.assert_array_equal(evaluate(circuit, x), reference(circuit, x))
        assert truth_table(HALF_ADDER).tolist() == [[False, False], [True, False], [True, False], [False, True]]


def test_evaluate_over_devices(random_circuit, reference):
    circuit, x = random_circuit(12, 6, 40, 4), patterns(5, 40, 6)
    np.testing.assert_array_equal(evaluate(circuit, put(x, mesh_of(8), "a")), reference(circuit, x))


@pytest.mark.parametrize(("n", "m", "k"), [(0, 2, 16), (2, 0, 16), (0, 0, 16), (2, 2, 0)])
@pytest.mark.parametrize("spec", [(None, "a"), (), ("a",)])
def test_nothing_over_devices(n, m, k, spec):
    circuit = Circuit(["a", "b"][:n], [[0, 0]], [TRUE], [1 + n, 0][:m], ["one", "zero"][:m])
    got = simulate(circuit, put(np.zeros((n, k), np.uint32), mesh_of(2), *spec))
    assert_every_device_has(np.array([[0xFFFFFFFF] * k, [0] * k], np.uint32)[:m], got)


def test_simulate_under_jit_and_vmap_over_devices(random_circuit):
    circuit, words, mesh = random_circuit(13, 6, 40, 4), random_words(6, 6, 8 * 37), mesh_of(8)
    expected = by_words(circuit, words)
    got = jax.jit(lambda words: simulate(circuit, words))(put(words, mesh, None, "a"))
    assert got.sharding.spec == PartitionSpec(None, "a")
    assert_every_device_has(expected, got)
    stacked = put(np.stack([words, ~words]), mesh, None, None, "a")
    both = jax.vmap(lambda words: simulate(circuit, words))(stacked)
    assert_every_device_has(np.stack([expected, by_words(circuit, ~words)]), both)


@pytest.mark.parametrize("k", [1, 300])
def test_simulate_under_jit_and_vmap(k, random_circuit):
    circuit, words = random_circuit(13, 6, 40, 4), random_words(6, 6, k)
    expected = by_words(circuit, words)
    np.testing.assert_array_equal(jax.jit(lambda words: simulate(circuit, words))(words), expected)
    stacked = jnp.stack([words, ~words])
    np.testing.assert_array_equal(
        jax.vmap(lambda words: simulate(circuit, words))(stacked), [expected, by_words(circuit, ~words)]
    )


def test_rows_under_jit_stay_in_the_cache_whatever_the_number_of_outputs(random_circuit):
    program = program_of(random_circuit(14, 6, 3000, 2000))
    traced = str(jax.make_jaxpr(_simulate_anywhere)(program, jnp.zeros((6, 2**15), jnp.uint32)))
    live = program.rows + len(program.outputs)
    (row,) = set(re.findall(rf"u32\[{live},(\d+)\]", traced))
    assert 16 <= int(row) <= _LIVE_WORDS / live


def test_circuits_of_one_size_class_compile_once(random_circuit):
    run_on_one_cpu.clear_cache()
    # Up to 64 look-up tables and rows, 16 inputs, 16 outputs and 256 words are one class.
    for seed, (gates, n, m, k) in enumerate([(17, 5, 3, 9), (32, 8, 4, 16), (60, 6, 16, 256), (0, 1, 1, 1)]):
        simulate(random_circuit(seed, n, gates, m), np.zeros((n, k), np.uint32)).block_until_ready()
    assert run_on_one_cpu._cache_size() == 1
    simulate(random_circuit(0, 5, 33, 17), np.zeros((5, 9), np.uint32))
    assert run_on_one_cpu._cache_size() == 2


def test_a_circuit_is_lowered_once_and_its_program_goes_with_it(random_circuit, monkeypatch):
    circuit = random_circuit(1, 5, 30, 3)
    simulate(circuit, random_words(1, 5, 3))
    monkeypatch.delattr("circuits.simulation.simulator.lower")
    program = weakref.ref(program_of(circuit))
    simulate(circuit, random_words(2, 5, 400))
    del circuit
    gc.collect()
    assert program() is None


@pytest.mark.parametrize(("n", "rows"), [(8, 2**16), pytest.param(10, 2**20, marks=pytest.mark.slow)])
def test_a_multiplier_multiplies_all_numbers(n, rows, integers_of):
    assert integers_of(truth_table(library.multiplier(n))).tolist() == [
        (row % 2**n) * (row // 2**n) for row in range(rows)
    ]


# The EPFL circuit hyp has about as many levels and gates as the second.
@pytest.mark.parametrize("levels", [500, pytest.param(12_500, marks=pytest.mark.slow)])
def test_deep_circuits_of_many_gates(levels):
    # Each level is a permutation of the patterns, so that nothing becomes constant: half of the lines change.
    netlist = Builder([f"i{i}" for i in range(32)])
    lines = netlist.inputs
    for level in range(levels):
        kept, changed = lines[8:16] + lines[24:], lines[:8] + lines[16:24]
        products = [netlist.gate(level % 3 + 6, kept[i], kept[i - 1 - level % 7]) for i in range(8)]
        lines = kept[:8] + [netlist.gate(XOR, a, b) for a, b in zip(changed, products, strict=False)] + kept[8:]
        lines += changed[8:]
    circuit = netlist.circuit({f"o{i}": line for i, line in enumerate(lines)})
    assert circuit.n_gates == 16 * levels
    words = random_patterns(32, 40, key=jax.random.key(0))
    np.testing.assert_array_equal(simulate(circuit, words), by_words(circuit, np.asarray(words)))


@pytest.mark.parametrize("shape", [(), (0,), (7,), (2, 3), (2, 0)])
def test_evaluate_keeps_the_leading_axes(shape, reference):
    x = patterns(0, int(np.prod(shape)), 2).reshape(*shape, 2)
    y = evaluate(HALF_ADDER, x)
    assert (y.shape, y.dtype) == ((*shape, 2), bool)
    np.testing.assert_array_equal(np.asarray(y).reshape(-1, 2), reference(HALF_ADDER, x.reshape(-1, 2)))


@pytest.mark.parametrize(
    "x",
    [
        [[0, 1], [1, 1]],
        [[False, True], [True, True]],
        np.array([[0, 1], [1, 1]], np.uint8),
        np.array([[0, 1], [1, 1]], np.int64),
        jnp.array([[0, 1], [1, 1]]),
        jnp.array([[False, True], [True, True]]),
    ],
    ids=["lists", "booleans", "uint8", "int64", "jax integers", "jax booleans"],
)
def test_evaluate_takes_booleans_and_zeros_and_ones(x):
    y = evaluate(HALF_ADDER, x)
    assert isinstance(y, jax.Array)
    assert y.tolist() == [[True, False], [False, True]]


def test_evaluate_under_jit_and_vmap(random_circuit, reference):
    circuit, x = random_circuit(3, 5, 30, 3), jnp.asarray(patterns(3, 40, 5))
    expected = reference(circuit, x)
    np.testing.assert_array_equal(jax.jit(lambda x: evaluate(circuit, x))(x), expected)
    np.testing.assert_array_equal(jax.vmap(lambda x: evaluate(circuit, x))(x), expected)


def test_evaluate_with_64_bit_types(random_circuit, reference):
    circuit, x = random_circuit(4, 5, 30, 3), patterns(4, 40, 5)
    with jax.enable_x64(True):
        np.testing.assert_array_equal(evaluate(circuit, x), reference(circuit, x))


BOOLEAN = "evaluate: expected Boolean inputs, got {}. Compare them, for example x > 0."


@pytest.mark.parametrize(
    ("x", "dtype"),
    [
        ([0.0, 1.0], "float64"),
        (np.array([0, 1], np.float32), "float32"),
        (jnp.array([0.0, 1.0], "float32"), "float32"),
        (np.array([0, 1], complex), "complex128"),
        (np.array([True, False], object), "object"),
        (["0", "1"], "<U1"),
    ],
)
def test_inputs_that_are_no_bits_by_type_are_refused(x, dtype, error):
    assert error(TypeError, evaluate, HALF_ADDER, x) == BOOLEAN.format(dtype)


@pytest.mark.parametrize("transform", [jax.jit, jax.vmap])
@pytest.mark.parametrize("dtype", ["int32", "float32"])
def test_traced_numbers_are_refused_since_they_cannot_be_checked(transform, dtype, error):
    function = transform(lambda x: evaluate(HALF_ADDER, x))
    assert error(TypeError, function, jnp.zeros((3, 2), dtype)) == BOOLEAN.format(dtype)


@pytest.mark.parametrize("empty", [np.zeros((0, 2)), jnp.zeros((0, 2))], ids=["numpy", "jax"])
def test_an_empty_batch_is_taken_whatever_its_type(empty):
    # np.zeros((0, 2)) is what an empty list of examples becomes.
    assert evaluate(HALF_ADDER, empty).shape == (0, 2)


@pytest.mark.parametrize(("x", "wrong"), [([[0, 1], [2, 1]], 2), ([0, -1], -1), (np.array([255, 1], np.uint8), 255)])
def test_integers_that_are_no_bits_are_refused(x, wrong, error):
    message = error(ValueError, evaluate, HALF_ADDER, x)
    assert message == f"evaluate: expected bits, 0 or 1, got {wrong}. Compare the inputs, for example x > 0."


@pytest.mark.parametrize("x", [1, [0], [0, 1, 1], [[0, 1, 1]], [], [[], []]])
def test_inputs_of_the_wrong_width_are_refused(x, error):
    message = error(ValueError, evaluate, HALF_ADDER, x)
    assert message == (
        f"evaluate: expected inputs (..., 2) for Circuit(2 inputs, 2 outputs, 2 gates), got {np.shape(x)}."
    )


@pytest.mark.parametrize("wrong", ["a ^ b", None, np.zeros(2)])
def test_evaluate_names_what_it_was_given_instead_of_a_circuit(wrong, error):
    assert error(TypeError, evaluate, wrong, [0, 1]) == (
        f"evaluate: expected a Circuit, a ThresholdCircuit or a ThresholdUnit, got {type(wrong).__name__}. "
        "A jaxnet network runs as network.apply(params, x)."
    )


def test_as_bits_names_what_it_is_for(error):
    message = error(ValueError, as_bits, [0, 1], 3, "an adder")
    assert message == "evaluate: expected inputs (..., 3) for an adder, got (2,)."
    assert as_bits(np.array([1, 0, 1]), 3, "an adder").dtype == bool


@pytest.mark.parametrize("shape", [(2,), (3, 4), (1, 2, 4), ()])
def test_words_of_the_wrong_shape_are_refused(shape, error):
    message = error(ValueError, simulate, HALF_ADDER, np.zeros(shape, np.uint32))
    assert message == f"simulate: expected words (2, k) for Circuit(2 inputs, 2 outputs, 2 gates), got {shape}."


@pytest.mark.parametrize("dtype", ["int32", "bool", "float32", "uint8"])
def test_words_of_the_wrong_type_are_refused(dtype, error):
    message = error(TypeError, simulate, HALF_ADDER, np.zeros((2, 3), dtype))
    assert message == f"simulate: expected uint32 words, got {dtype}. Pack Boolean arrays with circuits.pack."


def test_no_inputs():
    circuit = Circuit([], [[0, 0], [1, 0]], [TRUE, NOT], [1, 0, 2], ["one", "zero", "also zero"])
    assert evaluate(circuit, []).tolist() == [True, False, False]
    assert evaluate(circuit, np.zeros((4, 0), bool)).tolist() == [[True, False, False]] * 4
    assert simulate(circuit, np.zeros((0, 2), np.uint32)).tolist() == [[0xFFFFFFFF] * 2, [0, 0], [0, 0]]


def test_no_inputs_under_jit_and_vmap():
    circuit = Circuit([], [[0, 0]], [TRUE], [1, 0], ["one", "zero"])
    words = jax.jit(lambda words: simulate(circuit, words))(np.zeros((0, 2), np.uint32))
    assert words.tolist() == [[0xFFFFFFFF] * 2, [0, 0]]
    rows = jax.vmap(lambda x: evaluate(circuit, x))(jnp.zeros((4, 0), bool))
    assert rows.tolist() == [[True, False]] * 4


def test_no_gates():
    circuit = Circuit(["a", "b"], [], [], [2, 0, 1, 2], list("wxyz"))
    assert evaluate(circuit, [[1, 0], [0, 1]]).astype(int).tolist() == [[0, 0, 1, 0], [1, 0, 0, 1]]


def test_no_words():
    words = simulate(HALF_ADDER, np.zeros((2, 0), np.uint32))
    assert (words.shape, words.dtype) == ((2, 0), jnp.uint32)


@pytest.mark.parametrize("n", [0, 2])
def test_no_outputs(n):
    circuit = Circuit(["a", "b"][:n], [], [], [], [])
    assert simulate(circuit, np.zeros((n, 3), np.uint32)).shape == (0, 3)
    assert evaluate(circuit, np.zeros((5, n), bool)).shape == (5, 0)


def test_evaluate_runs_units_too():
    assert evaluate(ThresholdUnit([1, 1], 2), [[0, 1], [1, 1]]).tolist() == [False, True]


def test_known_inputs_are_evaluated_while_a_caller_is_traced():
    xor = Circuit(["a", "b"], [[1, 2]], [6], [3], ["y"])

    @jax.jit
    def outer(z):
        return (
            z + evaluate(xor, np.array([[0, 1], [1, 1]])).astype(z.dtype)[:, 0] + truth_table(xor)[1].astype(np.int32)
        )

    np.testing.assert_array_equal(outer(np.zeros(2, np.int32)), [2, 1])

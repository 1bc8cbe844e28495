import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from circuits import ThresholdUnit, evaluate, pack, simulate, truth_table, unpack
from circuits.netlist import AND, NOT, TRUE, XOR, Circuit
from circuits.simulation import _run, as_bits, lower

HALF_ADDER = Circuit(["a", "b"], [[1, 2], [1, 2]], [XOR, AND], [3, 4], ["sum", "carry"])


def patterns(seed, count, n):
    return np.random.default_rng(seed).integers(0, 2, (count, n)).astype(bool)


@pytest.mark.parametrize("table", range(16))
def test_each_of_the_sixteen_gates(table):
    circuit = Circuit(["a", "b"], [[1, 2]], [table], [3], ["y"])
    got = evaluate(circuit, [[0, 0], [1, 0], [0, 1], [1, 1]])
    assert np.asarray(got)[:, 0].astype(int).tolist() == [table >> row & 1 for row in range(4)]


@pytest.mark.parametrize("table", range(16))
def test_the_polynomial_of_a_gate_is_its_algebraic_normal_form(table):
    program = lower(Circuit(["a", "b"], [[1, 2]], [table], [3], ["y"]))
    assert set(program.polynomials[0].tolist()) <= {0, 0xFFFFFFFF}
    c0, ca, cb, cab = (program.polynomials[0] & 1).tolist()
    for row in range(4):
        a, b = row & 1, row >> 1
        assert (c0 + ca * a + cb * b + cab * a * b) % 2 == table >> row & 1


@pytest.mark.parametrize(
    ("gates", "m", "padded"), [(0, 0, (1, 1)), (1, 1, (1, 1)), (5, 3, (8, 4)), (8, 4, (8, 4)), (9, 5, (16, 8))]
)
def test_a_program_is_padded_to_powers_of_two(gates, m, padded, random_circuit):
    circuit = random_circuit(0, 3, gates, m)
    program = lower(circuit)
    assert (program.fan_ins.shape, program.polynomials.shape) == ((padded[0], 2), (padded[0], 4))
    assert program.outputs.shape == (padded[1],)
    assert (program.n_inputs, program.n_gates) == (3, gates)
    assert program.fan_ins[:gates].tolist() == circuit.fan_ins.tolist()


@given(seed=st.integers(0, 10**6), gates=st.integers(0, 32))
def test_random_circuits_agree_with_a_plain_loop(seed, gates, random_circuit, reference):
    circuit, x = random_circuit(seed, 5, gates, 3), patterns(seed, 70, 5)
    np.testing.assert_array_equal(evaluate(circuit, x), reference(circuit, x))


@pytest.mark.parametrize(("count", "n", "m"), [(1, 4, 7), (31, 4, 7), (32, 1, 1), (33, 1, 1), (64, 4, 7), (97, 4, 7)])
def test_any_number_of_patterns(count, n, m, random_circuit, reference):
    circuit, x = random_circuit(count, n, 20, m), patterns(count, count, n)
    np.testing.assert_array_equal(evaluate(circuit, x), reference(circuit, x))


@pytest.mark.parametrize("k", [1, 257, 700])
def test_many_words_are_run_in_blocks(k, random_circuit):
    # 5,000 gates are padded to 8,192: 2^21 live words are at most 128 of each node, so 257 words are more than a block.
    circuit = random_circuit(7, 11, 5000, 9)
    words = np.random.default_rng(k).integers(0, 2**32, (11, k), dtype=np.uint32)
    nodes = [np.zeros(k, np.uint32), *words]
    for table, (a, b) in zip(circuit.tables.tolist(), circuit.fan_ins.tolist(), strict=True):
        x, y = nodes[a], nodes[b]
        terms = [~x & ~y, x & ~y, ~x & y, x & y]
        nodes.append(np.bitwise_or.reduce([np.zeros(k, np.uint32)] + [terms[r] for r in range(4) if table >> r & 1]))
    got = simulate(circuit, words)
    assert (got.shape, got.dtype) == ((9, k), jnp.uint32)
    np.testing.assert_array_equal(got, np.stack(nodes)[circuit.outputs])


def test_circuits_of_one_size_class_compile_once(random_circuit):
    _run.clear_cache()
    # 17..32 gates, 5..8 inputs, 3..4 outputs and 9..16 words are one class.
    for seed, (gates, n, m, k) in enumerate([(17, 5, 3, 9), (32, 8, 4, 16), (25, 6, 4, 11), (20, 7, 3, 12)]):
        simulate(random_circuit(seed, n, gates, m), np.zeros((n, k), np.uint32)).block_until_ready()
    assert _run._cache_size() == 1
    simulate(random_circuit(0, 5, 33, 3), np.zeros((5, 9), np.uint32))
    assert _run._cache_size() == 2


def test_pack_puts_pattern_32_i_plus_j_in_bit_j_of_word_i():
    x = patterns(0, 70, 3)
    words = np.asarray(pack(x))
    assert (words.shape, words.dtype) == ((3, 3), np.uint32)
    for i in range(3):
        packed = sum(int(word) << 32 * place for place, word in enumerate(words[i]))
        assert packed == sum(1 << p for p in range(70) if x[p, i])


@pytest.mark.parametrize("count", [0, 1, 32, 33, 1000])
def test_unpack_is_the_inverse_of_pack(count):
    x = patterns(count, count, 5)
    words = pack(x)
    assert words.shape == (5, -(-count // 32))
    back = unpack(words, count)
    assert (back.shape, back.dtype) == ((count, 5), bool)
    np.testing.assert_array_equal(back, x)


def test_pack_and_unpack_under_jit():
    x = jnp.asarray(patterns(1, 40, 3))
    np.testing.assert_array_equal(jax.jit(lambda x: unpack(pack(x), 40))(x), x)


@pytest.mark.parametrize("n", [0, 2])
def test_unpack_of_no_rows(n):
    assert unpack(jnp.zeros((0, 2), jnp.uint32), n).shape == (n, 0)


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

import jax.numpy as jnp
import numpy as np
import pytest

from circuits.simulation.program_loops import Columns, run, run_on_one_cpu
from circuits.simulation.programs import ROW, lower


def words_of(*shape):
    return np.random.default_rng(0).integers(0, 2**32, shape, dtype=np.uint32)


def columns(*args):
    return np.array(Columns(*args), np.uint32)


def test_both_ways_to_run_agree(random_circuit):
    circuit = random_circuit(5, 16, 200, 16)
    program = lower(circuit)
    words = jnp.asarray(words_of(16, 3 * ROW))
    expected = run(program, words, row=ROW)
    values, results = jnp.zeros((program.rows, ROW), jnp.uint32), jnp.zeros(16 * 3 * ROW, jnp.uint32)
    at = columns(3 * ROW, 0, 3 * ROW, 0, 0, 3 * ROW)
    values, native, counts = run_on_one_cpu(program, at, words.ravel(), words.ravel(), values, results)
    np.testing.assert_array_equal(native.reshape(16, -1), expected)
    assert counts.tolist() == program.counts.tolist()
    assert not values[0].any()
    # What was given is overwritten, and no block more than asked for is run.
    assert results.is_deleted()
    at, results = columns(ROW, 0, 3 * ROW, 0, 0, 3 * ROW), jnp.zeros(16 * 3 * ROW, jnp.uint32)
    _, native, _ = run_on_one_cpu(program, at, words.ravel(), words.ravel(), values, results)
    native = native.reshape(16, -1)
    np.testing.assert_array_equal(native[:, :ROW], expected[:, :ROW])
    assert not native[:, ROW:].any()


# Rows lie in the first window, in the second, and across the end of the first; columns are no multiple of a row.
@pytest.mark.parametrize(("n", "k"), [(16, 300), (17, 450), (23, 300)])
@pytest.mark.parametrize("start", [0, 37])
def test_inputs_are_read_through_two_windows_and_results_written_between_others(n, k, start, random_circuit):
    circuit, words, window = random_circuit(6, n, 60, 5), words_of(n, k), 4096
    program, flat, second = lower(circuit), jnp.asarray(words.ravel()), n * k - window
    values, results = jnp.zeros((program.rows, ROW), jnp.uint32), jnp.ones(5 * 600, jnp.uint32)
    at = columns(k - start, start, k, second, 20, 600)
    _, results, _ = run_on_one_cpu(program, at, flat[:window], flat[second:], values, results)
    expected = np.ones((5, 600), np.uint32)
    expected[:, 20 : 20 + k - start] = run(program, words[:, start:], row=1)[:5]
    np.testing.assert_array_equal(results.reshape(5, 600), expected)


def test_one_native_function_without_a_copy_of_what_it_works_on(random_circuit):
    program = lower(random_circuit(5, 16, 60, 16))
    words, values, results = (jnp.zeros(shape, jnp.uint32) for shape in (16 * 2 * ROW, (program.rows, ROW), 32 * ROW))
    at = columns(2 * ROW, 0, 2 * ROW, 0, 0, 2 * ROW)
    text = run_on_one_cpu.lower(program, at, words, words, values, results).compile().as_text()
    # The whole loop is one call, in which no array of rows and no results are copied.
    assert text.count('xla_cpu_small_call="true"') >= 1
    assert "while(" not in text[text.index("ENTRY") :]
    loops = text[: text.index("ENTRY")].splitlines()
    assert any(f"u32[1,{ROW}]" in line and " conditional(" in line for line in loops)
    shapes = f"u32[{program.rows},{ROW}]", f"u32[{32 * ROW}]"
    assert not [line for line in loops if " copy(" in line and any(shape in line for shape in shapes)]

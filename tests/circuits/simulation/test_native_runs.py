import gc

import jax
import numpy as np
import pytest

from circuits import library
from circuits.simulation.native_runs import _aligned, _Memory, _Windows
from circuits.simulation.simulator import simulate

CPU = jax.local_devices(backend="cpu")[0]


@pytest.mark.parametrize(("n", "k"), [(8, 2048), (9, 1008), (100, 256)])
def test_windows_show_all_inputs_without_a_copy(n, k):
    block = _aligned(n, k)
    windows = _Windows.on(block)
    first, second = windows.first.ctypes.data, windows.second.ctypes.data
    assert (first, second) == (block.ctypes.data, block.ctypes.data + 4 * windows.second_at)
    assert second + windows.second.nbytes == block.ctypes.data + block.nbytes


def test_inputs_that_no_two_windows_show_without_a_copy_are_copied():
    assert _Windows.on(_aligned(8, 256)) is None  # few
    assert _Windows.on(_aligned(8, 4096)[:, ::2]) is None
    assert _Windows.on(_aligned(1, 8193)[:, 1:]) is None  # badly aligned
    assert _Windows.on(_aligned(9, 1001)) is None
    assert _Windows.on(_aligned(1, 8176)) is None  # columns 4,000 to 4,255 would be in neither


def test_memory_is_used_again_when_no_array_shows_it_any_more():
    circuit, words = library.adder(16), jax.device_put(np.ones((32, 2048), np.uint32), CPU)
    _Memory._kept.clear()
    first = simulate(circuit, words, threads=1)
    row, place = np.asarray(first)[3:4], first.unsafe_buffer_pointer()
    expected = row.copy()
    del first
    gc.collect()
    second = simulate(circuit, ~words, threads=1)
    assert second.unsafe_buffer_pointer() != place
    np.testing.assert_array_equal(row, expected)
    del row
    gc.collect()
    third = simulate(circuit, words, threads=1)
    assert third.unsafe_buffer_pointer() == place
    np.testing.assert_array_equal(third[3:4], expected)

"""Programs that live as long as the function they were compiled for."""

import gc
import weakref
from typing import NamedTuple

import jax.numpy as jnp
import pytest

from jaxnet.lowering.owned_programs import compiled_for_its_function

traces = []


@compiled_for_its_function("times")
def applied(function, x, *, times):
    traces.append(times)
    for _ in range(times):
        x = function(x)
    return x


class Kept(NamedTuple):
    """A function that has no weak references."""

    factor: float

    def __call__(self, x):
        return self.factor * x


class Shift:
    def __init__(self, by):
        self.by = by

    def shifted(self, x):
        return x + self.by


@pytest.mark.parametrize("make", [lambda: lambda x: x + 1, lambda: Kept(3.0), lambda: Shift(1.0).shifted])
def test_a_function_is_compiled_once(make):
    traces.clear()
    function, x = make(), jnp.array(1.0)
    for times in (2, 2, 1, 2):
        expected = x
        for _ in range(times):
            expected = function(expected)
        assert applied(function, x, times=times) == expected
    assert traces == [2, 1]


def test_equal_functions_are_one_program():
    traces.clear()
    shift, x = Shift(1.0), jnp.array(1.0)
    for equal in ((shift.shifted, shift.shifted), (Kept(2.0), Kept(2.0))):
        assert [applied(function, x, times=1) for function in equal] == [2, 2]
    assert len(traces) == 2


def test_functions_that_differ_are_two_programs():
    x = jnp.array(1.0)
    assert [applied(Shift(by).shifted, x, times=1) for by in (1.0, 2.0)] == [2, 3]


def test_a_function_is_freed():
    shift = Shift(1.0)
    gone = weakref.ref(shift)
    applied(shift.shifted, jnp.array(1.0), times=1)
    del shift
    gc.collect()
    assert gone() is None

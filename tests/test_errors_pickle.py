"""Errors go from process to process by pickle: one of ours that did not come back would let a pool wait for ever."""

import importlib
import inspect
import pickle
import pkgutil

import pytest

import circuits
import jaxnet
from circuits import and_inverter
from circuits.formats.gate_lists import CycleError
from jaxnet import DivergedError, Run

MADE = {
    and_inverter.CycleError: lambda: and_inverter.CycleError([3, 4]),
    DivergedError: lambda: DivergedError(3, "loss", 1e9, Run(0.0, 0.0, {}, {}, 2, "diverged")),
    CycleError: lambda: CycleError([3, 4]),
    circuits.ParseError: lambda: circuits.ParseError("no gate", source="a.bench", line=3, column=1, text="x = NO(y)"),
}


def errors():
    """All of our errors that take other arguments than a message."""
    names = [m.name for p in (jaxnet, circuits) for m in pkgutil.walk_packages(p.__path__, f"{p.__name__}.")]
    modules = [importlib.import_module(name) for name in names if not name.endswith("__main__")]
    classes = {value for module in modules for value in vars(module).values() if inspect.isclass(value)}
    ours = {c for c in classes if c.__module__.split(".")[0] in ("jaxnet", "circuits")}
    return {c for c in ours if issubclass(c, BaseException) and "__init__" in vars(c)}


def test_all_of_them_are_tried_here():
    assert errors() == set(MADE)


@pytest.mark.parametrize("kind", MADE)
def test_an_error_comes_back(kind):
    error = MADE[kind]()
    error.add_note("of trial 7")
    back = pickle.loads(pickle.dumps(error))
    assert (type(back), str(back), back.args, vars(back)) == (kind, str(error), error.args, vars(error))

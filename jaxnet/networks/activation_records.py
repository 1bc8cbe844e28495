"""Non-linearities by name: those of jaxnet and JAX, those with settings, and those of your own, which a reader passes.

A file names a function and never holds it; a name is looked up in the table below and nowhere else.
"""

import functools
import inspect
from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet.networks import activations as ours
from jaxnet.networks.activations import Activation, PerUnit, SurrogateStep, name_of
from jaxnet.networks.records import Record, RecordError, shown

_OURS = ("identity", "sigmoid", "step", "straight_through_step", "clipped_straight_through_step", "tanh", "relu")
_OURS += ("elu", "gelu", "leaky_relu", "silu", "softplus")
_JAX_NN = ("celu", "glu", "hard_sigmoid", "hard_silu", "hard_tanh", "log_sigmoid", "log_softmax", "mish", "relu6")
_JAX_NN += ("selu", "sigmoid", "soft_sign", "softmax", "sparse_plus", "sparse_sigmoid", "squareplus", "standardize")
_JAX_NUMPY = ("abs", "arctan", "cos", "exp", "sign", "sin", "sinc", "square")


@functools.cache
def known_activations() -> dict[str, Activation]:
    """Return the functions that a file may name.

    >>> sorted(known_activations())[:3]
    ['clipped_straight_through_step', 'elu', 'gelu']
    """
    named = {name: getattr(ours, name) for name in _OURS}
    # Older versions of JAX have fewer.
    named |= {f"jax.nn.{name}": getattr(jax.nn, name) for name in _JAX_NN if hasattr(jax.nn, name)}
    return named | {f"jax.numpy.{name}": getattr(jnp, name) for name in _JAX_NUMPY}


def activation_to_record(
    place: str, activation: Activation, arrays: dict[str, np.ndarray], own: dict[str, Activation]
) -> Any:
    """Return a non-linearity as JSON.

    Args:
        place: where it stands, named in errors.
        activation: any.
        arrays: to which those that it needs are added.
        own: to which those of your own are added, by name.

    Raises:
        RecordError: if it has no name that stands for it.

    >>> activation_to_record("here", functools.partial(ours.leaky_relu, negative_slope=0.2), {}, {})
    {'function': 'leaky_relu', 'settings': {'negative_slope': 0.2}}
    """
    again = functools.partial(activation_to_record, place, arrays=arrays, own=own)
    if isinstance(activation, PerUnit):
        functions = [again(function) for function in activation.functions]
        return {"per_unit": functions, "kinds": keep(arrays, np.asarray(activation.kinds, np.int32))}
    if isinstance(activation, SurrogateStep):
        return {"surrogate": again(activation.surrogate), "gain": activation.gain}
    if isinstance(activation, functools.partial):
        settings = activation.keywords
        if activation.args or not all(_is_setting(value) for value in settings.values()):
            raise RecordError(
                f"{place}: expected settings of functools.partial by name, each a finite Python number or a bool, "
                f"found {shown(activation)}. Write a function with a name, def my_activation(z), instead"
            )
        return {"function": again(activation.func), "settings": settings}
    name = next((name for name, function in known_activations().items() if function is activation), None)
    if name is not None:
        return name
    name = name_of(activation)
    if not name.isidentifier():
        raise RecordError(
            f"{place}: expected an activation with a name, found {shown(activation)}. "
            f"Write a function with a name, def my_activation(z), instead"
        )
    if own.setdefault(name, activation) is not activation:
        raise RecordError(f"{place}: expected different names of different activations, found {name} twice")
    return {"own": name}


def activation_from_record(record: Record, name: str, own: Mapping[str, Activation]) -> Activation:
    """Return a non-linearity that a record names.

    Args:
        record: which names it.
        name: of the field.
        own: those of your own, by name.

    Raises:
        RecordError: if it names none that is known.

    >>> activation_from_record(Record("network", {"activation": "tanh"}, {}), "activation", {}) is ours.tanh
    True
    """
    return _from_json(record.at(name), record.take(name), record.arrays, own)


def keep(arrays: dict[str, np.ndarray], array: np.ndarray) -> str:
    """Add an array to those of a file, and return the name by which a record refers to it.

    Args:
        arrays: by name.
        array: one more.

    >>> arrays = {}
    >>> keep(arrays, np.zeros(2)), keep(arrays, np.ones(2))
    ('network.0', 'network.1')
    """
    name = f"network.{len(arrays)}"
    arrays[name] = array
    return name


def _from_json(place: str, value: Any, arrays: dict[str, np.ndarray], own: Mapping[str, Activation]) -> Activation:
    if isinstance(value, str):
        if value not in known_activations():
            raise RecordError(f"{place}: expected an activation that jaxnet knows by name, found {shown(value)}")
        return known_activations()[value]
    record = Record(place, value, arrays)
    if record.has("own"):
        made = _own(record, own)
    elif record.has("per_unit"):
        functions = [
            _from_json(f"{record.at('per_unit')}[{i}]", each, arrays, own)
            for i, each in enumerate(record.items("per_unit"))
        ]
        made = _per_unit(record, tuple(functions))
    elif record.has("surrogate"):
        made = SurrogateStep(activation_from_record(record, "surrogate", own), record.positive("gain"))
    else:
        made = _with_settings(record, activation_from_record(record, "function", own))
    record.close()
    return made


def _own(record: Record, own: Mapping[str, Activation]) -> Activation:
    name = record.text("own")
    if name not in own:
        raise RecordError(
            f"{record.place}: found an activation of your own, {shown(name)}. "
            f"Pass the function: load_network(path, activations={{{name!r}: ...}})"
        )
    return own[name]


def _per_unit(record: Record, functions: tuple[Activation, ...]) -> PerUnit:
    try:
        return PerUnit(functions, tuple(record.array("kinds", np.int32, 1).tolist()))
    except ValueError as error:
        if isinstance(error, RecordError):
            raise
        raise RecordError(f"{record.place}: {error}") from None


def _with_settings(record: Record, function: Activation) -> Activation:
    settings = record.take("settings")
    if not isinstance(settings, dict) or not all(_is_setting(value) for value in settings.values()):
        raise RecordError(f"{record.at('settings')}: expected numbers by name, found {shown(settings)}")
    try:
        inspect.signature(function).bind(0.0, **settings)
    except TypeError as error:
        raise RecordError(
            f"{record.at('settings')}: expected settings of {name_of(function)}, found others: {error}"
        ) from None
    return functools.partial(function, **settings)


def _is_setting(value: Any) -> bool:
    return type(value) in (bool, int) or (type(value) is float and np.isfinite(value).item())

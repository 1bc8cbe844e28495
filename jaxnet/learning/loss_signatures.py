"""How a loss is called: which of its parameters takes the key, a state, and whether it is training.

Parameters are found by name. A name that might be the key and is not known is refused: a loss with dropout that gets no
key would train without, and say nothing.
"""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxnet.pytrees import Batch, Key, Params
from jaxnet.validation import written

# What each name means in training; in validation the opposite.
_TRAIN: dict[str, bool] = dict.fromkeys(("train", "training", "is_train", "is_training"), True)
_TRAIN |= dict.fromkeys(("deterministic", "inference", "eval", "is_eval", "test", "is_test", "testing"), False)
_KEYS = ("key", "rng", "prng", "k")
# What a third parameter is called that belongs into the batch.
_OF_BATCH = ("y", "t", "target", "targets", "label", "labels", "mask", "w", "weight", "weights")
_PLACED = (inspect.Parameter.POSITIONAL_ONLY, inspect.Parameter.POSITIONAL_OR_KEYWORD)


class LossCall(NamedTuple):
    """A loss, and the names of its parameters beside `params` and `batch`; None where it has none of the kind.

    Attributes:
        loss: the function itself.
        key: takes the key of the step.
        needs_key: whether that has no default.
        train: takes a bool, see `_TRAIN`.
        state: takes the state that is not trained.
    """

    loss: Callable
    key: str | None
    needs_key: bool
    train: str | None
    state: str | None

    def in_training(self, params: Params, batch: Batch, key: Key, state: Any) -> Any:
        """Call the loss as a step does."""
        return self._call(params, batch, state, training=True, key=key)

    def in_validation(self, params: Params, batch: Batch, state: Any) -> Any:
        """Call the loss without learning: told so by `train`, and without a key if it can do without.

        Raises:
            TypeError: if the loss has no way to tell.
        """
        if self.train is None and (self.needs_key or self.state):
            why = f"draws with {self.key}" if self.needs_key else "has a state"
            raise TypeError(
                f"gradient_descent: the loss {why}, and cannot tell validation from training. Give it a parameter "
                "`train`, which is True in a step and False in validation; or let its key be None in validation, "
                "key=None; or pass validate=... to fit."
            )
        # A loss that wants a key in any case has one, though it should not draw.
        return self._call(params, batch, state, training=False, key=jax.random.key(0) if self.needs_key else None)

    def _call(self, params: Params, batch: Batch, state: Any, *, training: bool, key: Key | None) -> Any:
        named: dict[str, Any] = {}
        if self.state is not None:
            named[self.state] = state
        if self.key is not None and key is not None:
            named[self.key] = key
        if self.train is not None:
            named[self.train] = _TRAIN[self.train] == training
        return self.loss(params, batch, **named)


def loss_call(loss: Callable) -> LossCall:
    """Find out by its parameters how a loss is called.

    Args:
        loss: `loss(params, batch)`, and in any order parameters for the key (`key`, `rng`, `prng`, `k`, `..._key`,
            `..._rng`, or a third one without a default), for `train` (also `training` and such, or the opposite,
            `deterministic`, `inference`, `eval`, `test`) and for `state`. Others keep their defaults.

    Raises:
        TypeError: if the loss takes anything else, or may take a key by a name that is not known.

    >>> loss_call(lambda params, batch, rng=None, train=False: 0.0)[1:]
    ('rng', False, 'train', None)
    """
    if not callable(loss):
        raise TypeError(f"gradient_descent: expected a loss, a function, got {written(loss)}.")
    signature = inspect.signature(loss)
    parameters = {n: p for n, p in signature.parameters.items() if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)}
    first = [p.default is p.empty and p.kind in _PLACED for p in parameters.values()][:2]
    rest = dict(list(parameters.items())[2:])
    train = [name for name in rest if name in _TRAIN]
    state = "state" if "state" in rest else None
    rest = {name: p for name, p in rest.items() if name not in (*train, state)}
    bound = loss.keywords if isinstance(loss, functools.partial) else {}
    keys = _keys(rest, bound)
    unknown = [name for name, p in rest.items() if p.default is p.empty and name not in keys]
    nameless = [name for name in (*keys, *train) if parameters[name].kind is inspect.Parameter.POSITIONAL_ONLY]
    if first != [True, True] or unknown or nameless or len(keys) > 1 or len(train) > 1:
        raise TypeError(
            "gradient_descent: expected loss(params, batch) or loss(params, batch, key), "
            f"got loss{signature}. A batch may be a tuple, such as inputs and targets."
        )
    if not keys:
        _refuse_a_possible_key(rest, bound)
    key = keys[0] if keys else None
    needs_key = key is not None and parameters[key].default is inspect.Parameter.empty
    return LossCall(loss, key, needs_key, train[0] if train else None, state)


def _keys(rest: Mapping[str, inspect.Parameter], bound: Mapping[str, Any]) -> list[str]:
    """Return the parameters that take the key: those of its names, else the third one if it has no default."""
    named = [
        name
        for name, p in rest.items()
        # "label_key='y'" is no key, nor is one that a partial has fixed.
        if (name in _KEYS or name.endswith(("_key", "_rng"))) and name not in bound and _may_be_a_key(p.default)
    ]
    third = [n for n, p in rest.items() if p.default is p.empty and p.kind in _PLACED and n not in _OF_BATCH]
    return named or third


def _may_be_a_key(default: Any) -> bool:
    if default is None or default is inspect.Parameter.empty:
        return True
    return isinstance(default, jax.Array) and jnp.issubdtype(default.dtype, jax.dtypes.prng_key)


def _refuse_a_possible_key(rest: Mapping[str, inspect.Parameter], bound: Mapping[str, Any]) -> None:
    for name, p in rest.items():
        if p.default is None and name not in bound:
            raise TypeError(
                f"gradient_descent: cannot tell what {name}=None of the loss is for: without a key, dropout would be "
                f"left out in silence. If it takes the key of the step, call it `key`; if not, fix it: "
                f"functools.partial(loss, {name}=...)."
            )

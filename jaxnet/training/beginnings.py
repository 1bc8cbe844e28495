"""Where a run begins: parameters, a state of its rule, or another run; how many steps had been made before."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
from jax.sharding import Mesh, PartitionSpec

from jaxnet.devices.sharding import put_on_devices, shardings
from jaxnet.learning.rules import Rule
from jaxnet.lowering.owned_programs import compiled_for_its_function
from jaxnet.pytrees import Params, State
from jaxnet.training.run_state import Run
from jaxnet.training.step_counts import MOST_STEPS
from jaxnet.validation import check_arrays, whole_number


class Beginning(NamedTuple):
    """What a run begins with.

    Attributes:
        tree: parameters, or a state of the rule.
        is_state: whether it is a state.
        start: how many steps were made before.
    """

    tree: Params | State
    is_state: bool
    start: int


def begin(rule: Rule, params: Params | State | Run, start: int | None) -> Beginning:
    """Return what a run begins with.

    Raises:
        TypeError: if it is a state, and `start` is None; if it is of another rule, or not of arrays.
        ValueError: if `start` is out of range.

    >>> begin(Rule(lambda p: p, lambda p, batch, key: (p, {})), 0.0, None)
    Beginning(tree=0.0, is_state=False, start=0)
    """
    if isinstance(params, Run):
        params, start = params.state, params.steps if start is None else start
        is_state = hasattr(params, "params")
        if is_state and not _is_state(rule, params):
            raise TypeError(
                "fit: expected a run of this rule, got one of another rule. Pass its parameters, run.params, to begin "
                "anew from them."
            )
    else:
        check_arrays("fit", "params", params, "Pass parameters, as network.init(key) makes them.")
        is_state = _is_state(rule, params)
    if is_state and start is None:
        raise TypeError(
            "fit: expected to be told how many steps a state has made, as start=run.steps, or start=0 to have the "
            "order and the noise of the first steps again. Or pass the run itself: fit(rule, run, ...)."
        )
    start = whole_number("fit", "start", 0 if start is None else start, 0, MOST_STEPS)
    return Beginning(params, is_state, start)


def _is_state(rule: Rule, tree: Params | State) -> bool:
    """Return whether a tree is a state of the rule: parameters of the user's own may have an attribute `params` too."""
    if not hasattr(tree, "params"):
        return False
    try:
        expected = jax.eval_shape(rule.init, tree.params)
    except Exception:  # whatever init says of what are no parameters of its
        return False
    if _shapes(expected) == _shapes(tree):
        return True
    if type(expected) is type(tree):
        raise TypeError(
            f"fit: expected parameters or a state of this rule, got a {type(tree).__name__} of another rule. Pass the "
            "parameters, state.params, to begin anew from them."
        )
    return False


def _shapes(tree: Any) -> Any:
    return jax.tree.structure(tree), [jax.numpy.shape(leaf) for leaf in jax.tree.leaves(tree)]


def first_state(
    rule: Rule, beginning: Beginning, mesh: Mesh | None, specs: Mapping[str, PartitionSpec] | None
) -> State:
    """Return the state to begin with, on its devices."""
    params, is_state, _ = beginning
    if mesh is None:
        return params if is_state else _initialised(rule.init, params)
    params = jax.tree.map(put_on_devices, params, shardings("fit", params, mesh, specs))
    if is_state:
        return params
    where = shardings("fit", jax.eval_shape(rule.init, params), mesh, specs)
    return jax.jit(rule.init, out_shardings=where)(params)


@compiled_for_its_function()
def _initialised(init: Callable, params: Params) -> State:
    """Initialise in one program: leaf by leaf, an optimiser takes longer to begin than to make its first step."""
    return init(params)

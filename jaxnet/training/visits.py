"""A visit of a run between two chunks: the user's function, and the progress bar."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.sharding import Mesh

from jaxnet.devices.processes import all_gather
from jaxnet.devices.sharding import put_on_devices
from jaxnet.progress import progress_bar
from jaxnet.pytrees import State
from jaxnet.training.plans import Plan
from jaxnet.training.run_state import RunState


def visited(on_visit: Callable | None, mesh: Mesh | None, several: bool, run_state: RunState) -> tuple[RunState, bool]:
    """Return what a run has after `on_visit` has looked at it, and whether it is to stop.

    Args:
        on_visit: the user's function, or None.
        mesh: of the run.
        several: whether several processes make the run, of which any one may stop it.
        run_state: what the run has.

    Raises:
        TypeError: if the function returns something else than None, "stop" or a state.
    """
    if on_visit is None:
        return run_state, False
    answer = on_visit(run_state.as_run("running"))
    asked = isinstance(answer, str) and answer == "stop"
    if answer is not None and not asked:
        run_state = run_state._replace(state=_taken(answer, run_state.state, mesh))
    return run_state, bool(all_gather(asked).any()) if several else asked


def _taken(answer: Any, state: State, mesh: Mesh | None) -> State:
    """Return a state of the user's, which is to take the place of the run's, on the devices of that."""
    shapes = [[jnp.shape(leaf) for leaf in jax.tree.leaves(tree)] for tree in (answer, state)]
    if jax.tree.structure(answer) != jax.tree.structure(state) or shapes[0] != shapes[1]:
        raise TypeError(
            f'fit: expected on_visit to return None, "stop" or a state of the shapes of run.state, got '
            f"{type(answer).__name__}. run.state._replace(...) makes one of a NamedTuple."
        )

    def leaf(new: Any, old: Array) -> Array:
        new = new if jnp.issubdtype(old.dtype, jax.dtypes.prng_key) else jnp.asarray(new, old.dtype)
        return new if mesh is None else put_on_devices(new, old.sharding)

    return jax.tree.map(leaf, answer, state)


def bar_of_steps(plan: Plan, made: int, shown: bool | None) -> Any:
    """Return a progress bar of a run.

    Args:
        plan: of the run.
        made: how many steps have been made.
        shown: as `progress_bar` takes it.
    """
    options: Any = {"total": plan.total, "initial": made, "unit": " steps", "unit_scale": True}
    return progress_bar("fit" if shown else None, **options, leave=True, shown=shown)


def show(bar: Any, run_state: RunState) -> None:
    """Move the progress bar to the steps that were made, and show the losses."""
    if bar.disable:
        return
    bar.update(run_state.steps - bar.n)
    tables = {"loss": run_state.history, "validation": run_state.validation}
    losses = {name: table.tree()["loss"][-1] for name, table in tables.items() if "loss" in table.tree()}
    bar.set_postfix({name: f"{np.mean(loss):.4g}" for name, loss in losses.items()}, refresh=False)

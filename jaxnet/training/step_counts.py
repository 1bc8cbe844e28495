"""The numbers of a run, checked: how many examples there are, and how many steps make so many epochs."""

from typing import Any

import jax
import numpy as np

from jaxnet.pytrees import Batch
from jaxnet.validation import ShapeError, listed, whole_number

# The number of a step is 32 bits in the compiled program.
MOST_STEPS = 2**32 - 1


def example_count(where: str, data: Batch, name: str = "data") -> int:
    """Return how many examples there are.

    Args:
        where: named in the error.
        data: a pytree of arrays with examples along the first axis.
        name: what they are, named in the error.

    Raises:
        ShapeError: if the arrays differ in their first axis.
        ValueError: if there are no examples.

    >>> example_count("train", (np.ones((4, 2)), np.ones(4)))
    4
    """
    if not jax.tree.leaves(data):
        raise ValueError(f"{where}: expected at least one example, got none.")
    advice = f" For batches pass a function, lambda: {name}, to fit." if isinstance(data, list) else ""
    examples = common_length(where, "arrays with the same number of examples", name, data, advice)
    if examples == 0:
        raise ValueError(f"{where}: expected at least one example, got none.")
    return examples


def common_length(where: str, what: str, name: str, tree: Any, advice: str = "") -> int:
    """Return the length of the first axis of all arrays of a tree.

    Args:
        where: named in the error.
        what: the arrays and what they have along the first axis, named in the error.
        name: of the tree, named in the error.
        tree: of arrays, one at least.
        advice: the end of the error.

    Raises:
        ShapeError: if the lengths differ, or one is a scalar.

    >>> common_length("train", "arrays with the same number of examples", "data", [np.ones((4, 2)), np.ones(4)])
    4
    """
    sizes = {np.shape(a)[:1] for a in jax.tree.leaves(tree)}
    if len(sizes) == 1 and () not in sizes:
        return sizes.pop()[0]
    named = [(jax.tree_util.keystr(path), np.shape(a)[:1]) for path, a in jax.tree.leaves_with_path(tree)]
    if len(named) > 8:  # one of each size
        named = [(path, size) for size, path in {size: path for path, size in reversed(named)}.items()][::-1]
    found = listed(f"{name}{path}: {size[0] if size else 'a scalar'}" for path, size in named)
    raise ShapeError(f"{where}: expected {what} along the first axis, got {found}{advice and '.'}{advice}")


def step_count(where: str, steps: int | None, epochs: int | None, examples: int, batch_size: int | None) -> int:
    """Return how many steps are asked for, in steps or in epochs.

    Args:
        where: named in the error.
        steps: how many; or `epochs`.
        epochs: how many times each example is seen; the last batch may go into the epoch after.
        examples: how many there are.
        batch_size: examples per step; all of them if None.

    Raises:
        TypeError: if a number is not whole, or not exactly one of `steps` and `epochs` is given.
        ValueError: if a number is out of range.

    >>> step_count("train", None, 2, 7, 3)
    5
    """
    if (steps is None) == (epochs is None):
        raise TypeError(f"{where}: expected either steps or epochs, got {'neither' if steps is None else 'both'}.")
    if epochs is not None:
        per_step = examples if batch_size is None else batch_size
        steps = -(-whole_number(where, "epochs", epochs) * examples // per_step)
    return whole_number(where, "steps", steps, high=MOST_STEPS)


def check_multiple(where: str, name: str, number: int, record_every: int) -> None:
    """Check that a number of steps is a multiple of the steps per record.

    Args:
        where: named in the error.
        name: what the number is, named in the error.
        number: of steps.
        record_every: steps per record.

    Raises:
        ValueError: if it is not.

    >>> check_multiple("train", "steps", 12, 4)
    """
    if number % record_every:
        unit = " steps" if name == "steps" else ""
        raise ValueError(
            f"{where}: expected {name} to be a multiple of record_every, {record_every}, got {number}{unit}."
        )

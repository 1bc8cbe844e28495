"""The names of what goes in and out: pytrees of arrays, which JAX has no type for, and keys.

A type checker reads all but the last as "anything"; a reader learns what is meant.
"""

from typing import Any

from jax import Array

# Parameters: NamedTuples, tuples and dicts of floating arrays, never functions.
Params = Any
# What a learning rule carries from step to step; it has the parameters as `state.params`.
State = Any
# Examples: arrays that have them along their first axis.
Batch = Any
# What a step measures, by name.
Metrics = dict[str, Array]
# From `jax.random.key`.
Key = Array

"""Several processes as one run: how they join, how they agree, and how each notices that another is gone.

The runtime is JAX's own, `jax.distributed`: each process has some of the devices, runs the same program on them, and
calls the same functions in the same order.
"""

import contextlib
import os
import sys
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

# What a launcher tells a process: where process 0 listens, how many there are, and which one it is.
VARIABLES = ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID")

# What XLA says where a collective operation, or a heartbeat, finds nobody at the other end.
_SIGNS = ("gloo", "nccl", "connection closed", "connection reset", "socket closed", "heartbeat", "coordination service")


class ProcessLostError(RuntimeError):
    """Another process of the run has ended, or can no longer be reached."""


def join_processes(timeout: int = 30) -> None:
    """Join the processes that were started as one run; one that was started alone stays alone.

    Call it before anything else of JAX. The others are found by JAX_COORDINATOR_ADDRESS, JAX_NUM_PROCESSES and
    JAX_PROCESS_ID in the environment, as `examples/launch.py` sets them; without these by
    `jax.distributed.initialize`, which knows Slurm, Open MPI, Kubernetes and TPU pods.

    In a run of several, an error that nobody catches then ends its process right after the traceback. Otherwise JAX
    would wait for the other processes at the exit, while they wait for this one.

    Args:
        timeout: seconds without a sign of life after which a process counts as gone; one that was killed is
            noticed at once.

    Raises:
        ValueError: if the three variables are not all there, or are no address and no whole numbers.
        RuntimeError: if JAX has been used before; of JAX, if the others do not come.

    >>> _ = jax.devices()
    >>> join_processes()
    Traceback (most recent call last):
    RuntimeError: join_processes: expected to be called before JAX is used, or is asked for its devices. ...
    """
    given = [os.environ.get(name) for name in VARIABLES]
    found: dict[str, Any] = {}
    if any(given):
        address, count, number = (value or "" for value in given)
        if not (address and count.isdecimal() and number.isdecimal() and int(number) < int(count)):
            shown = ", ".join(f"{name}={value}" for name, value in zip(VARIABLES, given, strict=True))
            raise ValueError(
                f"join_processes: expected an address, the number of processes n, and a number in 0..n-1, got {shown}. "
                "Set all three, as examples/launch.py does, or none to run alone."
            )
        found = {"coordinator_address": address, "num_processes": int(count), "process_id": int(number)}
    try:
        jax.distributed.initialize(**found, heartbeat_timeout_seconds=timeout, shutdown_timeout_seconds=timeout)
    except ValueError:
        if found:
            raise
        return  # JAX found no others
    except RuntimeError as error:
        if "before" not in str(error):
            raise
        raise RuntimeError(
            "join_processes: expected to be called before JAX is used, or is asked for its devices. Put it first."
        ) from error
    if jax.process_count() > 1:
        sys.excepthook = _ending(sys.excepthook)


def _ending(report: Callable) -> Callable:
    def report_and_end(*error: Any) -> None:
        report(*error)
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(1)

    return report_and_end


def from_each(value: Any) -> np.ndarray:
    """The values that the processes have, `(processes, ...)`; all of them call it together.

    Args:
        value: a number or an array, of the same shape and dtype in each process.

    Returns:
        A NumPy array, the same in each process.

    >>> from_each(7)
    array([7])
    """
    if jax.process_count() == 1:
        return np.asarray(value)[None]
    from jax.experimental.multihost_utils import process_allgather

    return np.asarray(process_allgather(np.asarray(value))).reshape(jax.process_count(), *np.shape(value))


def agree(where: str, **values: Any) -> None:
    """Check that all processes call a function with the same arguments; they would wait for one another for ever.

    Args:
        where: named in the error.
        values: numbers, text, None, or pytrees of arrays that a process has to itself.

    Raises:
        ValueError: in each process, if they differ.

    >>> agree("fit", steps=100, data=np.ones(3))
    """
    if jax.process_count() == 1:
        return
    sums = from_each(np.array([_checksum(value) for value in values.values()], np.uint32))
    for name, column in zip(values, sums.T, strict=True):
        if len(set(column.tolist())) > 1:
            other = int(np.flatnonzero(column != column[0])[0])
            raise ValueError(
                f"{where}: expected the same {name} in each process, but process {other} has others than process 0. "
                "Each process calls it with the same arguments; where each is to have examples of its own, join them "
                "with jaxnet.from_parts, or pass an iterator."
            )


def _checksum(tree: Any) -> int:
    """Of all leaves of a tree; of an array that is split over processes only what each knows of it."""
    total = 0
    for path, leaf in jax.tree.leaves_with_path(tree):
        if isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            leaf = jax.random.key_data(jax.random.clone(leaf))
        split = isinstance(leaf, jax.Array) and not leaf.is_fully_addressable
        array = np.ascontiguousarray(f"{leaf.dtype}" if split else leaf if hasattr(leaf, "dtype") else str(leaf))
        content: Any = array.reshape(-1).view(np.uint8)
        text = f"{jax.tree_util.keystr(path)} {array.dtype} {np.shape(leaf)}"
        total = zlib.crc32(content, zlib.crc32(text.encode(), total))
    return total


def is_first() -> bool:
    """Whether this is the process that writes: process 0, or the only one.

    >>> is_first()
    True
    """
    return jax.process_index() == 0


@contextlib.contextmanager
def losses_noticed(where: str, advice: str) -> Iterator[None]:
    """Say in clear words that another process is gone, where XLA says that a collective operation failed.

    Args:
        where: named in the error.
        advice: how to go on.

    Raises:
        ProcessLostError: if in the block XLA finds another process gone.

    >>> with losses_noticed("fit", "Start again."):
    ...     pass
    """
    try:
        yield
    except jax.errors.JaxRuntimeError as error:
        text = str(error)
        if jax.process_count() == 1 or not any(sign in text.lower() for sign in _SIGNS):
            raise
        reason = text.split(": ")[-1].strip()
        raise ProcessLostError(
            f"{where}: another process of this run has ended, or cannot be reached any more, so process "
            f"{jax.process_index()} of {jax.process_count()} stops as well. {advice} (XLA says: {reason})"
        ) from error

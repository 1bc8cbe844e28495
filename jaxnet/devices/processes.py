"""Several processes as one run: how they join, how they agree, and how each notices that another is gone.

The runtime is JAX's own, `jax.distributed`: each process has some of the devices, runs the same program on them, and
calls the same functions in the same order.
"""

import atexit
import contextlib
import os
import re
import sys
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh

from jaxnet.validation import whole_number

# What a launcher tells a process: where process 0 listens, the number of processes, and which one it is.
VARIABLES = ("JAX_COORDINATOR_ADDRESS", "JAX_NUM_PROCESSES", "JAX_PROCESS_ID")

# What XLA says where a collective operation, or a heartbeat, finds nobody at the other end. (XLA also repeats an error
# of a callback into Python, which may be about another connection.)
_LOSS = re.compile(
    r"(?s)[A-Z_]+: (?!CpuCallback)"
    r"(?i:.*(gloo|nccl|connection closed|connection reset|socket closed|heartbeat|coordination service))"
)

_ADVICE = (
    "Call it with the same arguments in each process; join examples that differ with jaxnet.from_parts, or pass an "
    "iterator."
)


class ProcessLostError(RuntimeError):
    """Another process of the run has ended, or can no longer be reached."""

    __module__ = "jaxnet"  # the name that users import and that tracebacks print


def join_processes(timeout: int = 30) -> None:
    """Join the processes that were started as one run; a process that was started alone stays alone.

    Call it before anything else of JAX. The others are found by JAX_COORDINATOR_ADDRESS, JAX_NUM_PROCESSES and
    JAX_PROCESS_ID in the environment. `python -m jaxnet.launch 2 script.py` sets them and starts two processes on this
    machine. Without them `jax.distributed.initialize` looks, which knows Slurm, Open MPI, Kubernetes and TPU pods. If
    the others do not come within five minutes, JAX ends the process.

    With several processes, an uncaught error ends its process right after the traceback, and the others when they next
    wait for it. SIGTERM ends a process as usual; JAX would catch it. A process that comes to the end of its script, or
    calls `sys.exit`, waits for the others, for up to five minutes, after which JAX ends them all: raise an error to
    stop the run from one process. After a `ProcessLostError` that the script has caught the exit does not wait, and its
    status is 1.

    Args:
        timeout: seconds without a sign of life, as where a host hangs, after which a process counts as gone; a process
            that was killed is noticed at once.

    Raises:
        TypeError: if the timeout is no whole number.
        ValueError: if the timeout is less than a second, or the three variables are not all there, or are no address
            and no whole numbers.
        RuntimeError: if JAX has been used before.

    >>> _ = jax.devices()
    >>> join_processes()
    Traceback (most recent call last):
    RuntimeError: join_processes: expected to be called before JAX is used, or is asked for its devices. ...
    """
    timeout = whole_number("join_processes", "timeout", timeout, 1)
    given = [os.environ.get(name) for name in VARIABLES]
    found: dict[str, Any] = {}
    if any(given):
        address, count, number = (value or "" for value in given)
        port = address.rpartition(":")[2]
        if not all(n.isdecimal() for n in (port, count, number)) or int(number) >= int(count):
            shown = ", ".join(f"{name}={value}" for name, value in zip(VARIABLES, given, strict=True))
            raise ValueError(
                "join_processes: expected an address with a port, the number of processes n, and a number in 0..n-1, "
                f"got {shown}. Set all three, as python -m jaxnet.launch does, or none to run alone."
            )
        found = {"coordinator_address": address, "num_processes": int(count), "process_id": int(number)}
    try:
        jax.config.update("jax_enable_preemption_service", False)  # it would catch SIGTERM
        jax.distributed.initialize(**found, heartbeat_timeout_seconds=timeout)
    except ValueError as error:
        if "coordinator_address should be defined" not in str(error):
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
    def report_and_end(kind: type[BaseException], error: BaseException, trace: Any) -> None:
        if _is_loss(error) or isinstance(error, ProcessLostError):
            # Said first: where process 0 is gone, JAX ends this one a moment later.
            print(f"jaxnet: {_lost()} Here is where it noticed.", file=sys.stderr, flush=True)
        try:
            report(kind, error, trace)
        finally:
            _end()

    return report_and_end


def _end() -> None:
    """End without what JAX does at exit: it would wait for the others, while they wait for this one or are gone."""
    try:
        sys.stdout.flush()
        sys.stderr.flush()
    finally:
        os._exit(1)


def _is_loss(error: BaseException) -> bool:
    # At the start of a computation, JAX raises what XLA says as a ValueError.
    return isinstance(error, jax.errors.JaxRuntimeError | ValueError) and _LOSS.match(str(error)) is not None


def _lost() -> str:
    return (
        "another process of this run has ended, or cannot be reached any more, so process "
        f"{jax.process_index()} of {jax.process_count()} stops as well."
    )


def all_gather(value: Any) -> np.ndarray:
    """Return the values of all processes, `(processes, ...)`; all of them call it together.

    Args:
        value: a number or an array, of the same shape and dtype in each process.

    Returns:
        A NumPy array, the same in each process.

    >>> all_gather(7)
    array([7])
    """
    if jax.process_count() == 1:
        return np.asarray(value)[None]
    from jax.experimental.multihost_utils import process_allgather

    return np.asarray(process_allgather(np.asarray(value))).reshape(jax.process_count(), *np.shape(value))


def check_same_arguments(where: str, *, advice: str | None = None, **values: Any) -> None:
    """Check that all processes call a function with the same arguments; else they would wait for one another for ever.

    Args:
        where: named in the error.
        advice: how to make them the same.
        values: numbers, text, None, or pytrees of arrays.

    Raises:
        ValueError: in each process, if they differ.

    >>> check_same_arguments("fit", steps=100, data=np.ones(3))
    """
    if jax.process_count() == 1:
        return
    sums = all_gather(np.array([_checksum(value) for value in values.values()], np.uint32))
    for name, column in zip(values, sums.T, strict=True):
        if len(set(column.tolist())) > 1:
            other = int(np.flatnonzero(column != column[0])[0])
            raise ValueError(
                f"{where}: expected the same {name} in each process, but process {other} differs from process 0. "
                + (advice or _ADVICE)
            )


def _checksum(tree: Any) -> int:
    """Return a checksum of all leaves of a tree; an array split over processes counts by its shape and dtype alone."""
    total = 0
    for path, leaf in jax.tree.leaves_with_path(tree):
        split = isinstance(leaf, jax.Array) and not leaf.is_fully_addressable
        if not split and isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key):
            device = jax.local_devices()[0]
            # Under a mesh of all processes, JAX would take this process's key for an array of all of them.
            with jax.set_mesh(Mesh(np.array(device), ())):
                leaf = jax.random.key_data(jax.random.clone(jax.device_put(leaf, device)))
        array = np.ascontiguousarray(f"{leaf.dtype}" if split else leaf if hasattr(leaf, "dtype") else str(leaf))
        content: Any = array.reshape(-1).view(np.uint8)
        text = f"{jax.tree_util.keystr(path)} {array.dtype} {np.shape(leaf)}"
        total = zlib.crc32(content, zlib.crc32(text.encode(), total))
    return total


def is_first() -> bool:
    """Return whether this is the process that writes: process 0, or the only one.

    >>> is_first()
    True
    """
    return jax.process_index() == 0


@contextlib.contextmanager
def lost_processes_reported(where: str, advice: str) -> Iterator[None]:
    """Raise `ProcessLostError` where XLA says that a collective operation failed since a process is gone.

    Args:
        where: named in the error.
        advice: how to go on.

    Raises:
        ProcessLostError: if in the block another process is gone.

    >>> with lost_processes_reported("fit", "Start again."):
    ...     pass
    """
    try:
        yield
    except (jax.errors.JaxRuntimeError, ValueError) as error:
        if jax.process_count() == 1 or not _is_loss(error):
            raise
        atexit.register(_end)
        reason = str(error).split(": ")[-1].strip()
        raise ProcessLostError(f"{where}: {_lost()} {advice} (XLA says: {reason})") from error

"""SIGINT (Ctrl-C): the first one ends a run after its present chunk, the second one ends the program.

A loop of runs is ended like a run: the second SIGINT may come to the run after, for as long as somebody who has seen
what the first one did, and wants more, takes to press the keys again.
"""

import contextlib
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

AGAIN_WITHIN = 10.0  # seconds after the end of an interrupted run
_last_end = -float("inf")  # of a run that was interrupted, in this process


@contextlib.contextmanager
def interruptible(where: str) -> Iterator[Callable[[], bool]]:
    """Remember the first SIGINT instead of raising it, say so on stderr, and yield whether it has come.

    SIGINT is left alone in other threads than the main one, which Python gives no signals; where it is ignored, as for
    `script &`; and where another language handles it.

    Args:
        where: named in the line on stderr.

    Raises:
        KeyboardInterrupt: at a second SIGINT, or whatever the handler of before does.

    >>> with interruptible("fit") as interrupted:
    ...     interrupted()
    False
    """
    came = threading.Event()
    before = signal.getsignal(signal.SIGINT)
    in_main = threading.current_thread() is threading.main_thread()
    if not in_main or before in (None, signal.SIG_IGN):  # None: a handler that is not of Python
        yield came.is_set
        return

    def remember(number: int, frame: Any) -> None:
        signal.signal(signal.SIGINT, before)
        if time.monotonic() - _last_end < AGAIN_WITHIN:
            signal.raise_signal(signal.SIGINT)
            return
        came.set()
        _say(f"{where}: interrupted, ends after the present chunk. Ctrl-C again ends the program at once.")

    signal.signal(signal.SIGINT, remember)
    try:
        yield came.is_set
    finally:
        signal.signal(signal.SIGINT, before)


def say_interrupted(where: str, steps: int) -> None:
    """Say on stderr that a run was ended, and listen for a second SIGINT from now on."""
    global _last_end
    _last_end = time.monotonic()
    _say(f"{where}: interrupted after step {steps:,}. Ctrl-C again within {AGAIN_WITHIN:.0f} s ends the program.")


def _say(line: str) -> None:
    # A handler may run in the middle of another print, which Python refuses; or there is no stderr.
    with contextlib.suppress(RuntimeError, AttributeError, OSError, ValueError):
        print(f"\n{line}", file=sys.stderr, flush=True)

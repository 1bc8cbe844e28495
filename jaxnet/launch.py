"""Start a script in several processes on this machine, as Slurm or a TPU pod would on several hosts.

    python -m jaxnet.launch 2 train.py --checkpoint run.safetensors
    python -m jaxnet.launch 2 -m package.module
    python -m jaxnet.launch 2 -c "import jaxnet; jaxnet.join_processes(); ..."

The script calls `jaxnet.join_processes`; the processes talk over the loopback address. When one of them fails, the
others have ten seconds to say what they noticed, and the exit status is that of the one that failed first. Ctrl-C is
passed on, so that `jaxnet.fit` stops after the present chunk, saved; a second one, or SIGTERM, ends them all at once.
Signals that are ignored at the start, as by nohup, stay ignored.
"""

import argparse
import contextlib
import os
import queue
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

GRACE = 10  # seconds for the others, after one has failed


def main() -> None:
    """Read the command line, start the processes and end with the status of the first that failed."""
    parser = argparse.ArgumentParser(
        "python -m jaxnet.launch",
        "%(prog)s [-h] processes (script | -m module | -c code) [arguments ...]",
        __doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("processes", type=int, help="how many")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="what Python runs in each, and its arguments")
    arguments = parser.parse_args()
    count, command = arguments.processes, arguments.command
    if not hasattr(os, "killpg"):
        parser.error(
            "expected Linux or macOS, whose signals it needs. Elsewhere start each process yourself, with "
            "JAX_COORDINATOR_ADDRESS, JAX_NUM_PROCESSES and JAX_PROCESS_ID in its environment"
        )
    if count < 1 or not command:
        parser.error("expected how many processes, at least 1, and a script")
    if not (command[0].startswith("-") or Path(command[0]).is_file()):
        parser.error(f"expected a script, found no file {command[0]}")
    sys.exit(run(command, count))


def run(command: Sequence[str], count: int) -> int:
    """Run processes to their end, and return the exit status of the first that failed, or 0."""
    events: queue.SimpleQueue = queue.SimpleQueue()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        if signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, lambda number, _: events.put((None, number)))
    # The port stays ours: bound so, no other program is given it, and process 0 can still listen there.
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(("127.0.0.1", 0))
        processes = []
        try:
            processes.extend(start(command, count, held.getsockname()[1]))
            return wait(processes, events)
        finally:
            send(signal.SIGKILL, processes)
            for process in processes:
                process.wait()


def start(command: Sequence[str], count: int, port: int) -> Iterator[subprocess.Popen]:
    """Start processes, with the variables that `jaxnet.join_processes` reads, and yield each."""
    address = f"127.0.0.1:{port}"
    shared = {"JAX_COORDINATOR_ADDRESS": address, "JAX_COORDINATOR_BIND_ADDRESS": address, "JAX_NUM_PROCESSES": count}
    for number in range(count):
        own = {name: str(value) for name, value in {**shared, "JAX_PROCESS_ID": number}.items()}
        # A group of its own: Ctrl-C of the terminal reaches the launcher alone, and a signal to the group also reaches
        # what the process has started.
        yield subprocess.Popen(
            [sys.executable, *command], env=os.environ | own, stdin=subprocess.DEVNULL, process_group=0
        )


def send(number: int, processes: Sequence[subprocess.Popen]) -> None:
    """Send a signal to processes and to all that they have started."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)


def wait(processes: Sequence[subprocess.Popen], events: queue.SimpleQueue) -> int:
    """Return the exit status of the first that failed, or 0; or 128 and the number of the signal that ended the wait.

    Events are the number of a process with its exit status, or None with the number of a signal to the launcher.
    """
    for number, process in enumerate(processes):
        threading.Thread(target=lambda n, p: events.put((n, p.wait())), args=(number, process), daemon=True).start()
    running, status, deadline, interrupted = len(processes), 0, None, False
    while running:
        try:
            number, how = events.get(timeout=deadline and max(0, deadline - time.monotonic()))
        except queue.Empty:
            break
        if number is None:
            if how != signal.SIGINT or interrupted:
                return 128 + how
            interrupted = True
            send(how, processes)
            continue
        running -= 1
        if how and not status:
            status, deadline = how, time.monotonic() + GRACE
            how = f"by signal {-how} ({signal.strsignal(-how)})" if how < 0 else f"with exit status {how}"
            print(f"jaxnet.launch: process {number} of {len(processes)} ended {how}", file=sys.stderr, flush=True)
    return status if status >= 0 else 128 - status


if __name__ == "__main__":
    main()

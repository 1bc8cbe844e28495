"""Start a script in several processes on this machine, as Slurm or a TPU pod would on several hosts.

    python -m jaxnet.launch 2 examples/many_devices.py --checkpoint adder.safetensors
    python -m jaxnet.launch                      # without a script: examples/many_devices.py in two processes

The script calls `jaxnet.join_processes`; the processes talk over the loopback address. When one of them fails, the
others have ten seconds to say what they noticed, and the exit status is that of the one that failed first. Ctrl-C is
passed on, so that `jaxnet.fit` stops after the present chunk, saved; a second one, or SIGTERM, ends them all at once.
"""

import argparse
import contextlib
import os
import pathlib
import queue
import signal
import socket
import subprocess
import sys
import threading
import time

GRACE = 10
EXAMPLE = pathlib.Path(__file__).parent / "many_devices.py"


def start(command, count, port):
    """The processes, each told where process 0 listens, how many they are, and which one it is."""
    address = f"127.0.0.1:{port}"
    shared = {"JAX_COORDINATOR_ADDRESS": address, "JAX_COORDINATOR_BIND_ADDRESS": address, "JAX_NUM_PROCESSES": count}
    for number in range(count):
        own = {name: str(value) for name, value in {**shared, "JAX_PROCESS_ID": number}.items()}
        # A group of its own: Ctrl-C of the terminal comes to this script alone, and what a process starts ends with it.
        yield subprocess.Popen(
            [sys.executable, *command], env=os.environ | own, stdin=subprocess.DEVNULL, process_group=0
        )


def send(number, processes):
    """A signal, to the processes and to all that they have started."""
    for process in processes:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, number)


def wait(processes, events):
    """The exit status of the first that failed, or 0; or 128 and the number of the signal that ended the wait.

    Events are numbers of processes with their exit status, and None with the number of a signal to this script.
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
            print(f"launch.py: process {number} of {len(processes)} ended {how}", file=sys.stderr, flush=True)
    return status if status >= 0 else 128 - status


def main() -> None:
    """Read the command line, start the processes and end with the status of the first that failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="without a script: examples/many_devices.py --quick")
    parser.add_argument("processes", type=int, nargs="?", help="how many")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="the script and its arguments")
    arguments = parser.parse_args()
    count, command = arguments.processes, arguments.command
    if count is None:
        count, command = 2, [str(EXAMPLE), *["--quick"] * arguments.quick]
    if count < 1 or not command:
        parser.error("expected how many processes, at least 1, and a script")
    if not (command[0].startswith("-") or pathlib.Path(command[0]).is_file()):
        parser.error(f"expected a script, found no file {command[0]}")

    events = queue.SimpleQueue()
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, lambda number, _: events.put((None, number)))
    # The port stays ours: bound so, it goes to nobody who asks for a free one, and process 0 can still listen there.
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(("127.0.0.1", 0))
        processes = []
        try:
            processes.extend(start(command, count, held.getsockname()[1]))
            status = wait(processes, events)
        finally:
            send(signal.SIGKILL, processes)
            for process in processes:
                process.wait()
    sys.exit(status)


if __name__ == "__main__":
    main()

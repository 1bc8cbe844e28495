"""Start a script in several processes on this machine, as Slurm or a TPU pod would on several hosts.

`python examples/launch.py 2 examples/many_devices.py --steps 500` starts two; the script calls `jaxnet.join_processes`.
They talk over the loopback address. When one of them fails, the others have ten seconds to say what they noticed.
"""

import argparse
import os
import socket
import subprocess
import sys
import time

GRACE = 10


def free_port():
    with socket.socket() as some:
        some.bind(("127.0.0.1", 0))
        return some.getsockname()[1]


def start(command, count):
    """The processes, each told where process 0 listens, how many they are, and which one it is."""
    address = f"127.0.0.1:{free_port()}"
    variables = (
        {"JAX_COORDINATOR_ADDRESS": address, "JAX_NUM_PROCESSES": str(count), "JAX_PROCESS_ID": str(i)}
        for i in range(count)
    )
    return [subprocess.Popen([sys.executable, *command], env=os.environ | own) for own in variables]


def wait(processes):
    """The exit status of the first that failed, or 0; none is left behind, whatever happens."""
    try:
        deadline = failed = None
        while any(process.poll() is None for process in processes):
            if failed is None:
                failed = next((process for process in processes if process.returncode), None)
                deadline = failed and time.monotonic() + GRACE
            if deadline and time.monotonic() > deadline:
                break
            time.sleep(0.05)
        return next((p.returncode for p in [failed, *processes] if p and p.returncode), 0)
    finally:
        for process in processes:
            process.kill()
            process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("processes", type=int, help="how many")
    parser.add_argument("command", nargs=argparse.REMAINDER, help="the script and its arguments")
    arguments = parser.parse_args()
    if arguments.processes < 1 or not arguments.command:
        parser.error("expected how many processes, at least 1, and a script")
    status = wait(start(arguments.command, arguments.processes))
    raise SystemExit(status if status >= 0 else 128 - status)


if __name__ == "__main__":
    main()

"""How soon a process of a run ends after another one was killed, or hangs: `python benchmarks/lost_processes.py`.

Two processes train over the loopback address. One of them gets SIGKILL, or SIGSTOP. The table has the seconds until the
other one has ended, and whether its last words came from `jaxnet` or from JAX.
"""

import argparse
import os
import signal
import socket
import subprocess
import sys
import time
from typing import Any

RUN = """
import itertools
import jax, jaxnet, numpy as np
jaxnet.join_processes(timeout=10)
import jax.numpy as jnp, optax
rule = jaxnet.gradient_descent(lambda theta, x: jnp.mean((theta - x) ** 2), optax.sgd(0.1))
mesh = jax.make_mesh((jax.device_count(),), ("data",))
def batches(first):
    for number in itertools.count(first):
        if number == 200:
            print("on its way", flush=True)
        yield np.ones((4, 3), np.float32)
jaxnet.fit(rule, jnp.zeros(3), batches, key=jax.random.key(0), mesh=mesh)
"""


def seconds_to_the_end(victim, number):
    """Send one of two processes a signal; return the seconds until the other has ended, and whose words it printed."""
    with socket.socket() as some:
        some.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{some.getsockname()[1]}"
    shared = os.environ | {"JAX_COORDINATOR_ADDRESS": address, "JAX_NUM_PROCESSES": "2"}
    processes = [
        subprocess.Popen(
            [sys.executable, "-c", RUN],
            env=shared | {"JAX_PROCESS_ID": str(i)},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        for i in range(2)
    ]
    try:
        for process in processes:
            lines: Any = process.stdout
            while "on its way" not in lines.readline():
                pass
        processes[victim].send_signal(number)
        start = time.perf_counter()
        text = processes[1 - victim].communicate()[0]
        words = "jaxnet" if "another process of this run has ended" in text else "JAX"
        return time.perf_counter() - start, words
    finally:
        for process in processes:
            process.kill()
            process.wait()


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=5, help="of SIGKILL (default 5); SIGSTOP has one round")
    rounds = parser.parse_args().rounds
    for number, times in ((signal.SIGKILL, rounds), (signal.SIGSTOP, 1)):
        for victim in (1, 0):
            for _ in range(times):
                seconds, words = seconds_to_the_end(victim, number)
                print(f"{number.name} to process {victim}: {seconds:6.2f} s, in words of {words}", flush=True)


if __name__ == "__main__":
    main()

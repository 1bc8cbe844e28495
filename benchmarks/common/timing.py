"""Timing for all benchmarks: contestants run in turn, round after round, so that drift of the machine hits all."""

import importlib
import math
import time

import jax
import numpy as np


def seconds(run, clock=time.perf_counter):
    """Return how many seconds one call takes."""
    start = clock()
    jax.block_until_ready(run())
    return clock() - start


def in_turn(runs, rounds, turn=0.02, clock=time.perf_counter):
    """Return seconds per call of every contestant, `(rounds,)` each; a round calls each one for `turn` seconds."""
    calls = {}
    for name, run in runs.items():
        seconds(run)  # compiles
        calls[name] = math.ceil(turn / seconds(run, clock))
    times = {name: np.empty(rounds) for name in runs}
    for i in range(rounds):
        for name, run in runs.items():
            start = clock()
            for _ in range(calls[name]):
                jax.block_until_ready(run())
            times[name][i] = (clock() - start) / calls[name]
    return times


def ratio(times, limit):
    """Format the median ratio of two contestants over the rounds, with the smallest and the largest."""
    ratios = times / limit
    return f"{np.median(ratios):7.2f}  ({ratios.min():.2f} .. {ratios.max():.2f})"


def report(case, times, yardstick, unit=1e-6):
    """Print a line for each contestant: the median, in units of `unit` seconds, and the ratio to the yardstick."""
    for name, measured in times.items():
        print(f"{case:32} {name:22} {np.median(measured) / unit:10.3f} {ratio(measured, times[yardstick])}", flush=True)


def installed(module):
    """Import the module of a peer; if it is not installed, print a line that says so and return None."""
    try:
        return importlib.import_module(module)
    except ImportError:
        print(f"{module} is not installed: skipped.")
        return None

"""How long the page of the playground takes to answer each change, against half a second.

Times are of one process, without marimo and the browser: what the cells compute when the visitor changes something. The
first column is the first circuit of that many inputs and outputs, whose training is compiled.
"""

import gc
import itertools
import time
from collections.abc import Callable, Iterable

import numpy as np

from circuits.playground import charts, choices, pictures, row_tables, runs, soft_units
from circuits.playground.learned_circuits import read_back

CIRCUITS = ("XOR", "full adder", "c17", "parity of 6", "multiplier of 3 bits")
CHANGES = 6
LIMIT = 0.5
SEEDS = itertools.count(1)


def show_row(choice: choices.Choice, row: int) -> None:
    """Make what depends on the inputs."""
    bits = tuple(row >> i & 1 for i in range(choice.circuit.n_inputs))
    pictures.image(pictures.circuit_picture(choice.circuit, bits), "")
    units = pictures.units_picture(choice.units)
    for picture, gain in ((units, None), (pictures.as_sigmoids(units), 8.0)):
        values = soft_units.unit_values(choice.units, np.array([bits]), gain)[0]
        pictures.image(pictures.with_values(picture, values), "")
    row_tables.truth_table_html(choice.circuit, row)


def show_gain(choice: choices.Choice, place: int) -> None:
    """Make what depends on the gain."""
    curve = soft_units.gain_curve(choice.units)
    pictures.image(charts.gain_chart(curve, place), "")
    values = soft_units.unit_values(choice.units, np.zeros((1, choice.circuit.n_inputs)), curve.gains[place])[0]
    pictures.image(pictures.with_values(pictures.as_sigmoids(pictures.units_picture(choice.units)), values), "")


def show_record(run: runs.Run, record: int) -> None:
    """Make what depends on the step."""
    learned = pictures.with_values(pictures.learned_picture(run, run.best, record), runs.values_at(run, 0, record, 1))
    for svg in (learned, charts.learned_chart(run, run.best, record), charts.losses_chart(run, run.best, record)):
        pictures.image(svg, "")
    found = read_back(*runs.network_at(run, run.best, record), run.circuit)
    if found.circuit.n_gates <= pictures.MOST_GATES:
        pictures.image(pictures.circuit_picture(found.circuit), "")


def show_plan(choice: choices.Choice, plan: runs.Plan) -> None:
    """Train, and make what depends on the run."""
    show_record(runs.train(choice.circuit, plan), 100)


def show_choice(name: str) -> None:
    """Make all that depends on the circuit, which is built anew, as one that was typed is."""
    choice, plan = choices.from_gallery(name), runs.Plan(seed=next(SEEDS))
    runs.begin(choice.circuit, plan)
    show_row(choice, 1)
    show_gain(choice, 24)
    show_plan(choice, plan)


def seconds(change: Callable, values: Iterable) -> tuple[float, float]:
    """Return the median and the largest time of a change."""
    times = []
    for value in values:
        start = time.perf_counter()
        change(value)
        times.append(time.perf_counter() - start)
    return float(np.median(times)), max(times)


def main() -> None:
    changes = ("circuit", "inputs", "gain", "plan", "step")
    print(f"{'milliseconds: first; median (largest)':40}" + "".join(f"{name:>14}" for name in changes))
    gc.freeze()  # as the page does
    worst = 0.0
    for name in CIRCUITS:
        choice = choices.from_gallery(name)
        first = time.perf_counter()
        show_choice(name)
        first = time.perf_counter() - first
        run = runs.train(choice.circuit, runs.Plan())
        show_row(choice, 0)
        show_plan(choice, runs.Plan(width=3, seed=999))
        # Plans that differ in all that can be chosen, the width included.
        plans = [
            runs.Plan(3 + i, "tanh" if i % 2 else "relu", "Adam" if i % 2 else "momentum 0.9", 0.1, 15 + i, i)
            for i in range(CHANGES)
        ]
        found = [
            seconds(show_choice, [name] * CHANGES),
            seconds(lambda row, choice=choice: show_row(choice, row), range(1, min(4, 1 + CHANGES))),
            seconds(lambda place, choice=choice: show_gain(choice, place), range(CHANGES)),
            seconds(lambda plan, choice=choice: show_plan(choice, plan), plans),
            seconds(lambda record, run=run: show_record(run, record), range(20, 20 + CHANGES)),
        ]
        worst = max(worst, *(largest for _, largest in found))
        cells = "".join(f"{1000 * median:6.0f} ({1000 * largest:4.0f})" for median, largest in found)
        print(f"{name:32}{1000 * first:8.0f}{cells}", flush=True)
    print(f"largest: {1000 * worst:.0f} ms, limit {1000 * LIMIT:.0f} ms")


if __name__ == "__main__":
    main()

"""The experiments of `examples/`: what they print agrees with formulas and with a second computation."""

import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"


def run(name, *arguments):
    command = [sys.executable, "-W", "error", EXAMPLES / f"{name}.py", "--quick", *arguments]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def numbers(text):
    return [[float(number) for number in re.findall(r"\d+\.?\d*", line)] for line in text.splitlines()]


@pytest.mark.slow
def test_the_constructed_network_is_the_staircase_and_keeps_the_bound(tmp_path):
    figure = tmp_path / "approximation.png"
    table = numbers(run("universal_approximation", "--function", "cusp", "--out", str(figure)))[2:-1]
    assert [row[0] for row in table] == [2, 8, 32]
    x = np.linspace(0, 1, 4097)
    f = np.sqrt(np.abs(2 * x - 1))
    for width, bound, largest, rms, *_ in table:
        # The same with steps instead of steep sigmoids, which differ from them near the edges of the cells.
        middles = (np.minimum(np.floor(x * (width + 1)), width) + 0.5) / (width + 1)
        staircase = np.sqrt(np.abs(2 * middles - 1))
        assert rms == pytest.approx(np.sqrt(np.mean((staircase - f) ** 2)), rel=0.03)
        assert largest <= bound == pytest.approx(np.sqrt(2 * 9 / 16 / (width + 1)), abs=1e-4)
    # Even this short learning uses the units that it has.
    assert table[-1][4] < table[0][4]
    assert figure.read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
def test_a_jump_is_not_approximated_uniformly():
    table = numbers(run("universal_approximation", "--function", "jump"))[2:]
    assert all(largest == 1 for _, _, largest, *_ in table)
    assert table[-1][3] < table[0][3] / 2


@pytest.mark.slow
def test_units_of_parity_and_success_of_learning(tmp_path):
    figure = tmp_path / "parity.pdf"
    built, learned = run("parity_depth", "--out", str(figure)).split("learned:")
    for n, *units in numbers(built.strip())[2:]:
        # An OR of the 2^(n-1) odd rows; two units per XOR; n + 1; one unit per binary digit of n.
        digits = len(f"{int(n):b}")
        assert units[0::2] == [2 ** (n - 1) + 1, 2 * (n - 1), n + 1, digits]
        assert units[1::2] == [2, 2 * np.ceil(np.log2(n)), 2, digits]
    shallow, deep = (line.split() for line in learned.splitlines()[2:4])
    assert shallow[:3] == ["4-8-1", "49", "100"]
    assert deep[:2] == ["4-3-3-3-1", "43"]
    # Wilson's interval for 16 of 16 is [16 / (16 + z^2), 1].
    assert shallow[3] == f"({100 * 16 / (16 + 1.96**2):.0f}-100)"
    assert figure.read_bytes().startswith(b"%PDF")


@pytest.mark.slow
def test_success_rates_count_every_run_and_have_wilsons_intervals(tmp_path):
    figure = tmp_path / "rates.svg"
    printed = run("success_rates", "--bits", "2", "--step-sizes", "0.25", "8", "1e38", "inf", "--out", str(figure))
    header, *rows, totals = printed[printed.index("step size ") : printed.index("\n  2 units")].splitlines()
    assert header.split() == ["step", "size", "2", "units", "4", "units", "undecided", "wrong", "not", "finite"]
    runs, z, total = 50, 1.959964, np.zeros(4)
    for row in rows:
        *cells, undecided, wrong, not_finite = numbers(row.split(maxsplit=1)[1])[0]
        for rate, low, high in np.reshape(cells, (2, 3)):
            # The ends of Wilson's interval are where (rate - p)^2 = z^2 p (1 - p) / runs; they are rounded outwards.
            p, variance = rate / 100, z**2 / runs
            ends = 100 * np.roots([1 + variance, -2 * p - variance, p**2]).round(9)
            assert (low, high) == (np.floor(ends.min()), np.ceil(ends.max()))
        total += [sum(cells[::3]) / 100 * runs, undecided, wrong, not_finite]
    # Too slow, good, saturated, and NaN: a failure like the others.
    slow, good, saturated, infinite = (numbers(row.split(maxsplit=1)[1])[0] for row in rows)
    assert slow[-3:] == [100, 0, 0]
    assert slow[0] < good[0] < good[3]
    assert saturated[-3:] == [0, 100, 0]
    assert infinite == [0, 0, 8, 0, 0, 8, 0, 0, 100]
    assert numbers(totals)[0] == total.tolist()
    assert total.sum() == 4 * 2 * runs
    assert b"<svg" in figure.read_bytes()

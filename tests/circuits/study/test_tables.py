"""The table: every number of a study stands under its title."""

from circuits import parse
from circuits.study.comparison import Comparison, Constructed, Learned, Recovered, Threshold
from circuits.study.tables import HEADER, LEGEND, row
from circuits.threshold.gate_conversion import from_circuit


def study(**changes):
    learned = Learned((2, 2, 1), 256, 132, 90.0, 0.0095, 131, None, None, None)
    constructed = Constructed(0.1, 7.1875, 0.069, 0.0389, 0.0388, None, None)
    return Comparison("XOR", 2, 1, 1, 1, 4, True, Threshold(2, 2, 0, 2), constructed, learned, None)._replace(**changes)


def under(title, line):
    """The word of a line that ends where the title of its column ends."""
    titles = HEADER.splitlines()[1]
    end = titles.index(title) + len(title)
    return line[:end].split()[-1]


def test_numbers_stand_under_their_titles():
    line = row(study())
    expected = {"gates": "1", "proved": "0.0389", "wrong": "0/4", "gain": "7.19", "worst": "0.0388", "mapped": "2"}
    expected |= {"solved": "51.6%", "steps": "90", "hard": "99.2%"}
    assert {title: under(title, line) for title in expected} == expected


def test_nobody_solved_it():
    learned = study().learned._replace(n_solved=0, median_steps=None, worst_error=None, n_hardened=0)
    line = row(study(learned=learned))
    assert under("solved", line) == "0.0%"
    assert under("steps", line) == under("hard", line) == "-"


def test_the_circuit_of_the_best_network():
    found = Recovered(parse("a ^ b"), "functional", 0)
    assert row(study(recovered=found)).endswith(" 99.2%  1 gate")
    units = Recovered(from_circuit(parse("a ^ b")), "structural", 0)
    assert row(study(recovered=units)).endswith(" 99.2%  2 units")
    assert row(study(recovered=found._replace(guarantee="statistical"))).endswith("  ~1 gate")


def test_a_sample_is_called_one():
    assert row(study(n_rows=65536, exhaustive=False, n_inputs=36)).endswith("  (65,536 rows, sampled of 2^36)")
    assert "sampled" not in row(study())


def test_long_names_are_cut():
    assert row(study(name="a" * 50)).startswith("a" * 13 + "…  ")


def test_lines_fit_a_terminal():
    line = row(study())
    legend = LEGEND.format(asked=0.1).splitlines()
    assert max(map(len, [*HEADER.format(seeds=256).splitlines(), *legend, line])) <= 120
    assert "\n" not in line

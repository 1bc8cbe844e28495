"""Charts: well-formed, with the names of the circuit, a mark for each row, also of runs that diverged."""

from xml.etree import ElementTree

import circuits
from circuits.playground.charts import gain_chart, learned_chart, losses_chart
from circuits.playground.choices import from_gallery
from circuits.playground.runs import Plan, train
from circuits.playground.soft_units import gain_curve


def tags(svg):
    """The elements of a picture by name, without the namespace."""
    return [element.tag.split("}")[1] for element in ElementTree.fromstring(svg).iter()]


def test_the_cursor_stands_at_the_gain():
    curve = gain_curve(from_gallery("XOR").units)
    low, high = gain_chart(curve, 0), gain_chart(curve, 48)
    left, right = (svg[svg.rindex('d="M') + 4 :].split()[0] for svg in (low, high))
    assert (float(left), float(right)) == (46, 324)


def test_surfaces_have_an_image_and_the_four_corners():
    run = train(circuits.parse("y = a ^ b"), Plan(seeds=1))
    found = tags(learned_chart(run, 0, 100))
    assert found.count("image") == 1
    assert found.count("circle") == 4


def test_rows_have_a_square_where_the_output_should_be_one():
    run = train(from_gallery("full adder").circuit, Plan(seeds=1))
    found = tags(learned_chart(run, 0, 50))
    ones = int(run.bits.sum())
    assert found.count("circle") == run.bits.size - ones
    # One rectangle is the page, and one for each output its frame.
    assert found.count("rect") == ones + 1 + run.bits.shape[1]


def test_losses_have_two_bands_four_lines_and_a_cursor_in_both_frames():
    run = train(circuits.parse("a & b"), Plan(seeds=5))
    svg = losses_chart(run, 2, 50)
    assert svg.count("fill-opacity") == 2
    assert svg.count("M185.0 ") == 4  # two cursors, and the ticks of step 500
    assert tags(svg).count("rect") == 3

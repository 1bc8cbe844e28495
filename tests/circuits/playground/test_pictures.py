"""Pictures of circuits and networks: numbers stand in the units and at the lines, and no style leaks."""

import base64
import re
from xml.etree import ElementTree

import numpy as np
import pytest

import circuits
from circuits.playground.choices import from_gallery
from circuits.playground.pictures import (
    MOST_LABELS,
    as_sigmoids,
    circuit_picture,
    image,
    learned_picture,
    units_picture,
    with_values,
)
from circuits.playground.runs import Plan, train
from circuits.playground.soft_units import unit_values

MINUS = "\N{MINUS SIGN}"


def texts(svg):
    return [
        "".join(element.itertext()).strip() for element in ElementTree.fromstring(svg).iter() if "text" in element.tag
    ]


def test_weights_and_thresholds_stand_in_the_picture_of_units():
    shown = texts(units_picture(from_gallery("XOR").units).svg)
    assert sorted(text for text in shown if re.fullmatch(f"{MINUS}?[12]|≥ .", text)) == [
        *"1111",
        f"{MINUS}2",
        "≥ 1",
        "≥ 2",
    ]
    assert shown.count("step") == 2
    assert texts(as_sigmoids(units_picture(from_gallery("XOR").units)).svg).count("sigmoid") == 2


def test_values_are_written_where_the_units_are():
    units = from_gallery("XOR").units
    picture = units_picture(units)
    svg = with_values(picture, unit_values(units, np.array([[1, 0]]))[0])
    circles = [element for element in ElementTree.fromstring(svg) if element.tag.endswith("circle")]
    at = np.array([[float(circle.get(name)) for name in ("cx", "cy")] for circle in circles])
    np.testing.assert_allclose(at, picture.centres, atol=0.06)
    assert [circle.get("fill") for circle in circles] == ["#f7b98b", "#ffffff", "#ffffff", "#f7b98b"]
    # The circles that matplotlib drew are there too: their edges are symmetric about the centres.
    page = ElementTree.fromstring(picture.svg)
    width, height = (float(page.get(name)[:-2]) for name in ("width", "height"))
    assert ((picture.centres > 0) & (picture.centres < [width, height])).all()


def test_large_networks_have_no_numbers_at_the_lines():
    units = from_gallery("multiplier of 3 bits").units
    assert units.wiring.n_edges > MOST_LABELS
    assert not any("≥" in text for text in texts(units_picture(units).svg))


def test_learned_networks_have_the_names_of_the_circuit():
    names = {"a": "$left^$", "b": "a < b", "y": "_$_"}
    run = train(circuits.rename(circuits.parse("y = a ^ b"), names), Plan(width=2, seeds=1))
    picture = learned_picture(run, 0, 100)
    assert set(names.values()) <= set(texts(picture.svg))
    assert len(picture.centres) == 2 + 2 + 1
    assert learned_picture(run, 0, 100) is picture


def test_an_image_holds_the_picture_and_says_what_it_shows():
    svg = circuit_picture(from_gallery("c17").circuit, (1, 0, 1, 0, 1))
    element = image(svg, 'a < "b"')
    assert base64.b64decode(re.findall('base64,([^"]*)', element)[0]).decode() == svg
    assert 'alt="a &lt; &quot;b&quot;"' in element
    assert re.search(r"width: \d+px; min-width: \d+px", element)


@pytest.mark.parametrize(
    ("value", "text"),
    [(1, "1"), (0.5, ".50"), (-2.25, f"{MINUS}2.2"), (123.4, "123"), (-0.999, f"{MINUS}1.0"), (-0.04, f"{MINUS}.04")],
)
def test_numbers_are_short(value, text):
    units = from_gallery("AND").units
    assert text in texts(with_values(units_picture(units), np.array([value, 0, 0])))

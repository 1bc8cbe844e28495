"""Small files of the shapes that people reported, as the shared data has them, each with what it should give."""

import os
from pathlib import Path

import pytest

from circuits import ParseError, dumps, loads, read, truth_table

FIELD = Path(os.environ["JAXNET_DATA"]) / "field"

pytestmark = pytest.mark.skipif(not FIELD.is_dir(), reason=f"needs {FIELD}; JAXNET_DATA names another data folder")


@pytest.mark.parametrize(
    ("name", "options", "inputs"),
    [
        ("21_models.blif", {}, ("p", "q")),
        ("12_out_only.blif", {}, ("a",)),
        ("14_undriven.blif", {"undriven": "input"}, ("a", "b", "t", "z")),
        ("14_undriven.bench", {"undriven": "input"}, ("a", "t", "z")),
        ("23_latin1.blif", {}, ("a",)),
        ("27_paren.blif", {}, ("1GAT(0)", "4GAT(1)")),
        ("16_mux.bench", {}, ("a", "b", "s")),
        ("04_crlf.aag", {}, ("i0", "i1")),
        ("07_bad.aag", {"properties": "outputs"}, ("i0", "i1")),
    ],
)
def test_what_is_read(name, options, inputs):
    assert read(FIELD / name, **options).input_names == inputs


def test_an_undriven_net_is_refused_unless_the_caller_chooses():
    with pytest.raises(ParseError, match=r"net 't', an input of gate 'y', is driven by nothing.*undriven=0"):
        read(FIELD / "14_undriven.blif")


@pytest.mark.parametrize(
    ("name", "values"), [("25_exdc.blif", ([0, 0, 0, 1], [0, 0, 1, 1])), ("24_x.blif", ([0, 0, 0, 0], [0, 1, 0, 1]))]
)
def test_the_caller_chooses_the_value_of_dont_cares(name, values):
    for value in (0, 1):
        assert truth_table(read(FIELD / name, dont_cares=value)).astype(int).T.tolist() == [values[value]]


def test_a_wide_pla_is_written_again():
    assert dumps(read(FIELD / "26_wide.pla"), ".pla").splitlines()[-3:-1] == [
        "-0--------------1 1",
        "1---------------- 1",
    ]


@pytest.mark.parametrize("format", [".bench", ".blif", ".v", ".aig", ".aag"])
def test_what_was_read_is_written_in_every_format(format):
    for name, options in (("27_paren.blif", {}), ("29_seq.blif", {"registers": "cut"})):
        circuit = read(FIELD / name, **options)
        again = loads(dumps(circuit, format), format)
        assert (again.input_names, again.output_names) == (circuit.input_names, circuit.output_names)

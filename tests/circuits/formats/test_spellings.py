"""Files of the shared data that spell one function in two formats: equal on samples here, and proved so by ABC.

The MCNC and espresso twins, of which only some are equal, are in test_pla.py.
"""

import os
import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from circuits import read, to_circuit, write
from circuits.netlist import Circuit

DATA = Path(os.environ["JAXNET_DATA"]) / "circuits"
EPFL = ("adder", "arbiter", "bar", "cavlc", "ctrl", "dec", "i2c", "int2float", "max", "priority", "router", "sin")
EPFL += ("square", "voter")
PAIRS = [(f"epfl/aig/{name}.aig", f"epfl/blif/{name}.blif") for name in EPFL]
PAIRS += [(f"epfl/aig/{name}.aig", f"epfl/v/{name}.v") for name in ("adder", "cavlc", "ctrl", "int2float", "router")]
PAIRS += [(f"iscas85/bench/{name}.bench", f"iscas85/verilog/{name}.v") for name in ("c17", "c432", "c880")]
PAIRS += [(f"iscas85/bench/{name}.bench", f"iscas85/aig/{name}.aig") for name in ("c17", "c432")]
PAIRS += [(f"iscas85/bench/{name}.bench", f"threabc/generated/{name}_tl.th") for name in ("c17", "c432")]
# Gates of these are fed by thousands of others.
LARGE = ("arbiter", "square", "voter", "sin", "max", "bar")

pytestmark = pytest.mark.skipif(
    not DATA.is_dir(), reason=f"needs the circuits in {DATA}; JAXNET_DATA names another data folder"
)


def partners(names, others):
    """The names of one file as the other has them; where they are not the same, by the order of the numbers in them.

    Net 22 of c17 is N22 in a second file and G16, the sixth of all that has a number, in a third.
    """
    if set(names) == set(others):
        return list(names)
    one, other = (sorted(each, key=lambda name: int(re.sub(r"\D", "", name))) for each in (names, others))
    renamed = dict(zip(one, other, strict=True))
    return [renamed[name] for name in names]


def named_as(circuit, like):
    """The circuit with the names and the order of inputs and outputs that another has."""
    node = np.arange(circuit.n_nodes)
    inputs = partners(circuit.input_names, like.input_names)
    node[1 : 1 + circuit.n_inputs] = [1 + like.input_names.index(name) for name in inputs]
    outputs = dict(zip(partners(circuit.output_names, like.output_names), circuit.outputs.tolist(), strict=True))
    ordered = node[[outputs[name] for name in like.output_names]]
    return Circuit(like.input_names, node[circuit.fan_ins], circuit.tables, ordered, like.output_names)


def read_pair(one, other):
    first, second = (read(DATA / path) for path in (one, other))
    second = second if isinstance(second, Circuit) else to_circuit(second)
    return first, named_as(second, first)


def spelled(pair):
    return f"{Path(pair[0]).stem}: {Path(pair[0]).suffix} and {Path(pair[1]).suffix}"


@pytest.mark.parametrize("pair", [p for p in PAIRS if Path(p[0]).stem not in LARGE], ids=spelled)
def test_two_spellings_agree_on_a_sample(pair, reference, all_rows):
    first, second = read_pair(*pair)
    n = first.n_inputs
    # From all patterns with few ones and few zeros to even ones, since wide gates are constant on even ones.
    rng = np.random.default_rng(0)
    share = np.repeat([0.02, 0.1, 0.5, 0.9, 0.98], 40)[:, None]
    patterns = all_rows(n) if n <= 11 else rng.random((200, n)) < share
    np.testing.assert_array_equal(reference(first, patterns), reference(second, patterns))


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("berkeley-abc") is None, reason="needs berkeley-abc, Debian's ABC")
@pytest.mark.parametrize("pair", PAIRS, ids=spelled)
def test_two_spellings_are_proved_equal_by_abc(pair, tmp_path):
    """Both as we read them, and the first file as ABC reads it itself."""
    first, second = read_pair(*pair)
    write(first, tmp_path / "first.aig")
    write(second, tmp_path / "second.aig")
    checks = "cec first.aig second.aig; "
    if Path(pair[0]).suffix == ".aig":
        shutil.copy(DATA / pair[0], tmp_path / "file.aig")
        checks += "cec file.aig second.aig"
    done = subprocess.run(["berkeley-abc", "-c", checks], cwd=tmp_path, capture_output=True, text=True, timeout=600)
    assert done.stdout.count("Networks are equivalent") == checks.count("cec"), done.stdout

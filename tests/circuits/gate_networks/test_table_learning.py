"""Learning from tables: rules that are known are found, and what is claimed of the circuit is what the circuit does."""

import itertools
from typing import Any

import numpy as np
import pytest

import circuits
from circuits.gate_networks.class_formulas import class_bits, short_formula
from circuits.gate_networks.hardened_circuits import discretisation_gap
from circuits.gate_networks.table_learning import learn_table

ROWS = list(itertools.product(["red", "green", "blue"], range(5), ["n", "y"])) * 2
TABLE: dict[str, list] = {name: [row[i] for row in ROWS] for i, name in enumerate(("colour", "size", "old"))}
# The rule to be found, in three classes.
TABLE["worth"] = ["none" if size < 2 else "much" if colour == "red" else "some" for colour, size, _ in ROWS]
OPTIONS: dict[str, Any] = {"gates": 24, "layers": 3, "seeds": 3, "steps": 200, "progress": False}


@pytest.fixture(scope="module")
def learned():
    return learn_table(TABLE, "worth", test=TABLE, **OPTIONS)


def test_the_rule_is_found_and_said(learned):
    assert [learned.parts[name].rows for name in ("training", "validation", "test")] == [48, 12, 60]
    assert learned.parts["test"].hard == 1
    assert learned.classes == ("much", "none", "some")
    names = [f"worth={label}" for label in learned.classes]
    bits = class_bits(learned.simplified, names)
    formulas = [short_formula(bits, learned.encoding, name) for name in names]
    assert formulas == ["colour = red and size >= 2", "size < 2", "colour != red and size >= 2"]


def test_what_is_said_of_the_circuit_is_what_it_does(learned):
    assert learned.predict(TABLE) == TABLE["worth"]
    assert isinstance(circuits.equivalent(learned.circuit, learned.simplified), circuits.Equivalent)
    assert learned.circuit.output_names == ("class[0]", "class[1]")
    assert learned.votes[0] == 3 * 24 > learned.votes[1]
    y = np.array([learned.classes.index(label) for label in TABLE["worth"]])
    gap = discretisation_gap(learned.network, learned.params, learned.encoding.encode(TABLE), y)
    assert (learned.parts["test"].soft, learned.parts["test"].hard) == gap
    assert learned.parts["test"].majority == 24 / 60
    assert learned.members.shape == (3, 2)
    best = learned.members[learned.chosen]
    assert best[1] == learned.members[:, 1].max() == learned.parts["validation"].hard
    assert best[0] == learned.parts["training"].hard
    assert repr(learned).startswith("Learned(worth: 3 classes; training ")


@pytest.mark.slow
def test_a_run_can_be_repeated_and_a_validation_part_left_out():
    options = OPTIONS | {"steps": 20, "layers": 1, "validation": 0, "batch_size": 30}
    one, other = (learn_table(TABLE, "worth", seed=3, **options) for _ in range(2))
    np.testing.assert_array_equal(one.members, other.members)
    np.testing.assert_array_equal(one.circuit.tables, other.circuit.tables)
    assert (list(one.parts), one.members.shape) == (["training"], (3, 1))
    assert one.members[one.chosen, 0] == one.members.max() == one.parts["training"].hard


@pytest.mark.parametrize("name", ["gates", "layers", "seeds", "steps"])
def test_numbers_are_positive(name):
    with pytest.raises(ValueError, match=rf"^learn_table: expected {name} to be at least 1, got 0\.$"):
        learn_table(TABLE, "worth", **(OPTIONS | {name: 0}))


@pytest.mark.slow
def test_the_first_of_monks_problems_is_solved():
    # S. Thrun and others, The MONK's problems (1991): 124 of 432 rows, of which all 432 are the test.
    every = np.array(list(itertools.product(range(3), range(3), range(2), range(3), range(4), range(2)))) + 1
    table = {f"a{i}": column.astype(str).tolist() for i, column in enumerate(every.T, 1)}
    table["robot"] = ((every[:, 0] == every[:, 1]) | (every[:, 4] == 1)).tolist()
    some = np.random.default_rng(0).permutation(432)[:124]
    training = {name: [values[row] for row in some] for name, values in table.items()}
    learned = learn_table(training, "robot", test=table, gates=24, tau=2.4, validation=0, progress=False)
    assert learned.parts["test"].hard == 1
    bits = class_bits(learned.simplified, ["no", "yes"])
    assert short_formula(bits, learned.encoding, "yes") in ("a5 = 1 or a1 = a2", "a1 = a2 or a5 = 1")

"""Tables of metrics: they grow, keep their structure, and come back from a file that was cut off anywhere."""

import collections
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from common.fitted import equal
from hypothesis import given
from hypothesis import strategies as st

from jaxnet import ShapeError
from jaxnet.training.histories import Appended, Table, append, as_record, blocks, from_record

Pair = collections.namedtuple("Pair", "mean var")


def rows(start, n):
    x = np.arange(start, start + n, dtype=np.float32)
    return {"loss": x, "pair": (x, -x), "norms": {"w": np.stack([x, x], 1), "b": [x]}, "none": None, "own": Pair(x, x)}


@given(st.lists(st.integers(0, 5), max_size=8))
def test_a_table_is_its_rows_one_after_the_other(counts):
    table, ends = Table(), [0, *itertools.accumulate(counts)]
    for start, n in zip(ends, counts, strict=False):
        before = table.tree()
        seen = jax.tree.map(np.copy, before)
        table = table.extended(rows(start, n))
        equal(before, seen)  # what was looked at before stays as it was
    assert table.rows == ends[-1]
    equal(table.tree(), rows(0, ends[-1]) if ends[-1] else {})
    if table.rows:
        equal(table.tree(1), rows(1, ends[-1] - 1))
        with pytest.raises(ValueError, match="read-only"):
            table.tree()["loss"][0] = 1
        table.copy()["loss"][0] = 1


def test_a_table_grows_by_doubling():
    table, copied = Table(), 0
    for _ in range(1000):
        columns = table.columns
        table = table.extended({"loss": np.ones(1)})
        copied += bool(columns) and table.columns[0] is not columns[0]
    assert copied <= 11


def test_other_metrics_and_shapes_are_refused():
    table = Table().extended({"loss": np.ones(2), "rows": np.ones((2, 3))})
    with pytest.raises(ShapeError) as e:
        table.extended({"loss": np.ones(1), "rows": np.ones((1, 4))})
    assert str(e.value) == (
        "fit: expected a metric of shape (3,) at each step, got (4,) after 2 records. A metric of each example needs "
        "batches of one size."
    )
    with pytest.raises(ShapeError) as e:
        table.extended({"loss": np.ones(1)})
    assert str(e.value) == (
        "fit: expected the metrics that were measured before, [\"['loss']\", \"['rows']\"], got [\"['loss']\"]."
    )


def test_wider_numbers_widen_a_table():
    table = Table().extended({"n": np.ones(2, np.int32)}).extended({"n": np.full(1, 2.5, np.float32)})
    np.testing.assert_array_equal(table.tree()["n"], [1, 1, 2.5])


def test_a_structure_comes_back_from_its_record():
    tree = rows(0, 2)
    found = from_record(as_record(tree))
    assert [*map(str, jax.tree.leaves_with_path(jax.tree.map(lambda _: 0, tree)))] == [
        *map(str, jax.tree.leaves_with_path(found))
    ]
    assert found["own"]._fields == ("mean", "var")
    assert (found["none"], type(found["pair"]), type(found["norms"]["b"])) == (None, tuple, list)
    # A named tuple of the same fields is not the user's own, yet a table goes on with the user's.
    arranged = jax.tree.structure(found).unflatten(jax.tree.leaves(tree))
    equal(Table().extended(arranged).extended(rows(2, 1)).tree(), rows(0, 3))


def test_other_nodes_have_no_record():
    with pytest.raises(TypeError, match="got OrderedDict"):
        as_record(collections.OrderedDict(a=np.ones(1)))


ARRAYS = {
    "f": np.array([1.5, np.nan, -0.0], np.float32),
    "b": np.asarray(jnp.arange(6, dtype=jnp.bfloat16).reshape(3, 2)),
    "c": np.array([1 + 2j]),
    "none": np.empty((0, 3), np.int64),
    "flag": np.array(True),
}


def test_what_was_appended_comes_back_cut_off_anywhere(tmp_path):
    """A writer that was killed leaves any number of bytes of its block behind those that count."""
    file = tmp_path / "history"
    one = append(file, Appended(), ARRAYS)
    two = append(file, one, {"f": np.arange(3)})
    assert file.stat().st_size == two.size
    data = file.read_bytes()
    for end in range(one.size, two.size + 1):
        file.write_bytes(data[:end])
        (block,) = blocks(file, one)
        assert {name: a.dtype for name, a in block.items()} == {name: a.dtype for name, a in ARRAYS.items()}
        for name, a in ARRAYS.items():
            assert block[name].tobytes() == a.tobytes()
        assert append(file, one, {"f": np.arange(3)}) == two
        assert file.read_bytes() == data
    assert len(blocks(file, two)) == 2
    for end in (0, 1, one.size - 1):
        file.write_bytes(data[:end])
        with pytest.raises(ValueError, match=f"its first {one.size} bytes are not those that were written"):
            blocks(file, one)

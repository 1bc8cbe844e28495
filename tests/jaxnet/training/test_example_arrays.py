"""What data may be given as: taken without loss, or refused in a line, by `train`, `fit` and `train_ensemble` alike."""

import pathlib
import types

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.experimental import sparse

import jaxnet
from jaxnet import Rule
from jaxnet.training.example_arrays import arrays_of

X = np.arange(8.0, dtype=np.float32).reshape(4, 2)


class Tensor:
    """As those of PyTorch and pandas: something that NumPy can make an array of, or cannot."""

    def __init__(self, array):
        self.array = array

    def __array__(self, dtype=None, copy=None):
        if self.array is None:
            raise RuntimeError("It is on another device. " + "Move it. " * 1000)
        return self.array

    def __iter__(self):
        return iter(["a", "b"])  # the columns of a table


def exact(found, expected):
    assert isinstance(found, np.ndarray | jax.Array)
    np.testing.assert_array_equal(found, expected, strict=True)


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (X, X),
        (X.astype(">f4"), X),
        (X.astype(float), X),
        (X.astype("g"), X),
        (X.astype(">i8"), X.astype(np.int32)),
        (X.astype(np.float16), X.astype(np.float16)),
        (X.astype(jnp.bfloat16), X.astype(jnp.bfloat16)),
        (X > 3, X > 3),
        (X.astype(complex), X.astype(np.complex64)),
        (X.tolist(), X),
        ([tuple(row) for row in X.tolist()], X),
        ([1, 2], np.array([1, 2], np.int32)),
        ([np.float32(1), True], np.array([1, 1], np.float32)),
        (X.astype(object), X),
        (np.ma.masked_less(X, 0), X),
        (np.matrix(X), X),
        (Tensor(X.astype(">f8")), X),
        (np.array([2**32 - 1], np.uint64), np.array([2**32 - 1], np.uint32)),
        (np.array([np.inf, np.nan]), np.array([np.inf, np.nan], np.float32)),
    ],
)
def test_arrays_are_taken_as_jax_would_hold_them(given, expected):
    exact(arrays_of("fit", given), expected)
    tree = arrays_of("fit", {"x": given, "rest": (given, None)})
    exact(tree["x"], expected)
    exact(tree["rest"][0], expected)
    assert tree["rest"][1] is None


def test_what_is_fine_is_not_copied():
    for array in (X, jnp.asarray(X), jax.random.split(jax.random.key(0))):
        assert arrays_of("fit", (array,))[0] is array


def test_a_list_is_a_pytree_unless_it_is_of_numbers():
    for tree in ([X, X], [X, (X, X)], [X, 0.5], [[X], (X,)], [None, X], [X]):
        assert jax.tree.structure(arrays_of("fit", tree)) == jax.tree.structure(tree)
    exact(arrays_of("fit", [[1.0, 2.0], X])[0], np.array([1, 2], np.float32))


def test_with_64_bits_nothing_is_narrowed():
    with jax.enable_x64(True):
        exact(arrays_of("fit", np.array([2**40])), np.array([2**40]))
        exact(arrays_of("fit", np.array([1e300], ">f8")), np.array([1e300]))


ARRAYS = "expected arrays of numbers with examples along the first axis, or a tuple or dict of such arrays, got"
LOADER = " jaxnet.fit takes an iterator of batches, or a loader, in the place of data as a whole."
BATCHES = (
    " For batches pass a function, lambda: data, to fit; for one pytree tuple(data); single examples have to be "
    "stacked, jax.tree.map(lambda *rows: np.stack(rows), *data)."
)
TEXT = "got text. Number it, for example by np.unique(..., return_inverse=True)[1]."
MASKED = "got 3 of 8. Fill them by .filled(0), and pass the mask beside, for jaxnet.masked_mean."
SPARSE = "expected dense arrays, got a sparse one in data[0]. Make it dense, by toarray() or todense()."


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (None, "expected data, got None. Pass " + ARRAYS[len("expected ") : -len(", got")] + "."),
        ("data.csv", f"{ARRAYS} a str in data. Load the file first, as by np.load."),
        ((X, pathlib.PurePath("a")), f"{ARRAYS} a pathlib.{type(pathlib.PurePath()).__name__} in data[1]."),
        (types.MappingProxyType({}), f"{ARRAYS} a mappingproxy in data. Make a dict of it: dict(data)."),
        ({"x": (row for row in X)}, f"{ARRAYS} a generator in data['x'].{LOADER}"),
        ([(X, X)] * 2000, f"{ARRAYS} a list of 2,000 tuples.{BATCHES}"),
        ([{"x": [1.0, 2.0], "y": 1}], f"{ARRAYS} a list of 1 dicts.{BATCHES}"),
        (([[1.0, 2.0], [3.0]] * 9, X), "expected lists of equal lengths in data[0], got a list of 18 that differ. Fill "
         "them up, or make arrays of them."),
        ((X, ["a", "b"]), f"expected numbers in data[1], {TEXT}"),
        (np.array([b"a"]), f"expected numbers in data, {TEXT}"),
        (np.array([[None, 1.0]] * 999), "expected numbers in data, got objects. Convert them, for example "
         "by .astype(float)."),
        (np.array([[1, 2], [3]], object), "expected numbers in data, got objects. Convert them, for example "
         "by .astype(float)."),
        (X.astype("M8[s]"), "expected numbers in data, got dates. Convert them, for example to days since "
         "the first: (x - x.min()) / np.timedelta64(1, 'D')."),
        (np.zeros(3, [("a", "f4")]), "expected numbers in data, got records. Take their fields by name, "
         "or stack them."),
        (np.ma.masked_less(X, 3), f"expected no masked values in data, {MASKED}"),
        (np.array([1, 2**40]), "expected whole numbers in -2147483648..2147483647 in data, got 1..1099511627776. JAX "
         "would keep their last 32 bits: make floats of them, or set jax_enable_x64."),
        (np.array([1e300]), "expected numbers up to 3.4e+38 in data, got larger ones, which would be infinite in "
         "float32. Scale them, or set jax_enable_x64."),
        ((sparse.BCOO.fromdense(jnp.eye(4)), X), SPARSE),
        ({"x": X, 1: X}, "expected data to be a pytree of JAX: Comparator raised exception while sorting pytree "
         "dictionary keys."),
    ],
)  # fmt: skip
def test_what_is_refused_is_refused_in_a_line_and_alike(data, message):
    rule = Rule(lambda params: params, lambda state, batch, key: (state, {"loss": state}))
    key = jax.random.key(0)
    calls = {
        "fit": lambda: jaxnet.fit(rule, jnp.ones(()), data, steps=1, key=key),
        "train": lambda: jaxnet.train(rule, jnp.ones(()), data, steps=1, key=key),
        "train_ensemble": lambda: jaxnet.train_ensemble(rule, jnp.ones(2), data, steps=1, keys=jax.random.split(key)),
    }
    for name, call in calls.items():
        with pytest.raises((TypeError, ValueError)) as e:
            call()
        assert str(e.value) == f"{name}: {message}"


def test_sparse_arrays_of_scipy_are_refused():
    scipy_sparse = pytest.importorskip("scipy.sparse")
    for kind in (scipy_sparse.csr_array, scipy_sparse.coo_matrix):
        with pytest.raises(TypeError) as e:
            arrays_of("train", (kind(X), X))
        assert str(e.value) == f"train: {SPARSE}"


def test_a_tensor_that_makes_no_array_says_why_in_a_line():
    with pytest.raises(TypeError) as e:
        arrays_of("train", (X, Tensor(None)))
    message = str(e.value)
    assert message.startswith("train: data[1], a ")
    assert "Tensor, makes no array of NumPy: It is on another device. Move it." in message
    assert len(str(e.value)) < 300


@pytest.mark.parametrize("call", ["train", "train_ensemble"])
def test_batches_are_for_fit(call):
    rule, key = Rule(lambda params: params, lambda state, batch, key: (state, {})), jax.random.key(0)
    arguments = {"key": key} if call == "train" else {"keys": key[None]}
    for data, kind in ((iter([X]), "list_iterator"), (lambda: [X], "function")):
        with pytest.raises(TypeError) as e:
            getattr(jaxnet, call)(rule, jnp.ones(1), data, steps=1, **arguments)
        assert str(e.value) == f"{call}: {ARRAYS} a {kind} in data.{LOADER}"


def test_tables_of_pandas():
    pandas = pytest.importorskip("pandas")
    exact(arrays_of("fit", pandas.DataFrame(X)), X)
    exact(arrays_of("fit", pandas.DataFrame({"a": [True, False], "b": [0.5, 2.0]})), np.array([[1, 0.5], [0, 2]], "f"))
    exact(arrays_of("fit", pandas.Series([1, 2], dtype="Int64")), np.array([1, 2], np.int32))
    with pytest.raises(TypeError, match="expected numbers in data, got text"):
        arrays_of("fit", pandas.DataFrame({"a": ["u", "v"], "b": [0.5, 2.0]}))
    with pytest.raises(TypeError, match="expected numbers in data, got objects"):
        arrays_of("fit", pandas.DataFrame({"a": pandas.array([1, None], dtype="Int64"), "b": [0.5, 2.0]}))

"""Validation data measured batch by batch: as all at once, whatever the batches, and one of them at a time."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnet
from jaxnet import fit
from jaxnet.training import evaluations

X = np.arange(10, dtype=np.float32)
RULE = jaxnet.gradient_descent(lambda p, x: (jnp.mean((p - x) ** 2), {"each": jnp.stack([x.mean(), p])}),
                               optax.sgd(0.1), has_aux=True)  # fmt: skip


class Loader:
    def __iter__(self):
        return iter([X[:4], X[4:8], X[8:]])


def run(**options):
    return fit(RULE, jnp.array(0.0), X, steps=4, every=2, key=jax.random.key(0), **options)


def test_batches_of_any_size_give_what_all_give_at_once():
    """A shorter last batch counts as its examples do."""
    expected = run(validation=X)
    for options in (
        {"validation": X, "validation_batch_size": 4},
        {"validation": X.tolist(), "validation_batch_size": 4},
        {"validation": Loader()},
        {"validation": lambda: iter(Loader())},
        {
            "validation": X,
            "validation_batch_size": 4,
            "mesh": jax.make_mesh((2,), ("data",), devices=jax.devices()[:2]),
        },
    ):
        found = run(**options)
        assert sorted(found.validation) == ["each", "loss", "step"]
        for name, values in expected.validation.items():
            np.testing.assert_allclose(found.validation[name], values, rtol=1e-6)
            assert found.validation[name].dtype == values.dtype
        np.testing.assert_array_equal(found.params, expected.params)


@pytest.mark.slow
def test_devices_share_the_batches():
    mesh = jax.make_mesh((2,), ("data",), devices=jax.devices()[:2])
    for options in ({"validation": X, "validation_batch_size": 4}, {"validation": Loader()}):
        found, expected = run(**options, mesh=mesh), run(**options)
        np.testing.assert_allclose(found.validation["loss"], expected.validation["loss"], rtol=1e-6)


def test_validate_is_called_with_batches():
    def validate(params, x):
        return {"loss": x.mean(), "most": x.max(), "two": (x.mean(), -x.mean())}

    found = run(validation=X, validation_batch_size=4, validate=validate)
    np.testing.assert_allclose(found.validation["two"][1], [-4.5] * 3)
    np.testing.assert_allclose(found.validation["loss"], [4.5] * 3)
    np.testing.assert_allclose(found.validation["most"], [(4 * 3 + 4 * 7 + 2 * 9) / 10] * 3)  # a mean of the batches'


def test_one_batch_at_a_time_is_on_the_devices(monkeypatch):
    seen = []
    monkeypatch.setattr(evaluations, "put_examples", lambda batch, mesh: seen.append(batch.shape) or batch)
    measure = evaluations.measuring(RULE, evaluations.Validation(X, 4), jax.random.key(0), None)
    measure(RULE.init(jnp.array(0.0)))
    assert seen == [(4,), (4,), (2,)]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"validation": iter([X])}, "fit: expected validation data that can be read again after each chunk, as a "
         "loader, or a function of no arguments that returns an iterator, got what can be read once."),
        ({"validation": Loader(), "validation_batch_size": 2},
         "fit: expected arrays of validation data for validation_batch_size, got batches."),
        ({"validation_batch_size": 2}, "fit: expected arrays of validation data for validation_batch_size, got none."),
        ({"validation": X, "validation_batch_size": 11}, "fit: expected validation_batch_size in 1..10, got 11."),
        ({"validation": (X, X[:3]), "validation_batch_size": 2}, "fit: expected arrays with the same number of "
         "examples along the first axis, got validation[0]: 10, validation[1]: 3"),
        ({"validation": lambda: iter([])}, "fit: expected at least one batch of validation, got none. A function has "
         "to return a new iterator each time."),
        ({"validation": X[:0]}, "fit: expected at least one example of validation, got none."),
        ({"validation": X, "validation_batch_size": 5, "validate": lambda p, x: {"loss": p, "n": jnp.sum(x > 3)}},
         "fit: expected metrics that are means over examples, to be averaged over batches of validation data, got "
         "int32 for ['n']. Divide a count by the number of examples."),
        ({"validation": Loader(), "validate": lambda p, x: {"loss": p, "each": x}}, "fit: expected metrics that are "
         "means over examples, of the same shape in each batch of validation data, got (4,) and (2,)."),
        ({"validation": lambda: iter([X, np.float32(1)])}, "fit: expected batches of the same shapes, "
         "((10,), 'float32'), got ((), 'float32') for batch 1 (the first is 0). Only the last one may have fewer "
         "examples: fill it up, or leave it out."),
        ({"validation": np.ma.masked_less(X, 1)}, "fit: expected no masked values in validation, got 1 of 10. Fill "
         "them by .filled(0), and pass the mask beside, for jaxnet.masked_mean."),
    ],
)  # fmt: skip
def test_validation_data_that_are_refused(options, message):
    with pytest.raises((TypeError, ValueError)) as e:
        run(**options)
    assert str(e.value) == message


@pytest.mark.parametrize("convert", [float, np.asarray])
def test_what_cannot_be_compiled_gets_a_note(convert):
    with pytest.raises(TypeError) as e:
        run(validation=X, validate=lambda p, x: convert(p))
    assert e.value.__notes__[-1] == (
        "fit compiles validate. Functions of NumPy or scikit-learn go through jax.pure_callback, or into on_visit."
    )

"""How losses are called: which parameter takes the key, `train` and `state`, and what is refused."""

import functools

import jax
import pytest

from jaxnet.learning.loss_signatures import loss_call

KEY = jax.random.key(0)


def given(loss, *, training, state=None):
    """What the loss gets beside parameters and batch; it returns that as a dict."""
    call = loss_call(loss)
    if training:
        return call.in_training(None, None, KEY, state)
    return call.in_validation(None, None, state)


LOSSES_WITH_A_KEY = [
    lambda p, b, key=None: key,
    lambda p, b, rng=None: rng,
    lambda p, b, *, prng=None: prng,
    lambda p, b, scale=2.0, rng_key=None: rng_key,
    lambda p, b, dropout_rng=None, label_key="y": dropout_rng,
    lambda p, b, *, k=None: k,
]


@pytest.mark.parametrize("loss", LOSSES_WITH_A_KEY)
def test_a_key_is_found_by_its_name_and_left_out_in_validation(loss):
    assert given(loss, training=True) is KEY
    assert given(loss, training=False) is None


@pytest.mark.parametrize("loss", [lambda p, b, anything: anything, lambda p, b, *, key, train: key])
def test_a_key_that_is_needed(loss):
    assert given(loss, training=True) is KEY


def test_a_key_by_default_is_that_of_validation():
    assert given(lambda p, b, key=KEY: key, training=False) is KEY


@pytest.mark.parametrize(
    ("loss", "meaning"),
    [
        (lambda p, b, train: train, True),
        (lambda p, b, *, training=False: training, True),
        (lambda p, b, key, is_training: is_training, True),
        (lambda p, b, deterministic=True: deterministic, False),
        (lambda p, b, key=None, inference=True: inference, False),
    ],
)
def test_a_loss_is_told_whether_it_is_training(loss, meaning):
    assert given(loss, training=True) is meaning
    assert given(loss, training=False) is not meaning


def test_a_state_goes_with_train():
    loss = lambda p, b, state, train, rng: (state, train, rng)  # noqa: E731
    assert given(loss, training=True, state=3) == (3, True, KEY)
    state, train, rng = given(loss, training=False, state=3)
    assert (state, train) == (3, False)
    assert rng is not None  # it wants one in any case


@pytest.mark.parametrize(
    ("loss", "why"), [(lambda p, b, rng: 0, "draws with rng"), (lambda p, b, state: 0, "has a state")]
)
def test_a_loss_that_cannot_tell_is_refused_in_validation(loss, why):
    with pytest.raises(TypeError) as e:
        given(loss, training=False)
    assert str(e.value) == (
        f"gradient_descent: the loss {why}, and cannot tell validation from training. Give it a parameter `train`, "
        "which is True in a step and False in validation; or let its key be None in validation, key=None; or pass "
        "validate=... to fit."
    )


@pytest.mark.parametrize("loss", [lambda p, b, noise=None: 0, lambda p, b, *, noise=None: 0])
def test_what_may_be_the_key_is_refused(loss):
    with pytest.raises(TypeError) as e:
        loss_call(loss)
    assert str(e.value) == (
        "gradient_descent: cannot tell what noise=None of the loss is for: without a key, dropout would be left out in "
        "silence. If it takes the key of the step, call it `key`; if not, fix it: functools.partial(loss, noise=...)."
    )
    assert loss_call(functools.partial(loss, noise=None)).key is None


def test_what_is_fixed_or_beside_a_key_keeps_its_value():
    assert given(lambda p, b, key=None, mask=None: mask, training=True) is None
    assert given(functools.partial(lambda p, b, key=None: key, key=7), training=True) == 7


@pytest.mark.parametrize(
    "loss",
    [
        lambda p, b, key, rng: 0,  # which of them?
        lambda p, b, train, training: 0,
        lambda p, b, targets: 0,
        lambda p, b, weights: 0,
        lambda p, b, *, scale: 0,
        lambda p, b, key, /: 0,
    ],
)
def test_other_signatures_are_refused(loss):
    with pytest.raises(TypeError, match=r"^gradient_descent: expected loss\(params, batch\) or loss"):
        loss_call(loss)


def test_what_is_no_function_is_refused():
    with pytest.raises(TypeError, match=r"^gradient_descent: expected a loss, a function, got 'loss'\.$"):
        loss_call("loss")  # type: ignore[arg-type]

"""What is checked at the door: places in errors, floating arrays, keys, and whole numbers."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnet
from circuits import certify, parse, random_patterns
from jaxnet import ShapeError
from jaxnet.validation import (
    check_floating,
    check_key,
    check_untraced,
    checked_keys,
    integers,
    located,
    whole_number,
    written,
)


def test_places_follow_one_another_and_the_function_stands_once_in_front():
    with pytest.raises(ShapeError) as e, located("summary"), located("apply", "layer 2"), located("init", "node 'f'"):
        raise ShapeError("apply: expected 3, got 4.")
    assert str(e.value) == "summary: layer 2: node 'f': expected 3, got 4."


def test_errors_of_jax_keep_their_text_and_get_a_note():
    with pytest.raises(jax.errors.TracerBoolConversionError) as e, located("apply", "layer 1"), located("apply"):
        jax.jit(lambda x: 1 if x else 2)(True)
    assert "In layer 1." in e.value.__notes__


def test_other_errors_pass():
    with pytest.raises(ValueError, match=r"^as it is$"), located("apply", "layer 1"):
        raise ValueError("as it is")


def test_what_must_be_floating():
    whole, floating = jnp.zeros(2, int), jnp.zeros(2)
    check_floating("here", floating, floating)
    with pytest.raises(TypeError, match=r"^here: expected floating weights, got int32\. .* w\.astype\(float\)\.$"):
        check_floating("here", whole, floating)
    with pytest.raises(TypeError, match=r"^here: expected floating inputs, got int32\. .* x\.astype\(float32\)\.$"):
        check_floating("here", floating, whole)


@pytest.mark.parametrize("number", [2, np.int64(2), np.uint8(2), np.array(2), jnp.array(2)])
def test_whole_numbers_become_pythons(number):
    found = whole_number("here", "n", number)
    assert found == 2
    assert type(found) is int


@pytest.mark.parametrize("number", [True, np.bool_(True), 2.0, np.float32(2), "2", None, [2]])
def test_what_is_no_whole_number(number):
    with pytest.raises(TypeError) as e:
        whole_number("here", "n", number)
    assert str(e.value) == f"here: expected n to be a whole number, got {number!r}."


def test_whole_numbers_out_of_range():
    assert whole_number("here", "n", 3, 1, 3) == 3
    with pytest.raises(ValueError, match=r"^here: expected n to be at least 1, got 0\.$"):
        whole_number("here", "n", 0, 1)
    with pytest.raises(ValueError, match=r"^here: expected n in 1\.\.3, got 4\.$"):
        whole_number("here", "n", 4, 1, 3)


def test_arrays_of_whole_numbers_are_copied_and_neither_rounded_nor_wrapped():
    given = np.array([1, 2])
    found = integers("here", "numbers", given, np.uint8)
    given[0] = 7
    assert found.tolist() == [1, 2]
    assert not found.flags.writeable
    assert integers("here", "numbers", []).dtype == np.int64
    for value in ([1.0], [True], np.array([0.5])):
        with pytest.raises(TypeError, match=r"^here: expected integers in numbers, got "):
            integers("here", "numbers", value)
    with pytest.raises(ValueError, match=r"^here: expected numbers in 0\.\.255, got 1\.\.256\.$"):
        integers("here", "numbers", [1, 256], np.uint8)
    with pytest.raises(ValueError, match=rf"got {2**80}\.\.{2**80}\.$"):
        integers("here", "numbers", [2**80])


@pytest.mark.parametrize("seed", [0, np.int64(3), 1.5, None, "0", np.zeros(2, np.int32), np.zeros(3, np.uint32)])
def test_what_is_no_key(seed):
    with pytest.raises(TypeError, match=r"^here: expected a key, got .*\. jax\.random\.key\(0\) makes one\.$"):
        check_key("here", seed)


def test_keys_of_both_kinds_pass_and_several_are_refused():
    check_key("here", jax.random.key(0))
    check_key("here", jax.random.PRNGKey(0))
    jax.vmap(lambda key: check_key("here", key))(jax.random.split(jax.random.key(0), 3))
    with pytest.raises(ShapeError) as e:
        check_key("here", jax.random.split(jax.random.key(0), 3))
    assert str(e.value) == "here: expected one key, got keys of shape (3,). jax.vmap maps over keys."


def test_older_keys_of_many_members_are_keys():
    older = jax.random.split(jax.random.PRNGKey(0), 3)
    np.testing.assert_array_equal(jax.random.key_data(checked_keys("here", older, 3)), older)
    with pytest.raises(ShapeError) as e:
        checked_keys("here", older, 4)
    assert str(e.value) == (
        "here: expected a key for each of the 4 members, got keys of shape (3,). "
        "jax.random.split(jax.random.key(0), 4) makes them."
    )
    for wrong in (0, None, jnp.zeros(3), [0, 1, 2]):
        with pytest.raises(TypeError, match="here: expected a key for each of the 3 members, got "):
            checked_keys("here", wrong, 3)


def test_what_a_user_passed_is_written_in_a_line():
    for value in ([[0.5] * 1000] * 1000, np.zeros((1000, 1000)), "a" * 10**6, dict.fromkeys(range(99), "x" * 999)):
        assert len(written(value)) < 310
        assert "\n" not in written(value)
    assert written((1, "a", None)) == "(1, 'a', None)"
    with pytest.raises(TypeError) as e:
        whole_number("here", "n", [0.25] * 10**5)
    assert str(e.value) == f"here: expected n to be a whole number, got [{'0.25, ' * 8}...]."


def test_calls_that_are_traced():
    for wrap in (jax.jit, jax.grad, jax.vmap):
        with pytest.raises(TypeError) as e:
            wrap(lambda x: check_untraced("here", "Call there.", {"x": x}))(jnp.ones(3) if wrap is jax.vmap else 1.0)
        assert str(e.value) == "here: expected a call outside of jit, vmap and grad, got traced values. Call there."
    with pytest.raises(TypeError, match="here: expected a call outside"):
        jax.jit(lambda: check_untraced("here", "", np.ones(3)))()
    check_untraced("here", "", np.ones(3), iter([1]), None)


def test_a_seed_in_the_place_of_a_key_is_refused_wherever_one_goes_in():
    data = jnp.ones((4, 2))
    net = jaxnet.mlp([2, 1])
    rule = jaxnet.gradient_descent(lambda params, x: jnp.mean(net.apply(params, x)), optax.sgd(0.1))
    params = net.init(jax.random.key(0))
    ring = jaxnet.Graph(3, [(0, 1), (1, 2), (2, 0)], directed=False)
    calls = {
        "init": [
            lambda: jaxnet.mlp([2, 2, 1]).init(0),
            lambda: jaxnet.layer(2, 1).init(0),
            lambda: jaxnet.chain(net, jaxnet.layer(1, 1)).init(0),
            lambda: jaxnet.wired(jaxnet.Wiring(2, [0, 2], [0, 1], [2])).init(0),
        ],
        "sample": [lambda: jaxnet.sample(params[0], data, key=0)],
        "train": [lambda: jaxnet.train(rule, rule.init(params), data, steps=1, key=0)],
        "certify": [lambda: certify(parse("y = a & b"), "y", key=0)],
        "fit": [lambda: jaxnet.fit(rule, params, data, steps=1, key=0)],
        "rewire": [lambda: jaxnet.rewire(ring, key=0)],
        "normalised_rich_club": [lambda: jaxnet.normalised_rich_club(ring, key=0)],
        "random_patterns": [lambda: random_patterns(2, 1, key=0)],
    }
    for name, uses in calls.items():
        for use in uses:
            with pytest.raises(TypeError) as e:
                use()
            assert str(e.value) == f"{name}: expected a key, got 0. jax.random.key(0) makes one."

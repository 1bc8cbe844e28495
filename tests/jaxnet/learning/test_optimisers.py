"""The lists of docs/optimisers.md: every optimiser through `fit`, against a loop of Optax by hand."""

import re
import warnings
from pathlib import Path

import jax
import numpy as np
import optax
import pytest

import jaxnet

PAGE = Path(__file__).parents[3] / "docs/optimisers.md"
PLAIN, ASKING = PAGE.read_text().split("## All of them")[1].split("These ask for more")
ROWS = re.findall(r"^\| `(optax[^|]*)` \| ([^|]*) \| [^|]* \|$", ASKING, re.M)
ROWS += [(text, "") for text in re.findall(r"`(optax[^`]*)`", PLAIN)]
QUICK = ("lookahead", "dpsgd", "normalize")  # they need more than a gradient

X = np.linspace(-0.5, 1.5, 8, dtype=np.float32)[:, None]  # even in nothing: no gradient is mere rounding
DATA = X, np.sin(2 * X)
NET = jaxnet.mlp([1, 3, 1], [jaxnet.tanh, jaxnet.identity])
PARAMS = NET.init(jax.random.key(0))


def loss(params, batch):
    return jaxnet.squared_error(NET.apply(params, batch[0]), batch[1]).mean()


def made(text):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of dpsgd, about its own argument
        return eval(text, {"optax": optax, "jax": jax})


def by_hand(optimizer, asks, steps):
    """Parameters after some steps of Optax, and the fast ones for a pair, with the arguments that its docs ask for."""
    optimizer = optimizer.gradient_transformation() if isinstance(optimizer, optax.MultiSteps) else optimizer
    params, of = PARAMS, lambda params: params
    if asks == "a pair of parameters":
        params, of = optax.LookaheadParams.init_synced(PARAMS), lambda params: params.fast
    batch = jax.tree.map(lambda a: a[:, None], DATA) if asks == "per-example gradients" else DATA
    gradient = jax.value_and_grad(loss)
    if asks == "per-example gradients":
        gradient = jax.vmap(gradient, in_axes=(None, 0))

    @jax.jit
    def step(params, state):
        value, grad = gradient(of(params), batch)
        extra = {
            "value": value, "grad": grad, "value_fn": lambda p: loss(p, DATA), "obj_fn": lambda p: loss(p, DATA),
            "grad_fn": lambda p, _: jax.grad(loss)(p, DATA),
        }  # fmt: skip
        extra = {name: extra[name] for name in asks.split(", ") if name in extra}
        updates, state = optimizer.update(grad, state, params, **extra)
        return optax.apply_updates(params, updates), state

    with jax.numpy_dtype_promotion("standard"):
        state = jax.jit(optimizer.init)(params)
        for _ in range(steps):
            params, state = step(params, state)
    return params


def check(text, asks):
    optimizer = made(text)
    rule = jaxnet.gradient_descent(loss, optimizer, per_example=asks == "per-example gradients")
    states = rule.init(PARAMS), jax.eval_shape(rule.update, rule.init(PARAMS), DATA, jax.random.key(0))[0]
    types = [[(a.shape, a.dtype, getattr(a, "weak_type", False)) for a in jax.tree.leaves(state)] for state in states]
    assert types[0] == types[1]  # or a run that goes on would be compiled anew
    run = jaxnet.fit(rule, PARAMS, DATA, steps=4, key=jax.random.key(0), every=4, validation=DATA, progress=False)
    expected = by_hand(made(text), asks, 4)
    last = rule.evaluation_params(run.state)  # type: ignore[misc]
    np.testing.assert_allclose(run.validation["loss"][-1], loss(last, DATA), rtol=1e-5)
    assert jax.tree.structure(run.params) == jax.tree.structure(last) == jax.tree.structure(PARAMS)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-4, atol=1e-5), run.state.params, expected)


@pytest.mark.parametrize(("text", "asks"), [row for row in ROWS if any(name in row[0] for name in QUICK)])
def test_optimisers_that_need_more_than_a_gradient(text, asks):
    check(text, asks)


@pytest.mark.slow
@pytest.mark.parametrize(("text", "asks"), ROWS, ids=[text for text, _ in ROWS])
def test_every_optimiser_against_a_loop_by_hand(text, asks):
    check(text, asks)


PARTS = (
    *("scale", "add_", "clip", "normalize", "trace", "ema", "centralize", "identity", "stateless", "set_to_zero"),
    *("zero_nans", "chain", "named_chain", "snapshot", "measure_with_ema", "conditionally_", "selective_transform"),
    *("apply_every", "freeze", "multi_transform", "partition", "inject_stateful", "with_extra_args_support"),
)


@pytest.mark.skipif(optax.__version__ != "0.2.8", reason="another Optax may have other optimisers")
def test_no_optimiser_is_missing():
    """Whatever says that it returns a transformation, and is neither a part of others nor deprecated."""
    listed = " ".join(text for text, _ in ROWS)
    for module, prefix in ((optax, "optax."), (optax.contrib, "optax.contrib.")):
        for name, function in vars(module).items():
            makes = "GradientTransformation" in str(getattr(function, "__annotations__", {}).get("return"))
            if makes and not name.startswith((*PARTS, "_")) and name != "optimistic_adam":
                assert re.search(re.escape(prefix + name) + r"\b", listed), name

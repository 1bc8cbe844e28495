"""Members along the last axis against vmap, one kind of operation at a time."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.lowering.last_axis import is_fast, members_last

FUNCTIONS = {
    "dot": lambda x, y: x @ y,
    "dot with batches": lambda x, y: jnp.einsum("bij,jk->bki", x, y),
    "dot of two axes": lambda x, y: jnp.tensordot(x, y.T, axes=([1, 2], [0, 1])),
    "transposed": lambda x, y: x.transpose(2, 0, 1).reshape(4, 6) * y.sum(),
    "clamp": lambda x, y: jnp.clip(x, y.min(), 0.5),
    "where": lambda x, y: jnp.where(y.sum() > 0, x, 0.0).max(axis=1),
    "sorted": lambda x, y: jnp.take(x, jnp.argmax(y, axis=0), axis=2)[..., ::-1],
    "constant": lambda x, y: jnp.ones(3),
}

quick = ["dot with batches", "where", "constant"]


@pytest.mark.parametrize(
    "name", [name if name in quick else pytest.param(name, marks=pytest.mark.slow) for name in FUNCTIONS]
)
def test_what_members_last_computes(name):
    """With operands that have the members and operands that have not."""
    rng, function = np.random.default_rng(0), FUNCTIONS[name]
    x, y = rng.normal(size=(2, 3, 4)).astype(np.float32), rng.normal(size=(4, 3)).astype(np.float32)
    closed = jax.make_jaxpr(function)(x, y)
    for which in ((True, False), (False, True), (True, True)):
        args = [np.stack([a, 2 * a, -a]) if has else a for a, has in zip((x, y), which, strict=True)]
        axes = [0 if has else None for has in which]
        expected = jax.jit(jax.vmap(function, in_axes=axes, axis_size=3))(*args)
        last = [jnp.moveaxis(a, 0, -1) if has else jnp.asarray(a) for a, has in zip(args, which, strict=True)]
        (found,) = jax.jit(lambda *last, which=which: members_last(closed, last, which, 3))(*last)
        np.testing.assert_allclose(jnp.moveaxis(found, -1, 0), expected, rtol=1e-5, err_msg=str(which))


def test_only_small_dots_are_fast():
    def fast(n):
        return is_fast(jax.make_jaxpr(jnp.matmul)(np.ones((n, 8), np.float32), np.ones((8, 8), np.float32)).jaxpr)

    assert fast(8)
    assert not fast(9)

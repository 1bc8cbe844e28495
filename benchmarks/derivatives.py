"""Full Jacobians, per-example gradients and their norms: `jaxnet` against the obvious compositions of JAX by hand.

`python benchmarks/derivatives.py` prints microseconds per call and ratios to a yardstick: for the Jacobian the one
written by hand, for gradients and norms per example one plain gradient of the mean loss, which training pays anyhow.
Derivatives that fill fresh memory cannot be faster than writing as many zeros, which is timed as well.
"""

import jax
import jax.numpy as jnp
import numpy as np
from common.timing import in_turn, ratio
from tqdm import tqdm

import jaxnet

ROUNDS = 15
PLAIN, JACOBIAN, ZEROS = "plain gradient", "jit(vmap(jacrev))", "as many zeros"


def case(sizes, batch):
    """Return a network of `jaxnet`, parameters, an example batch, and the same network and its loss by hand."""
    random = np.random.default_rng(0)
    net = jaxnet.mlp(sizes)
    x, y = (jnp.asarray(random.random((batch, size), np.float32)) for size in (sizes[0], sizes[-1]))

    def apply(params, x):
        for w, b in params:
            x = jax.nn.sigmoid(x @ w.T + b)
        return x

    def loss(params, x, y):
        return jnp.sum((apply(params, x) - y) ** 2) / 2

    return net, net.init(jax.random.key(0)), x, y, apply, loss


def zeros(f):
    """Return a function that writes as many bytes as f returns, and does nothing else: the limit of the memory."""
    shapes = jax.eval_shape(f)
    return jax.jit(lambda: jax.tree.map(lambda leaf: jnp.zeros(leaf.shape, leaf.dtype), shapes))


def jacobians(sizes, batch):
    net, params, x, _, apply, _ = case(sizes, batch)
    by_hand = jax.jit(jax.vmap(jax.jacrev(apply), in_axes=(None, 0)))
    return {
        ZEROS: zeros(lambda: by_hand(params, x)),
        JACOBIAN: lambda: by_hand(params, x),
        "jaxnet.partials": lambda: jaxnet.partials(net.apply, params, x),
    }


def of_examples(sizes, batch):
    """Return the contestants for gradients, and those for norms; both have the plain gradient to compare with."""
    net, params, x, y, _, loss = case(sizes, batch)

    @jax.jit
    def plain(params, x, y):
        return jax.grad(lambda params: loss(params, x, y) / batch)(params)

    each = jax.vmap(jax.grad(loss), in_axes=(None, 0, 0))

    def vmap_norms(params, x, y):
        squares = [jnp.sum(g.reshape(batch, -1) ** 2, axis=1) for g in jax.tree.leaves(each(params, x, y))]
        return jnp.sqrt(sum(squares))

    def backprop(params, x, y):
        return jaxnet.backprop(net, params, x, y, jaxnet.squared_error)

    def gradients(params, x, y):
        return jaxnet.per_example_gradients(net, backprop(params, x, y))

    def norms(params, x, y):
        return jaxnet.per_example_gradient_norms(net, backprop(params, x, y))

    def mean_and_norms(params, x, y):
        """Return both from one backward pass, as clipping and importance sampling need them."""
        found = backprop(params, x, y)
        mean = jax.tree.map(lambda g: g / batch, found.gradient)
        return mean, jaxnet.per_example_gradient_norms(net, found)

    def calls(contestants):
        jitted = {PLAIN: plain} | {name: jax.jit(f) for name, f in contestants.items()}
        return {name: lambda f=f: f(params, x, y) for name, f in jitted.items()}

    return (
        {ZEROS: zeros(lambda: each(params, x, y))} | calls({"vmap(grad)": each, "jaxnet gradients": gradients}),
        calls({"vmap(grad), then norm": vmap_norms, "jaxnet norms": norms, "jaxnet norms and mean": mean_and_norms}),
    )


def compare(title, contestants, limit, same):
    """Print the table of one question; the two contestants named in `same` must agree."""
    first, second = (jax.tree.leaves(contestants[name]()) for name in same)
    for a, b in zip(first, second, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-6)
    times = in_turn(contestants, ROUNDS)
    for name, measured in times.items():
        megabytes = sum(leaf.nbytes for leaf in jax.tree.leaves(contestants[name]())) / 1e6
        print(f"{title:36} {name:22} {1e6 * np.median(measured):10.1f} {megabytes:8.2f} ", end="")
        print(ratio(measured, times[limit]))


def main():
    print(f"{jax.devices()[0].device_kind}, jax {jax.__version__}, {ROUNDS} rounds")
    print(f"{'question':36} {'contestant':22} {'us / call':>10} {'MB':>8} {'ratio':>8}  (min .. max)")
    sizes, batch = (64, 32, 10), 32
    compare("Jacobian 64-32-10, batch 32", jacobians(sizes, batch), JACOBIAN, (JACOBIAN, "jaxnet.partials"))
    for sizes, batch in tqdm((((64, 32, 10), 32), ((784, 128, 10), 128)), leave=False, disable=None):
        gradients, norms = of_examples(sizes, batch)
        name = f"{'-'.join(map(str, sizes))}, batch {batch}"
        compare(f"gradients {name}", gradients, PLAIN, ("vmap(grad)", "jaxnet gradients"))
        compare(f"norms {name}", norms, PLAIN, ("vmap(grad), then norm", "jaxnet norms"))


if __name__ == "__main__":
    main()

"""Forward pass and gradient of an MLP: `jaxnet` against JAX written by hand, Flax, Equinox and PyTorch.

`python benchmarks/networks.py` prints microseconds per call and ratios to the hand-written JAX, the yardstick. All have
the same parameters and must give the same outputs and gradients. Each call is waited for, so that for a small network
the dispatch is what is measured, as it is felt outside a compiled loop. PyTorch has one thread: at these sizes more
help little, and on a busy machine they wait for each other. Peers that are not installed are skipped.
"""

import itertools
from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
from common.timing import in_turn, installed, ratio
from tqdm import tqdm

import jaxnet

ROUNDS = 15
# Sizes, batch.
CASES = (((2, 2, 1), 4), ((64, 32, 10), 32), ((784, 128, 10), 128))
HAND = "JAX by hand"


def compiled(apply, params, x, y):
    """Return the jitted forward pass and gradient of any `apply(params, x)`."""

    def loss(params, x, y):
        return jnp.mean(jnp.sum((apply(params, x) - y) ** 2, axis=-1)) / 2

    forward, gradient = jax.jit(apply), jax.jit(jax.grad(loss))
    return lambda: forward(params, x), lambda: gradient(params, x, y)


def by_hand(layers, x, y):
    """Return both of JAX by hand, with weights as (inputs, outputs), the order that a matrix product likes best."""

    def apply(params, x):
        for w, b in params:
            x = jax.nn.sigmoid(x @ w + b)
        return x

    return compiled(apply, [(jnp.asarray(w.T), jnp.asarray(b)) for w, b in layers], x, y)


def with_jaxnet(layers, x, y):
    net = jaxnet.mlp([layers[0][0].shape[1], *(len(b) for _, b in layers)])
    return compiled(net.apply, tuple(jaxnet.Neuron(jnp.asarray(w), jnp.asarray(b)) for w, b in layers), x, y)


def with_flax(linen, layers, x, y):
    parts = [part for _, b in layers for part in (linen.Dense(len(b)), jax.nn.sigmoid)]
    params = {
        f"layers_{2 * i}": {"kernel": jnp.asarray(w.T), "bias": jnp.asarray(b)} for i, (w, b) in enumerate(layers)
    }
    return compiled(linen.Sequential(parts).apply, {"params": params}, x, y)


def with_equinox(equinox, layers, x, y):
    sizes = [layers[0][0].shape[1], *(len(b) for _, b in layers)]
    net = equinox.nn.MLP(sizes[0], sizes[-1], sizes[1], 1, jax.nn.sigmoid, jax.nn.sigmoid, key=jax.random.key(0))
    arrays = [jnp.asarray(p) for pair in layers for p in pair]
    net = equinox.tree_at(lambda net: [p for part in net.layers for p in (part.weight, part.bias)], net, arrays)
    params, static = equinox.partition(net, equinox.is_array)
    return compiled(lambda params, x: jax.vmap(equinox.combine(params, static))(x), params, x, y)


def with_torch(torch, layers, x, y):
    torch.set_num_threads(1)
    net = torch.nn.Sequential()
    for w, b in layers:
        part = torch.nn.Linear(w.shape[1], w.shape[0])
        part.load_state_dict({"weight": torch.tensor(w), "bias": torch.tensor(b)})
        net.extend([part, torch.nn.Sigmoid()])
    x, y, params = torch.tensor(np.asarray(x)), torch.tensor(np.asarray(y)), list(net.parameters())

    def forward():
        with torch.inference_mode():
            return net(x)

    def gradient():
        return torch.autograd.grad(((net(x) - y) ** 2).sum(-1).mean() / 2, params)

    return forward, gradient


def peers():
    """Return the name of each library that is installed, and the maker of its `(forward, gradient)`."""
    makers: dict[str, Callable] = {HAND: by_hand, "jaxnet": with_jaxnet}
    modules = {
        "flax.linen": ("Flax", with_flax),
        "equinox": ("Equinox", with_equinox),
        "torch": ("PyTorch", with_torch),
    }
    for module, (name, make) in modules.items():
        if library := installed(module):
            makers[name] = partial(make, library)
    return makers


def main():
    makers = peers()
    print(f"{jax.devices()[0].device_kind}, jax {jax.__version__}, {ROUNDS} rounds")
    print(f"{'network':12} {'batch':>5} {'pass':9} {'contestant':12} {'us / call':>10} {'/ hand':>7}  (min .. max)")
    for sizes, batch in tqdm(CASES, leave=False, disable=None):
        random = np.random.default_rng(0)
        layers = [
            (random.normal(0, n**-0.5, (m, n)).astype(np.float32), random.normal(0, 1, m).astype(np.float32))
            for n, m in itertools.pairwise(sizes)
        ]
        x, y = (jnp.asarray(random.random((batch, size), np.float32)) for size in (sizes[0], sizes[-1]))
        runs = {name: make(layers, x, y) for name, make in makers.items()}
        for i, which in enumerate(("forward", "gradient")):
            contestants = {name: run[i] for name, run in runs.items()}
            # The same numbers: outputs one by one, gradients by their norm, which does not depend on the layout.
            found = {name: [np.asarray(a) for a in jax.tree.leaves(run())] for name, run in contestants.items()}
            for arrays in found.values():
                np.testing.assert_allclose(norm(arrays), norm(found[HAND]), rtol=1e-4)
                if which == "forward":
                    np.testing.assert_allclose(arrays[0], found[HAND][0], atol=1e-5)
            times = in_turn(contestants, ROUNDS)
            for name, measured in times.items():
                print(
                    f"{'-'.join(map(str, sizes)):12} {batch:5} {which:9} {name:12} {1e6 * np.median(measured):10.1f} "
                    f"{ratio(measured, times[HAND])}"
                )


def norm(arrays):
    """Return the norm of all numbers of some arrays."""
    return np.sqrt(sum(np.sum(np.square(a, dtype=np.float64)) for a in arrays))


if __name__ == "__main__":
    main()

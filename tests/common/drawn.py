"""Parameters that are drawn by NumPy, for tests of anything but `init`, whose compilation takes half a second."""

import jax
import numpy as np


def drawn(net, seed=0):
    """Normal numbers in the shapes of the parameters of a network."""
    rng = np.random.default_rng(seed)
    shapes = jax.eval_shape(net.init, jax.random.key(0))
    return jax.tree.map(lambda leaf: rng.normal(size=leaf.shape).astype(leaf.dtype), shapes)

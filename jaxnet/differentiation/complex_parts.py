"""Complex arrays as pairs of real ones, whose gradient is the direction of ascent.

JAX's gradient of a real function by x + iy is df/dx - i df/dy, the conjugate of that direction. With x and y as
parameters of their own the plain step goes the right way, and so do optimisers that take squares and roots.
"""

from typing import NamedTuple

import jax
import jax.numpy as jnp
from jax import Array

from jaxnet.pytrees import Params


class ComplexParts(NamedTuple):
    """A complex array as two real ones."""

    real: Array
    imag: Array


def split_complex(params: Params) -> Params:
    """Return the tree with `ComplexParts` in place of each complex array; the rest is as it was.

    >>> split_complex({"z": jnp.complex64(1 + 2j)})["z"].imag
    Array(2., dtype=float32)
    """
    return jax.tree.map(lambda p: ComplexParts(jnp.real(p), jnp.imag(p)) if jnp.iscomplexobj(p) else p, params)


def join_complex(params: Params) -> Params:
    """Undo `split_complex`.

    >>> join_complex(split_complex({"z": jnp.complex64(1 + 2j)}))["z"]
    Array(1.+2.j, dtype=complex64)
    """
    return jax.tree.map(lambda p: jax.lax.complex(*p) if isinstance(p, ComplexParts) else p, params, is_leaf=_is_pair)


def _is_pair(p: object) -> bool:
    return isinstance(p, ComplexParts)

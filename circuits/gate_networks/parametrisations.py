"""What the numbers of a gate mean: from logits to the polynomial that the gate computes, soft or hard.

On values a, b in [0, 1] a gate is k0 + ka a + kb b + kab a b, the expected value of its truth table where a and b are
probabilities of independent bits (F. Petersen and others, Deep differentiable logic gate networks, 2022).
"""

import functools
import operator
from typing import Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import Array
from jax.typing import ArrayLike

from jaxnet.pytrees import Key

Parametrisation = Literal["input-wise", "softmax", "walsh"]
Forward = Literal["soft", "straight-through", "gumbel", "hard"]
Initial = Literal["residual", "normal"]

# How many logits a gate has.
N_LOGITS = {"input-wise": 4, "softmax": 16, "walsh": 4}

# Bit r of truth table t, its value where a + 2b = r: row t of the sixteen, in the numbers of `circuits.gates`.
TRUTH = np.array([[t >> r & 1 for r in range(4)] for t in range(16)], np.float32)

# From the four values of a table to k0, ka, kb, kab.
_POLYNOMIAL = np.array([[1, 0, 0, 0], [-1, 1, 0, 0], [-1, 0, 1, 0], [1, -1, -1, 1]], np.float32)

# From Walsh coefficients of 1, A, B, AB with A = 2a - 1, B = 2b - 1, to the values at the four rows of a table.
_WALSH = np.array([[1, -1, -1, 1], [1, 1, -1, -1], [1, -1, 1, -1], [1, 1, 1, 1]], np.float32)

# A residual gate begins close to a: exp(-2) to 1 that each row of its table is right (four logits, or Walsh), and
# 0.91 of sixteen are on the table of a.
_RESIDUAL = {
    "input-wise": np.array([-2, 2, -2, 2], np.float32),
    "softmax": 5.0 * np.eye(16, dtype=np.float32)[0b1010],
    "walsh": np.array([0, 2, 0, 0], np.float32),
}


class Pass(NamedTuple):
    """How a network of gates is run.

    Attributes:
        forward: with soft or hard gates, as for `coefficients`.
        temperature: logits, and noise, are divided by it; a positive number.
        key: for the noise of "gumbel".
    """

    forward: Forward = "soft"
    temperature: ArrayLike = 1.0
    key: Key | None = None


SOFT = Pass()


class Coefficients(NamedTuple):
    """What gates compute: polynomials, and for Walsh gates a sigmoid of them.

    Attributes:
        k: `(..., 4, W)`, k0, ka, kb, kab of each gate.
        squash: what is made of the polynomial: "none", "sigmoid", or "step" with the derivative of the sigmoid.
    """

    k: Array
    squash: str


def initial_logits(key: Key, shape: tuple[int, ...], parametrisation: Parametrisation, initial: Initial) -> Array:
    """Draw the logits that gates begin with.

    Args:
        key: from `jax.random.key`.
        shape: `(..., P, W)`, P = 4 or 16 logits for each of W gates.
        parametrisation: what they mean.
        initial: "residual", each gate close to passing its first input on; "normal", standard normal numbers.

    Source: F. Petersen and others, Convolutional differentiable logic gate networks (2024), for residual gates.

    >>> logits = initial_logits(jax.random.key(0), (4, 3), "input-wise", "residual")
    >>> hard_tables(logits, "input-wise").tolist() == [0b1010] * 3
    True
    """
    return logits_of(jax.random.normal(key, shape), parametrisation, initial)


def logits_of(noise: Array, parametrisation: Parametrisation, initial: Initial) -> Array:
    """Return the logits that gates begin with, given what is random about them.

    Args:
        noise: `(..., P, W)`, standard normal numbers.
        parametrisation: what the logits mean.
        initial: as for `initial_logits`.

    >>> logits_of(jnp.zeros((4, 1)), "walsh", "residual").T
    Array([[0., 2., 0., 0.]], dtype=float32)
    """
    if initial == "normal":
        return noise
    mean = jnp.broadcast_to(jnp.asarray(_RESIDUAL[parametrisation], noise.dtype)[:, None], noise.shape)
    return mean if parametrisation == "softmax" else mean + 0.3 * noise


def coefficients(
    logits: ArrayLike,
    parametrisation: Parametrisation,
    forward: Forward = "soft",
    temperature: ArrayLike = 1.0,
    key: Key | None = None,
) -> Coefficients:
    """Return the polynomials of gates.

    Args:
        logits: `(..., P, W)`. "input-wise": one for each row of the table, whose value is its sigmoid; "softmax": one
            for each of the sixteen tables, which are mixed; "walsh": coefficients of 1, A, B, AB with A = 2a - 1 and
            B = 2b - 1, whose sum is a logit.
        parametrisation: one of these three.
        forward: "soft"; "hard", the gates that are most likely; "straight-through", the values of hard gates with the
            derivatives of soft ones; "gumbel", that with noise, so that gates are drawn by their probability.
        temperature: logits, and noise, are divided by it; a positive number.
        key: for the noise of "gumbel".

    Source: L. Rüttgers and others, Light differentiable logic gate networks (2025), for four logits; L. Gerlach and
    others, WARP-LUTs (2025), for Walsh coefficients; S. Yousefi and others, Mind the gap (2025), for Gumbel noise.

    >>> certain = jnp.array([-9.0, -9.0, -9.0, 9.0])[:, None]                            # an AND
    >>> coefficients(certain, "input-wise", "hard").k[:, 0]
    Array([0., 0., 0., 1.], dtype=float32)
    """
    z = jnp.asarray(logits)
    if forward == "gumbel":
        noise = jax.random.gumbel if parametrisation == "softmax" else jax.random.logistic
        drawn = noise(key, z.shape, z.dtype)  # type: ignore[arg-type]
        if parametrisation == "walsh":  # one draw for each row of the table, as Walsh coefficients
            drawn = _times(_WALSH.T / 4, drawn)
        z = z + drawn
    z = z / jnp.asarray(temperature, z.dtype)
    if parametrisation == "walsh":
        return Coefficients(_times(_POLYNOMIAL @ _WALSH, z), "sigmoid" if forward == "soft" else "step")
    if parametrisation == "softmax":
        soft = jax.nn.softmax(z, axis=-2)
        hard = jax.nn.one_hot(jnp.argmax(z, axis=-2), 16, axis=-2, dtype=z.dtype)
        change = _POLYNOMIAL @ TRUTH.T
    else:
        soft, hard = jax.nn.sigmoid(z), (z > 0).astype(z.dtype)
        change = _POLYNOMIAL
    if forward == "soft":
        chosen = soft
    elif forward == "hard":
        chosen = hard
    else:
        chosen = hard + (soft - jax.lax.stop_gradient(soft))
    return Coefficients(_times(change, chosen), "none")


def hard_tables(logits: ArrayLike, parametrisation: Parametrisation) -> np.ndarray:
    """Return the truth table that each gate is nearest to.

    Args:
        logits: `(..., P, W)`.
        parametrisation: what they mean.

    Returns:
        `(..., W)` uint8, bit r the value where a + 2b = r. A row whose logit is 0 is 0; of equal mixtures the table
        of the lowest number is taken.

    >>> hard_tables(jnp.array([-1.0, 1.0, 1.0, -1.0])[:, None], "input-wise")             # an XOR
    array([6], dtype=uint8)
    """
    # Of the polynomials that run: NumPy rounds other sums to 0, and does not take the smallest numbers for 0.
    k = np.asarray(_hard(logits, parametrisation))
    ka, kb = k[..., 1, :], k[..., 2, :]
    rows = [k[..., 0, :] + ka * a + (kb + k[..., 3, :] * a) * b for b in (0, 1) for a in (0, 1)]
    return np.packbits(np.stack(rows, axis=-2) > 0, axis=-2, bitorder="little")[..., 0, :]


@functools.partial(jax.jit, static_argnames="parametrisation")
def _hard(logits: ArrayLike, parametrisation: Parametrisation) -> Array:
    return coefficients(logits, parametrisation, "hard").k


def _times(matrix: np.ndarray, p: Array) -> Array:
    """Return a small matrix times `(..., P, W)`."""
    if p.shape[-2] > 4:
        weights = jnp.asarray(matrix, p.dtype)
        return jnp.einsum("kc,...cw->...kw", weights, p, precision=jax.lax.Precision.HIGHEST)
    # Sums, which XLA fuses with what is around them; for a product it would transpose p first.
    rows = jnp.unstack(p, axis=-2)
    sums = [[float(c) * row for c, row in zip(of_row, rows, strict=True) if c] for of_row in matrix]
    return jnp.stack([functools.reduce(operator.add, terms) for terms in sums], axis=-2)

"""The 40 kinds of functions of three bits: reordering the bits, or negating the result, leaves the kind as it is.

In the algebraic normal form (I. I. Zhegalkin, 1927) a negation is the constant term. So a kind is a polynomial without
one, up to the order of its variables. A loop that has one piece of code a kind need not look at coefficients.
"""

from itertools import permutations

import numpy as np

_ORDERS = np.array(list(permutations(range(3))))


def _reordered(polynomials: np.ndarray, order: np.ndarray) -> np.ndarray:
    """Return polynomials of the same functions, when variable i is what was variable order[i]."""
    products = np.arange(8)
    before = (products[:, None] >> np.arange(3) & 1) @ (1 << order)
    return (polynomials[:, None] >> before & 1) @ (1 << products)


# Row s holds the polynomial of bits s, in each order.
_IN_EACH_ORDER = np.stack([_reordered(np.arange(0, 256, 2), order) for order in _ORDERS], axis=1)
_FIRST, _KIND_OF = np.unique(_IN_EACH_ORDER.min(axis=1), return_inverse=True)
_ORDER_OF = _ORDERS[_IN_EACH_ORDER.argmin(axis=1)]

# The polynomial of each kind: bit s is the coefficient of the product of the variables whose bits are set in s.
KINDS: tuple[int, ...] = tuple(_FIRST.tolist())


def kinds_of(coefficients: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the kinds of functions of three bits.

    Args:
        coefficients: `(g, 8)` of zeros and ones: entry s belongs to the product of the variables whose bits are set
            in s.

    Returns:
        `(g,)`, the places in `KINDS`; and `(g, 3)`, the variables in the order that makes each function its kind.

    >>> kinds, orders = kinds_of(np.array([[1, 0, 0, 0, 0, 0, 1, 0]]))      # ~(b & c)
    >>> f"{KINDS[kinds[0]]:08b}", orders.tolist()
    ('00001000', [[1, 2, 0]])
    """
    polynomials = coefficients.astype(int) @ (1 << np.arange(8))
    return _KIND_OF[polynomials >> 1], _ORDER_OF[polynomials >> 1]

"""A multiplier checked against integer arithmetic on every pair of numbers: `python examples/check_multiplier.py [N]`.

All 2^16 pairs of 8 bits take milliseconds, all 2^32 pairs of 16 bits (`16`) a minute or so. Nothing is assumed of the
circuit: its outputs, 32 patterns per word, are turned into integers (a transposition of 32 x 32 bits, after H. S.
Warren, Hacker's Delight, 7-3) and compared with the products that the processor computes.
"""

import sys
import time

import jax
import jax.numpy as jnp
import numpy as np
from tqdm import tqdm

import circuits

if len(sys.argv) > 1 and not (sys.argv[1].isdecimal() and 3 <= int(sys.argv[1]) <= 16):
    sys.exit(f"expected a number of bits, 3 to 16, got {sys.argv[1]!r}")
n = int(sys.argv[1]) if len(sys.argv) > 1 else 8


def integers(words):
    """Turn rows of bits, `(bits, k)`, the lowest first, into integers `(32, k)`, pattern 32 i + j at [j, i]."""
    rows = jnp.zeros((32, words.shape[1]), jnp.uint32).at[: len(words)].set(words)
    for distance, mask in [(16, 0x0000FFFF), (8, 0x00FF00FF), (4, 0x0F0F0F0F), (2, 0x33333333), (1, 0x55555555)]:
        # Swap the upper bits of one row with the lower bits of the other, for each pair of rows at this distance.
        low, high = jnp.moveaxis(rows.reshape(-1, 2, distance, rows.shape[1]), 1, 0)
        swapped = ((low >> distance) ^ high) & np.uint32(mask)
        rows = jnp.stack([low ^ (swapped << distance), high ^ swapped], axis=1).reshape(rows.shape)
    return rows


@jax.jit
def wrong(first, products):
    """Return which products are wrong, of the patterns from `first` on."""
    word, bit = jnp.arange(products.shape[1], dtype=jnp.uint32), jnp.arange(32, dtype=jnp.uint32)
    pattern = first + 32 * word[None, :] + bit[:, None]
    a, b = pattern & np.uint32(2**n - 1), pattern >> n
    return integers(products) != a * b


multiplier = circuits.library.multiplier(n)
print(f"{n} x {n} bits: {multiplier}")
blocks = circuits.exhaustive_patterns(2 * n)
start = time.perf_counter()
for number, block in enumerate(tqdm(blocks, unit="block", disable=len(blocks) < 100)):
    first = 32 * block.shape[1] * number
    found = wrong(np.uint32(first), circuits.simulate(multiplier, block))
    if found.any():
        bit, word = np.argwhere(np.asarray(found))[0].tolist()
        pattern = first + 32 * word + bit
        sys.exit(f"wrong: {pattern % 2**n} x {pattern // 2**n}")
print(f"right on all {4**n:,} pairs, in {time.perf_counter() - start:.2f} s")

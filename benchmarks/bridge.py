"""What can be said of trained networks: how many of 200 seeds are proved, by units or by function, and how fast.

Counted among the networks that are right on their rows. The functions are parity of 4, the full adder and c17, on the
cube, and MONK-1 and MONK-3, on their 432 valid rows, each learned by a plain sigmoid network with Adam.
"""

import os
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np

import circuits
import jaxnet
from circuits.study.learned_networks import learn

SEEDS, CHECKS, DISTANCE = 200, 4, 1000
TASKS = {
    "parity of 4": (circuits.library.parity(4), (4, 8, 1)),
    "full adder": (circuits.parse("s = a ^ b ^ c; carry = maj(a, b, c)"), (3, 4, 2)),
    "c17": (circuits.read(circuits.c17_path), (5, 6, 2)),
}


MONK_SIZES = (3, 3, 2, 3, 4, 2)


class _Bar:
    def update(self) -> None:
        pass


def monk(number: int) -> tuple[np.ndarray, np.ndarray] | None:
    """Return the training rows of a MONK's problem, one-hot, and their values; None without the data."""
    path = Path(os.environ.get("JAXNET_DATA", "shared/data")) / "learning" / "monk" / f"monks-{number}.train"
    if not path.is_file():
        return None
    lines = np.array([line.split()[:7] for line in path.read_text().splitlines() if line.strip()], int)
    table = {f"a{i}": lines[:, i] for i in range(1, 7)}
    levels = {f"a{i}": range(1, size + 1) for i, size in enumerate(MONK_SIZES, 1)}
    return circuits.fit_encoding(table, levels=levels).encode(table), lines[:, :1] == 1


def measure(name: str, sizes: tuple[int, ...], x: np.ndarray, y: np.ndarray, domain: circuits.Domain) -> None:
    data = jnp.asarray(x, jnp.float32), jnp.asarray(y, jnp.float32)
    params, _, worst = learn(sizes, 0.05, data, SEEDS, DISTANCE, CHECKS, 0, _Bar())
    network = jaxnet.mlp(sizes)
    counts = {"structural": 0, "functional": 0, "statistical": 0}
    checked, seconds = 0, 0.0
    right = np.flatnonzero(worst[-1] < 0.5)
    for seed in right.tolist():
        own = jax.tree.map(lambda p, seed=seed: p[seed], params)
        start = time.process_time()
        found = circuits.from_network(network, own, domain)
        seconds += time.process_time() - start
        counts[found.guarantee] += 1
        assert (np.asarray(circuits.evaluate(found.circuit, x)) == y).all()
        checked += found.certificate.check()
    shown = " | ".join(f"{count}" for count in counts.values())
    each = 1000 * seconds / max(1, len(right))
    print(f"| {name} | {'-'.join(map(str, sizes))} | {len(right)} | {shown} | {checked} | {each:.1f} |", flush=True)


def main() -> None:
    print("| function | network | right | structural | functional | statistical | checked | ms each, CPU |")
    print("|---|---|---|---|---|---|---|---|")
    for name, (circuit, sizes) in TASKS.items():
        n = sizes[0]
        measure(name, sizes, circuits.rows(n), np.asarray(circuits.truth_table(circuit)), circuits.Domain.cube(n))
    for number in (1, 3):
        if (data := monk(number)) is not None:
            measure(f"MONK-{number}", (17, 4, 1), *data, circuits.Domain.one_hot(MONK_SIZES))


if __name__ == "__main__":
    main()

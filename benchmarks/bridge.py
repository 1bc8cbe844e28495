"""What can be said of trained networks: how many of 200 seeds are proved, by units or by function, and how fast.

Counted among the networks that are right on their rows. The functions are parity of 4, the full adder and c17, on the
cube, each learned by a plain sigmoid network with Adam.
"""

import time

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


class _Bar:
    def update(self) -> None:
        pass


def main() -> None:
    print("| function | network | right | structural | functional | statistical | checked | ms each, CPU |")
    print("|---|---|---|---|---|---|---|---|")
    for name, (circuit, sizes) in TASKS.items():
        table = np.asarray(circuits.truth_table(circuit))
        x, y = jnp.asarray(circuits.rows(sizes[0]), jnp.float32), jnp.asarray(table, jnp.float32)
        params, _, worst = learn(sizes, 0.05, (x, y), SEEDS, DISTANCE, CHECKS, 0, _Bar())
        network = jaxnet.mlp(sizes)
        counts = {"structural": 0, "functional": 0, "statistical": 0}
        checked, seconds = 0, 0.0
        right = np.flatnonzero(worst[-1] < 0.5)
        for seed in right.tolist():
            own = jax.tree.map(lambda p, seed=seed: p[seed], params)
            start = time.process_time()
            found = circuits.from_network(network, own)
            seconds += time.process_time() - start
            counts[found.guarantee] += 1
            assert (np.asarray(circuits.evaluate(found.circuit, circuits.rows(sizes[0]))) == table).all()
            checked += found.certificate.check()
        shown = " | ".join(f"{count}" for count in counts.values())
        sizes_shown = "-".join(map(str, sizes))
        each = 1000 * seconds / max(1, len(right))
        print(f"| {name} | {sizes_shown} | {len(right)} | {shown} | {checked} | {each:.1f} |", flush=True)


if __name__ == "__main__":
    main()

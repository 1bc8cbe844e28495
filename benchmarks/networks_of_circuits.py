"""How tight are certificates: proved errors beside measured ones, and proved tolerances beside noise that breaks.

The measured error is over all rows, or 10^6 random ones. Noise changes every parameter by up to r of its size: at
random, the least r at which one of 1,000 networks is lost; and at worst, each parameter against the margin of a row by
the sign of its gradient, the least r at which some row is lost. `JAXNET_DATA` names the folder of the circuits.
"""

import os
import time
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import circuits
import jaxnet

ROWS, BLOCK, NETWORKS = 10**6, 2**14, 1000
KINDS = {"sigmoid": jaxnet.sigmoid, "tanh": jaxnet.tanh, "steps": jaxnet.step, "rectifiers": jaxnet.relu}


def measured_error(compiled: circuits.CompiledCircuit, rows: np.ndarray) -> float:
    """Return the largest distance of an output from its Boolean value."""
    apply, worst = jax.jit(compiled.network.apply), 0.0
    for start in range(0, len(rows), BLOCK):
        x = rows[start : start + BLOCK]
        y = np.asarray(circuits.evaluate(compiled.circuit, x), float)
        if compiled.activation is jaxnet.tanh:
            y = 2 * y - 1
        worst = max(worst, float(np.abs(np.asarray(apply(compiled.params, jnp.asarray(x, jnp.float32))) - y).max()))
    return worst


def errors(name: str, circuit: circuits.Circuit) -> None:
    n = circuit.n_inputs
    every = 2**n <= ROWS
    random = np.random.default_rng(0)
    rows = np.asarray(circuits.rows(n)) if every else random.integers(0, 2, (ROWS // BLOCK * BLOCK, n)).astype(bool)
    for kind, activation in KINDS.items():
        error = {"sigmoid": 0.1, "tanh": 0.2}.get(kind)
        compiled = circuits.to_network(circuit, activation, error=error)
        start = time.process_time()
        proved = compiled.certificate.error
        seconds = time.process_time() - start
        measured = measured_error(compiled, rows)
        assert measured <= proved
        gains = "-" if proved == 0 else f"{compiled.gains.min():.2f} to {compiled.gains.max():.2f}"
        share = "-" if proved == 0 else f"{measured / proved:.3f}"
        tried = f"all {len(rows):,}" if every else f"{len(rows):,}"
        print(
            f"| {name} | {compiled.circuit.n_units:,} | {kind} | {gains} | {proved:.5f} | {measured:.5f} | {share} | "
            f"{tried} | {seconds:.3f} |",
            flush=True,
        )


def noise(name: str, circuit: circuits.Circuit, kind: str, error: float | None) -> None:
    compiled = circuits.to_network(circuit, KINDS[kind], error=error)
    x = jnp.asarray(circuits.rows(circuit.n_inputs), jnp.float32)
    y = jnp.asarray(circuits.truth_table(circuit), jnp.float32)
    proved = circuits.tolerance(compiled)

    def kept(params: jaxnet.Neuron, x: jax.Array, y: jax.Array) -> jax.Array:
        return ((compiled.network.apply(params, x) > 0.5) == (y > 0.5)).all()

    @jax.jit
    def at_random(r: jax.Array) -> jax.Array:
        def one(key: jax.Array) -> jax.Array:
            keys = jax.random.split(key, 2)
            signs = [jax.random.uniform(k, p.shape, minval=-1) for k, p in zip(keys, compiled.params, strict=True)]
            return kept(jaxnet.Neuron(*(p * (1 + r * s) for p, s in zip(compiled.params, signs, strict=True))), x, y)

        return jax.lax.map(one, jax.random.split(jax.random.key(0), NETWORKS), batch_size=50).all()

    @jax.jit
    def at_worst(r: jax.Array) -> jax.Array:
        def one(row: jax.Array, target: jax.Array, k: jax.Array) -> jax.Array:
            side = 2 * target[k] - 1
            slopes = jax.grad(lambda params: side * compiled.network.apply(params, row)[k])(compiled.params)
            # Down along the gradient, every parameter as far as it may go.
            return kept(
                jax.tree.map(lambda p, g: p - r * jnp.abs(p) * jnp.sign(g), compiled.params, slopes), row, target
            )

        outputs = jnp.arange(circuit.n_outputs)
        return jax.vmap(jax.vmap(one, (None, None, 0)), (0, 0, None))(x, y, outputs).all()

    radii = np.geomspace(0.001, 1, 200)
    random = next((r for r in radii if not at_random(r)), np.inf)
    # Steps have no slope; their worst noise is known exactly, unit by unit.
    worst = next((r for r in radii if not at_worst(r)), np.inf) if kind == "sigmoid" else None
    shown = "-" if worst is None else f"{worst:.4f}"
    print(f"| {name} | {kind} | {error or '-'} | {proved:.4f} | {shown} | {random:.4f} |", flush=True)


def main() -> None:
    found: dict[str, Any] = {"c17": circuits.read(circuits.c17_path), "adder of 8 + 8 bits": circuits.library.adder(8)}
    folder = Path(os.environ.get("JAXNET_DATA", "shared/data"), "circuits")
    for name in ("c432", "c880", "c1908"):
        files = sorted(folder.rglob(f"{name}.bench")) if folder.is_dir() else []
        found.update({name: circuits.read(files[0])} if files else {})
    print("| circuit | units | kind | gains | proved error | measured | measured / proved | rows | s, CPU |")
    print("|---|---|---|---|---|---|---|---|---|")
    for name, circuit in found.items():
        errors(name, circuit)
    print("\n| circuit | kind | error | tolerance, proved | lost at worst | lost at random |")
    print("|---|---|---|---|---|---|")
    for name, circuit in (
        ("c17", found["c17"]),
        ("adder of 3 + 3 bits", circuits.library.adder(3)),
        ("parity of 6", circuits.library.parity(6)),
    ):
        noise(name, circuit, "steps", None)
        for error in (0.02, 0.001, 1e-5):
            noise(name, circuit, "sigmoid", error)


if __name__ == "__main__":
    main()

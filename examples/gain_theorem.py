"""How steep must sigmoids be, and how much noise do they bear? `python examples/gain_theorem.py --out picture.png`.

Left, the gain. In a chain of units h <- AND(h, h) an error feeds itself: the theorem's gain keeps it below a bound at
any depth, and one percent less loses the value. Right, the noise. Each parameter of a compiled adder is off by a random
share, up to r, of its size; below the tolerance that is proved no network computes anything else.
"""

import argparse

import jax
import jax.numpy as jnp
import numpy as np

import circuits
import jaxnet
from circuits.bridge.error_bounds import best_eps
from jaxnet.canvas import COLOURS, DASHES, new_figure

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--depth", type=int, default=400, help="of the chain (default 400)")
parser.add_argument("--networks", type=int, default=1000, help="noisy networks for each r (default 1,000)")
parser.add_argument("--out", metavar="FIGURE", help="draw into FIGURE (.png, .pdf, .svg)")
options = parser.parse_args()

# The best eps for W = 2, and the gain with which AND(h, h) just keeps it.
eps = best_eps(2, 0.49)
least = float(np.log((1 - eps) / eps) / (0.5 - 2 * eps))
print(f"gain {least:.4f} for W = 2 keeps every unit within {eps:.4f}")


def chain(gain: float) -> np.ndarray:
    """Return 1 - h after each unit h <- sigma(gain (2 h - 3/2)); the first reads two exact inputs, both on."""
    h, errors = 1.0, []
    for _ in range(options.depth):
        h = 1 / (1 + np.exp(-gain * (2 * h - 1.5)))
        errors.append(1 - h)
    return np.array(errors)


shares = (1.1, 1.001, 0.999, 0.99)
chains = {f"{share:.1%} of the gain": chain(share * least) for share in shares}
for name, errors in chains.items():
    print(f"{name:18} error {errors[0]:.4f} after one unit, {errors[-1]:.5f} after {options.depth}")

adder = circuits.library.adder(3)
x, y = jnp.asarray(circuits.rows(6), jnp.float32), jnp.asarray(circuits.truth_table(adder), jnp.float32)
networks = {
    "steps": circuits.to_network(adder),
    "sigmoids, error 0.02": circuits.to_network(adder, jaxnet.sigmoid, error=0.02),
    "sigmoids, error 0.001": circuits.to_network(adder, jaxnet.sigmoid, error=0.001),
}
noises = np.geomspace(0.005, 1, 24)


def kept(compiled: circuits.CompiledCircuit) -> np.ndarray:
    """Return for each noise the share of networks that still compute the circuit."""

    def one(key: jax.Array, r: jax.Array) -> jax.Array:
        keys = jax.random.split(key, 2)
        noisy = [
            p * (1 + r * jax.random.uniform(k, p.shape, minval=-1)) for k, p in zip(keys, compiled.params, strict=True)
        ]
        return ((compiled.network.apply(jaxnet.Neuron(*noisy), x) > 0.5) == (y > 0.5)).all()

    keys = jax.random.split(jax.random.key(0), options.networks)
    share = jax.jit(lambda r: jax.lax.map(lambda key: one(key, r), keys, batch_size=100).mean())
    return np.array([float(share(r)) for r in noises])


found = {name: (circuits.tolerance(compiled), kept(compiled)) for name, compiled in networks.items()}
for name, (proved, share) in found.items():
    lost = noises[share < 1]
    print(f"{name:22} tolerance {proved:.4f} proved; of {options.networks} networks the first is lost at {lost[0]:.3f}")

if options.out:
    figure = new_figure(11, 4)
    left, right = figure.subplots(1, 2)
    depth = np.arange(1, options.depth + 1)
    for k, (name, errors) in enumerate(chains.items()):
        left.plot(depth, errors, color=COLOURS[k], linestyle=DASHES[k], label=name)
    left.axhline(eps, color="grey", linewidth=1)
    left.annotate(f"eps = {eps:.4f}", (1, eps), textcoords="offset points", xytext=(0, 4))
    left.set(xscale="log", yscale="log", xlabel="units passed, h ← AND(h, h)", ylabel="error, 1 - h")
    left.set_title(f"The least gain is {least:.3f}")
    left.legend(fontsize="small", loc="center left")
    for k, (name, (proved, share)) in enumerate(found.items()):
        right.plot(noises, share, color=COLOURS[k], linestyle=DASHES[k], marker=".", label=name)
        right.axvline(proved, color=COLOURS[k], linestyle=DASHES[k], linewidth=1)
    right.plot([], [], color="grey", linewidth=1, label="tolerance that is proved")
    right.set(xscale="log", xlabel="noise r, each parameter times 1 ± r", ylabel="networks that are still the adder")
    right.set_title("An adder of two numbers of three bits")
    right.yaxis.set_major_formatter("{x:.0%}")
    right.legend(fontsize="small", framealpha=1)
    figure.savefig(options.out, dpi=150)
    print(f"drawn in {options.out}")

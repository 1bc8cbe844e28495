"""What one neuron can learn: the perceptron rule against its theorem, and a proof where there is nothing to learn.

Run `python examples/perceptron.py --out picture.png`. On data that a unit separates with margin gamma, the rule makes
at most (R / gamma)^2 mistakes and then none (A. B. J. Novikoff 1962). On other data it never stops; but then some
mixture of the 1-examples is the same point as a mixture of the 0-examples, which no unit can tell apart.
"""

import argparse

import jax
import jax.numpy as jnp
import numpy as np
from matplotlib.figure import Figure

import circuits
import jaxnet

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--out", metavar="FIGURE", help="draw into FIGURE (.png, .pdf, .svg)")
options = parser.parse_args()

# 1. Boolean functions: is one neuron enough? If so, how soon does it learn; if not, why.
functions = {"and": "a & b", "or": "a | b", "majority": "maj(a, b, c)", "xor": "a ^ b"}
print(f"{'function':<10}{'mistakes':>9}{'bound':>7}   what was found")
curves = {}
for name, text in functions.items():
    circuit = circuits.parse(text)
    x, y = circuits.rows(circuit.n_inputs).astype(np.float32), circuits.truth_table(circuit)[:, 0]
    found = jaxnet.separate(x, y)
    if isinstance(found, jaxnet.Separable):
        learned = f"separable: w = {found.params.w.astype(int).tolist()}, b = {int(found.params.b)}"
        print(f"{name:<10}{found.mistakes:>9}{found.bound:>7.0f}   {learned}")
    elif isinstance(found, jaxnet.Inseparable):
        point = ", ".join(str(v) for v in found.point)
        print(f"{name:<10}{'no end':>9}{'none':>7}   inseparable: rows {found.examples} mix to ({point}) on both sides")
    # The same rule in the loop that runs every rule; with no batch size a step is an epoch.
    rule = jaxnet.perceptron()
    zero = jaxnet.Neuron(jnp.zeros(circuit.n_inputs), jnp.array(0.0))
    _, history = jaxnet.train(rule, rule.init(zero), (x, y), steps=15, key=jax.random.key(0))
    curves[name] = np.cumsum(history["mistakes"])

# 2. Random data, labelled by a random unit: mistakes against the least bound.
rng = np.random.default_rng(0)
runs = []
for _ in range(100):
    x, unit = rng.normal(size=(50, 3)), rng.normal(size=4)
    runs.append(jaxnet.separate(x, x @ unit[:3] + unit[3] >= 0, max_epochs=10_000))
mistakes, bounds = np.array([(run.mistakes, run.bound) for run in runs if isinstance(run, jaxnet.Separable)]).T
print(
    f"\n{len(bounds)} of {len(runs)} random data sets separable; bound kept by {np.sum(mistakes <= bounds)},", end=" "
)
print(f"mistakes / bound: median {np.median(mistakes / bounds):.3f}, largest {np.max(mistakes / bounds):.3f}")

if options.out:
    figure = Figure(figsize=(9, 3.8), layout="constrained")
    left, right = figure.subplots(1, 2)
    styles = zip(("#0072B2", "#009E73", "#CC79A7", "#D55E00"), ("o", "s", "^", "x"), strict=True)
    for (name, curve), (colour, marker) in zip(curves.items(), styles, strict=True):
        left.plot(np.arange(1, len(curve) + 1), curve, color=colour, marker=marker, markersize=4, label=name)
    left.set(title="Boolean functions", xlabel="epoch", ylabel="mistakes so far", ylim=(0, 30))
    left.legend()
    right.plot(bounds, mistakes, ".", color="#0072B2", label="a random data set")
    right.plot(np.sort(bounds), np.sort(bounds), "--", color="#D55E00", label="the bound")
    right.set(xscale="log", yscale="symlog", ylim=(-0.5, None))
    right.set(title="Random separable data", xlabel="bound, (R / margin)$^2$", ylabel="mistakes")
    right.legend()
    figure.savefig(options.out, dpi=150)

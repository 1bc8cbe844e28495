"""How much noise does a compiled circuit bear, and from where does learning recover it? With `--out picture.png`.

Parity of 5 inputs as sigmoids, 5-5-1, with Gaussian noise on every weight and bias, in units of the circuit's weights
(which are 1 and -1) times the largest gain; 100 networks of each size of noise. Learning is Adam on the cross-entropy
of all rows, from there and from 100 random starts. Every network that is right is extracted, with its guarantee: the
units, or the function alone. `python examples/recover_noisy_circuit.py` takes half a minute; `--quick` takes seconds.
"""

import argparse

import jax
import jax.numpy as jnp
import numpy as np
import optax

import circuits
import jaxnet
from circuits.threshold.symmetric_functions import parity
from jaxnet.canvas import BLUE, COLOURS, VERMILION, new_figure

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--quick", action="store_true", help="10 networks of 3 sizes of noise")
parser.add_argument("--out", metavar="FIGURE", help="draw into FIGURE (.png, .pdf, .svg)")
options = parser.parse_args()
members = 10 if options.quick else 100
sizes = (0.1, 0.5, 2.0) if options.quick else (0.05, 0.1, 0.15, 0.2, 0.3, 0.5, 0.7, 1.0)

circuit = parity(5)
soft = circuits.to_network(circuit, jaxnet.sigmoid, error=0.05)
net, planted = jaxnet.as_mlp(soft.network, soft.params)
sums = jaxnet.mlp([5, 5, 1], [jaxnet.sigmoid, jaxnet.identity])
rows = circuits.rows(5)
data = jnp.asarray(rows, float), jnp.asarray(circuits.truth_table(circuits.to_circuit(circuit)), float)


def loss(params, batch):
    return jaxnet.binary_cross_entropy(sums.apply(params, batch[0]), batch[1]).mean()


rule = jaxnet.gradient_descent(loss, optax.adam(0.03))


def learned(params, keys):
    states, _ = jaxnet.train_ensemble(rule, jax.vmap(rule.init)(params), data, keys=keys, steps=3000, record_every=3000)
    return states.params


def noisy(size, key):
    leaves, structure = jax.tree.flatten(planted)
    keys = jax.random.split(key, len(leaves))
    drawn = [jax.random.normal(k, (members, *leaf.shape)) for k, leaf in zip(keys, leaves, strict=True)]
    return jax.tree.unflatten(structure, [p + soft.gains.max() * size * z for p, z in zip(leaves, drawn, strict=True)])


def right(params):
    return ((jax.vmap(net.apply, (0, None))(params, data[0]) > 0.5) == data[1]).all(axis=(1, 2))


def guarantees(params):
    found = [
        circuits.from_network(net, jax.tree.map(lambda p, k=k: p[k], params)) for k in np.flatnonzero(right(params))
    ]
    assert all(one.certificate.check() for one in found)
    return [sum(one.guarantee == kind for one in found) for kind in ("structural", "functional")]


print(f"{soft}; {members} networks of each size")
print("noise    right before   right after learning   of these: units proved   function alone")
keys = jax.random.split(jax.random.key(0), (len(sizes) + 1, members))
before, after = [], []
for size, k in zip(sizes, keys, strict=False):
    start = noisy(size, k[0])
    end = learned(start, k)
    before.append(int(right(start).sum()))
    structural, functional = guarantees(end)
    after.append(structural + functional)
    print(f"{size:5} {before[-1]:14} {after[-1]:22} {structural:24} {functional:16}")
structural, functional = guarantees(learned(jax.vmap(net.init)(keys[-1]), keys[-1]))
print(f"random starts {0:6} {structural + functional:22} {structural:24} {functional:16}")

if options.out:
    figure = new_figure(6, 3.6)
    axes = figure.subplots()
    axes.plot(sizes, 100 * np.array(after) / members, color=BLUE, marker="o", label="after learning")
    axes.plot(sizes, 100 * np.array(before) / members, "--", color=VERMILION, marker="s", label="before")
    level = 100 * (structural + functional) / members
    axes.axhline(level, color=COLOURS[-1], linestyle=":", label="learned from random starts")
    axes.set(
        xscale="log",
        xlabel="standard deviation of the noise (weights of the circuit)",
        ylabel="networks right on all rows (%)",
    )
    axes.set(xticks=sizes, xticklabels=[f"{size:g}" for size in sizes], ylim=(-3, 103))
    axes.minorticks_off()
    figure.legend(loc="outside upper center", ncols=3, frameon=False, columnspacing=1)
    figure.savefig(options.out, dpi=150)
    print(f"drawn in {options.out}")

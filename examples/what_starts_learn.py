"""What do 1,000 random starts learn? `python examples/what_starts_learn.py --out picture.png`.

Networks 3-3-1 of sigmoids see 7 of the 8 rows of parity: not 111. That row tells apart two functions, parity and
"exactly one", and the rows that are seen say nothing of it. Each network that is right on its rows is extracted; its
circuit is the set of the functions of its hidden units, a unit and its complement counted as one, constants left out.
"""

import argparse
from collections import Counter

import jax
import jax.numpy as jnp
import numpy as np
import optax

import circuits
import jaxnet
from circuits.threshold.propositions import inequality
from jaxnet.canvas import BLUE, VERMILION, new_figure

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--starts", type=int, default=1000, help="how many networks (default 1000)")
parser.add_argument("--quick", action="store_true", help="100 starts")
parser.add_argument("--out", metavar="FIGURE", help="draw into FIGURE (.png, .pdf, .svg)")
options = parser.parse_args()
starts = 100 if options.quick else options.starts

x = circuits.rows(3)
y = x.sum(axis=1, keepdims=True) % 2
seen = x.sum(axis=1) < 3
data = jnp.asarray(x[seen], float), jnp.asarray(y[seen], float)
net = jaxnet.mlp([3, 3, 1])


def loss(params, batch):
    return jaxnet.squared_error(net.apply(params, batch[0]), batch[1]).mean()


rule = jaxnet.gradient_descent(loss, optax.adam(0.03))
keys = jax.random.split(jax.random.key(0), starts)
states = jax.vmap(rule.init)(jax.vmap(net.init)(keys))
states, _ = jaxnet.train_ensemble(rule, states, data, keys=keys, steps=3000, record_every=3000)
outputs = np.asarray(jax.vmap(net.apply, (0, None))(states.params, jnp.asarray(x, float)))
right = np.flatnonzero(((outputs > 0.5) == y)[:, seen].all(axis=(1, 2)))


def name(table):
    """Return a unit in least integers; of a unit and its complement the one that is 0 on 000."""
    unit = circuits.recognise(table ^ table[0], 3)
    assert isinstance(unit, circuits.ThresholdUnit)
    return inequality(unit, ["a", "b", "c"])


def circuit_of(found):
    """Return the functions of the hidden units, as text."""
    if found.guarantee != "structural":
        return "(only the function is proved)"
    wiring, units = found.circuit.wiring, found.circuit
    hidden = jaxnet.Wiring(3, wiring.offsets, wiring.sources, [3, 4, 5])
    shown = circuits.ThresholdCircuit(hidden, units.weights, units.thresholds, units.input_names, ["p", "q", "r"])
    names = {name(table) for table in circuits.evaluate(shown, x).T if table.any() and not table.all()}
    return ",   ".join(sorted(names, key=lambda text: (len(text), text)))


FUNCTIONS = ("exactly one", "parity")
counts = {function: Counter() for function in FUNCTIONS}
for k in right:
    found = circuits.from_network(net, jax.tree.map(lambda leaf, k=k: leaf[k], states.params))
    assert found.certificate.check()
    counts[FUNCTIONS[int(circuits.evaluate(found.circuit, x)[7, 0])]][circuit_of(found)] += 1

print(f"{len(right)} of {starts} networks are right on the 7 rows that they saw")
for function, by_circuit in counts.items():
    print(f"\n{function}: {by_circuit.total()} networks, {len(by_circuit)} circuits; those of most networks:")
    for text, count in by_circuit.most_common(6):
        print(f"{count:6}  {text}")

if options.out:
    bars = [(text, n, function) for function in FUNCTIONS for text, n in counts[function].most_common(6)]
    figure = new_figure(8, 5.4)
    by_function, by_circuit = figure.subplots(2, 1, sharex=True, height_ratios=(3, len(bars)))
    totals = [*((function, counts[function].total()) for function in FUNCTIONS), ("not learned", starts - len(right))]
    styles = {"exactly one": (BLUE, ""), "parity": (VERMILION, "///"), "not learned": ("0.8", "")}
    for axes, rows in ((by_function, [(*row, row[0]) for row in totals]), (by_circuit, bars)):
        for place, (_, count, function) in enumerate(rows):
            colour, hatch = styles[function]
            bar = axes.barh(place, count, color=colour, hatch=hatch, edgecolor="white", label=function)
            axes.bar_label(bar, padding=3)
        axes.set_yticks(range(len(rows)), [row[0] for row in rows])
        axes.invert_yaxis()
        axes.spines[["top", "right"]].set_visible(False)
    by_function.set(title="by function", xlim=(0, starts))
    by_circuit.set(title="by circuit: the functions of the hidden units", xlabel=f"networks, of {starts} starts")
    figure.savefig(options.out, dpi=150)
    print(f"\ndrawn in {options.out}")

"""Do logic gates learn the true rule, and is it proved? `python examples/learned_monk.py --out pictures` draws them.

The first of the MONK's problems (S. Thrun and others, 1991): of six properties of a robot, say whether a1 = a2 or
a5 = 1. Where `JAXNET_DATA` has the published 124 training rows these are learned, otherwise 124 rows drawn at random.
"""

import argparse
import os
import textwrap
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

import circuits
import jaxnet
from jaxnet.canvas import new_figure

parser = argparse.ArgumentParser(description=__doc__)
parser.add_argument("--quick", action="store_true", help="8 starts instead of 24")
parser.add_argument("--out", type=Path, help="a folder for the pictures")
options = parser.parse_args()

names = [f"a{i}" for i in range(1, 7)]
levels = {name: range(1, size + 1) for name, size in zip(names, (3, 3, 2, 3, 4, 2), strict=True)}
file = Path(os.environ.get("JAXNET_DATA", "shared/data")) / "learning" / "monk" / "monks-1.train"
if file.is_file():
    lines = np.array([line.split()[:7] for line in file.read_text().splitlines() if line.strip()], int)
    values, table = lines[:, 0] == 1, dict(zip(names, lines[:, 1:].T, strict=True))
else:
    random = np.random.default_rng(0)
    table = {name: random.integers(1, len(levels[name]) + 1, 124) for name in names}
    values = (table["a1"] == table["a2"]) | (table["a5"] == 1)
encoding = circuits.fit_encoding(table, levels=levels)
x, y = jnp.asarray(encoding.encode(table)), jnp.asarray(values[:, None])
shuffled = np.random.default_rng(0).permutation(len(y))
training, validation = ((x[rows], y[rows]) for rows in (shuffled[:100], shuffled[100:]))

# 144 gates that narrow to one, whose value is the answer: its circuit has no votes to count.
network = circuits.gate_network(17, [48, 48, 24, 16, 7, 1])
steps = 1000
rule = jaxnet.gradient_descent(
    circuits.gate_loss(network), optax.adam(optax.cosine_decay_schedule(0.1, decay_steps=steps))
)
errors = circuits.gate_errors(network)


def learn(seed):
    """Return a run, the errors of its best circuit on all 124 rows, and this circuit, simplified and proved equal."""
    keys = jax.random.split(jax.random.key(seed))
    run = jaxnet.fit(
        rule, network.init(keys[0]), training, steps=steps, every=20, key=keys[1], validation=validation,
        validate=errors, monitor="hard", progress=False,
    )  # fmt: skip
    circuit = circuits.rename(circuits.harden(network, run.params, input_names=encoding.names), {"y0": "y"})
    short = circuits.simplify(circuit)
    assert isinstance(circuits.equivalent(circuit, short), circuits.Equivalent)
    return run, int((circuits.evaluate(short, x) != y).sum()), short


def on_robots(circuit):
    """Return a circuit that is 0 where the inputs are no robot: what it says there does not matter."""
    return circuits.trace(lambda x: circuit(*x) & valid(*x), x=17)


def is_the_rule(circuit):
    """Return whether a circuit is proved to say what the true rule says, of each robot."""
    return isinstance(circuits.equivalent(on_robots(circuit), on_robots(true)), circuits.Equivalent)


robots = encoding.domain.block(0, encoding.domain.n_rows)
seen = encoding.decode(robots)
wanted = [a1 == a2 or a5 == 1 for a1, a2, a5 in zip(seen["a1"], seen["a2"], seen["a5"], strict=True)]
true = circuits.circuit_on_domain(encoding.domain, wanted, encoding.names)
valid = encoding.domain.membership(encoding.names)

found = [learn(seed) for seed in range(8 if options.quick else 24)]
right = [circuit for _, wrong, circuit in found if not wrong]
print(f"{len(right)} of {len(found)} circuits have the {len(y)} rows right, {len(validation[1])} of them held out")
print(f"{sum(map(is_the_rule, right))} of these are proved to be a1 = a2 or a5 = 1 on all {len(robots)} robots")

# Of those that have the rows right the smallest.
run, wrong, learned = min(found, key=lambda one: (one[1], one[2].n_gates))
text = circuits.formula(learned, encoding.names)
print(f"the smallest of them has {learned.n_gates} of its 144 gates left: {text}")
print(
    f"as a rule: {circuits.rule(learned, encoding)}; {'proved to be' if is_the_rule(learned) else 'not'} the true one"
)

if options.out:
    options.out.mkdir(parents=True, exist_ok=True)
    titles = f"learned: {text}", f"the true rule: {circuits.formula(true, encoding.names)}"
    figure = new_figure(9.6, 2.9)
    for ax, circuit, title in zip(figure.subplots(1, 2), (learned, true), titles, strict=True):
        circuits.draw_circuit(circuit, outputs=["y"], ax=ax)
        ax.set_title(textwrap.fill(title, 72), fontsize="small")
        ax.set_anchor("N")
    figure.savefig(options.out / "learned_monk.png", dpi=150)
    circuits.draw_accuracy(run, path=options.out / "learned_monk_accuracy.png")
    circuits.draw_gate_types(network, run.params, path=options.out / "learned_monk_types.png")

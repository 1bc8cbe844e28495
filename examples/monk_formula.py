"""What did a network learn? A trained one is handed over as a formula, with a proof: `python examples/monk_formula.py`.

The first of the MONK's problems (S. Thrun and others 1991): of six properties of a robot, say whether a1 = a2 or
a5 = 1. Where `JAXNET_DATA` has the published 124 training rows these are learned, otherwise 124 rows drawn at random.
"""

import os
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

import circuits
import jaxnet

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
data = jnp.asarray(encoding.encode(table), float), jnp.asarray(values[:, None], float)
net, sums = jaxnet.mlp([17, 4, 1]), jaxnet.mlp([17, 4, 1], [jaxnet.sigmoid, jaxnet.identity])


def loss(params, batch):
    return jaxnet.binary_cross_entropy(sums.apply(params, batch[0]), batch[1]).mean()


def hardening(params, batch):
    return loss(params, batch) + 0.1 * jaxnet.margin_penalty(net, params, batch[0])


gain = optax.exponential_decay(1.0, 2000, 12.0, end_value=12.0)
grow = optax.masked(jaxnet.anneal_gain(gain), (True, False))
first = jaxnet.gradient_descent(loss, optax.adam(0.03))
second = jaxnet.gradient_descent(hardening, optax.chain(optax.adam(0.03), grow))


@jax.jit
@jax.vmap
def learn(key):
    """First to be right, then to be a circuit."""
    init_key, *keys = jax.random.split(key, 3)
    state, _ = jaxnet.train(first, first.init(net.init(init_key)), data, steps=3000, key=keys[0])
    state, _ = jaxnet.train(second, second.init(state.params), data, steps=3000, key=keys[1])
    return state.params


def extract(params):
    """Return whether a network is proved to be its hardening, unit by unit, and a circuit proved equal to it."""
    units = circuits.from_network(net, params, encoding.domain)
    found = circuits.from_network(net, params, encoding.domain, want="functional", input_names=encoding.names)
    assert isinstance(found.circuit, circuits.Circuit)
    assert found.certificate.check()
    assert units.certificate.check()
    return units.guarantee == "structural", found.circuit


starts = 20
params = learn(jax.random.split(jax.random.key(0), starts))
outputs = np.asarray(jax.vmap(net.apply, (0, None))(params, data[0]))
right = np.flatnonzero(((outputs > 0.5) == values[:, None]).all(axis=(1, 2)))
structural, found = zip(*(extract(jax.tree.map(lambda leaf, k=k: leaf[k], params)) for k in right), strict=True)
print(f"{len(right)} of {starts} networks are right on their {len(values)} rows")
print(f"{sum(structural)} of them are proved to be their hardening, unit by unit, on {encoding.domain}")

# Rows alone do not tell these networks apart. Which of them has the smallest circuit?
smallest = min(found, key=lambda circuit: circuit.n_gates)
print(f"the smallest circuit, proved equal to its network on all {encoding.domain.n_rows} robots:")
print("in gates:", circuits.formula(smallest))
print("as a rule:", circuits.rule(smallest, encoding))

robots = encoding.domain.block(0, encoding.domain.n_rows)
seen = encoding.decode(robots)
wanted = [a1 == a2 or a5 == 1 for a1, a2, a5 in zip(seen["a1"], seen["a2"], seen["a5"], strict=True)]
wrong = int((circuits.evaluate(smallest, robots)[:, 0] != np.array(wanted)).sum())
print(f"against a1 = a2 or a5 = 1: {wrong} of {len(robots)} robots differ")

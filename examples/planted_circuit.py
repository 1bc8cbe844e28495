"""Is a known circuit found in a larger network, by proof and by attribution? `python examples/planted_circuit.py`.

Five hidden units compute parity. Among them are ten random units that change nothing, five pairs of twins: the
output reads one with some weight, the other with its opposite. Which of the fifteen matter is known: a ground truth.
"""

import jax
import jax.numpy as jnp
import numpy as np

import circuits
import jaxnet
from circuits.threshold.symmetric_functions import parity

planted = parity(5)
soft = circuits.to_network(planted, jaxnet.sigmoid, error=0.05)
net, (hidden, last) = jaxnet.as_mlp(soft.network, soft.params)
random = np.random.default_rng(0)
w, b, out = 6 * random.normal(size=(5, 5)), 6 * random.normal(size=5), 8 * random.normal(size=(1, 5))
order = random.permutation(15)
truth = (np.arange(15) < 5)[order]
hidden = jaxnet.Neuron(jnp.concatenate([hidden.w, w, w])[order], jnp.concatenate([hidden.b, b, b])[order])
last = jaxnet.Neuron(jnp.concatenate([last.w, out, -out], axis=1)[:, order], last.b)
net = jaxnet.mlp([5, 15, 1])

found = circuits.from_network(net, (hidden, last))
gates = circuits.simplify(circuits.to_circuit(found.circuit))
same = circuits.equivalent(gates, circuits.to_circuit(planted), by="position")
print(f"extracted: {found}, checked: {found.certificate.check()}")
print(f"the planted circuit: {type(same).__name__}; mapped to {circuits.map_to_units(gates)}")

# Attributions: how much each hidden unit is said to matter, over all rows.
x = jnp.asarray(circuits.rows(5), float)
h = jaxnet.layer(5, 15).apply(hidden, x)


def output(h):
    return jaxnet.pre_activation(last, h)[:, 0]


gradient = jax.grad(lambda h: output(h).sum())(h)
alone = [output(h) - output(h.at[:, k].set(h[:, k].mean())) for k in range(15)]
scores = {
    "gradient x activation": jnp.abs(gradient * h).mean(axis=0),
    "ablation, one by one": jnp.abs(jnp.stack(alone)).mean(axis=1),
}
print("share of the pairs (unit of the circuit, random unit) that are ranked rightly; 1/2 is chance")
for name, score in scores.items():
    pairs = np.asarray(score)[truth][:, None] > np.asarray(score)[~truth]
    print(f"{name:22} {pairs.mean():.2f}")

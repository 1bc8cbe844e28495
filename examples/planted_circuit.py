"""Is a known circuit found in a larger network, by proof and by attribution? `python examples/planted_circuit.py`.

Five hidden units compute parity. Among them are ten random units that change nothing, five pairs of twins: the output
reads one with some weight, the other with its opposite. So it is known which of the fifteen matter.
"""

import importlib.util

import jax
import jax.numpy as jnp
import numpy as np

import circuits
import jaxnet
from circuits.threshold.symmetric_functions import parity

planted, net, random = circuits.to_circuit(parity(5)), jaxnet.mlp([5, 15, 1]), np.random.default_rng(0)
hidden, last = circuits.to_network(parity(5), jaxnet.sigmoid, error=0.05, layered=True).params
x = jnp.asarray(circuits.rows(5), float)
smaller = circuits.optimise if importlib.util.find_spec("aigverse") else circuits.simplify


def plant():
    """Return a network with the circuit among random units, and which units are the circuit's."""
    order, size = random.permutation(15), jnp.abs(last.w).max()
    w, b, out = (size * random.normal(size=shape) for shape in ((5, 5), 5, (1, 5)))
    first = jaxnet.Neuron(jnp.concatenate([hidden.w, w, w])[order], jnp.concatenate([hidden.b, b, b])[order])
    return (first, last._replace(w=jnp.concatenate([last.w, out, -out], axis=1)[:, order])), order < 5


def attributions(first, last):
    """Return how much each hidden unit is said to matter to what the output adds up, over all rows."""
    h = jaxnet.layer(5, 15).apply(first, x)
    gradient = jax.grad(lambda h: jaxnet.pre_activation(last, h).sum())(h)
    ablated = [jaxnet.pre_activation(last, h.at[:, k].set(h[:, k].mean())) for k in range(15)]
    return {
        "gradient x activation": jnp.abs(gradient * h).mean(axis=0),
        "ablation, one by one": jnp.abs(jaxnet.pre_activation(last, h) - jnp.stack(ablated)).mean(axis=(1, 2)),
    }


def extract(params):
    """Return the circuit of a network in gates, and whether it is proved to be the planted one."""
    found = circuits.from_network(net, params)
    assert isinstance(found.circuit, circuits.ThresholdCircuit)
    assert found.certificate.check()
    gates = smaller(circuits.to_circuit(found.circuit))
    same = circuits.equivalent(gates, planted, by="position")
    return gates.n_gates, isinstance(same, circuits.Equivalent)


networks = [plant() for _ in range(20)]
sizes, proved = zip(*(extract(params) for params, _ in networks), strict=True)
print(f"{sum(proved)} of 20 extracted circuits are proved to be the planted one; {max(sizes)} gates or fewer")
print("pairs of a unit of the circuit and a random unit that are ranked rightly; 1/2 is chance")
scores = [attributions(*params) for params, _ in networks]
for name in scores[0]:
    share = [(s[name][t][:, None] > s[name][~t]).mean() for s, (_, t) in zip(scores, networks, strict=True)]
    print(f"{name:22} {np.mean(share):.2f}, from {min(share):.2f} to {max(share):.2f}")

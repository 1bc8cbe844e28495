"""Exclusive or, in logic and by learning: what one neuron cannot do, two layers can: `python examples/xor.py`."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax

import circuits
import jaxnet
from circuits.threshold.symmetric_functions import parity

xor = circuits.parse("a ^ b")
x, y = circuits.rows(2), circuits.truth_table(xor)
print("inputs ", x.astype(int).tolist(), "\nwanted ", y[:, 0].astype(int).tolist())

# 1. One Boolean neuron [w.x >= T]: try all small weights. More would not help: XOR would need w1 >= T, w2 >= T,
#    0 < T and w1 + w2 < T at once, and the first three give w1 + w2 >= 2 T > T.
units = [circuits.ThresholdUnit([w1, w2], t) for w1, w2, t in itertools.product((1, 2, 3, 0, -1, -2, -3), repeat=3)]
right = [np.sum(circuits.evaluate(unit, x) == y[:, 0]) for unit in units]
print(f"\n1. one threshold unit: at best {max(right)} of 4 rows, for example {units[np.argmax(right)]}")

# 2. Two layers of Boolean neurons: OR, AND, and OR but not AND.
two_layers = parity(2)
print("2. three threshold units:", circuits.evaluate(two_layers, x)[:, 0].astype(int).tolist())

# 3. The same units as sigmoids. A large enough gain keeps each output within 0.05, by a theorem.
soft = circuits.to_network(two_layers, jaxnet.sigmoid, error=0.05)
outputs = soft.network.apply(soft.params, x.astype(float))
print(f"3. the same as sigmoids, gain {soft.gains.max():.2f}:", np.asarray(outputs[:, 0]).round(3))

# 4. Sigmoids that learn it by gradient, from 100 random starts at once.
net = jaxnet.mlp([2, 2, 1], activation=jaxnet.sigmoid)


def loss(params, batch):
    inputs, targets = batch
    return jaxnet.squared_error(net.apply(params, inputs), targets).mean()


rule = jaxnet.gradient_descent(loss, optax.adam(0.05))
data = jnp.asarray(x, float), jnp.asarray(y, float)


@jax.vmap
def learn(key):
    init_key, run_key = jax.random.split(key)
    state, history = jaxnet.train(rule, rule.init(net.init(init_key)), data, steps=2_000, key=run_key)
    return net.apply(state.params, data[0]), history["loss"]


outputs, losses = learn(jax.random.split(jax.random.key(0), 100))
solved = ((outputs > 0.5) == y).all(axis=(1, 2))
stuck, example = np.median(losses[~solved, -1]), np.asarray(outputs[solved][0, :, 0]).round(3)
print(f"4. a 2-2-1 network learned it from {solved.sum()} of 100 starts; others are stuck at a loss near {stuck:.3f}.")
print("   One that learned it gives", example)

"""The lecture's loop-free network (eq. 6), which uses f2 twice: `python examples/lecture_graph.py`."""

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jaxnet

# g(x1, x2, x3) = f5(f4(f1(x1), f2(x2)), f2(x2), f3(x3)), each f a sigmoid unit.
f1, f2, f3, f4, f5 = (jaxnet.layer(n, 1) for n in (1, 1, 1, 2, 3))
g = jaxnet.dag(
    {
        "f1": (f1, ["x1"]),
        "f2": (f2, ["x2"]),
        "f3": (f3, ["x3"]),
        "f4": (f4, ["f1", "f2"]),
        "f5": (f5, ["f4", "f2", "f3"]),
    },
    inputs=["x1", "x2", "x3"],
    outputs="f5",
)
print(jaxnet.summary(g, input_shape=(8, 3)))

# It learns the majority of its three inputs, from all eight rows.
x = jnp.array([[a, b, c] for a in (0.0, 1.0) for b in (0.0, 1.0) for c in (0.0, 1.0)])
y = (x.sum(axis=1, keepdims=True) >= 2).astype(x.dtype)


def loss(params, batch):
    inputs, targets = batch
    return jaxnet.squared_error(g.apply(params, inputs), targets).mean()


rule = jaxnet.gradient_descent(loss, optax.adam(0.05))
init_key, run_key = jax.random.split(jax.random.key(0))
start = g.init(init_key)
state, _ = jaxnet.train(rule, rule.init(start), (x, y), steps=2_000, key=run_key)
print("\nwanted ", y[:, 0].astype(int).tolist())
print("learned", np.asarray(g.apply(state.params, x)[:, 0], np.float64).round(2).tolist())


# The same function in plain Python, with a set of parameters for each use of f2: one gradient per use.
def by_hand(first_use, second_use, others):
    x1, x2, x3 = (x[:, i : i + 1] for i in range(3))
    inner = f4.apply(others["f4"], jnp.hstack([f1.apply(others["f1"], x1), f2.apply(first_use, x2)]))
    outer = jnp.hstack([inner, f2.apply(second_use, x2), f3.apply(others["f3"], x3)])
    return jaxnet.squared_error(f5.apply(others["f5"], outer), y).mean()


whole = jax.grad(loss)(start, (x, y))["f2"]
uses = jax.grad(by_hand, argnums=(0, 1))(start["f2"], start["f2"], start)
print("\nthe derivative of the loss by the weight of f2, before learning")
print(f"  by its use in f4  {uses[0].w.item():+.6f}\n  by its use in f5  {uses[1].w.item():+.6f}")
print(f"  their sum         {(uses[0].w + uses[1].w).item():+.6f}\n  in g              {whole.w.item():+.6f}")

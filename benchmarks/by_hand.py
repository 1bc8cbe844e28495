"""The training run that one writes by hand in JAX and Optax: the yardstick of `training.py` and `ensembles.py`.

A scan of the whole run, and the step it is made of, for a loop. A fresh order of the examples is made on the device
for every epoch, as `jaxnet.train` makes it, so that all can be compared step by step; each step's loss is recorded.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax


def forward(params, x):
    """Weights as (inputs, outputs), the order that a matrix product likes best."""
    for w, b in params:
        x = jax.nn.sigmoid(x @ w + b)
    return x


def transposed_forward(params, x):
    """Weights as (outputs, inputs), as the lecture and `jaxnet` have them."""
    for w, b in params:
        x = jax.nn.sigmoid(x @ w.T + b)
    return x


def squared_error(v, y):
    """Half the squared error: the sum over outputs, the mean over examples."""
    return jnp.mean(jnp.sum((v - y) ** 2, axis=-1)) / 2


def step_of(forward, optimizer):
    """The function `((params, optimizer state), x, y) -> (the same, loss)`."""

    def step(state, x, y):
        params, optimizer_state = state
        loss, gradient = jax.value_and_grad(lambda params: squared_error(forward(params, x), y))(params)
        updates, optimizer_state = optimizer.update(gradient, optimizer_state, params)
        return (optax.apply_updates(params, updates), optimizer_state), loss

    return step


def order(key, n, batch_size, steps):
    """The examples of each batch, `(steps, batch_size)`; None for the full batch."""
    if batch_size is None:
        return None
    order_key, _ = jax.random.split(key)
    keys = jax.vmap(lambda epoch: jax.random.fold_in(order_key, epoch))(np.arange(-(-steps * batch_size // n)))
    stream = jax.vmap(lambda key: jax.random.permutation(key, n))(keys).reshape(-1)
    return stream[: steps * batch_size].reshape(steps, batch_size)


def scan_of(forward, optimizer, batch_size, steps):
    """The whole run, `(params, x, y, key) -> (state, losses)`; not yet jitted."""
    step = step_of(forward, optimizer)

    def run(params, x, y, key):
        def body(state, rows):
            return step(state, x, y) if rows is None else step(state, x[rows], y[rows])

        start = params, optimizer.init(params)
        return jax.lax.scan(body, start, order(key, len(x), batch_size, steps), length=steps)

    return run

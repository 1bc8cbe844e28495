"""The training run that one writes by hand in JAX and Optax: the yardstick of training.py, ensembles.py and scaling.py.

There is a scan of the whole run, and its step alone, for a Python loop. Each epoch has a fresh order of the examples,
drawn on the device as `jaxnet.train` draws it, so that runs can be compared step by step; each step's loss is recorded.
"""

import jax
import jax.numpy as jnp
import numpy as np
import optax


def forward(params, x):
    """Apply the layers, with weights as (inputs, outputs), the order that a matrix product likes best."""
    for w, b in params:
        x = jax.nn.sigmoid(x @ w + b)
    return x


def transposed_forward(params, x):
    """Apply the layers, with weights as (outputs, inputs), as the lecture and `jaxnet` have them."""
    for w, b in params:
        x = jax.nn.sigmoid(x @ w.T + b)
    return x


def squared_error(v, y):
    """Return half the squared error: the sum over outputs, the mean over examples."""
    return jnp.mean(jnp.sum((v - y) ** 2, axis=-1)) / 2


def step_of(forward, optimizer):
    """Return the function `((params, optimizer state), x, y) -> (the same, loss)`."""

    def step(state, x, y):
        params, optimizer_state = state
        loss, gradient = jax.value_and_grad(lambda params: squared_error(forward(params, x), y))(params)
        updates, optimizer_state = optimizer.update(gradient, optimizer_state, params)
        return (optax.apply_updates(params, updates), optimizer_state), loss

    return step


def order(key, n, batch_size, steps):
    """Draw the examples of each batch, `(steps, batch_size)`; None for the full batch."""
    if batch_size is None:
        return None
    order_key, _ = jax.random.split(key)
    keys = jax.vmap(lambda epoch: jax.random.fold_in(order_key, epoch))(np.arange(-(-steps * batch_size // n)))
    stream = jax.vmap(lambda key: jax.random.permutation(key, n))(keys).reshape(-1)
    return stream[: steps * batch_size].reshape(steps, batch_size)


def scan_of(forward, optimizer, batch_size, steps):
    """Return the whole run, `(params, x, y, key) -> (state, losses)`; not yet jitted."""
    step = step_of(forward, optimizer)

    def run(params, x, y, key):
        def body(state, rows):
            return step(state, x, y) if rows is None else step(state, x[rows], y[rows])

        start = params, optimizer.init(params)
        return jax.lax.scan(body, start, order(key, len(x), batch_size, steps), length=steps)

    return run

"""The run of training.py as the documentation of other libraries writes it: a Python loop over a compiled step.

All start from the same parameters and see the same batches, with the same loss and optimiser. scikit-learn cannot: it
draws its own parameters and order, and its outputs have no sigmoid; it gets a hundredth of the step size, so that
linear outputs do not diverge. The peers are favoured twice: they get the order of the examples beforehand, and they
index arrays where a loader would collate single examples. PyTorch has one thread for small networks: more would wait
for each other.
"""

import functools
import importlib
import itertools
import os
import shutil
import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from common.by_hand import squared_error
from common.timing import installed


class Task(NamedTuple):
    """A training run: the first parameters, the examples, which of them each step sees, and the optimiser.

    Weights are (outputs, inputs); `rows` `(steps, batch)` is None for the full batch; the optimiser "sgd" or "adam".
    """

    layers: list[tuple[np.ndarray, np.ndarray]]
    x: np.ndarray
    y: np.ndarray
    rows: np.ndarray | None
    steps: int
    optimizer: str
    step_size: float

    @property
    def sizes(self):
        """Inputs, hidden layers, outputs."""
        return [self.layers[0][0].shape[1], *(len(b) for _, b in self.layers)]

    @property
    def transform(self):
        """Optax's optimiser."""
        return getattr(optax, self.optimizer)(self.step_size)


class Contestant(NamedTuple):
    """A run that returns its last loss, or all; its steps; whether its loss must be the same as the others'."""

    run: Callable[[], Any]
    steps: int
    same: bool = True


def batches(x, y, rows, steps):
    """Return the batch of each step."""
    return itertools.repeat((x, y), steps) if rows is None else ((x[i], y[i]) for i in rows)


def loop(step, start, task):
    """Loop over a jitted `step(state, x, y) -> (state, loss)`; batches come from NumPy, a full batch once."""
    x, y = (task.x, task.y) if task.rows is not None else (jnp.asarray(task.x), jnp.asarray(task.y))

    def run():
        state, loss = start, None
        for batch in batches(x, y, task.rows, task.steps):
            state, loss = step(state, *batch)
        return loss

    return Contestant(run, task.steps)


def with_nnx(nnx, task, cached=False):
    layers = [nnx.Linear(n, m, rngs=nnx.Rngs(0)) for n, m in itertools.pairwise(task.sizes)]
    for layer, (w, b) in zip(layers, task.layers, strict=True):
        layer.kernel.set_value(jnp.asarray(w.T))
        layer.bias.set_value(jnp.asarray(b))
    model = nnx.Sequential(*(part for layer in layers for part in (layer, jax.nn.sigmoid)))
    graph, start = nnx.split((model, nnx.Optimizer(model, task.transform, wrt=nnx.Param)))

    @nnx.jit
    def step(model, optimizer, x, y):
        loss, gradient = nnx.value_and_grad(lambda model: squared_error(model(x), y))(model)
        optimizer.update(model, gradient)
        return loss

    def run():
        updating = (nnx.cached_partial if cached else functools.partial)(step, *nnx.merge(graph, start))
        return loop(lambda state, x, y: (state, updating(x, y)), None, task).run()

    return Contestant(run, task.steps)


def with_cached_nnx(nnx, task):
    return with_nnx(nnx, task, cached=True)


def with_linen(linen, task):
    train_state = importlib.import_module("flax.training.train_state")
    model = linen.Sequential([part for _, b in task.layers for part in (linen.Dense(len(b)), jax.nn.sigmoid)])
    params = {
        f"layers_{2 * i}": {"kernel": jnp.asarray(w.T), "bias": jnp.asarray(b)} for i, (w, b) in enumerate(task.layers)
    }
    start = train_state.TrainState.create(apply_fn=model.apply, params=params, tx=task.transform)

    @jax.jit
    def step(state, x, y):
        def loss_of(params):
            return squared_error(state.apply_fn({"params": params}, x), y)

        loss, gradient = jax.value_and_grad(loss_of)(state.params)
        return state.apply_gradients(grads=gradient), loss

    return loop(step, start, task)


def with_equinox(equinox, task):
    n, *hidden, m = task.sizes
    sigmoid = jax.nn.sigmoid
    model = equinox.nn.MLP(n, m, hidden[0], len(hidden), sigmoid, sigmoid, key=jax.random.key(0))
    arrays = [jnp.asarray(p) for pair in task.layers for p in pair]
    model = equinox.tree_at(lambda model: [p for part in model.layers for p in (part.weight, part.bias)], model, arrays)
    optimizer = task.transform

    @equinox.filter_jit
    def step(state, x, y):
        model, optimizer_state = state
        loss, gradient = equinox.filter_value_and_grad(lambda model: squared_error(jax.vmap(model)(x), y))(model)
        updates, optimizer_state = optimizer.update(gradient, optimizer_state, equinox.filter(model, equinox.is_array))
        return (equinox.apply_updates(model, updates), optimizer_state), loss

    return loop(step, (model, optimizer.init(equinox.filter(model, equinox.is_array))), task)


def with_haiku(haiku, task):
    def forward(x):
        return haiku.nets.MLP(task.sizes[1:], activation=jax.nn.sigmoid, activate_final=True)(x)

    model = haiku.without_apply_rng(haiku.transform(forward))
    params = {f"mlp/~/linear_{i}": {"w": jnp.asarray(w.T), "b": jnp.asarray(b)} for i, (w, b) in enumerate(task.layers)}
    optimizer = task.transform

    @jax.jit
    def step(state, x, y):
        params, optimizer_state = state
        loss, gradient = jax.value_and_grad(lambda params: squared_error(model.apply(params, x), y))(params)
        updates, optimizer_state = optimizer.update(gradient, optimizer_state)
        return (optax.apply_updates(params, updates), optimizer_state), loss

    return loop(step, (params, optimizer.init(params)), task)


def with_torch(torch, task, compiled=False):
    weights = sum(w.size for w, _ in task.layers)
    torch.set_num_threads(1 if weights < 1_000_000 else os.cpu_count() or 1)
    model = torch.nn.Sequential()
    for w, _ in task.layers:
        model.extend([torch.nn.Linear(w.shape[1], w.shape[0]), torch.nn.Sigmoid()])
    start = [torch.tensor(p) for pair in task.layers for p in pair]
    x, y = torch.tensor(task.x), torch.tensor(task.y)
    rows = None if task.rows is None else torch.tensor(task.rows)
    optimizer = {"sgd": torch.optim.SGD, "adam": torch.optim.Adam}[task.optimizer](
        model.parameters(), lr=task.step_size
    )

    def step(x, y):
        optimizer.zero_grad()
        loss = ((model(x) - y) ** 2).sum(-1).mean() / 2
        loss.backward()
        optimizer.step()
        return loss

    if compiled:
        torch.compiler.reset()  # without it, the steps of earlier tasks count against a limit of recompilations
        step = torch.compile(step)

    def run():
        with torch.no_grad():
            for parameter, value in zip(model.parameters(), start, strict=True):
                parameter.copy_(value)
            for memory in optimizer.state.values():
                for value in filter(torch.is_tensor, memory.values()):
                    value.zero_()
        loss = None
        for batch in batches(x, y, rows, task.steps):
            loss = step(*batch)
        return loss.detach().numpy()  # pyright: ignore[reportOptionalMemberAccess]

    return Contestant(run, task.steps)


def with_compiled_torch(torch, task):
    return with_torch(torch, task, compiled=True)


def with_sklearn(network, task):
    n = len(task.x)
    batch_size = n if task.rows is None else task.rows.shape[1]
    epochs = max(2, -(-task.steps * batch_size // n))  # two, for the loss to fall
    model = network.MLPRegressor(
        hidden_layer_sizes=task.sizes[1:-1], activation="logistic", solver=task.optimizer,
        learning_rate_init=task.step_size / 100, momentum=0, alpha=0, batch_size=batch_size, max_iter=epochs, tol=0,
        shuffle=task.rows is not None, n_iter_no_change=epochs, random_state=0,
    )  # fmt: skip
    y = task.y[:, 0] if task.y.shape[1] == 1 else task.y

    def run():
        with warnings.catch_warnings():  # that all epochs are over
            warnings.simplefilter("ignore")
            return model.fit(task.x, y).loss_curve_

    return Contestant(run, epochs * -(-n // batch_size), same=False)


# Module and maker, `(library, task) -> Contestant`.
PEERS = {
    "Flax NNX": ("flax.nnx", with_nnx),
    "Flax NNX, cached": ("flax.nnx", with_cached_nnx),
    "Flax Linen": ("flax.linen", with_linen),
    "Equinox": ("equinox", with_equinox),
    "Haiku": ("haiku", with_haiku),
    "PyTorch": ("torch", with_torch),
    "PyTorch, compiled": ("torch", with_compiled_torch),
    "scikit-learn": ("sklearn.neural_network", with_sklearn),
}


def found():
    """Return name and maker, `task -> Contestant`, of each peer installed; print a line for each of the others."""
    libraries = {module: installed(module) for module in dict.fromkeys(module for module, _ in PEERS.values())}
    makers = {}
    for name, (module, make) in PEERS.items():
        if make is with_compiled_torch and libraries[module] and not shutil.which(os.environ.get("CXX", "g++")):
            print("torch.compile needs a C++ compiler: skipped.")
        elif libraries[module]:
            makers[name] = lambda task, make=make, library=libraries[module]: make(library, task)
    return makers

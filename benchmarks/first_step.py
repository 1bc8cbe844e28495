"""Time to the first training step: from the start of a fresh process, through imports and compilation, to its result.

`python benchmarks/first_step.py` prints seconds, and ratios to a script in JAX and Optax by hand: medians over rounds,
in each of which all run in turn, with the smallest and the largest ratio. A process runs one of the functions below, a
step of gradient learning on XOR by a 2-4-1 network, and says when it is done: the time to exit does not count.
The script by hand comes twice: it draws the first parameters by NumPy, or by `jax.random`, whose first numbers take a
compilation. Imports are measured alone as well. Python's bytecode is kept between processes, as that of an installed
package is; what XLA compiled in an earlier process is not. The first round fills this folder and is left out.
"""
# Imports stand inside the functions, so that a process under test imports only what it needs.

import argparse
import itertools
import os
import subprocess
import sys
import tempfile
import time

SIZES, STEP_SIZE = (2, 4, 1), 0.5


def xor():
    import numpy as np

    return np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float32), np.array([[0], [1], [1], [0]], np.float32)


def import_jax_and_optax():
    import jax
    import optax

    return jax, optax


def import_jaxnet():
    import jaxnet

    return jaxnet


def import_all_of_jaxnet():
    import jaxnet

    return [getattr(jaxnet, name) for name in jaxnet.__all__]


def drawn_by_numpy():
    import numpy as np

    random = np.random.default_rng(0)
    return [
        (random.normal(0, n**-0.5, (n, m)).astype(np.float32), np.zeros(m, np.float32))
        for n, m in itertools.pairwise(SIZES)
    ]


def drawn_by_jax():
    import jax
    import jax.numpy as jnp

    @jax.jit
    def draw(key):
        keys = jax.random.split(key, len(SIZES) - 1)
        return [
            (jax.random.normal(k, (n, m)) * n**-0.5, jnp.zeros(m))
            for k, (n, m) in zip(keys, itertools.pairwise(SIZES), strict=True)
        ]

    return draw(jax.random.key(0))


def by_hand(drawn=drawn_by_numpy):
    import jax
    import jax.numpy as jnp
    import optax

    params, optimizer = drawn(), optax.sgd(STEP_SIZE)

    def loss_of(params, x, y):
        for w, b in params:
            x = jax.nn.sigmoid(x @ w + b)
        return jnp.mean(jnp.sum((x - y) ** 2, axis=-1)) / 2

    @jax.jit
    def step(params, state, x, y):
        loss, gradient = jax.value_and_grad(loss_of)(params, x, y)
        updates, state = optimizer.update(gradient, state, params)
        return optax.apply_updates(params, updates), state, loss

    return jax.block_until_ready(step(params, optimizer.init(params), *xor()))


def by_hand_with_jax_random():
    return by_hand(drawn_by_jax)


def problem():
    """Return what both functions of `jaxnet` start from."""
    import jax
    import optax

    import jaxnet

    net = jaxnet.mlp(SIZES)

    def loss(params, batch):
        return jaxnet.squared_error(net.apply(params, batch[0]), batch[1]).mean()

    rule = jaxnet.gradient_descent(loss, optax.sgd(STEP_SIZE))
    return rule, net.init(jax.random.key(0)), xor(), jax.random.key(1)


def with_train():
    import jax

    import jaxnet

    rule, params, data, key = problem()
    return jax.block_until_ready(jaxnet.train(rule, rule.init(params), data, steps=1, key=key))


def with_fit():
    import jaxnet

    rule, params, data, key = problem()
    return jaxnet.fit(rule, params, data, steps=1, key=key, progress=False)


def with_nnx():
    import jax
    import jax.numpy as jnp
    import optax
    from flax import nnx  # pyright: ignore[reportMissingImports]

    rngs = nnx.Rngs(0)
    layers = [nnx.Linear(n, m, rngs=rngs) for n, m in itertools.pairwise(SIZES)]
    model = nnx.Sequential(*(part for layer in layers for part in (layer, jax.nn.sigmoid)))
    optimizer = nnx.Optimizer(model, optax.sgd(STEP_SIZE), wrt=nnx.Param)

    @nnx.jit
    def step(model, optimizer, x, y):
        def loss_of(model):
            return jnp.mean(jnp.sum((model(x) - y) ** 2, axis=-1)) / 2

        loss, gradient = nnx.value_and_grad(loss_of)(model)
        optimizer.update(model, gradient)
        return loss

    return step(model, optimizer, *xor()).block_until_ready()


def with_linen():
    import jax
    import jax.numpy as jnp
    import optax
    from flax import linen  # pyright: ignore[reportMissingImports]
    from flax.training import train_state  # pyright: ignore[reportMissingImports]

    model = linen.Sequential([part for m in SIZES[1:] for part in (linen.Dense(m), jax.nn.sigmoid)])
    x, y = xor()
    params = model.init(jax.random.key(0), x)["params"]
    state = train_state.TrainState.create(apply_fn=model.apply, params=params, tx=optax.sgd(STEP_SIZE))

    @jax.jit
    def step(state, x, y):
        def loss_of(params):
            return jnp.mean(jnp.sum((state.apply_fn({"params": params}, x) - y) ** 2, axis=-1)) / 2

        loss, gradient = jax.value_and_grad(loss_of)(state.params)
        return state.apply_gradients(grads=gradient), loss

    return jax.block_until_ready(step(state, x, y))


def with_equinox():
    import equinox  # pyright: ignore[reportMissingImports]
    import jax
    import jax.numpy as jnp
    import optax

    n, width, m = SIZES
    sigmoid, optimizer = jax.nn.sigmoid, optax.sgd(STEP_SIZE)
    model = equinox.nn.MLP(n, m, width, 1, sigmoid, sigmoid, key=jax.random.key(0))
    state = optimizer.init(equinox.filter(model, equinox.is_array))

    @equinox.filter_jit
    def step(model, state, x, y):
        def loss_of(model):
            return jnp.mean(jnp.sum((jax.vmap(model)(x) - y) ** 2, axis=-1)) / 2

        loss, gradient = equinox.filter_value_and_grad(loss_of)(model)
        updates, state = optimizer.update(gradient, state, equinox.filter(model, equinox.is_array))
        return equinox.apply_updates(model, updates), state, loss

    return step(model, state, *xor())[2].block_until_ready()


def with_haiku():
    import haiku  # pyright: ignore[reportMissingImports]
    import jax
    import jax.numpy as jnp
    import optax

    def forward(x):
        return haiku.nets.MLP(SIZES[1:], activation=jax.nn.sigmoid, activate_final=True)(x)

    model, optimizer = haiku.without_apply_rng(haiku.transform(forward)), optax.sgd(STEP_SIZE)
    x, y = xor()
    params = model.init(jax.random.key(0), x)

    @jax.jit
    def step(params, state, x, y):
        def loss_of(params):
            return jnp.mean(jnp.sum((model.apply(params, x) - y) ** 2, axis=-1)) / 2

        loss, gradient = jax.value_and_grad(loss_of)(params)
        updates, state = optimizer.update(gradient, state)
        return optax.apply_updates(params, updates), state, loss

    return jax.block_until_ready(step(params, optimizer.init(params), x, y))


def with_torch():
    import torch  # pyright: ignore[reportMissingImports]

    layers = [torch.nn.Linear(n, m) for n, m in itertools.pairwise(SIZES)]
    model = torch.nn.Sequential(*(part for layer in layers for part in (layer, torch.nn.Sigmoid())))
    optimizer = torch.optim.SGD(model.parameters(), lr=STEP_SIZE)
    x, y = map(torch.tensor, xor())
    loss = ((model(x) - y) ** 2).sum(-1).mean() / 2
    loss.backward()
    optimizer.step()
    return loss.item()


def with_sklearn():
    from sklearn.neural_network import MLPRegressor  # pyright: ignore[reportMissingImports]

    model = MLPRegressor(
        hidden_layer_sizes=SIZES[1:-1], activation="logistic", solver="sgd", learning_rate_init=STEP_SIZE, momentum=0
    )
    x, y = xor()
    return model.partial_fit(x, y[:, 0])


# Name, function, the modules it needs.
IMPORTS = (
    ("import jax, optax", import_jax_and_optax, ()),
    ("import jaxnet", import_jaxnet, ()),
    ("every name of it used", import_all_of_jaxnet, ()),
)
STEPS = (
    ("JAX and Optax by hand", by_hand, ()),
    ("same, jax.random.normal", by_hand_with_jax_random, ()),
    ("jaxnet.train", with_train, ()),
    ("jaxnet.fit", with_fit, ()),
    ("Flax NNX", with_nnx, ("flax",)),
    ("Flax Linen", with_linen, ("flax",)),
    ("Equinox", with_equinox, ("equinox",)),
    ("Haiku", with_haiku, ("haiku",)),
    ("PyTorch", with_torch, ("torch",)),
    ("scikit-learn", with_sklearn, ("sklearn",)),
)


def until_done(function, environment):
    """Return the seconds from the start of a process to the end of the function in it."""
    command, start = [sys.executable, __file__, "--only", function.__name__], time.perf_counter()
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment) as process:
        lines = iter(process.stdout or ())
        done = "done\n" in lines
        seconds = time.perf_counter() - start
    if not done:
        raise RuntimeError(f"{function.__name__} ended with status {process.returncode}; its error is above.")
    return seconds


def compare(title, contestants, rounds, environment):
    """Print a table; the first contestant is the yardstick."""
    import importlib.util

    import numpy as np
    from common.timing import report
    from tqdm import trange

    functions = {}
    for name, function, modules in contestants:
        absent = [module for module in modules if importlib.util.find_spec(module) is None]
        if absent:
            print(f"{' and '.join(absent)} is not installed: skipped.")
        else:
            functions[name] = function
    times = {name: np.empty(rounds + 1) for name in functions}
    for i in trange(rounds + 1, leave=False, disable=None):
        for name, function in functions.items():
            times[name][i] = until_done(function, environment)
    report(title, {name: measured[1:] for name, measured in times.items()}, contestants[0][0], unit=1)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--peers", action=argparse.BooleanOptionalAction, default=True, help="other libraries")
    parser.add_argument("--only", metavar="FUNCTION", help="run one function in this process, and say when it is done")
    options = parser.parse_args()
    if options.only:
        globals()[options.only]()
        print("done", flush=True)
        return
    print(f"{options.rounds} rounds")
    print(f"{'case':32} {'contestant':22} {'seconds':>10} {'/ hand':>7}  (min .. max)")
    kept_out = ("PYTHONDONTWRITEBYTECODE", "JAX_COMPILATION_CACHE_DIR")
    environment = {name: value for name, value in os.environ.items() if name not in kept_out}
    with tempfile.TemporaryDirectory() as bytecode:
        environment["PYTHONPYCACHEPREFIX"] = bytecode
        compare("import", IMPORTS, options.rounds, environment)
        compare("first step", [c for c in STEPS if options.peers or not c[2]], options.rounds, environment)


if __name__ == "__main__":
    main()

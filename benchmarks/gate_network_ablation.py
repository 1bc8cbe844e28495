"""What matters in a logic gate network: each choice changed alone, on the three MONK's problems and on MNIST.

`python benchmarks/gate_network_ablation.py` prints, for each variant, the percentage that the hard network gets right,
mean and standard deviation over seeds (5 on MONK, 3 on MNIST), and by how many points the soft network is better. A
star says that the mean is more than two standard errors from the default's. A seed draws wires and parameters; all
seeds learn side by side, in one program, from the same batches.
MONK: 6 x 24 gates, 2,000 steps on batches of 100, right on all 432 rows. MNIST, with `--mnist` alone: 6 x 2,000 gates,
two epochs, right on the 5,000 images kept for validation; the test images are not read. One step size for all but where
it is what is changed: a variant that likes another one is at a disadvantage.
With `--small` alone, MNIST by 8,000 gates whose first layer is chosen among all pixels, on images shifted at random:
how examples/learned_digits.py came to its choices, one seed each.
"""

import argparse
import os
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
from common.digits import read_digits

import circuits
import jaxnet
from circuits.gate_networks.joint_networks import side_by_side
from circuits.gate_networks.logic_gate_networks import network_of
from circuits.gate_networks.parametrisations import Initial

DATA = Path(os.environ.get("JAXNET_DATA", "shared/data")) / "learning"
BATCH_SIZE, STEP_SIZE = 100, 0.2
# What is changed, and to what: arguments of gate_network, of gate_loss ("forward"), or of the benchmark.
VARIANTS = [
    ("default", {}),
    ("parametrisation: softmax", {"parametrisation": "softmax"}),
    ("parametrisation: walsh", {"parametrisation": "walsh"}),
    ("initial: normal", {"initial": "normal"}),
    ("wiring: random", {"wiring": "random"}),
    ("wiring: first layer learned", {"wiring": "first"}),
    ("wiring: learned", {"wiring": "learned"}),
    ("forward: straight-through", {"forward": "straight-through"}),
    ("forward: gumbel", {"forward": "gumbel"}),
    ("shape: half as deep, twice as wide", {"stretch": 0.5}),
    ("shape: a third as deep, three times", {"stretch": 1 / 3}),
    ("shape: twice as deep, half as wide", {"stretch": 2}),
    ("step size: 0.01", {"step_size": 0.01}),
    ("step size: 0.05", {"step_size": 0.05}),
    ("step size: constant", {"constant": True}),
]
SMALL = [
    ("mixtures of pixels, gates near copies", {"forward": "soft", "initial": "residual", "wires": 0.1}),
    ("mixtures of pixels, gates drawn", {"forward": "soft", "wires": 0.1}),
    ("straight-through, gates near copies", {"initial": "residual"}),
    ("straight-through, gates drawn", {}),
    ("the same, tau 9 for 6", {"tau": 9.0}),
    ("the same, tau 6, steps twice as large", {"gates": 0.2, "wires": 0.1}),
    ("2000 + 6000 gates, tau 8", {"widths": (2000, 6000), "tau": 8.0}),
    ("tau 9, six epochs", {"tau": 9.0, "epochs": 6}),
]
MONK_SIZES = (3, 3, 2, 3, 4, 2)


def learner(
    inputs, classes, width, steps, seeds, *, forward="soft", wiring="balanced", initial: Initial = "residual",
    stretch=1.0, step_size=STEP_SIZE, constant=False, **options,
):  # fmt: skip
    """Return a function of training and other examples: train on the first, return right shares, `(seeds, 2)`."""
    depth, width = round(6 * stretch), round(width / stretch)
    wirings = ["learned" if wiring == "first" else wiring] + ["balanced" if wiring == "first" else wiring] * (depth - 1)
    networks = [
        circuits.gate_network(inputs, [width] * depth, classes=classes, wiring=wirings, seed=seed, **options)  # type: ignore[arg-type]
        for seed in range(seeds)
    ]
    network = network_of(side_by_side(networks).structure.whole, initial)  # type: ignore[union-attr]
    rate = step_size if constant else optax.cosine_decay_schedule(step_size, steps)

    def scores(params, x, **how):
        return circuits.gate_outputs(network, params, x, **how).reshape(len(x), seeds, classes)

    def loss(params, batch, key):
        x, y = batch
        y = jnp.broadcast_to(y[:, None], (len(y), seeds))
        losses = optax.softmax_cross_entropy_with_integer_labels(scores(params, x, forward=forward, key=key), y)
        return losses.mean(axis=0).sum()

    def right(params, forward, examples):
        def of_block(block):
            x, y = block
            return (scores(params, x, forward=forward).argmax(axis=-1) == y[:, None]).mean(axis=0)

        # Of 5,000 images 500 at once, since all values of a layer are held.
        blocks = jax.tree.map(lambda a: a.reshape(-1, min(len(a), 500), *a.shape[1:]), examples)
        return jax.lax.map(of_block, blocks).mean(axis=0)

    def learn(training, others):
        init_key, run_key = jax.random.split(jax.random.key(0))
        rule = jaxnet.gradient_descent(loss, optax.adam(rate))
        state = rule.init(network.init(init_key))
        state, _ = jaxnet.train(rule, state, training, steps=steps, batch_size=BATCH_SIZE, key=run_key)
        return jnp.stack([right(state.params, forward, others) for forward in ("soft", "hard")], axis=-1)

    return learn


def monk_rows(problem, part):
    lines = (DATA / "monk" / f"monks-{problem}.{part}").read_text().splitlines()
    numbers = np.array([line.split()[:7] for line in lines if line.strip()], int)
    levels = {f"a{i}": range(1, size + 1) for i, size in enumerate(MONK_SIZES, 1)}
    table = dict(zip(levels, numbers[:, 1:].T, strict=True))
    return circuits.fit_encoding(table, levels=levels).encode(table), numbers[:, 0]


def monk_shares():
    """Return, for a variant, the shares right of soft and hard networks, `(problems, seeds, 2)`."""
    training = [monk_rows(problem, "train") for problem in (1, 2, 3)]
    # The problems learn in one program, so each set of 122 to 169 rows is repeated until there are as many of all.
    training = [(np.resize(x, (2000, 17)), np.resize(y, 2000)) for x, y in training]
    others = [monk_rows(problem, "test") for problem in (1, 2, 3)]
    training, others = (jax.tree.map(lambda *a: jnp.asarray(np.stack(a)), *sets) for sets in (training, others))
    return lambda change: jax.jit(jax.vmap(learner(17, 2, 24, 2000, 5, **change)))(training, others)


def mnist_shares(found):
    """Return, for a variant, the shares right of soft and hard networks, `(1, seeds, 2)`."""
    images, labels = found
    inner = images.reshape(-1, 28, 28)[:, 4:24, 4:24].reshape(-1, 400)
    x, y = jnp.asarray(inner > 127), jnp.asarray(labels, int)
    training, others = (x[:-5000], y[:-5000]), (x[-5000:], y[-5000:])
    return lambda change: jax.jit(learner(400, 10, 2000, 1100, 3, **change))(training, others)[None]


def small_shares(found):
    """Return, for a variant of SMALL, the shares right with hard and with soft gates."""
    images, labels = found
    # One pixel more on each side than the 20 x 20 that are read, so that these may be shifted.
    inner = images.reshape(-1, 28, 28)[:, 3:25, 3:25] > 127
    x, y = jnp.asarray(inner), jnp.asarray(labels, int)
    training, others, batch = (x[:-5000], y[:-5000]), (x[-5000:, 1:21, 1:21].reshape(-1, 400), y[-5000:]), 250

    def learn(
        widths=(4000, 4000), initial: Initial = "normal", tau=6.0, forward="straight-through", gates=0.1, wires=0.05,
        epochs=2,
    ):  # fmt: skip
        wiring = ["learned", "balanced"]
        network = circuits.gate_network(400, widths, classes=10, wiring=wiring, choices=400, initial=initial, tau=tau)  # type: ignore[arg-type]
        of_scores = circuits.gate_loss(network, forward=forward)  # type: ignore[arg-type]
        steps = epochs * len(training[1]) // batch

        def loss(params, batch, key):
            corners = jax.random.randint(key, (len(batch[1]), 2), 0, 3)
            shifted = jax.vmap(lambda image, at: jax.lax.dynamic_slice(image, at, (20, 20)))(batch[0], corners)
            return of_scores(params, (shifted.reshape(-1, 400), batch[1]))

        rates = {"gates": gates, "wires": wires}
        adams = {name: optax.adam(optax.cosine_decay_schedule(rate, steps)) for name, rate in rates.items()}
        adam = optax.partition(adams, lambda params: params._replace(gates="gates", choices="wires"))  # type: ignore
        rule = jaxnet.gradient_descent(loss, adam)
        init_key, key = jax.random.split(jax.random.key(0))
        state = rule.init(network.init(init_key))
        state, _ = jaxnet.train(rule, state, training, steps=steps, batch_size=batch, key=key)
        gap = circuits.discretisation_gap(network, state.params, *others)
        return gap.hard, gap.soft

    return learn


def table(names, shares):
    """Print a row for each variant."""
    print(f"\n{'':35}" + "".join(f"{name:>24}" for name in names))
    default = None
    for variant, change in VARIANTS:
        found = 100 * np.asarray(shares(change))
        jax.clear_caches()
        gaps, hard = (found[..., 0] - found[..., 1]).mean(axis=1), found[..., 1]
        default = hard if default is None else default
        error = np.sqrt((hard.var(axis=1, ddof=1) + default.var(axis=1, ddof=1)) / hard.shape[1])
        stars = np.abs(hard.mean(axis=1) - default.mean(axis=1)) > 2 * error
        cells = zip(hard.mean(axis=1), hard.std(axis=1, ddof=1), gaps, stars, strict=True)
        row = "".join(f"{m:9.2f} ±{sd:5.2f} {gap:+6.2f}{'*' if star else ' '}" for m, sd, gap, star in cells)
        print(f"{variant:35}{row}", flush=True)


parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--monk", action="store_true", help="MONK alone")
parser.add_argument("--mnist", action="store_true", help="MNIST alone")
parser.add_argument("--small", action="store_true", help="8,000 gates on MNIST alone")
options = parser.parse_args()
if options.small:
    found = read_digits(DATA / "mnist", "train")
    if found is None:
        sys.exit(f"no MNIST: {DATA / 'mnist'} is not there")
    print(f"right of the images held out, %\n{'':46}    hard    soft")
    learn = small_shares(found)
    for variant, change in SMALL:
        hard, soft = learn(**change)
        jax.clear_caches()
        print(f"{variant:46}{100 * hard:8.2f}{100 * soft:8.2f}", flush=True)
    sys.exit()
print("right with hard gates, %: mean ± s.d., then how much better soft gates are")
if not options.mnist:
    if (DATA / "monk").is_dir():
        table(["MONK-1", "MONK-2", "MONK-3"], monk_shares())
    else:
        print(f"no MONK: {DATA / 'monk'} is not there")
if not options.monk:
    if (found := read_digits(DATA / "mnist", "train")) is not None:
        table(["MNIST"], mnist_shares(found))
    else:
        print(f"no MNIST: {DATA / 'mnist'} is not there")

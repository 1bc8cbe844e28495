"""One hidden layer of sigmoids approximates any continuous function: by construction, and as far as learning gets.

Run `python examples/universal_approximation.py --out picture.png`; `--function cusp` takes another target, `--quick` a
few seconds. G. Cybenko (1989) and K. Hornik, M. Stinchcombe, H. White (1989) prove that such a layer exists; here it is
written down (a staircase, one unit per step), and searched for by gradient.
"""

import argparse
from collections.abc import Callable
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from tqdm import tqdm

import jaxnet


class Target(NamedTuple):
    """A function on [0, 1] and its modulus of continuity: |f(x) - f(y)| <= modulus(d) where |x - y| <= d."""

    f: Callable
    modulus: Callable


TARGETS = {
    "sine": Target(lambda x: np.sin(2 * np.pi * x), lambda d: min(2 * np.pi * d, 2)),
    "chirp": Target(lambda x: np.sin(6 * np.pi * x**2), lambda d: min(12 * np.pi * d, 2)),
    "kink": Target(lambda x: np.abs(2 * x - 1), lambda d: min(2 * d, 1)),
    "cusp": Target(lambda x: np.sqrt(np.abs(2 * x - 1)), lambda d: min(np.sqrt(2 * d), 1)),
    "spike": Target(lambda x: np.maximum(0, 1 - 16 * np.abs(x - 0.5)), lambda d: min(16 * d, 1)),
    # Not continuous: the theorem promises nothing about the largest error, and it does not fall.
    "jump": Target(lambda x: np.where(x < 0.5, 0.0, 1.0), lambda d: 1.0),
}

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--function", choices=TARGETS, default="chirp")
parser.add_argument(
    "--widths", type=int, nargs="+", default=[2, 4, 8, 16, 32, 64, 128, 256], help="of the hidden layer"
)
parser.add_argument("--seeds", type=int, default=16, help="networks of each width that learn (default 16)")
parser.add_argument("--steps", type=int, default=3000, help="steps of learning (default 3000)")
parser.add_argument("--quick", action="store_true", help="widths 2, 8 and 32, 4 seeds, 200 steps")
parser.add_argument("--out", metavar="FIGURE", help="draw into FIGURE (.png, .pdf, .svg)")
options = parser.parse_args()
if options.quick:
    options.widths, options.seeds, options.steps = [2, 8, 32], 4, 200

f, modulus = TARGETS[options.function]
grid = np.linspace(0, 1, 4097)  # where errors are measured; learning sees 257 points
x = jnp.asarray(grid[:, None], float)


def network(width):
    return jaxnet.mlp([1, width, 1], [jaxnet.sigmoid, jaxnet.identity])


# 1. By construction. `width` steps cut [0, 1] into width + 1 cells of length h, and the staircase has the value of f in
#    the middle of each. With sigmoids of gain g for the steps, the value at x is the mean of the staircase at x + Z/g,
#    Z logistic: |Z|/g <= h/16 except with probability 2 sigma(-g h/16), and the staircase at x + d is the value of f
#    at a point within h/2 + |d| of x. So the error is at most modulus(h/2 + h/16) + 2 sigma(-g h/16) modulus(1).
def construct(width):
    h = 1 / (width + 1)
    gain = 256 / h
    edges, middles = np.arange(1, width + 1) * h, (np.arange(width + 1) + 0.5) * h
    values = f(middles)
    hidden = jaxnet.Neuron(w=np.full((width, 1), gain), b=-gain * edges)
    output = jaxnet.Neuron(w=np.diff(values)[None], b=values[:1])
    params = jax.tree.map(lambda p: jnp.asarray(p, float), (hidden, output))
    bound = modulus(h / 2 + h / 16) + 2 * jax.nn.sigmoid(-gain * h / 16) * modulus(1)
    return np.asarray(network(width).apply(params, x)[:, 0]), float(bound)


# 2. By learning: the same layer, all weights and biases free, from `seeds` starts at once. Each unit starts with its
#    transition somewhere in [0, 1]. (Biases of zero, the default, would put all of them at 0.) No theorem says how
#    near it comes: mostly nearer than the staircase on a smooth target, but it gets stuck at a corner or a cusp.
def learn(width):
    net = network(width)
    points = np.linspace(0, 1, 257)[:, None]
    data = jnp.asarray(points, float), jnp.asarray(f(points), float)

    def loss(params, batch):
        inputs, targets = batch
        return jaxnet.squared_error(net.apply(params, inputs), targets).mean()

    rule = jaxnet.gradient_descent(loss, optax.adam(optax.cosine_decay_schedule(0.03, options.steps)))

    @jax.jit
    @jax.vmap
    def run(key):
        weight_key, place_key, init_key, run_key = jax.random.split(key, 4)
        w = 40 * jax.random.normal(weight_key, (width, 1))
        hidden = jaxnet.Neuron(w, -w[:, 0] * jax.random.uniform(place_key, (width,)))
        _, output = net.init(init_key)
        state, _ = jaxnet.train(rule, rule.init((hidden, output)), data, steps=options.steps, key=run_key)
        return net.apply(state.params, x)[:, 0]

    return np.asarray(run(jax.random.split(jax.random.key(0), options.seeds)))


def errors(fits):
    """Return the largest and the root mean square error over [0, 1]."""
    difference = fits - f(grid)
    return np.stack([np.abs(difference).max(axis=-1), np.sqrt((difference**2).mean(axis=-1))])


print(f"{options.function}: {options.seeds} seeds per width, {options.steps} steps each; median (worst) of seeds")
print("width    bound  constructed: max    rms  learned:     max             rms")
constructed, bounds, learned = {}, {}, {}
for width in tqdm(options.widths, desc="widths", leave=False, disable=None):
    constructed[width], bounds[width] = construct(width)
    learned[width] = learn(width)
    (largest, rms), (largests, rmss) = errors(constructed[width]), errors(learned[width])
    assert largest <= bounds[width], f"width {width}: an error of {largest} breaks the bound {bounds[width]}"
    tqdm.write(
        f"{width:5} {bounds[width]:8.4f} {largest:17.4f} {rms:6.4f} "
        f"{np.median(largests):12.4f} ({largests.max():.4f}) {np.median(rmss):.4f} ({rmss.max():.4f})"
    )

if options.out:
    blue, orange = "#0072B2", "#D55E00"  # told apart by the colour-blind (Okabe and Ito 2008)
    figure = Figure(figsize=(12, 4.4), layout="constrained")
    *error_axes, fit_axes = figure.subplots(1, 3, width_ratios=(1, 1, 1.2))
    widths = np.array(sorted(constructed))
    order = np.log2(modulus(2e-4) / modulus(1e-4))  # 1 for a function of bounded slope
    for i, (ax, title) in enumerate(zip(error_axes, ("Largest error", "Root mean square error"), strict=True)):
        built = np.array([errors(constructed[width])[i] for width in widths])
        found = np.stack([errors(learned[width])[i] for width in widths])
        bound = [bounds[width] for width in widths]  # of the largest error, so of the root mean square as well
        ax.plot(widths, bound, ":", color="black", label=f"bound, slope {0 - order:.1g}")
        ax.plot(widths, built, "o-", color=blue, label="constructed")
        ax.plot(widths, np.median(found, axis=1), "s--", color=orange, label="learned, median")
        ax.fill_between(widths, found.min(axis=1), found.max(axis=1), color=orange, alpha=0.2, lw=0, label="all seeds")
        ax.set(xscale="log", yscale="log", title=title, xlabel="hidden units", ylabel="error", xticks=widths)
        ax.set_xticks([], minor=True)
        ax.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
        ax.yaxis.set_minor_formatter(NullFormatter())
        for axis in (ax.xaxis, ax.yaxis):
            axis.set_major_formatter("{x:g}")
    shown = int(widths[len(widths) // 2 - (len(widths) % 2 == 0)])
    middle = np.argsort(errors(learned[shown])[1])[(options.seeds - 1) // 2]
    fit_axes.plot(grid, f(grid), color="black", lw=1, label=options.function)
    fit_axes.plot(grid, constructed[shown], color=blue, label="constructed")
    fit_axes.plot(grid, learned[shown][middle], "--", color=orange, label="learned, median seed")
    fit_axes.set(title=f"Fits with {shown} hidden units", xlabel="x", ylabel="f(x)")
    for ax in (*error_axes, fit_axes):
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.16), ncols=2, fontsize="small", frameon=False)
    figure.savefig(options.out, dpi=150)
    print(f"figure: {options.out}")

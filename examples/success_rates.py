"""How often does learning by gradient find XOR, or the parity of 3 bits? A map over width and step size, 115,200 runs.

Run `python examples/success_rates.py --out picture.png`, a minute or two on two cores; `--quick` takes seconds.
Networks of sigmoids with one hidden layer see all rows at every step, and follow the gradient of the squared error. A
run succeeds if at the end every row is on the right side of 1/2. All others are failures, and stay in the count:

- undecided: the worst row is off by less than 0.9. Small steps fail like this, for want of time; narrow layers, which
  get stuck with one answer for several rows; and some large steps, which jump to and fro.
- wrong: the worst row is off by 0.9 or more. Large steps fail like this: a leap saturates the units, and where they are
  flat there is almost no gradient to bring them back. Too large a step mostly ends at rest here, it does not diverge.
- not finite: an output is NaN. This happens only with absurd step sizes.

Width helps up to a point: with 16 units fewer step sizes are good for XOR than with 8. Two sigmoids can hold even the
parity of 3 bits, but none of these step sizes finds it reliably. All this holds for one kind of start (Glorot's normal
weights, biases of zero) and one number of steps.
"""

import argparse

import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.figure import Figure
from scipy.stats import binomtest
from tqdm import tqdm

import circuits
import jaxnet

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--bits", type=int, nargs="+", default=[2, 3], help="learn the parity of these; 2 bits: XOR")
parser.add_argument("--widths", type=int, nargs="+", default=[2, 3, 4, 6, 8, 16], help="of the hidden layer")
parser.add_argument("--step-sizes", type=float, nargs="+", default=[2.0**k for k in range(-2, 10)], help="1/4 to 512")
parser.add_argument("--runs", type=int, default=800, help="for each width and step size (default 800)")
parser.add_argument("--steps", type=int, default=3000, help="steps of learning (default 3000)")
parser.add_argument(
    "--quick", action="store_true", help="widths 2 and 4, step sizes 1/4, 8 and 512, 50 runs, 1000 steps"
)
parser.add_argument("--out", metavar="FIGURE", help="draw into FIGURE (.png, .pdf, .svg)")
options = parser.parse_args()
if options.quick:
    parser.set_defaults(widths=[2, 4], step_sizes=[0.25, 8, 512], runs=50, steps=1000)
    options = parser.parse_args()
if min(options.bits + options.widths + [options.runs, options.steps]) < 1:
    parser.error("expected bits, widths, runs and steps of 1 or more")

OUTCOMES = ("succeeded", "undecided", "wrong", "not finite")


def learn(bits, width, key):
    """Count the runs by outcome, `(step sizes, outcomes)`; the step size is data, so that one program runs them all."""
    net = jaxnet.mlp([bits, width, 1], jaxnet.sigmoid)

    def loss(params, batch):
        inputs, targets = batch
        return jaxnet.squared_error(net.apply(params, inputs), targets).mean()

    rule = jaxnet.gradient_descent(loss, optax.inject_hyperparams(optax.sgd)(learning_rate=0.0))
    rates = jnp.repeat(jnp.asarray(options.step_sizes, float), options.runs)
    init_keys, run_keys = jax.random.split(key, (2, len(rates)))
    states = jax.lax.map(lambda k: rule.init(net.init(k)), init_keys)  # like vmap, but compiles faster
    states = optax.tree.set(states, learning_rate=rates)
    x = circuits.rows(bits)
    data = jnp.asarray(x, float), jnp.asarray(x.sum(axis=1, keepdims=True) % 2, float)
    steps = options.steps
    states, _ = jaxnet.train_ensemble(rule, states, data, keys=run_keys, steps=steps, record_every=steps)
    off = np.abs(jax.vmap(net.apply, (0, None))(states.params, data[0]) - data[1]).max(axis=(1, 2))
    # `max` passes NaN on, and no comparison with NaN is true.
    outcome = np.select([off < 0.5, off < 0.9, off >= 0.9], [0, 1, 2], default=3)
    return (outcome.reshape(-1, options.runs, 1) == np.arange(len(OUTCOMES))).sum(axis=1)


def wilson(successes):
    """Return the per cent of runs and its 95 % confidence interval (E. B. Wilson 1927), rounded outwards: `(3,)`."""
    test = binomtest(int(successes), options.runs)
    low, high = test.proportion_ci(0.95, method="wilson")
    return np.array([100 * test.statistic, np.floor(100 * low), np.ceil(100 * high)])


def name(bits):
    return "XOR" if bits == 2 else f"Parity of {bits} bits"


# Counts (widths, step sizes, outcomes) and per cents (widths, step sizes, 3) of each number of bits.
groups = [(bits, width) for bits in options.bits for width in options.widths]
keys = jax.random.split(jax.random.key(0), len(groups))
shown = tqdm(groups, "networks", leave=False, disable=None)
found = [learn(*group, key) for group, key in zip(shown, keys, strict=True)]
shape = len(options.bits), len(options.widths), len(options.step_sizes)
counts = np.reshape(found, (*shape, len(OUTCOMES)))
assert counts.sum() == np.prod(shape) * options.runs, "a run is missing"
percents = np.stack([wilson(k) for k in counts[..., 0].flat]).reshape(*shape, 3)

print(f"{counts.sum():,} runs of {options.steps:,} steps, {options.runs} of each width and step size:")
print("per cent that succeed, with Wilson's interval of 95 %, and how many runs of all widths fail, and how")
for bits, count, percent in zip(options.bits, counts, percents, strict=True):
    print(f"\n{name(bits)}\nstep size" + "".join(f"{f'{w} units':>15}" for w in options.widths), end="")
    print("".join(f"{outcome:>12}" for outcome in OUTCOMES[1:]))
    for i, step_size in enumerate(options.step_sizes):
        shown = [f"{rate:.1f} ({low:.0f}-{high:.0f})" for rate, low, high in percent[:, i]]
        print(f"{step_size:9g}" + "".join(f"{s:>15}" for s in shown), end="")
        print("".join(f"{n:12,}" for n in count[:, i, 1:].sum(axis=0)))
    totals = zip(count.sum(axis=(0, 1)), OUTCOMES, strict=True)
    print("in all: " + ", ".join(f"{total:,} {outcome}" for total, outcome in totals))
    for width, rates in zip(options.widths, percent, strict=True):
        best = rates[:, 0].argmax()
        reliable = [f"{s:g}" for s, (_, low, _) in zip(options.step_sizes, rates, strict=True) if low >= 95]
        print(
            f"{width:3} units: {rates[best, 0]:.1f} % at best, with step size {options.step_sizes[best]:g};"
            f" 95 % or more, the whole interval, with {', '.join(reliable) or 'none'}"
        )

if options.out:
    rows, columns = len(options.step_sizes), len(options.widths)
    size = (1.5 + len(options.bits) * (0.85 * columns + 0.4), 1.4 + 0.5 * rows)
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(1, len(options.bits), sharey=True, squeeze=False)[0]
    for ax, bits, percent in zip(axes, options.bits, percents, strict=True):
        # Lightness grows evenly along this map, for the colour-blind and in grey too (J. Nunez and others 2018).
        ax.imshow(percent[..., 0].T, cmap="cividis", vmin=0, vmax=100, aspect="auto", origin="lower")
        for column, row in np.ndindex(columns, rows):
            rate, low, high = percent[column, row]
            colour = "black" if rate > 50 else "white"
            ax.text(column, row + 0.13, f"{rate:.1f}", ha="center", va="center", color=colour, weight="bold")
            ax.text(column, row - 0.24, f"{low:.0f}-{high:.0f}", ha="center", va="center", color=colour, size=7)
        ax.set(title=name(bits), xlabel="hidden units", xticks=range(columns), xticklabels=options.widths)
        ax.tick_params(length=0)
    axes[0].set(ylabel="step size", yticks=range(rows), yticklabels=[f"{s:g}" for s in options.step_sizes])
    figure.colorbar(axes[0].images[0], ax=axes, label="per cent of runs that succeed", aspect=40, pad=0.01)
    figure.suptitle(
        f"{options.runs} runs per cell, {options.steps:,} steps of gradient descent\nsmall: Wilson's interval of 95 %",
        fontsize="medium",
    )
    figure.savefig(options.out, dpi=150)
    print(f"\nfigure: {options.out}")

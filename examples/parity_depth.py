"""Shallow against deep on parity, the exclusive or of n bits: units by construction, and success of learning.

Run `python examples/parity_depth.py --out picture.png`; `--quick` takes a few seconds. In AND and OR gates depth
decides: depth d takes exp(Omega(n^(1/(d-1)))) gates (J. Hastad 1986), a tree 3 (n - 1). In threshold units n + 1 are
enough in depth 2, and floor(log2 n) + 1 in as many layers. What a network can hold need not be what it learns.
"""

import argparse
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import optax
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter
from tqdm import tqdm

import circuits
import jaxnet
from circuits import ThresholdCircuit, from_circuit
from circuits.netlist import depth
from circuits.threshold.symmetric_functions import parity

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--built", type=int, default=12, help="circuits are built for 2 to BUILT inputs (default 12)")
parser.add_argument("--inputs", type=int, default=8, help="networks learn 2 to INPUTS inputs (default 8)")
parser.add_argument("--widths", type=int, nargs="+", default=[4, 8, 16], help="of the shallow networks")
parser.add_argument("--seeds", type=int, default=64, help="networks of each kind that learn (default 64)")
parser.add_argument("--steps", type=int, default=1000, help="steps of learning, the same for all (default 1000)")
parser.add_argument("--quick", action="store_true", help="6 built, 4 learned, width 8, 16 seeds, 300 steps")
parser.add_argument("--out", metavar="FIGURE", help="draw into FIGURE (.png, .pdf, .svg)")
options = parser.parse_args()
if min(options.widths) < 2 or options.inputs < 2 or options.built < 2:
    parser.error("expected widths and numbers of inputs of 2 or more")
if options.quick:
    options.built, options.inputs, options.widths, options.seeds, options.steps = 6, 4, [8], 16, 300


# 1. By construction. A unit is (fan-ins, weights, threshold); inputs are nodes 0..n-1, and the last unit is the output.
def circuit(n, units):
    fan_ins, weights, thresholds = zip(*units, strict=True)
    wiring = jaxnet.Wiring(n, np.cumsum([0, *map(len, fan_ins)]), np.concatenate(fan_ins), [n + len(units) - 1])
    return ThresholdCircuit(wiring, np.concatenate(weights), thresholds, [f"x{i}" for i in range(n)], ["y"])


def and_or(n):
    """Return an OR of ANDs of inputs or their negations: an AND per odd row, as smaller ANDs cover even rows."""
    odd = [row.astype(int) for row in circuits.rows(n) if row.sum() % 2]
    terms = [(np.arange(n), 2 * row - 1, row.sum()) for row in odd]
    return circuit(n, [*terms, (n + np.arange(len(terms)), np.ones(len(terms), int), 1)])


def chain(n):
    """Count the ones in digits, highest first: t_k = [sum x - sum_{j>k} 2^j t_j >= 2^k]; the last is the parity."""
    units = []
    for k in reversed(range(n.bit_length())):
        higher = 2 ** np.arange(n.bit_length())[:k:-1]
        units.append((np.arange(n + len(higher)), np.append(np.ones(n, int), -higher), 2**k))
    return circuit(n, units)


BUILDERS = {
    "AND/OR, depth 2": and_or,
    "XOR tree, depth ~2 log₂ n": lambda n: from_circuit(circuits.library.parity(n)),  # an XOR is two threshold units
    "threshold, depth 2": parity,
    "threshold, depth ~log₂ n": chain,
}
built = {name: [build(n) for n in range(2, options.built + 1)] for name, build in BUILDERS.items()}
print("built: units (depth), right on every row\n n" + "".join(f"{name:>27}" for name in built))
for n, row in enumerate(zip(*built.values(), strict=True), start=2):
    odd = circuits.rows(n).sum(axis=1, keepdims=True) % 2
    assert all((circuits.truth_table(c) == odd).all() for c in row), f"a circuit for n = {n} is wrong"
    print(f"{n:2}" + "".join(f"{f'{c.n_units} ({depth(c)})':>27}" for c in row))


# 2. By learning, on all rows in every step. Inputs are +1 and -1; those past n are held at 0, and rows are repeated, so
#    that one compiled program trains the networks of every n and every seed at once.
def table(n):
    x, repeats = circuits.rows(n), (2 ** (options.inputs - n), 1)
    inputs = np.pad(2.0 * x - 1, ((0, 0), (0, options.inputs - n)))
    return np.tile(inputs, repeats), np.tile(x.sum(axis=1, keepdims=True) % 2, repeats)


def success(sizes, data, keys):
    """Return the fraction of seeds that have all rows right at the end, for each n."""
    net = jaxnet.mlp(sizes, [*[jaxnet.tanh] * (len(sizes) - 2), jaxnet.identity])

    def loss(params, batch):
        inputs, targets = batch
        return jaxnet.binary_cross_entropy(net.apply(params, inputs), targets).mean()

    rule = jaxnet.gradient_descent(loss, optax.adam(0.01))

    def run(problem, key):
        init_key, run_key = jax.random.split(key)
        state, _ = jaxnet.train(rule, rule.init(net.init(init_key)), problem, steps=options.steps, key=run_key)
        inputs, targets = problem
        return ((net.apply(state.params, inputs) > 0) == (targets > 0)).all()

    return np.asarray(jax.jit(jax.vmap(jax.vmap(run, (None, 0)), (0, None)))(data, keys)).mean(axis=1)


def wilson(p, trials, z=1.96):
    """Return how far the 95 % confidence interval of a fraction reaches below and above it (E. B. Wilson 1927)."""
    centre = (p + z**2 / (2 * trials)) / (1 + z**2 / trials)
    half = z * np.sqrt(p * (1 - p) / trials + z**2 / (4 * trials**2)) / (1 + z**2 / trials)
    return np.maximum([p - (centre - half), centre + half - p], 0)


def n_parameters(sizes):
    return sum((n + 1) * m for n, m in itertools.pairwise(sizes))


ns, keys = np.arange(2, options.inputs + 1), jax.random.split(jax.random.key(0), options.seeds)
data = jax.tree.map(lambda *a: jnp.asarray(np.stack(a), float), *map(table, ns))
networks = []
for width in options.widths:
    # Deep is three hidden layers, as wide as they can be with no more parameters than the shallow network has.
    shallow = (options.inputs, width, 1)
    deep = [(options.inputs, w, w, w, 1) for w in range(1, width + 1)]
    networks += [shallow, [sizes for sizes in deep if n_parameters(sizes) <= n_parameters(shallow)][-1]]

print(f"\nlearned: per cent of {options.seeds} seeds with all rows right after {options.steps} steps of Adam at 0.01")
print("   network  parameters" + "".join(f"{f'n = {n}':>14}" for n in ns))
fractions = {}
for sizes in tqdm(networks, desc="networks", leave=False, disable=None):
    fractions[sizes] = p = success(sizes, data, keys)
    below, above = wilson(p, options.seeds)
    percent = 100 * np.stack([p, p - below, p + above])
    shown = "".join(f"{f'{at:.0f} ({low:.0f}-{high:.0f})':>14}" for at, low, high in percent.T)
    tqdm.write(f"{'-'.join(map(str, sizes)):>10}{n_parameters(sizes):12}{shown}")

if options.out:
    colours = ("#0072B2", "#D55E00", "#009E73", "#000000", "#CC79A7")  # colour-blind safe: Okabe and Ito (2008)
    figure = Figure(figsize=(11, 5), layout="constrained")
    left, right = figure.subplots(1, 2)
    for (name, row), colour, style in zip(built.items(), colours, ("o-", "s--", "D-.", "^:"), strict=False):
        left.plot(range(2, options.built + 1), [c.n_units for c in row], style, color=colour, label=name)
    left.set(yscale="log", title="Built: right on all rows", xlabel="inputs n", ylabel="units")
    left.yaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    left.yaxis.set_major_formatter("{x:g}")
    left.yaxis.set_minor_formatter(NullFormatter())
    for i, (sizes, p) in enumerate(fractions.items()):
        kind, style, face = (("shallow", "o-", None), ("deep", "s--", "white"))[i % 2]
        place, colour = ns + (i - len(fractions) / 2 + 0.5) * 0.05, colours[i // 2 % len(colours)]
        label = f"{kind}, {'-'.join(map(str, sizes[1:-1]))} units"
        right.errorbar(place, p, wilson(p, options.seeds), fmt=style, color=colour, mfc=face, capsize=2, label=label)
    title = f"Learned: {options.seeds} seeds, {options.steps} steps (bars: 95 %)"
    right.set(ylim=(-0.04, 1.04), title=title, xlabel="inputs n", ylabel="fraction of seeds with all rows right")
    for ax, columns in ((left, 2), (right, len(options.widths))):
        ax.legend(loc="upper center", bbox_to_anchor=(0.5, -0.13), ncols=columns, fontsize="small", frameon=False)
        ax.xaxis.get_major_locator().set_params(integer=True)
    figure.savefig(options.out, dpi=150)
    print(f"figure: {options.out}")

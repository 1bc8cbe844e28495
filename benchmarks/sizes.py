"""Bytes and floating-point operations from XOR to 10^14 edges: the tables of `docs/sizes.md`.

`python benchmarks/sizes.py` prints them in under a minute. A formula has beside it what XLA says of the program that is
compiled for this machine: its plan of memory, its counts of operations and of bytes. XLA needs shapes alone, so
programs are compiled that no machine here could hold. The last table but one is measured; the columns about other
devices are arithmetic with their published figures.
"""

import itertools
import math
import tempfile
import tracemalloc
from collections.abc import Callable, Iterable
from functools import partial
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from common.timing import seconds
from jax import ShapeDtypeStruct
from jax.sharding import AxisType, NamedSharding, PartitionSpec
from scaling import collective_bytes
from tqdm import tqdm
from wirings import layered, peak

import jaxnet
from circuits import library
from circuits.simulation import program_loops, programs

# Published figures: bytes of memory; and per second: bytes of memory, float32 operations, bytes of a link one way.
# NVIDIA, H100 Tensor Core GPU data sheet, SXM, without sparsity; NVLink is 900 GB/s, half of it each way.
CARD, CARD_RATE, CARD_FLOPS, CARD_TF32, NVLINK = 80e9, 3.35e12, 67e12, 495e12, 450e9
CARDS_OF_A_HOST, INFINIBAND = 8, 50e9  # a port of 400 Gb/s a card, as in Dell's XE9680 (MLPerf Inference 3.1)
# Google Cloud, TPU v5p: 8,960 chips of 95 GB; 4,800 Gb/s one way; products of bfloat16, none published for float32.
POD, CHIP_BFLOAT16, CHIP_LINK = 8_960 * 95e9, 459e12, 600e9
# docs/benchmarks.md, measured: ANDs times patterns per second on one core, 54 to 345 x 10^9 over the files of EPFL.
GATE_PATTERNS = 3e11


class Optimizer(NamedTuple):
    """An optimiser and, per parameter: numbers kept; numbers touched and operations, read off XLA's counts."""

    transformation: optax.GradientTransformation
    kept: int
    touched: int
    flops: int


SGD = Optimizer(optax.sgd(0.1), 0, 0, 2)
MOMENTUM = Optimizer(optax.sgd(0.1, momentum=0.9), 1, 3, 4)
ADAM = Optimizer(optax.adam(0.1), 2, 7, 13)
OPTIMIZERS = {"SGD": SGD, "momentum": MOMENTUM, "Adam": ADAM}


class Dense(NamedTuple):
    """An mlp and its batch, with the formulas of a training step."""

    sizes: tuple[int, ...]
    batch: int

    @property
    def products(self) -> list[int]:
        """The number of weights of each layer."""
        return [n * m for n, m in itertools.pairwise(self.sizes)]

    @property
    def units(self) -> int:
        """The number of units of all layers."""
        return sum(self.sizes[1:])

    @property
    def params(self) -> int:
        """The number of weights and biases."""
        return sum(self.products) + self.units

    def __str__(self) -> str:
        layers = len(self.sizes) - 1
        return "-".join(map(str, self.sizes)) if layers < 5 else f"{layers} x {self.sizes[0]:,}"

    def flops(self, of: Optimizer) -> float:
        """Return the operations: dots forward and twice backward, but no gradient by the inputs; nine per unit."""
        dots = 6 * sum(self.products) - 2 * self.products[0]
        return self.batch * (dots + 9 * self.units) + of.flops * self.params

    def kept(self, of: Optimizer) -> float:
        """Return the bytes kept: the state twice, as argument and as result; one gradient; the values of the units."""
        return 4 * self.params * (2 * (1 + of.kept) + 1) + 4 * self.batch * self.units

    def touched(self, of: Optimizer) -> float:
        """Return the bytes touched: weights forward, backward and in the step; the gradient written and read."""
        weights = 2 * sum(self.products) - self.products[0] + (4 + of.touched) * self.params
        return 4 * (weights + self.batch * (12 * self.units + 2 * self.sizes[0]))


KEY = jax.eval_shape(lambda: jax.random.key(0))
XOR, DIGITS, MNIST = Dense((2, 4, 1), 4), Dense((64, 32, 10), 32), Dense((784, 1024, 1024, 10), 512)


def shape(*axes: int) -> ShapeDtypeStruct:
    return ShapeDtypeStruct(axes, jnp.float32)


def trained(net: jaxnet.Network, optimizer: Optimizer) -> tuple[jaxnet.Rule, Any]:
    """Return a rule and the shapes of its state."""

    def loss(params: Any, batch: Any) -> Any:
        return jaxnet.squared_error(net.apply(params, batch[0]), batch[1]).mean()

    rule = jaxnet.gradient_descent(loss, optimizer.transformation)
    return rule, jax.eval_shape(rule.init, jax.eval_shape(net.init, KEY))


def compiled(function: Callable, *shapes: Any) -> Any:
    return jax.jit(function).lower(*shapes).compile()


def planned(program: Any) -> int:
    """Return the bytes of XLA's plan: arguments, results, and all between."""
    plan = program.memory_analysis()
    return plan.argument_size_in_bytes + plan.output_size_in_bytes + plan.temp_size_in_bytes


TIMES = (("years", 3.156e7), ("days", 86_400), ("h", 3_600), ("min", 60))
PREFIXES = {-3: "n", -2: "u", -1: "m", 0: "", 1: "k", 2: "M", 3: "G", 4: "T", 5: "P", 6: "E"}


def short(number: float, unit: str) -> str:
    """Format a number with three digits and a prefix, 7.45 MB, or a long time in its own units."""
    if unit == "s" and number >= 60:
        name, size = next((name, size) for name, size in TIMES if number >= size)
        return f"{number / size:,.0f} {name}" if number >= 100 * size else f"{number / size:.3g} {name}"
    power = max(-3, min(6, math.floor(math.log10(number) / 3 + 1e-9)))
    return f"{number / 1e3**power:.3g} {PREFIXES[power]}{unit}"


def checked(formula: float, found: float, unit: str) -> str:
    return f"{short(formula, unit)} ({found / formula:.2f})"


def places(memory: float) -> tuple[str, str, str]:
    """Return how many cards, hosts and pods hold these bytes."""
    cards = math.ceil(memory / CARD)
    return (
        f"{cards:,}",
        f"{math.ceil(cards / CARDS_OF_A_HOST):,}",
        "< 0.001" if memory < POD / 1e3 else f"{memory / POD:.2g}",
    )


def table(title: str, heads: str, rows: Iterable) -> None:
    """Print a table of Markdown."""
    print(f"\n{title}\n", f"| {heads} |", "|---" * (heads.count("|") + 1) + "|", sep="\n")
    for row in rows:
        print("| " + " | ".join(map(str, row)) + " |", flush=True)


def dense_and_checked() -> Iterable:
    cases = [(net, "SGD") for net in (Dense((2, 2, 1), 4), XOR, DIGITS, Dense((784, 128, 10), 128), MNIST)]
    for net, name in (*cases, (MNIST, "momentum"), (MNIST, "Adam"), (Dense((3_000,) * 12, 256), "Adam")):
        optimizer, ends = OPTIMIZERS[name], (net.sizes[0], net.sizes[-1])
        rule, state = trained(jaxnet.mlp(net.sizes), optimizer)
        counted = compiled(rule.update, state, tuple(shape(net.batch, n) for n in ends), KEY).cost_analysis()
        # All rows of XOR are one batch, in their order; for others an order is drawn.
        drawn = net.batch > 4
        n_examples, kept = (1 + drawn) * net.batch, net.kept(optimizer)
        kept += n_examples * (4 * sum(ends) + 44 * drawn)
        train = partial(jaxnet.train, rule, steps=10, batch_size=net.batch if drawn else None)
        data = tuple(shape(n_examples, n) for n in ends)
        run = compiled(lambda state, data, key, train=train: train(state, data, key=key), state, data, KEY)
        yield (
            net, f"{net.params:,}", net.batch, name,
            checked(net.flops(optimizer), counted["flops"], "flop"),
            checked(kept, planned(run), "B"),
            checked(net.touched(optimizer), counted["bytes accessed"], "B"),
        )  # fmt: skip


def dense_and_large() -> Iterable:
    widths = (316, 3_162, 10_000, 31_623, 100_000, 316_228)
    for net in (XOR, DIGITS, MNIST, *(Dense((n,) * 11, 512) for n in widths)):
        rule, state = trained(jaxnet.mlp(net.sizes), ADAM)
        batch = tuple(shape(net.batch, n) for n in (net.sizes[0], net.sizes[-1]))
        counted: Any = jax.jit(rule.update).lower(state, batch, KEY).cost_analysis()
        cards = math.ceil(net.kept(ADAM) / CARD)
        times = net.touched(ADAM) / cards / CARD_RATE, net.flops(ADAM) / cards / CARD_FLOPS
        yield (
            net, f"{net.params:.1e}", short(4 * net.params, "B"), short(4 * net.batch * net.units, "B"),
            short(net.kept(SGD), "B"), short(net.kept(ADAM), "B"), *places(net.kept(ADAM)),
            checked(net.flops(ADAM), counted["flops"], "flop"),
            *(short(t, "s") if net.params > 1e6 else "" for t in times),  # below, it is the launches that take time
        )  # fmt: skip


def on_eight_devices() -> Iterable:
    """Yield the rows on eight devices, with all examples in one batch, so that no order is drawn."""
    cases = [(net, "data") for net in (DIGITS, Dense((784, 128, 10), 128), MNIST)]
    for net, axis in (*cases, (Dense((1024,) * 5, 512), "units")):
        mesh = jax.make_mesh((8,), (axis,), axis_types=(AxisType.Auto,), devices=jax.devices("cpu")[:8])
        specs, summed = None, 4 * net.params
        if axis == "units":  # by rows, then by columns: a sum forward, and one backward but for the inputs
            specs = {f"[{i}]": PartitionSpec("units") for i in (0, 2)}
            specs |= {f"[{i}].w": PartitionSpec(None, "units") for i in (1, 3)}
            summed = 3 * 4 * net.batch * net.sizes[0]
        rule, state = trained(jaxnet.mlp(net.sizes), SGD)

        def on(a: Any, sharding: Any) -> ShapeDtypeStruct:
            return ShapeDtypeStruct(a.shape, a.dtype, sharding=sharding)

        copied = NamedSharding(mesh, PartitionSpec())
        placed = jaxnet.place(jax.tree.map(lambda a: np.zeros(a.shape, a.dtype), state), mesh, specs)
        data = tuple(on(shape(net.batch, n), copied) for n in (net.sizes[0], net.sizes[-1]))
        with jax.set_mesh(mesh):
            program = compiled(
                lambda state, data, key, rule=rule: jaxnet.train(rule, state, data, steps=10, key=key),
                jax.tree.map(lambda a: on(a, a.sharding), placed), data, on(KEY, copied),
            )  # fmt: skip
        found = collective_bytes(program.as_text())["all-reduce"]
        yield (
            net, net.batch, axis, checked(net.flops(SGD) / 8, program.cost_analysis()["flops"], "flop"),
            f"{summed:,} B ({found / summed:.4f})", short(2 * 7 / 8 * summed, "B"),
        )  # fmt: skip


def hidden() -> Iterable:
    """Yield rows from 6 b P / rate = 2 x 4 P / link, for many devices."""
    for name, rate, over_what, link in (
        ("H100, float32", CARD_FLOPS, "NVLink", NVLINK),
        ("H100, TF32", CARD_TF32, "NVLink", NVLINK),
        ("H100, float32", CARD_FLOPS, "InfiniBand", INFINIBAND),
        ("H100, TF32", CARD_TF32, "InfiniBand", INFINIBAND),
        ("TPU v5p, bfloat16", CHIP_BFLOAT16, "its links", CHIP_LINK),
    ):
        yield name, short(rate, "flop/s"), over_what, short(link, "B/s"), f"{8 / 6 * rate / link:,.0f}"


class Sparse(NamedTuple):
    """A step with SGD, per edge: flops per example, bytes of the schedule, fixed bytes, and bytes per example."""

    flops: float
    schedule: float
    fixed: float
    example: float


def sparse_and_checked(levels: int, width: int, fan_in: int) -> tuple[Sparse, tuple]:
    """Return what a step takes, from XLA's plans for 8 and 32 examples, and a row of the table."""
    wiring, _ = layered(levels, width, fan_in)
    schedule, edges = jaxnet.level_schedule(wiring), wiring.n_edges
    layout = schedule.layout
    forward, backward = layout.forward.sources, layout.backward.sources
    # Per slot a source and an edge; per position a unit, a place and whether it is live; one number per other entry.
    others = layout.positions, layout.outputs, layout.nodes, *layout.forward[:2], *layout.backward[:2]
    formula = 8 * (forward.size + backward.size) + 9 * len(layout.units) + 4 * sum(a.size for a in others)
    found = sum(a.nbytes for a in jax.tree.leaves(layout))

    def loss(params: Any, batch: Any) -> Any:
        return jaxnet.squared_error(jaxnet.evaluate(batch[0], params, batch[1]), batch[2]).mean()

    rule = jaxnet.gradient_descent(loss, SGD.transformation)
    state = jax.eval_shape(rule.init, jaxnet.Neuron(shape(edges), shape(wiring.n_units)))
    plans, flops = [], []
    for batch in (8, 32):
        x, y = shape(batch, wiring.n_inputs), shape(batch, wiring.n_outputs)
        plans.append(planned(compiled(rule.update, state, (schedule, x, y), KEY)) / edges)
        flops.append(compiled(jaxnet.evaluate, schedule, state.params, x).cost_analysis()["flops"])
    example = (plans[1] - plans[0]) / 24
    # A product and a sum a slot: forward, backward, and once more forward for the gradient of the weights.
    step = Sparse(2 * (2 * forward.size + backward.size) / edges, formula / edges, plans[0] - 8 * example, example)
    # XLA counts the body of a loop once: `rows_per_step` rows, each with a bias and a sigmoid in four operations.
    turn = schedule.rows_per_step[0] * (2 * forward.shape[1] + 5)
    return step, (
        f"{levels} x {width:,}, fan-in {fan_in:,}", f"{edges:,}",
        f"{forward.size / edges:.2f} + {backward.size / edges:.2f}",
        f"{step.schedule:.1f} B ({found / formula:.4f})", f"{step.fixed:.0f} B + {example:.1f} B per example",
        f"{turn:,} ({(flops[1] - flops[0]) / 24 / turn:.2f})",
    )  # fmt: skip


def sparse_and_large(step: Sparse, fan_in: int) -> Iterable:
    for edges in (1e6, 1e8, 1e9, 1e10, 1e11, 1e12, 1e14):
        kept, flops = edges * (step.fixed + step.example), edges * step.flops
        cards, values = math.ceil(kept / CARD), 4 * edges / fan_in
        yield (
            f"{edges:.0e}", f"{edges / fan_in:.0e}",
            *(short(n, "B") for n in (4 * edges, step.schedule * edges, values, kept)), *places(kept),
            short(flops, "flop"), short(kept / cards / CARD_RATE, "s"), short(flops / cards / CARD_FLOPS, "s"),
        )  # fmt: skip


def member(optimizer: Optimizer) -> tuple[float, float]:
    """Return the bytes of a member 2-4-1, by formula and by XLA: its state three times, and a loss."""
    rule, state = trained(jaxnet.mlp(XOR.sizes), optimizer)
    plans = []
    for n in (4_096, 8_192):
        states = jax.tree.map(lambda a, n=n: ShapeDtypeStruct((n, *a.shape), a.dtype), state)
        keys = jax.eval_shape(partial(jax.random.split, num=n), KEY)
        train = partial(jaxnet.train_ensemble, rule, steps=100, record_every=100)
        run = compiled(lambda states, data, keys, train=train: train(states, data, keys=keys),
                       states, (shape(4, 2), shape(4, 1)), keys)  # fmt: skip
        plans.append(planned(run) / 4_096)
    return 3 * sum(a.size * a.dtype.itemsize for a in jax.tree.leaves(state)) + 4, plans[1] - plans[0]


def what_fits(step: Sparse, fan_in: int) -> Iterable:
    cases = [(f"parameters of an mlp, {name}", 4 * (2 * (1 + o.kept) + 1), "") for name, o in OPTIMIZERS.items()]
    net = jaxnet.mlp((10_000,) * 11)
    drawn = planned(compiled(net.init, KEY)) / jaxnet.summary(net).n_parameters
    cases += [("parameters of an mlp, drawn by `init`, by XLA", drawn, "")]
    cases += [(f"edges of a wiring, fan-in {fan_in:,}, SGD, one example", step.fixed + step.example, "")]
    cases += [("examples of 784 + 10 numbers", 4 * 794, ""), ("examples in a random order", 44, "")]
    for name in ("SGD", "Adam"):
        formula, found = member(OPTIMIZERS[name])
        cases.append((f"members 2-4-1, {name}", formula, f" ({found / formula:.2f})"))
    for what, each, note in cases:
        yield what, f"{each:.0f} B{note}", *(f"{size / each:.1e}" for size in (CARD, CARDS_OF_A_HOST * CARD, POD))


def traced(function: Callable) -> int:
    """Return the bytes that Python and NumPy hold at the peak of a call, which tracing makes slower."""
    tracemalloc.start()
    function()
    most = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return most


def measured() -> Iterable:
    """Yield what was measured, seconds and bytes of one, and for which two numbers of them to print the time."""
    with tempfile.TemporaryDirectory() as folder:
        tree = jax.block_until_ready(jnp.ones(50_000_000))
        before = peak()
        took = seconds(lambda: jaxnet.save(f"{folder}/checkpoint", tree)) / tree.nbytes
        # It comes first, before anything else raises the peak of the process; not all of this memory is NumPy's.
        yield "a byte, `save`, beside the array itself", took, (peak() - before) * 1e6 / tree.nbytes, (12e9, 12e12)
    for levels, width, fan_in in ((10, 10_000, 10), (10, 100, 1_000)):
        (wiring, _), (again, _) = (layered(levels, width, fan_in) for _ in range(2))
        took, most = (
            seconds(lambda w=wiring: jaxnet.level_schedule(w).layout),
            traced(lambda w=again: jaxnet.level_schedule(w)),
        )
        yield f"an edge, `level_schedule`, fan-in {fan_in:,}", took / wiring.n_edges, most / wiring.n_edges, (1e9, 1e14)
    for layers in (50, 200):
        rule, state = trained(jaxnet.mlp([32] * (layers + 1)), ADAM)
        took = seconds(partial(compiled, rule.update, state, (shape(8, 32),) * 2, KEY))
        yield f"a layer, compiling a step of {layers}", took / layers, None, (1e3, 1e5)
    rule = jaxnet.gradient_descent(lambda theta, x: jnp.mean((theta - x) ** 2), SGD.transformation)
    train = partial(jaxnet.train, rule, rule.init(jnp.array(0.0)), jnp.ones(1_000_000), steps=1, batch_size=100)
    train(key=jax.random.key(0))
    took = seconds(lambda: train(key=jax.random.key(1)))
    yield "an example, the random order of a run of one step", took / 1e6, None, (1e8, 1e9)
    wiring, params = layered(10_000, 2, 2)
    params, x = jax.tree.map(jnp.asarray, params), jnp.ones((1, wiring.n_inputs))
    gradient = jax.jit(jax.grad(lambda params: jaxnet.evaluate(wiring, params, x).sum()))
    took = np.median([seconds(lambda: gradient(params)) for _ in range(6)][1:])
    yield "a level, gradient of a wiring", took / 10_000, None, (1e6, 1e9)


def every_pattern() -> Iterable:
    for inputs in (20, 32, 40, 48, 64):
        took = 2.0**inputs * 1e4 / GATE_PATTERNS
        yield inputs, f"{2.0**inputs:.1e}", *(short(took / cores, "s") for cores in (1, 64, 1e4, 1e6))


def main() -> None:
    jax.config.update("jax_num_cpu_devices", 8)
    found = list(tqdm(measured(), desc="measuring", leave=False, disable=None))
    print(f"{jax.devices()[0].device_kind}, jax {jax.__version__}. In brackets: what XLA says, over the formula.")
    heads = "network | parameters | batch | optimiser | flops per step | memory of a run | bytes touched per step"
    table("Dense networks, checked", heads, dense_and_checked())
    of_devices = "H100s | hosts of 8 | v5p pods | flops per step | a step by memory | by flops"
    heads = f"network | parameters | they take | values of units | all, SGD | all, Adam | {of_devices}"
    table("Dense networks", heads, dense_and_large())
    heads = "network | batch | split | flops per device and step | summed over devices | a ring sends"
    table("Eight devices", heads, on_eight_devices())
    table("Examples per device that hide the sum", "device | rate | over | one way | examples", hidden())
    steps, rows = zip(*(sparse_and_checked(*graph) for graph in ((10, 10_000, 10), (10, 100, 1_000))), strict=True)
    heads = "levels x units | edges | slots per edge | schedule per edge | a step per edge | flops per turn and example"
    table("Wirings, checked", heads, rows)
    heads = f"edges | units | weights | schedule | values of units | all, SGD | {of_devices}"
    table("Wirings, fan-in 1,000, one example", heads, sparse_and_large(steps[-1], 1_000))
    table("What fits", "what | each takes | H100 | host of 8 | v5p pod", what_fits(steps[-1], 1_000))
    rows = [
        (
            what,
            short(took, "s"),
            "" if most is None else f"{most:.1f} B",
            *(f"{n:.2g}: {short(n * took, 's')}" for n in ns),
        )
        for what, took, most, ns in found
    ]
    table("Measured here", "one of what | time | memory | time of many | time of more", rows)
    program, words = jax.tree.map(jnp.asarray, programs.lower(library.multiplier(8))), jnp.zeros((16, 1024), "uint32")
    loops: Any = [program_loops.run.lower(program, words, row=row).compile().cost_analysis() for row in (64, 256)]
    each = (loops[1]["flops"] - loops[0]["flops"]) / (256 - 64)
    print(f"\nA gate of three inputs on a word of 32 patterns: 14 operations ({each / 14:.2f}).")
    table("Every pattern of 10^4 gates", "inputs | patterns | 1 core | 64 | 10^4 | 10^6", every_pattern())


if __name__ == "__main__":
    main()

"""Training on several devices, by `jaxnet` on a mesh, against the same run by `shard_map` and by hand.

`python benchmarks/scaling.py` measures on 1, 2, 4 and 8 virtual devices of this machine, then in 2 processes that talk
over the loopback address. It prints the time of a step and its ratio to that of the run by hand (the median over rounds
in which both run in turn, with the smallest and the largest), and what the compiled programs say: floating-point
operations of a device in a step, and the bytes that it sends into collective operations. Virtual devices share the
cores of the machine: they show what it costs to split a run, and nothing of what it gains.
"""

import argparse
import itertools
import os
import re
import subprocess
import sys
import time
from functools import partial
from typing import Any, NamedTuple

import jax
import numpy as np
import optax
from common import by_hand
from common.timing import ratio
from jax.sharding import AxisType, PartitionSpec
from tqdm import tqdm

import jaxnet

# Sizes, examples, examples of a batch, steps of a run.
CASES = (((64, 32, 10), 1_792, 32, 500), ((784, 128, 10), 2_560, 128, 100), ((784, 1024, 1024, 10), 2_560, 512, 10))
MEMBERS, MEMBER_STEPS = 4_096, 400
BYTES = {"pred": 1, "s32": 4, "u32": 4, "f32": 4, "f64": 8}
KINDS = "all-reduce|all-gather|reduce-scatter|all-to-all|collective-permute"
SCAN = "shard_map, by hand"


class Contestant(NamedTuple):
    """A run, its mesh and steps; floating-point operations and collectives of a step, as XLA compiled it."""

    run: Any
    mesh: Any
    steps: int
    flops: float = float("nan")
    moved: str = ""


def flops(compiled):
    """Return the floating-point operations of a program on one device, the bodies of its loops counted once."""
    return compiled.cost_analysis()["flops"]


def collective_bytes(program):
    """Return the bytes by kind that a device sends into collective operations in one turn of the loops of a program."""
    computations = dict(re.findall(r"^(?:ENTRY )?(%[\w.-]+) .*?\{\n(.*?)^\}", program, re.M | re.S))
    inside = set(re.findall(r"body=(%[\w.-]+)", program))
    while (
        called := {name for i in inside for name in re.findall(r"%[\w.-]+", computations[i])}
        & set(computations) - inside
    ):
        inside |= called
    found = {}
    for name in inside:
        for shapes, kind in re.findall(rf"= (.*?) ({KINDS})(?:-start)?\(", computations[name]):
            for dtype, shape in re.findall(r"(\w+)\[([\d,]*)\]", shapes):
                found[kind] = found.get(kind, 0) + BYTES[dtype] * int(np.prod([int(n) for n in shape.split(",") if n]))
    return found


def by_shard_map(mesh, optimizer, n, batch_size, steps):
    """Return the run by hand for devices that share each batch: `(params, x, y, key) -> (state, losses)`."""
    own = batch_size // mesh.size

    def run(params, x, y, key):
        rows = by_hand.order(key, n, batch_size, steps)
        assert rows is not None
        rows = jax.lax.dynamic_slice_in_dim(rows, jax.lax.axis_index("data") * own, own, axis=1)

        def body(state, rows):
            params, optimizer_state = state
            loss, gradient = jax.value_and_grad(
                lambda params: by_hand.squared_error(by_hand.transposed_forward(params, x[rows]), y[rows])
            )(params)
            loss, gradient = jax.lax.pmean((loss, gradient), "data")
            updates, optimizer_state = optimizer.update(gradient, optimizer_state, params)
            return (optax.apply_updates(params, updates), optimizer_state), loss

        return jax.lax.scan(body, (params, optimizer.init(params)), rows)

    whole = PartitionSpec()
    return jax.jit(jax.shard_map(run, mesh=mesh, in_specs=(whole,) * 4, out_specs=whole, check_vma=False))


def one_network(mesh, sizes, n, batch_size, steps):
    """Return the contestants for one network: devices share its batches or, in the last one, its hidden units."""
    random = np.random.default_rng(0)
    layers = [
        (random.normal(0, fan_in**-0.5, (units, fan_in)).astype(np.float32), np.zeros(units, np.float32))
        for fan_in, units in itertools.pairwise(sizes)
    ]
    x, y = random.random((n, sizes[0]), np.float32), (random.random((n, sizes[-1])) < 0.5).astype(np.float32)
    everything = layers, x, y, jax.random.key(0)
    optimizer, net = optax.sgd(0.1), jaxnet.mlp(sizes)

    def loss(params, batch):
        return jaxnet.squared_error(net.apply(params, batch[0]), batch[1]).mean()

    rule = jaxnet.gradient_descent(loss, optimizer)
    train = partial(jaxnet.train, rule, steps=steps, batch_size=batch_size)
    # Each device draws the order of the examples for itself, once a run.
    order = jax.jit(partial(by_hand.order, n=n, batch_size=batch_size, steps=steps))
    drawing = flops(order.lower(jax.random.key(0)).compile())

    def contestant(run, mesh, function, *arguments):
        with jax.set_mesh(mesh):
            compiled = function.lower(*arguments).compile()
        moved = ", ".join(f"{kind} {size:,} B" for kind, size in collective_bytes(compiled.as_text()).items())
        return Contestant(run, mesh, steps, flops(compiled) - drawing, moved or "none")

    def ours(mesh, specs):
        layers, x, y, key = jaxnet.place(everything, mesh)
        params = jaxnet.place(tuple(jaxnet.Neuron(*layer) for layer in layers), mesh, specs)
        state = jaxnet.place(rule.init(params), mesh, specs)
        function = jax.jit(lambda state, data, key: train(state, data, key=key))
        return contestant(lambda: train(state, (x, y), key=key)[1]["loss"], mesh, function, state, (x, y), key)

    scan, arguments = by_shard_map(mesh, optimizer, n, batch_size, steps), jaxnet.place(everything, mesh)
    found = {SCAN: contestant(lambda: scan(*arguments)[1], mesh, scan, *arguments), "jaxnet.train": ours(mesh, None)}
    if mesh.size > 1:
        units = jax.make_mesh((mesh.size,), ("model",), axis_types=(AxisType.Auto,))
        specs = {"[0]": PartitionSpec("model"), "[1].w": PartitionSpec(None, "model")}
        found["jaxnet.train, by units"] = ours(units, specs)
    return found


def ensemble(mesh):
    """Return the contestants for an ensemble: each device has networks of its own."""
    random, optimizer, net = np.random.default_rng(0), optax.sgd(0.5), jaxnet.mlp([2, 4, 1])
    layers = [
        (random.normal(0, n**-0.5, (MEMBERS, m, n)).astype(np.float32), np.zeros((MEMBERS, m), np.float32))
        for n, m in ((2, 4), (4, 1))
    ]
    x = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], np.float32)
    y, keys = np.array([[0], [1], [1], [0]], np.float32), jax.random.split(jax.random.key(0), MEMBERS)

    def loss(params, batch):
        return jaxnet.squared_error(net.apply(params, batch[0]), batch[1]).mean()

    rule = jaxnet.gradient_descent(loss, optimizer)
    split, whole = PartitionSpec("data"), PartitionSpec()
    scan = jax.vmap(by_hand.scan_of(by_hand.transposed_forward, optimizer, None, MEMBER_STEPS), (0, None, None, None))
    scan = jax.shard_map(scan, mesh=mesh, in_specs=(split, whole, whole, whole), out_specs=split, check_vma=False)
    scan = jax.jit(scan)
    params = jaxnet.place(layers, mesh, {"": split})
    states = jax.jit(jax.vmap(rule.init))(tuple(jaxnet.Neuron(*layer) for layer in params))
    data, key = jaxnet.place((x, y), mesh), jaxnet.place(jax.random.key(0), mesh)

    def ours():
        return jaxnet.train_ensemble(rule, states, data, keys=keys, steps=MEMBER_STEPS, mesh=mesh)[1]["loss"]

    return {
        SCAN: Contestant(lambda: scan(params, *data, key)[1], mesh, MEMBER_STEPS),
        "jaxnet.train_ensemble": Contestant(ours, mesh, MEMBER_STEPS),
    }


def measure(rounds):
    """Measure all cases on all devices there are; each process makes as many calls as the others."""
    mesh = jax.make_mesh((jax.device_count(),), ("data",), axis_types=(AxisType.Auto,))
    first, where = jax.process_index() == 0, f"{jax.device_count()} devices, {jax.process_count()} processes"
    cases = {f"{'-'.join(map(str, case[0]))}, batch {case[2]}": partial(one_network, mesh, *case) for case in CASES}
    cases[f"{MEMBERS:,} x 2-4-1"] = partial(ensemble, mesh)
    for case, made in tqdm(cases.items(), desc=where, disable=None if first else True, leave=False):
        runs, losses = made(), []
        times = {name: np.empty(rounds) for name in runs}
        for i, (name, c) in itertools.product(range(-1, rounds), runs.items()):
            with jax.set_mesh(c.mesh):
                start = time.perf_counter()
                found = jax.block_until_ready(c.run())
            if i < 0:  # this call compiled; each process has its part of an array that is split over processes
                losses.append([np.asarray(shard.data) for shard in found.addressable_shards])
                np.testing.assert_allclose(losses[-1], losses[0], rtol=1e-3)
            else:
                times[name][i] = (time.perf_counter() - start) / c.steps
        for name, c in runs.items() if first else ():
            time_a_step = f"{np.median(times[name]) * 1e6:9,.0f} us {ratio(times[name], times[SCAN])}"
            work = "" if np.isnan(c.flops) else f"{c.flops:15,.0f} flops  {c.moved}"
            tqdm.write(f"{where:24} {case:30} {name:22} {time_a_step} {work}")


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=7, help="default 7")
    parser.add_argument("--here", action="store_true", help="only on the devices of this process, and its peers if any")
    options = parser.parse_args()
    if options.here:
        jaxnet.join_processes()
        measure(options.rounds)
        return
    command = [__file__, "--here", "--rounds", str(options.rounds)]
    for devices in (1, 2, 4, 8):
        flags = f"{os.environ.get('XLA_FLAGS', '')} --xla_force_host_platform_device_count={devices}"
        subprocess.run([sys.executable, *command], env={**os.environ, "XLA_FLAGS": flags}, check=True)
    subprocess.run([sys.executable, "-m", "jaxnet.launch", "2", *command], check=True)


if __name__ == "__main__":
    main()

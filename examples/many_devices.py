"""A network learns to add on all devices there are: one script for one CPU, several GPUs and several hosts.

    python examples/many_devices.py
    XLA_FLAGS=--xla_force_host_platform_device_count=8 python examples/many_devices.py        # eight virtual devices
    python -m jaxnet.launch 2 examples/many_devices.py --checkpoint adder.safetensors         # two processes
    srun --kill-on-bad-exit=1 python examples/many_devices.py --checkpoint adder.safetensors  # by Slurm

Each process makes its own part of the 65,536 sums of two bytes, by simulating an adder. All runs make the same steps,
up to rounding. One that was killed goes on from its checkpoint, on as many devices as there are then.
"""

import argparse
import time

import jax
import numpy as np
import optax

import circuits
import jaxnet

jaxnet.join_processes()  # before anything else of JAX; one that was started alone stays alone

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--epochs", type=int, default=20, help="times that each sum is seen (default 20)")
parser.add_argument("--quick", action="store_true", help="2 epochs")
parser.add_argument("--checkpoint", metavar="FILE", help="where the run is written, and goes on from")
options = parser.parse_args()
if options.quick:
    options.epochs = 2
if options.epochs < 1:
    parser.error("expected at least one epoch")
BATCH_SIZE = 512
mesh = jax.make_mesh((jax.device_count(),), ("data",))


def say(*text):
    if jax.process_index() == 0:
        print(*text, flush=True)


say(f"{jax.device_count()} {jax.devices()[0].device_kind} devices in {jax.process_count()} processes")

# 1. The data: the rows of the truth table that belong to this process, and what the adder gives for them. Where the
# devices do not divide 65,536, the last few rows are left out.
adder = circuits.library.adder(8)
n = 2**16 - 2**16 % jax.device_count()
mine = np.arange(n, dtype=np.uint32)[jaxnet.own_part(n, mesh)]
bits = (mine[:, None] >> np.arange(16, dtype=np.uint32)) & 1  # of both bytes
sums = circuits.evaluate(adder, bits)
data = jaxnet.from_parts((np.asarray(bits, np.float32), np.asarray(sums, np.float32)), mesh)

# 2. The network, which knows nothing of devices.
net = jaxnet.mlp([16, 256, 256, 9], [jaxnet.relu, jaxnet.relu, jaxnet.identity])


def loss(params, batch):
    inputs, targets = batch
    outputs = net.apply(params, inputs)
    return jaxnet.binary_cross_entropy(outputs, targets).mean(), {"right": ((outputs > 0) == (targets > 0.5)).mean()}


# 3. The run, which gets the mesh. With a mesh that has an axis "model", and specs={"[1]": PartitionSpec("model")}, the
# units of the second layer would be split over devices as well.
rule = jaxnet.gradient_descent(loss, optax.adam(1e-3), has_aux=True)
start = time.perf_counter()
try:
    run = jaxnet.fit(
        rule, net.init(jax.random.key(0)), data, epochs=options.epochs, batch_size=BATCH_SIZE, key=jax.random.key(1),
        mesh=mesh, checkpoint=options.checkpoint,
    )  # fmt: skip
except jaxnet.CheckpointError as error:  # in each process
    raise SystemExit(f"many_devices.py: {error}") from None
say(f"{run.steps:,} steps in {time.perf_counter() - start:.1f} s, {run.stopped}")
steps = -(-n // BATCH_SIZE)
for epoch in range(0, run.steps // steps, max(1, options.epochs // 5)):
    shares = run.history["right"][epoch * steps : (epoch + 1) * steps]
    say(f"epoch {epoch + 1:3}: {shares.mean():8.3%} of the output bits right")

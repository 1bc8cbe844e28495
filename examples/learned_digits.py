"""MNIST read by logic gates alone: learned by gradient, hardened, proved and written to files.

`python examples/learned_digits.py --seeds 3` trains 48,000 gates, `--small` 8,000 that choose which pixels they read;
the four files of MNIST are looked for in `--data`, or below the folder that `JAXNET_DATA` names. Pixels are black or
white, of the middle 20 x 20; each image is seen shifted by up to one pixel, at random. Adam takes steps of 0.3, thirty
times those of the paper, that fall to 0: so gates are decided at the end, and hardening costs next to nothing.
With `--small` the first half of the epochs chooses wires, straight-through, since mixtures of pixels would say more
than any wire can; the second half has these wires fixed, and soft gates.
(F. Petersen and others, Deep differentiable logic gate networks, 2022; patent pending, as its authors say.)
"""

import argparse
import os
import sys
import tempfile
import time
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
from idx import IdxError, read_mnist

import circuits
import jaxnet

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data", metavar="FOLDER", help="where the four files are, gzipped or not")
parser.add_argument("--small", action="store_true", help="two layers of 4,000 gates, learned wires, not six of 8,000")
parser.add_argument("--seeds", type=int, default=1, metavar="N", help="networks that learn, from seeds 0 to N - 1")
parser.add_argument("--seed", type=int, metavar="S", help="this seed alone")
parser.add_argument("--epochs", type=int, default=16, help="times that each image is seen (default 16)")
parser.add_argument("--quick", action="store_true", help="500 images and few gates, in seconds")
parser.add_argument("--out", metavar="FOLDER", help="keep certified files and pictures in FOLDER")
options = parser.parse_args()
if min(options.seeds, options.epochs) < 1:
    parser.error("expected at least one seed and one epoch")
data = Path(options.data or Path(os.environ.get("JAXNET_DATA", "shared/data")) / "learning" / "mnist")
if options.data is None and not data.is_dir():
    print("MNIST is no part of the repository: python examples/learned_digits.py --data FOLDER reads it from there.")
    sys.exit()
if options.small:
    layers = {"widths": [4000] * 2, "wiring": ["learned", "balanced"], "choices": 400, "initial": "normal", "tau": 9.0}
else:
    layers = {"widths": [8000] * 6, "tau": 14.0}
if options.quick:
    layers |= {"widths": [200] * len(layers["widths"]), "tau": 2.0}
STEP_SIZES = {"gates": 0.1 if options.small else 0.3, "choices": 0.05}
BATCH_SIZE = 250 if options.small and not options.quick else 100


# 1. The data. The last 5,000 images of the 60,000 are kept for validation: all choices were made by them.
def read_bits(part):
    """Return black or white images and their classes."""
    images, labels = read_mnist(data, part)
    few = slice(500 if options.quick else None)
    return images[few] > 127, labels[few].astype(np.int32)


def middle(images):
    return images[:, 4:24, 4:24].reshape(len(images), 400)


try:
    images, labels = read_bits("train")
except (OSError, IdxError) as error:
    sys.exit(f"learned_digits: {error}")
n = len(labels) * 11 // 12
training, validation = (jnp.asarray(images[:n]), jnp.asarray(labels[:n])), (middle(images[n:]), labels[n:])
print(f"images: {n:,} to learn from, {len(labels) - n:,} for validation")


# 2. Learning.
def learn(seed):
    """Return a network and its parameters."""
    network = circuits.gate_network(400, classes=10, seed=seed, **layers)
    init_key, key = jax.random.split(jax.random.key(seed))
    params, epochs = network.init(init_key), options.epochs
    if options.small:
        params = trained(network, params, epochs / 2, "straight-through", jax.random.fold_in(key, 1))
        network, params = circuits.fix_wires(network, params)
        epochs /= 2
    return network, trained(network, params, epochs, "soft", key)


def trained(network, params, epochs, forward, key):
    """Return parameters after so many epochs."""
    cross_entropy = circuits.gate_loss(network, forward=forward)

    def loss(params, batch, key):
        images, labels = batch
        corners = jax.random.randint(key, (len(images), 2), 3, 6)
        shifted = jax.vmap(lambda image, corner: jax.lax.dynamic_slice(image, corner, (20, 20)))(images, corners)
        return cross_entropy(params, (shifted.reshape(-1, 400), labels), key)

    steps = int(epochs * n / BATCH_SIZE)
    adams = {name: optax.adam(optax.cosine_decay_schedule(size, steps)) for name, size in STEP_SIZES.items()}
    adam = optax.partition(adams, lambda params: params._replace(gates="gates", choices="choices"))  # type: ignore
    rule = jaxnet.gradient_descent(loss, adam)
    return jaxnet.fit(rule, params, training, steps=steps, batch_size=BATCH_SIZE, key=key).params


# 3. From each network to a circuit, simplified, proved equal, written to files that are read back and proved.
def certified(network, params, folder, seed):
    votes = circuits.harden(network, params, input_names=[f"row{y}_column{x}" for y in range(20) for x in range(20)])
    return circuits.certify(votes, Path(folder) / f"digits{seed}", classes=10, scores="class")


results = []
with tempfile.TemporaryDirectory() as scratch:
    folder = Path(options.out or scratch)
    folder.mkdir(parents=True, exist_ok=True)
    for seed in range(options.seeds) if options.seed is None else [options.seed]:
        start = time.perf_counter(), time.process_time()
        network, params = learn(seed)
        learned = time.perf_counter(), time.process_time()
        took = f"{learned[0] - start[0]:.0f} s (processor {learned[1] - start[1]:.0f} s)"
        print(f"\nseed {seed}: {network}, {options.epochs} epochs in {took}")
        print(f"validation: {circuits.discretisation_gap(network, params, *validation)}", flush=True)
        start = time.perf_counter(), time.process_time()
        proved = certified(network, params, folder, seed)
        certifying = time.perf_counter() - start[0], time.process_time() - start[1]
        print(f"{proved}\ncertified in {certifying[0]:.0f} s (processor {certifying[1]:.0f} s)", flush=True)
        results.append((seed, network, params, proved.circuit))
        if options.out:  # which gates it learned, and which pixels they read
            circuits.draw_gate_types(network, params, path=folder / f"digits{seed}_types.png")
            readers = circuits.input_readers(proved.circuit)
            circuits.draw_input_map(readers, (20, 20), path=folder / f"digits{seed}_pixels.png")

# 4. The test images, read once.
try:
    images, labels = read_bits("t10k")
except (OSError, IdxError) as error:
    sys.exit(f"learned_digits: {error}")
images = middle(images)
print(f"\n{len(labels):,} test images; right with soft gates, with hard ones, by the proved circuit")
rows = []
for seed, network, params, circuit in results:
    gap = circuits.discretisation_gap(network, params, images, labels)
    rows.append([*gap, np.mean(circuits.classify(circuit, images) == labels)])
    print(f"{seed:4}", *(f"{share:8.2%}" for share in rows[-1]), f"  gap {100 * (gap.soft - gap.hard):.2f}")
print("mean", *(f"{share:8.2%}" for share in np.mean(rows, axis=0)))
if len(rows) > 1:
    print("s.d.", *(f"{share:8.2%}" for share in np.std(rows, axis=0, ddof=1)))

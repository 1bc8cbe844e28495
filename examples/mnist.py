"""Handwritten digits of MNIST, 70,000 images of 28 x 28 pixels, learned by a 784-256-10 network.

Run `python examples/mnist.py --data FOLDER --seeds 5 --out FOLDER`: a seed takes less than half a minute on two cores.
`--compare` puts scikit-learn's MLPClassifier of the same size beside it, on the same images, for as many epochs, and
otherwise with its own defaults. (Y. LeCun, C. Cortes, C. J. C. Burges, The MNIST database of handwritten digits.)
"""

import argparse
import sys
import time
import warnings
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax
from idx import IdxError, read_mnist

import jaxnet

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--data", metavar="FOLDER", help="where the four files are, gzipped or not")
parser.add_argument("--seeds", type=int, default=1, help="networks that learn (default 1)")
parser.add_argument("--epochs", type=int, default=12, help="times that each image is seen (default 12)")
parser.add_argument("--compare", action="store_true", help="with scikit-learn, which takes some minutes per seed")
parser.add_argument("--out", metavar="FOLDER", help="draw learning curves and confusion matrix into FOLDER")
options = parser.parse_args()
if min(options.seeds, options.epochs) < 1:
    parser.error("expected at least one seed and one epoch")
if options.data is None:
    print("MNIST is no part of the repository: python examples/mnist.py --data FOLDER reads its four files from there,")
    print("train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte, t10k-labels-idx1-ubyte, or *.gz.")
    print("They are described at http://yann.lecun.com/exdb/mnist/")
    sys.exit()
BATCH_SIZE, STEP_SIZE, SMOOTHING = 128, 3e-3, 0.1


# 1. The data: 60,000 images to learn from, the last twelfth of them for validation, and 10,000 others for the test.
def read_pair(part):
    images, labels = read_mnist(options.data, part)
    return jnp.asarray(images.reshape(-1, 784) / 255, float), jnp.asarray(labels, int)


try:
    known, test = read_pair("train"), read_pair("t10k")
except (OSError, IdxError) as error:
    sys.exit(f"mnist: {error}")
n = len(known[1]) * 11 // 12
training, validation = jax.tree.map(lambda a: a[:n], known), jax.tree.map(lambda a: a[n:], known)
print(f"images: {n:,} to learn from, {len(validation[1]):,} for validation, {len(test[1]):,} for the test")

# 2. The network. A tenth of each target is spread over all digits (C. Szegedy and others, Rethinking the Inception
#    architecture, 2016). That is worth 0.3 % of accuracy here: a network that need not be certain learns less by heart.
#    The entropy of the targets, which even the best outputs leave, is subtracted, so that the loss can fall to zero.
net = jaxnet.mlp([784, 256, 10], [jaxnet.relu, jaxnet.identity])


def loss(params, batch):
    images, labels = batch
    logits = net.apply(params, images)
    targets = optax.smooth_labels(jax.nn.one_hot(labels, 10), SMOOTHING)
    right = logits.argmax(axis=-1) == labels
    divergences = jaxnet.softmax_cross_entropy(logits, targets) - jax.scipy.special.entr(targets).sum(axis=-1)
    return divergences.mean(), {"accuracy": right.mean()}


step_size = optax.cosine_decay_schedule(STEP_SIZE, -(-options.epochs * n // BATCH_SIZE))
rule = jaxnet.gradient_descent(loss, optax.adam(step_size), has_aux=True)


# 3. Learning, from several seeds.
def learn(seed):
    init_key, run_key = jax.random.split(jax.random.key(seed))
    return jaxnet.fit(rule, net.init(init_key), training, epochs=options.epochs, batch_size=BATCH_SIZE, key=run_key,
                      validation=validation)  # fmt: skip


def learn_by_sklearn(seed):
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier

    size = {"hidden_layer_sizes": [256], "batch_size": BATCH_SIZE}
    model = MLPClassifier(**size, max_iter=options.epochs, random_state=seed)
    with warnings.catch_warnings():
        # It warns whenever it stops after as many epochs as it was asked for.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(*map(np.asarray, training))


def predicted(run):
    return net.apply(run.params, test[0]).argmax(axis=-1)


print(f"{options.epochs} epochs; right of the test images, and seconds to learn (the first of jaxnet: and to compile)")
print("seed        jaxnet" + "     scikit-learn" * options.compare)
runs, rows = [], []
for seed in range(options.seeds):
    start = time.perf_counter()
    runs.append(learn(seed))
    rows.append([(np.mean(predicted(runs[-1]) == test[1]), time.perf_counter() - start)])
    if options.compare:
        start = time.perf_counter()
        theirs = learn_by_sklearn(seed)
        rows[-1].append((theirs.score(*map(np.asarray, test)), time.perf_counter() - start))
    print(f"{seed:4}", *(f"{accuracy:9.2%} {seconds:5.1f} s" for accuracy, seconds in rows[-1]), flush=True)
accuracies = np.array(rows)[:, :, 0]
print("mean", *(f"{accuracy:9.2%}        " for accuracy in accuracies.mean(axis=0)))
if options.seeds > 1:
    print("s.d.", *(f"{deviation:9.2%}        " for deviation in accuracies.std(axis=0, ddof=1)))


# 4. The pictures: learning from all seeds, mistakes of the first.
def stacked(tables):
    steps = {"step": tables[0]["step"]}
    return {name: np.stack([table[name] for table in tables], axis=1) for name in tables[0]} | steps


if options.out:
    folder = Path(options.out)
    folder.mkdir(parents=True, exist_ok=True)
    curves, matrix = folder / "mnist_learning_curves.png", folder / "mnist_confusion_matrix.png"
    history, watched = stacked([run.history for run in runs]), stacked([run.validation for run in runs])
    units = {"loss": "nats", "accuracy": "share of images right"}
    jaxnet.draw_learning_curves(history, validation=watched, units=units, path=curves)
    jaxnet.draw_confusion_matrix(test[1], predicted(runs[0]), path=matrix)
    print(f"figures: {curves}, {matrix}")

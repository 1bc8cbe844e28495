"""Handwritten digits, 1,797 images of 8 x 8 pixels, learned by a 64-32-10 network.

Run `python examples/digits.py --out FOLDER`; `--quick` takes a few seconds. Beside it scikit-learn's MLPClassifier
of the same size learns from the same examples, with the same optimiser and as many steps. (The images come with
scikit-learn. They are the test set of E. Alpaydin and C. Kaynak, Optical recognition of handwritten digits, 1998.)
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

import jaxnet

try:
    from sklearn.datasets import load_digits
    from sklearn.exceptions import ConvergenceWarning
    from sklearn.neural_network import MLPClassifier
except ImportError:
    print("The images come with scikit-learn, which is not installed: pip install scikit-learn")
    sys.exit()

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("--seeds", type=int, default=5, help="networks that learn (default 5)")
parser.add_argument("--epochs", type=int, default=60, help="times that each example is seen (default 60)")
parser.add_argument("--quick", action="store_true", help="1 seed, 10 epochs")
parser.add_argument("--out", metavar="FOLDER", help="draw learning curves and confusion matrix into FOLDER")
options = parser.parse_args()
if options.quick:
    options.seeds, options.epochs = 1, 10
if min(options.seeds, options.epochs) < 1:
    parser.error("expected at least one seed and one epoch")
BATCH_SIZE, STEP_SIZE = 32, 3e-3

# 1. The data, in three parts that do not depend on the seed: 70 % to learn from, 10 % to watch, 20 % to report.
images, labels = load_digits(return_X_y=True)
images, labels = jnp.asarray(images / 16, float), jnp.asarray(labels, int)
order = jax.random.permutation(jax.random.key(0), len(labels))
training, validation, test = ((images[i], labels[i]) for i in jnp.split(order, [1257, 1437]))
print(f"images: {len(training[1]):,} to learn from, {len(validation[1])} for validation, {len(test[1])} for the test")

# 2. The network, and what is measured.
net = jaxnet.mlp([64, 32, 10], [jaxnet.relu, jaxnet.identity])


def loss(params, batch):
    inputs, targets = batch
    logits = net.apply(params, inputs)
    right = logits.argmax(axis=-1) == targets
    return jaxnet.softmax_cross_entropy_with_integer_labels(logits, targets).mean(), {"accuracy": right.mean()}


rule = jaxnet.gradient_descent(loss, optax.adam(STEP_SIZE), has_aux=True)


# 3. Learning, from several seeds.
def learn(seed):
    init_key, run_key = jax.random.split(jax.random.key(seed))
    return jaxnet.fit(rule, net.init(init_key), training, epochs=options.epochs, batch_size=BATCH_SIZE, key=run_key,
                      validation=validation, progress=False)  # fmt: skip


def learn_by_sklearn(seed):
    settings = {"hidden_layer_sizes": [32], "batch_size": BATCH_SIZE, "learning_rate_init": STEP_SIZE, "alpha": 0}
    model = MLPClassifier(**settings, max_iter=options.epochs, n_iter_no_change=options.epochs, random_state=seed)
    with warnings.catch_warnings():
        # It warns whenever it stops after as many epochs as it was asked for.
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(*map(np.asarray, training))


def predicted(run):
    return net.apply(run.params, test[0]).argmax(axis=-1)


print(f"{options.epochs} epochs; right of the test images, and seconds to learn (the first of jaxnet: and to compile)")
print("seed        jaxnet     scikit-learn")
runs, rows = [], []
for seed in range(options.seeds):
    start = time.perf_counter()
    runs.append(learn(seed))
    rows.append([(np.mean(predicted(runs[-1]) == test[1]), time.perf_counter() - start)])
    start = time.perf_counter()
    theirs = learn_by_sklearn(seed)
    rows[-1].append((theirs.score(*map(np.asarray, test)), time.perf_counter() - start))
    print(f"{seed:4}", *(f"{accuracy:9.2%} {seconds:5.1f} s" for accuracy, seconds in rows[-1]))
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
    curves, matrix = folder / "digits_learning_curves.png", folder / "digits_confusion_matrix.png"
    history, watched = stacked([run.history for run in runs]), stacked([run.validation for run in runs])
    units = {"loss": "nats", "accuracy": "share of images right"}
    jaxnet.draw_learning_curves(history, validation=watched, units=units, path=curves)
    jaxnet.draw_confusion_matrix(test[1], predicted(runs[0]), path=matrix)
    print(f"figures: {curves}, {matrix}")

"""One training step of a logic gate network: forward, backward and Adam, ours against difflogic, torchlogix, PyTorch.

`python benchmarks/gate_networks.py` prints milliseconds a step and ratios to ours with the same number of parameters a
gate: medians over rounds, in each of which all run in turn, with the smallest and the largest ratio. The ratio of
processor seconds stands beside it, which a busy machine disturbs less. 6 layers of 8000 gates, batches of 100, 10
classes, two cores. `--peers` names a Python that has PyTorch, where it is not this one, and `--difflogic` a folder of
difflogic's sources, where it is not installed: its Python implementation is what runs on a processor. Peers run in
a process of their own, with the same cores, wires, first parameters and batches. Where a peer has our parametrisation,
loss and gradient must be the same; all must learn. The first step counts building, compiling and one step, no imports.
"""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from common.timing import ratio

WIDTH, DEPTH, BATCH, CLASSES, TAU, RATE = 8000, 6, 100, 10, 10.0, 0.01
# Ours, and the peers that are measured by it; whether their loss and gradient must be the same.
PEERS = {
    "softmax": {"difflogic": True, "torchlogix raw": True},
    "input-wise": {"torchlogix light": True, "PyTorch by hand": True},
    "walsh": {"torchlogix warp": True},
}
FASTEST = "input-wise"
# Which of our numbers of a gate stands at each place of a peer's, and its sign. Rows are a + 2b with us, and 2a + b
# with them; a table has row 0 as its lowest bit with us, and as its highest with them; and they take the sigmoid of
# the negative sum of Walsh functions of 1 - 2a and 1 - 2b.
TABLES = [sum((t >> (3 - 2 * a - b) & 1) << (a + 2 * b) for a in (0, 1) for b in (0, 1)) for t in range(16)]
PLACES = {"softmax": (TABLES, [1] * 16), "input-wise": ([0, 2, 1, 3], [1] * 4), "walsh": ([0, 2, 1, 3], [-1, 1, 1, -1])}


def examples(inputs):
    """Return 10 batches of noisy copies of a random pattern for each class: `(10, batch, inputs)` and the classes."""
    random = np.random.default_rng(0)
    patterns = random.integers(0, 2, (CLASSES, inputs))
    labels = random.integers(0, CLASSES, (10, BATCH))
    flipped = random.random((10, BATCH, inputs)) < 0.2
    return (patterns[labels] ^ flipped).astype(np.float32), labels


class Ours:
    """Our network in training, by `jaxnet.train`."""

    def __init__(self, parametrisation, x, y):
        import jax
        import optax

        import circuits
        import jaxnet

        self.parametrisation = parametrisation
        start = time.perf_counter()
        self.network = circuits.gate_network(
            x.shape[-1], [WIDTH] * DEPTH, classes=CLASSES, parametrisation=parametrisation, tau=TAU
        )

        def loss(params, batch):
            scores = self.network.apply(params, batch[0])
            return optax.softmax_cross_entropy_with_integer_labels(scores, batch[1]).mean()

        self.loss, self.first = loss, (x[0], y[0])
        self.rule = jaxnet.gradient_descent(loss, optax.adam(RATE))
        self.params = self.network.init(jax.random.key(0))
        self.state, self.key, self.made = self.rule.init(self.params), jax.random.key(1), 0
        self.data = x.reshape(-1, x.shape[-1]), y.reshape(-1)
        self.building = time.perf_counter() - start

    def steps(self, count):
        """Make steps; return the seconds of all, those of the processor, and the losses."""
        import jax

        import jaxnet

        start, processor = time.perf_counter(), time.process_time()
        self.state, metrics = jaxnet.train(
            self.rule, self.state, self.data, steps=count, batch_size=BATCH, key=self.key, start=self.made
        )
        jax.block_until_ready((self.state, metrics))
        seconds, processor = time.perf_counter() - start, time.process_time() - processor
        self.made += count
        return seconds, processor, metrics["loss"].tolist()

    def gradient(self):
        """Return loss and gradient of the first batch at the first parameters, as `(layers, gates, parameters)`."""
        import jax

        loss, gradient = jax.jit(jax.value_and_grad(self.loss))(self.params, self.first)
        return np.asarray(loss), as_peers(self.parametrisation, gradient)


def as_peers(parametrisation, params):
    """Return parameters, or a gradient by them, as the peers have them: `(layers, gates, parameters)`."""
    layers = np.concatenate(params.gates).swapaxes(1, 2)  # ours have the gates last
    places, signs = PLACES[parametrisation]
    return layers[..., places] * np.array(signs, np.float32)


class Peers:
    """The process of the peers."""

    def __init__(self, python, path, threads, folders):
        script = Path(__file__).parent / "common" / "gate_peers.py"
        self.process = subprocess.Popen(
            [python, str(script), str(path), str(threads)],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True,
            # On shared cores a thread that spins while it waits for another takes the time that the other needs.
            env=os.environ | {"OMP_WAIT_POLICY": "PASSIVE", "PYTHONPATH": os.pathsep.join(map(str, folders))},
        )  # fmt: skip
        assert self.process.stdin
        assert self.process.stdout
        self.requests, self.answers = self.process.stdin, self.process.stdout

    def ask(self, name, **request):
        """Return the answer to a request; if there is none, print a line that says so and return None."""
        try:
            self.requests.write(json.dumps({"name": name, **request}) + "\n")
            self.requests.flush()
            answer = json.loads(self.answers.readline())
        except (BrokenPipeError, json.JSONDecodeError):
            answer = {"error": "the Python of the peers has no PyTorch"}
        if "error" in answer:
            print(f"{name}: {answer['error']}: skipped.", flush=True)
            return None
        return answer

    def close(self):
        """End the process."""
        with contextlib.suppress(BrokenPipeError):  # it has ended by itself
            self.requests.close()
        self.process.wait()


def check(peers, name, parametrisation, mine, folder):
    """Print that a peer has our loss and gradient, or fail; return whether the peer is there."""
    path = folder / "gradient.npz"
    if peers.ask(name, file=str(path)) is None:
        return False
    theirs = np.load(path)
    loss, gradient = mine
    np.testing.assert_allclose(theirs["loss"], loss, rtol=1e-5, err_msg=name)
    difference = np.linalg.norm(theirs["gradient"] - gradient) / np.linalg.norm(gradient)
    assert difference < 1e-4, f"{name}: its gradient differs from ours by {difference:.1e} of the norm"
    print(
        f"{name}: the loss of ours, {parametrisation} ({abs(float(theirs['loss']) / float(loss) - 1):.1e} off), "
        f"and its gradient ({difference:.1e} of the norm off)",
        flush=True,
    )
    return True


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--inputs", type=int, default=400)
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--turn", type=float, default=0.3, help="seconds of each contestant in a round")
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--peers", default=sys.executable, metavar="PYTHON", help="a Python that has PyTorch")
    parser.add_argument("--difflogic", default=os.environ.get("DIFFLOGIC"), metavar="FOLDER", help="its sources")
    parser.add_argument("--only", default="", metavar="NAME", help="only the peers whose name has this in it")
    parser.add_argument("--compiled", action=argparse.BooleanOptionalAction, default=True, help="torch.compile too")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cores])

    import jax

    x, y = examples(options.inputs)
    ours, first, names = {}, {}, {}
    jax.block_until_ready(jax.random.key(0))  # JAX itself has started
    for parametrisation in PEERS:
        contestant = Ours(parametrisation, x, y)
        first[f"ours, {parametrisation}"] = contestant.building + contestant.steps(1)[0]
        ours[f"ours, {parametrisation}"] = contestant
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        wires = ours[f"ours, {FASTEST}"].network.structure.reads
        arrays = {key: as_peers(key, ours[f"ours, {key}"].params) for key in PEERS}
        arrays |= {"x": x, "y": y, "classes": CLASSES, "tau": TAU, "first": wires[0], "rest": np.stack(wires[1:])}
        np.savez(folder / "task.npz", allow_pickle=False, **arrays)
        folders = [options.difflogic] if options.difflogic else []
        peers = Peers(options.peers, folder / "task.npz", options.cores, folders)
        for parametrisation, group in PEERS.items():
            mine = ours[f"ours, {parametrisation}"].gradient()
            for peer in group:
                if options.only not in peer or not check(peers, peer, parametrisation, mine, folder):
                    continue
                for contestant in (peer, f"{peer}, compiled") if options.compiled else (peer,):
                    if answer := peers.ask(contestant, steps=1):
                        names[contestant] = f"ours, {parametrisation}"
                        first[contestant] = answer["seconds"]
        report(measure(ours, peers, names, options), names, first)
        peers.close()


def measure(ours, peers, names, options):
    """Let all run in turn; return seconds and processor seconds a step, `(rounds, 2)` for each, and that all learn."""

    def turn(name, count):
        if name in ours:
            return ours[name].steps(count)
        answer = peers.ask(name, steps=count)
        return answer["seconds"], answer["processor"], answer["losses"]

    counts, times, losses = {}, {}, {}
    for name in (*ours, *names):
        seconds = turn(name, 1)[0]
        counts[name] = 10 if name in ours else max(1, round(options.turn / seconds))
        losses[name] = turn(name, counts[name])[2]  # ours compiles anew for another number of steps
    for _ in range(options.rounds):
        for name in counts:
            seconds, processor, found = turn(name, counts[name])
            times.setdefault(name, []).append((seconds / counts[name], processor / counts[name]))
            losses[name] += found
    for name, found in losses.items():
        assert found[-1] < found[0], f"{name}: the loss went from {found[0]} to {found[-1]}"
    return {name: np.array(measured) for name, measured in times.items()}


def report(times, names, first):
    """Print a line for each contestant: the step, ratios to ours of the same parametrisation and to our fastest."""
    print(
        f"{'contestant':28} {'first s':>8} {'ms/step':>8} {'cpu ms':>8} {'/ same':>7}  {'(min .. max)':18} {'cpu':>6} "
        f"{'/ fastest':>9}  {'(min .. max)':18} {'cpu':>6}"
    )
    fastest = times[f"ours, {FASTEST}"]
    for name, measured in times.items():
        same = times[names.get(name, name)]
        print(
            f"{name:28} {first[name]:8.2f} {1e3 * np.median(measured[:, 0]):8.1f} "
            f"{1e3 * np.median(measured[:, 1]):8.1f} {ratio(measured[:, 0], same[:, 0]):28} "
            f"{np.median(measured[:, 1] / same[:, 1]):6.1f} {ratio(measured[:, 0], fastest[:, 0]):30} "
            f"{np.median(measured[:, 1] / fastest[:, 1]):6.1f}",
            flush=True,
        )


if __name__ == "__main__":
    main()

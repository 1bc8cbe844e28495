"""Logic gate networks in PyTorch, in a process of their own: difflogic, torchlogix, and PyTorch by hand.

gate_networks.py starts this file, with the Python that has PyTorch, and sends a line of JSON for each turn; each answer
is a line of JSON. All have the wires, the first parameters and the batches of a file, Adam as one fused kernel (faster
than PyTorch's default), and each comes twice, eager and under `torch.compile`. The sources of difflogic are enough: its
Python implementation calls no CUDA, so an empty module stands for the extension that it imports.
"""

import importlib
import json
import sys
import time
import types
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import torch  # pyright: ignore[reportMissingImports]
from torch.nn import functional  # pyright: ignore[reportMissingImports]

COMPILED = ", compiled"


class Model(NamedTuple):
    """A network, and the parameters of each layer as `(gates, parameters)`."""

    module: torch.nn.Module
    parameters: list[torch.nn.Parameter]


class ByHand(torch.nn.Module):
    """Four parameters a gate and batches along the last axis, as ours: rows are gathered, and nothing is transposed."""

    def __init__(self, task):
        super().__init__()
        self.corners = torch.nn.ParameterList([torch.tensor(p) for p in task["input-wise"]])
        self.wires = [torch.tensor(w) for w in (task["first"], *task["rest"])]
        self.classes, self.tau = int(task["classes"]), float(task["tau"])

    def forward(self, x):
        """Return the scores `(batch, classes)` of inputs `(batch, inputs)`."""
        x = x.T.contiguous()
        for corners, (i, j) in zip(self.corners, self.wires, strict=True):
            p00, p01, p10, p11 = torch.sigmoid(corners).unsqueeze(-1).unbind(1)
            a, b = x.index_select(0, i), x.index_select(0, j)
            x = p00 + (p10 - p00) * a + (p01 - p00) * b + (p00 - p01 - p10 + p11) * a * b
        return x.reshape(self.classes, -1, x.shape[1]).sum(1).T / self.tau


def by_hand(task):
    module = ByHand(task)
    return Model(module, list(module.corners))


def layers_of(make_layer, group_sum, task, name):
    """Return the model of a library whose layers keep `weight` or `weights`, in the order of the file."""
    wires = [torch.tensor(w) for w in (task["first"], *task["rest"])]
    layers, parameters, size = [], [], task["x"].shape[-1]
    for (i, j), start in zip(wires, task[name], strict=True):
        layer = make_layer(size, len(i), (i, j))
        parameter = layer.weight if hasattr(layer, "weight") else layer.weights
        with torch.no_grad():
            parameter.copy_(torch.tensor(start))
        layers.append(layer)
        parameters.append(parameter)
        size = len(i)
    return Model(torch.nn.Sequential(*layers, group_sum), parameters)


def with_difflogic(task):
    sys.modules["difflogic_cuda"] = types.ModuleType("difflogic_cuda")
    library = importlib.import_module("difflogic.difflogic")
    vars(library)["print"] = lambda *_: (
        None
    )  # it prints the type of its wires at every step, which breaks a compilation

    def layer(n, m, wires):
        made = library.LogicLayer(n, m, device="cpu", implementation="python")
        made.indices = wires
        return made

    return layers_of(layer, library.GroupSum(int(task["classes"]), float(task["tau"]), "cpu"), task, "softmax")


def with_torchlogix(task, own_name, name):
    # Its circuits need Python 3.12 and are not used here.
    circuit = types.ModuleType("torchlogix.circuit")
    vars(circuit)["Circuit"] = None
    sys.modules["torchlogix.circuit"] = circuit
    library = importlib.import_module("torchlogix.layers")

    def layer(n, m, wires):
        made = library.LogicDense(n, m, parametrization=own_name)
        made.connections.indices = torch.stack(wires)
        return made

    return layers_of(layer, library.GroupSum(int(task["classes"]), float(task["tau"])), task, name)


MODELS: dict[str, Callable[[Any], Model]] = {
    "difflogic": with_difflogic,
    "torchlogix raw": lambda task: with_torchlogix(task, "raw", "softmax"),
    "torchlogix light": lambda task: with_torchlogix(task, "light", "input-wise"),
    "torchlogix warp": lambda task: with_torchlogix(task, "warp", "walsh"),
    "PyTorch by hand": by_hand,
}


class Run:
    """A contestant: a model under training, with its batches and its optimiser."""

    def __init__(self, make, task, compiled):
        start = time.perf_counter()
        self.model = make(task)
        self.model.module.train()
        self.batches = [(torch.tensor(x), torch.tensor(y)) for x, y in zip(task["x"], task["y"], strict=True)]
        self.optimizer = torch.optim.Adam(self.model.module.parameters(), lr=0.01, fused=True)
        self.loss = torch.compile(self._loss) if compiled else self._loss
        self.made = 0
        self.building = time.perf_counter() - start

    def _loss(self, x, y):
        return functional.cross_entropy(self.model.module(x), y)

    def gradient(self, path):
        """Write loss and gradient of the first batch at the parameters as they are."""
        loss = self._loss(*self.batches[0])
        gradients = torch.autograd.grad(loss, self.model.parameters)
        np.savez(path, loss=loss.detach().numpy(), gradient=np.stack([g.numpy() for g in gradients]))

    def steps(self, count):
        """Make steps; return the seconds of all, those of the processor, and the losses."""
        losses = []
        start, processor = time.perf_counter(), time.process_time()
        for _ in range(count):
            x, y = self.batches[self.made % len(self.batches)]
            self.optimizer.zero_grad()
            loss = self.loss(x, y)
            loss.backward()
            self.optimizer.step()
            losses.append(loss.detach())
            self.made += 1
        seconds, processor = time.perf_counter() - start, time.process_time() - processor
        return seconds, processor, [float(loss) for loss in losses]


def answer(runs, task, request):
    """Do what a request says: write a gradient, or make steps, the first of which also builds and compiles."""
    name = request["name"]
    if "file" in request:
        Run(MODELS[name], task, compiled=False).gradient(request["file"])
        return {}
    building = 0.0
    if name not in runs:
        runs[name] = Run(MODELS[name.removesuffix(COMPILED)], task, name.endswith(COMPILED))
        building = runs[name].building
    seconds, processor, losses = runs[name].steps(request["steps"])
    return {"seconds": building + seconds, "processor": processor, "losses": losses}


def main():
    answers, sys.stdout = sys.stdout, sys.stderr  # what a library prints is no answer
    path, threads = sys.argv[1:]
    torch.set_num_threads(int(threads))
    task, runs = dict(np.load(path)), {}
    for line in sys.stdin:
        try:
            reply = answer(runs, task, json.loads(line))
        except Exception as error:  # a library that is not there, or that does not compile
            reply = {"error": f"{type(error).__name__}: {str(error).strip().partition(chr(10))[0]}"}
        print(json.dumps(reply), file=answers, flush=True)


if __name__ == "__main__":
    main()

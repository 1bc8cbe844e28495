"""What one of several processes does for `test_processes.py`: `python workers.py TASK FOLDER`, and writes down there.

The same functions, called by the tests in one process, give what several have to agree with.
"""

import json
import os
import shutil
import signal
import sys
import threading
import time
from pathlib import Path

import jax
import numpy as np
import optax
from jax.sharding import PartitionSpec as P

import jaxnet
from jaxnet.devices.processes import all_gather
from jaxnet.devices.sharding import as_numpy

# No number of devices divides 101 examples and batches of 30; 1, 2, 3 and 4 divide the 12 units and the 12 members.
NET = jaxnet.mlp([5, 12, 2], [jaxnet.tanh, jaxnet.identity])
X = np.random.default_rng(0).normal(size=(101, 5)).astype(np.float32)
Y = np.sin(X[:, :2])
VALIDATION = X[:33], Y[:33]
UNITS = {"[0]": P("model"), "[1].w": P(None, "model")}
ENDLESS = 10_000_000


def loss(params, batch):
    inputs, targets = batch
    return jaxnet.squared_error(NET.apply(params, inputs), targets).mean()


RULE = jaxnet.gradient_descent(loss, optax.sgd(0.1, momentum=0.9))
ENSEMBLE = jaxnet.ensemble(RULE)


def start(*members, seed=0):
    draw = np.random.default_rng(seed).normal
    layers = [draw(scale=n**-0.5, size=(*members, m, n + 1)).astype(np.float32) for n, m in ((5, 12), (12, 2))]
    return tuple(jaxnet.Neuron(layer[..., :-1], layer[..., -1]) for layer in layers)


def fit(data=(X, Y), rule=RULE, **settings):
    defaults = {"params": start(), "key": jax.random.key(1), "every": 6}
    if isinstance(data, tuple):
        defaults |= {"batch_size": 30, "steps": 24}
    settings = defaults | settings
    return jaxnet.fit(rule, settings.pop("params"), data, **settings)


def over(devices, *names):
    """A mesh; of two axes the first is along processes, and the last along the devices of each."""
    shape = (jax.process_count(), len(devices) // jax.process_count())
    return jax.make_mesh(shape if len(names) == 2 else (len(devices),), names, devices=devices)


def numbers(run):
    """All that a run has made, as JSON keeps it: the digits of a float32 come back as they were."""
    if isinstance(run, jaxnet.Run):
        return {name: numbers(value) for name, value in run._asdict().items()}
    leaves = jax.tree.leaves(run)
    return [(as_numpy(leaf) if isinstance(leaf, jax.Array) else np.asarray(leaf)).tolist() for leaf in leaves]


# Runs that give the same, however many processes and devices there are.


def of_parts(devices):
    mesh = over(devices, "data")
    own = jaxnet.own_part(96, mesh)
    return fit(jaxnet.from_parts((X[own], Y[own]), mesh), mesh=mesh, steps=12)


def of_batches(devices, first=0, last=0):
    """Four batches of 24 rows, each read in equal parts; and one more, of rows of the first and of the last process."""
    mesh = over(devices, "data")
    own = jaxnet.own_part(24, mesh)
    rows = [np.arange(at, at + 24)[own] for at in (0, 24, 48, 72)]
    more = np.zeros(0, int)
    if jax.process_index() == 0:
        more = np.arange(96, 96 + first)
    if jax.process_index() == jax.process_count() - 1:
        more = np.concatenate([more, np.arange(96 + first, 96 + first + last)])
    # A process without rows of that batch has one batch less.
    return fit(iter([(X[some], Y[some]) for some in rows + [more] * (len(more) > 0)]), mesh=mesh)


def of_members(devices):
    specs = {"": P("members")}
    return fit(rule=ENSEMBLE, params=start(12), mesh=over(devices, "members"), specs=specs, batch_size=None, steps=12)


def each_alone(devices):
    """`train_ensemble`, of which each device trains its own members."""
    states, keys = jax.vmap(RULE.init)(start(12)), jax.random.split(jax.random.key(1), 12)
    mesh = over(devices, "members")
    return jaxnet.train_ensemble(RULE, states, (X, Y), keys=keys, steps=12, group=1, mesh=mesh)


RUNS = {
    "whole": lambda devices: fit(mesh=over(devices, "data"), validation=VALIDATION),
    "units": lambda devices: fit(mesh=over(devices, "model", "data"), specs=UNITS, validation=VALIDATION),
    "parts": of_parts,
    "even batches": of_batches,
    "a batch in uneven parts": lambda devices: of_batches(devices, 1, 4),
    "a batch of one process alone": lambda devices: of_batches(devices, 5),
    "members": of_members,
}
# What `make test` runs; the others are for the slow tests.
QUICK = ("whole", "units", "members")


def results(devices, names=tuple(RUNS)):
    return {name: RUNS[name](devices) for name in names}


# What is to go wrong, and how: in each process the same.


def refusals(folder, mesh):
    me = jax.process_index()
    rows = jaxnet.own_part(96, mesh)

    # Each process has a folder of its own, where only the first has a run, and only that of the first is whole.
    (folder / str(me)).mkdir()
    os.chdir(folder / str(me))
    if me == 0:
        shutil.copy(folder / "whole.half", "run")
    shutil.copy(folder / "whole.half", "damaged")
    if me > 0:
        os.truncate("damaged", 1000)

    calls = {
        "data": lambda: fit((X, Y + me), mesh=mesh),
        "number of examples": lambda: fit((X[me:], Y[me:]), mesh=mesh),
        "validation": lambda: fit(mesh=mesh, validation=(X[:33], Y[:33] + me)),
        "params": lambda: fit(mesh=mesh, params=start(seed=me)),
        "key": lambda: fit(mesh=mesh, key=jax.random.key(me)),
        "settings": lambda: fit(mesh=mesh, steps=24 + 6 * me),
        "batch_size": lambda: fit(mesh=mesh, batch_size=30 + me),
        "parts": lambda: jaxnet.from_parts(X[rows][me:], mesh),
        "columns": lambda: jaxnet.from_parts(X[rows, me:], mesh),
        "dtypes": lambda: jaxnet.from_parts(X[rows].astype([np.float32, np.int32][me > 0]), mesh),
        "batches": lambda: fit(iter([(X[rows, me:], Y[rows])]), mesh=mesh),
        "no batches": lambda: fit(iter([(X[rows], Y[rows])] * (me == 0)), mesh=mesh),
        "members": lambda: jaxnet.train_ensemble(
            RULE, jax.vmap(RULE.init)(start(12)), (X, Y + me), keys=jax.random.split(jax.random.key(1), 12), steps=1,
            mesh=mesh,
        ),
        "diverged": lambda: fit(mesh=mesh, params=jax.tree.map(lambda p: p * np.float32(1e30), start())),
        "checkpoint": lambda: fit(mesh=mesh, checkpoint="run"),
        "damaged": lambda: fit(mesh=mesh, checkpoint="damaged"),
    }  # fmt: skip
    found = {}
    for name, call in calls.items():
        try:
            call()
        except (ValueError, FloatingPointError) as error:
            found[name] = f"{type(error).__name__}: {error}"
    return found


def unreadable(rows):
    for number in range(5):
        if number == 3 and jax.process_index() == jax.process_count() - 1:
            raise OSError("the disk is gone")
        yield X[rows], Y[rows]


# The tasks.


def write(folder, name, found):
    """For the tests, which see it whole or not at all."""
    file = folder / f"{name}.{jax.process_index()}.json"
    file.with_suffix(".part").write_text(json.dumps(found))
    file.with_suffix(".part").rename(file)


def writings(folder):
    """A list to which Python adds whenever this process opens a file there to write, or renames one."""
    found = []

    def hook(event, arguments):
        opens = event == "open" and isinstance(arguments[1], str) and set(arguments[1]) & set("wax+")
        if (opens or event == "os.rename") and str(arguments[0]).startswith(f"{folder}/"):
            found.append([event, Path(arguments[0]).name])

    sys.addaudithook(hook)
    return found


def resumed(folder, devices):
    """Runs with a checkpoint, of which the first half is kept as well; and those without, that they have to equal."""
    found = {}
    for name, settings in {
        "whole": {"mesh": over(devices, "data")},
        "units": {"mesh": over(devices, "model", "data"), "specs": UNITS, "validation": VALIDATION},
    }.items():
        settings["checkpoint"] = folder / f"{name}.run"
        fit(steps=12, **settings)
        if jax.process_index() == 0:
            shutil.copy(settings["checkpoint"], folder / f"{name}.half")
        all_gather(0)
        for what in ("resumed", "finished"):
            found[f"{name} {what}"] = numbers(fit(**settings))
    return found


def task_alone(folder):
    write(folder, "each", numbers(each_alone(jax.devices())))
    task_results(folder, tuple(RUNS))


def task_results(folder, names=QUICK):
    devices = jax.devices()
    write(folder, "results", {name: numbers(run) for name, run in results(devices, names).items()})
    written = writings(folder)
    write(folder, "resumed", {"runs": resumed(folder, devices), "written": written})
    if jax.process_index() == 1:
        threading.Thread(target=interrupt_when, args=(folder / "to_interrupt",), daemon=True).start()
    write(folder, "interrupted", numbers(endless(folder, "to_interrupt", every=6)))
    write(folder, "refusals", refusals(folder, over(devices, "data")))
    rows = jaxnet.own_part(96, over(devices, "data"))
    fit(unreadable(rows), mesh=over(devices, "data"), every=1, checkpoint=folder / "unreadable")


def endless(folder, name, every=20):
    return fit(mesh=over(jax.devices(), "data"), steps=ENDLESS, every=every, checkpoint=folder / name)


def interrupt_when(file):
    """Send this process a SIGINT when a file is there."""
    while not file.exists():
        time.sleep(0.02)
    os.kill(os.getpid(), signal.SIGINT)


def task_endless(folder):
    endless(folder, "run")


def task_go_on(folder):
    """From where `task_endless` was killed; then a run to be killed."""
    mesh = over(jax.devices(), "data")
    steps = jaxnet.read_header(folder / "run")["metadata"]["steps"] + 40
    all_gather(0)  # all have read it
    runs = [fit(mesh=mesh, steps=steps, every=20, checkpoint=checkpoint) for checkpoint in (folder / "run", None)]
    write(folder, "runs", [numbers(run) for run in runs])
    endless(folder, "to_kill")


def task_caught(folder):
    try:
        endless(folder, "run")
    except jaxnet.ProcessLostError as error:
        write(folder, "caught", str(error))


def task_longer(folder):
    """Process 0 works on, longer than any timeout of the tests, when the others have come to their end."""
    fit(mesh=over(jax.devices(), "data"))
    time.sleep(30 * (jax.process_index() == 0))
    write(folder, "end", "well")


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.default_int_handler)  # the parent of the tests may ignore it
    jaxnet.join_processes(timeout=int(os.environ.get("TIMEOUT", "30")))
    globals()[f"task_{sys.argv[1]}"](Path(sys.argv[2]))

"""One training state as jaxnet's file and as Orbax's directory: `python examples/orbax_checkpoint.py`.

States are plain trees of arrays, so either will do. Orbax also writes in the background and from many hosts.
"""

import sys
import tempfile
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jaxnet

try:
    import orbax.checkpoint as ocp  # pyright: ignore[reportMissingImports]
except ImportError:
    print("Orbax is not installed, and jaxnet does not need it. To compare: pip install orbax-checkpoint")
    sys.exit()

# A state in the middle of learning XOR: parameters, and the moments that Adam remembers.
net = jaxnet.mlp([2, 4, 1], activation=jaxnet.tanh)
x = jnp.array([[0.0, 0.0], [0.0, 1.0], [1.0, 0.0], [1.0, 1.0]])
y = jnp.array([[0.0], [1.0], [1.0], [0.0]])


def loss(params, batch):
    return jaxnet.squared_error(net.apply(params, batch[0]), batch[1]).mean()


rule = jaxnet.gradient_descent(loss, optax.adam(0.05))
init_key, run_key = jax.random.split(jax.random.key(0))
start = rule.init(net.init(init_key))
state, _ = jaxnet.train(rule, start, (x, y), steps=100, key=run_key)
like = jax.eval_shape(lambda: start)  # shapes and dtypes are all that loading needs

with tempfile.TemporaryDirectory() as folder:
    file, directory = Path(folder) / "state.safetensors", Path(folder) / "state"
    jaxnet.save(file, state, {"steps": 100})
    with ocp.StandardCheckpointer() as checkpointer:
        checkpointer.save(directory, state)
        checkpointer.wait_until_finished()
        theirs = checkpointer.restore(directory, like)
    ours = jaxnet.load(file, like)
    n_files = sum(path.is_file() for path in directory.rglob("*"))
    n_bytes = sum(path.stat().st_size for path in directory.rglob("*") if path.is_file())
    print(f"jaxnet: 1 file, {file.stat().st_size:,} bytes, steps {jaxnet.read_header(file)['metadata']['steps']}")
    print(f"Orbax:  {n_files} files, {n_bytes:,} bytes")


def same(a, b):
    return jax.tree.structure(a) == jax.tree.structure(b) and all(
        np.asarray(p).tobytes() == np.asarray(q).tobytes()
        for p, q in zip(jax.tree.leaves(a), jax.tree.leaves(b), strict=True)
    )


print(f"read back bit for bit: jaxnet {same(ours, state)}, Orbax {same(theirs, state)}")

"""Pictures for docs/drawing.md and docs/threshold.md, drawn anew: `python examples/draw_circuits.py docs/drawings`."""

import sys
import tempfile
from pathlib import Path

import jax
import numpy as np
from PIL import Image

from circuits import (
    Circuit,
    c17_path,
    draw_circuit,
    draw_cube,
    draw_karnaugh_map,
    draw_units_by_depth,
    from_circuit,
    library,
    mux,
    parse,
    read,
    trace,
)
from circuits.threshold import constructions
from jaxnet import Neuron, dag, draw_network, layer, mlp, tanh
from jaxnet.canvas import new_figure

folder = Path(sys.argv[1] if len(sys.argv) > 1 else tempfile.mkdtemp())

full_adder = parse("s = a ^ b ^ c; carry = maj(a, b, c)")
multiplexer = trace(lambda s0, s1, d: {"y": mux(s1, mux(s0, d[3], d[2]), mux(s0, d[1], d[0]))}, d=4)
adder = library.adder(4)
five_and_three = {"a[0]": 1, "a[1]": 0, "a[2]": 1, "a[3]": 0, "b[0]": 1, "b[1]": 1, "b[2]": 0, "b[3]": 0}
c17 = read(c17_path)
assert isinstance(c17, Circuit)

cubes = new_figure(7.4, 3.7)
for axes, text in zip(cubes.subplots(1, 2), ("a ^ b", "maj(a, b, c)"), strict=True):
    draw_cube(parse(text), ax=axes)

xor = (
    Neuron(np.array([[6.0, 6.0], [4.5, 4.5]]), np.array([-2.7, -6.9])),
    Neuron(np.array([[9.0, -9.5]]), np.array([-4.2])),
)
parts = dag(
    {
        "colour": (layer(3, 2, tanh), "rgb"),
        "size": (mlp([2, 3, 2]), "cm"),
        "both": (layer(4, 2), ["colour", "size"]),
    },
    {"rgb": 3, "cm": 2},
    "both",
)
measures = ["red", "green", "blue", "width", "height"]

figures = {
    "network": draw_network(mlp([2, 2, 1]), xor, np.array([0.0, 1.0]), input_names="ab", output_names=["a ^ b"]),
    "dag": draw_network(parts, parts.init(jax.random.key(4)), input_names=measures, output_names=["ripe", "large"]),
    "full_adder": draw_circuit(full_adder, inputs=[0, 1, 1]),
    "c17": draw_circuit(c17),
    "multiplexer": draw_circuit(multiplexer, inputs={"s0": 1, "s1": 0, "d[0]": 0, "d[1]": 1, "d[2]": 1, "d[3]": 0}),
    "adder": draw_circuit(adder, inputs=five_and_three),
    "adder_s2": draw_circuit(adder, outputs=["s[2]"]),
    "multiplier": draw_circuit(library.multiplier(3)),
    "karnaugh_map": draw_karnaugh_map(library.multiplier(2)),
    "cubes": cubes,
    "units_by_depth": draw_units_by_depth(
        from_circuit(library.adder(8)), constructions.adder(8), names=("gate by gate", "adder(8)")
    ),
}
folder.mkdir(parents=True, exist_ok=True)
for name, figure in figures.items():
    path = folder / f"{name}.png"
    figure.savefig(path, dpi=150)
    # 48 colours are enough, and need a fraction of the bytes.
    Image.open(path).convert("RGB").quantize(48).save(path, optimize=True)
    print(f"{path}: {path.stat().st_size:,} bytes")

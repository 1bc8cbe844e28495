"""Networks of gates as `jaxnet.save` writes them: what their gates read, in arrays, and what their logits mean."""

from typing import Any, get_args

import numpy as np

from circuits.gate_networks.joint_networks import Members, side_by_side
from circuits.gate_networks.layered_gates import GateLayers
from circuits.gate_networks.logic_gate_networks import network_of
from circuits.gate_networks.logic_tree_convolutions import convolution_of
from circuits.gate_networks.parametrisations import Parametrisation
from circuits.gate_networks.tree_layers import TreeLayers
from jaxnet.networks.network import Network
from jaxnet.networks.network_records import Kind, Reader, Writer, register
from jaxnet.networks.records import Record, RecordError
from jaxnet.pytrees import Params

_PARAMETRISATIONS = get_args(Parametrisation)


def _write_gates(writer: Writer, place: str, structure: GateLayers, params: Params) -> dict[str, Any]:
    return {
        "inputs": structure.n_inputs,
        "reads": [writer.array(reads) for reads in structure.reads],
        "classes": structure.n_classes or 0,
        "tau": float(structure.tau),
        "parametrisation": structure.parametrisation,
    }


def _read_gates(reader: Reader, record: Record) -> Network:
    n = n_inputs = record.whole("inputs")
    reads = []
    for i, name in enumerate(record.items("reads")):
        where = f"{record.at('reads')}[{i}]"
        layer = record.array_of(where, name, np.int32, (2, 3))
        if layer.shape[-2] != 2 or not layer.size or layer.min() < 0 or layer.max() >= n:
            raise RecordError(f"{where}: expected two of the nodes 0..{n - 1} for each gate, found others")
        reads.append(layer)
        n = layer.shape[-1]
    classes = record.whole("classes", 0)
    if not reads or (classes and n % classes):
        raise RecordError(f"{record.at('reads')}: expected layers, the last in {classes} equal groups, found {n} gates")
    tau, parametrisation = record.positive("tau"), record.text("parametrisation", _PARAMETRISATIONS)
    return network_of(GateLayers(n_inputs, tuple(reads), classes or None, tau, parametrisation))  # type: ignore[arg-type]


def _write_trees(writer: Writer, place: str, structure: TreeLayers, params: Params) -> dict[str, Any]:
    rows, columns, channels = structure.shape
    sizes = {name: getattr(structure, name) for name in ("size", "stride", "padding", "pool")}
    shape = {"rows": rows, "columns": columns, "channels": channels}
    return {**shape, **sizes, "leaves": writer.array(structure.leaves), "parametrisation": structure.parametrisation}


def _read_trees(reader: Reader, record: Record) -> Network:
    shape = record.whole("rows"), record.whole("columns"), record.whole("channels")
    size, stride, pool = record.whole("size"), record.whole("stride"), record.whole("pool")
    padding = record.whole("padding", 0, size - 1)
    leaves = record.array("leaves", np.int32, 3)
    n = leaves.shape[1]
    if leaves.shape[0] != 3 or n < 2 or n & (n - 1) or not leaves.size or (leaves < 0).any():
        raise RecordError(f"{record.at('leaves')}: expected (3, 2^depth, kernels), 0 or more, found {leaves.shape}")
    if (leaves.max(axis=(1, 2)) >= (size, size, shape[2])).any():
        raise RecordError(f"{record.at('leaves')}: expected leaves in a window of {size}x{size}x{shape[2]}")
    parametrisation = record.text("parametrisation", _PARAMETRISATIONS)
    structure = TreeLayers(shape, leaves, size, stride, padding, pool, parametrisation)  # type: ignore[arg-type]
    if min(structure.output_shape) < 1:
        raise RecordError(f"{record.place}: expected images in which a window fits, found {structure.output_shape}")
    return convolution_of(structure)


def _write_members(writer: Writer, place: str, structure: Members, params: Params) -> dict[str, Any]:
    members = enumerate(structure.members)
    return {"members": [writer.part(f"{place}.members[{i}]", each, None) for i, each in members]}


def _read_members(reader: Reader, record: Record) -> Network:
    return side_by_side([reader.part(each) for each in record.records("members")])


register(Kind("circuits/gates", GateLayers, _write_gates, _read_gates))
register(Kind("circuits/trees", TreeLayers, _write_trees, _read_trees))
register(Kind("circuits/side_by_side", Members, _write_members, _read_members))

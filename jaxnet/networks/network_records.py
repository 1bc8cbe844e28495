"""Networks as records: what a network is made of, as JSON and arrays, from which it is made again without code.

A kind of structure is registered under a name, with two functions: one writes its fields, one makes the network from
them. The packages that define a structure register it, as `circuits` does for networks of gates.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet.networks.activation_records import activation_from_record, activation_to_record, keep
from jaxnet.networks.activations import Activation, PerUnit
from jaxnet.networks.composition import Dag, dag
from jaxnet.networks.evaluation import Wired, wired
from jaxnet.networks.layers import chain, layer, mlp
from jaxnet.networks.network import Chain, Layer, Network, Structure, describe
from jaxnet.networks.records import Record, RecordError, shown
from jaxnet.networks.wiring import Wiring
from jaxnet.pytrees import Params

_VERSION = 1
_DEEPEST = 50  # parts in parts
_DTYPES = ("float16", "bfloat16", "float32", "float64")


@dataclass
class Writer:
    """What a record is written with: the arrays so far, and the activations of your own."""

    arrays: dict[str, np.ndarray] = field(default_factory=dict)
    own: dict[str, Activation] = field(default_factory=dict)
    depth: int = 0

    def array(self, values: np.ndarray) -> str:
        """Keep an array, and return the name that the record has for it."""
        return keep(self.arrays, np.asarray(values))

    def activation(self, place: str, activation: Activation) -> Any:
        """Return an activation as JSON."""
        return activation_to_record(f"{place}.activation", activation, self.arrays, self.own)

    def part(self, place: str, structure: Structure, params: Params) -> dict[str, Any]:
        """Return a structure as JSON."""
        kind = next((kind for kind in _KINDS.values() if type(structure) is kind.structure), None)
        if kind is None:
            raise RecordError(
                f"{place}: expected a network whose structure is known, found {describe(structure)}. For one of your "
                f"own save the parameters alone, or register its structure: jaxnet.networks.network_records.register"
            )
        if self.depth == _DEEPEST:
            raise RecordError(f"{place}: expected parts in parts at most {_DEEPEST} deep")
        self.depth += 1
        fields = kind.write(self, place, structure, params)
        self.depth -= 1
        return {"kind": kind.name, **fields}


class Reader(NamedTuple):
    """What a network is made with from a record: the activations of your own, and how deep it is."""

    own: Mapping[str, Activation]
    depth: int = 0

    def activation(self, record: Record, n_units: int) -> Activation:
        """Return the activation of a record of so many units."""
        made = activation_from_record(record, "activation", self.own)
        if isinstance(made, PerUnit) and len(made.kinds) != n_units:
            where = record.at("activation")
            raise RecordError(f"{where}: expected one for each of {n_units} units, found {len(made.kinds)}")
        return made

    def part(self, record: Record) -> Network:
        """Return the network of a record."""
        name = record.text("kind")
        if name not in _KINDS:
            package = name.split("/")[0]
            fix = f". It may be one of the package {package}: import it first" if "/" in name else ""
            raise RecordError(
                f"{record.at('kind')}: expected one of {', '.join(sorted(_KINDS))}, found {shown(name)}{fix}"
            )
        if self.depth == _DEEPEST:
            raise RecordError(f"{record.place}: expected parts in parts at most {_DEEPEST} deep")
        try:
            network = _KINDS[name].read(self._replace(depth=self.depth + 1), record)
        except (ValueError, TypeError) as error:  # of the function that makes such networks
            if isinstance(error, RecordError):
                raise
            raise RecordError(f"{record.place}: expected a network, found {error}") from None
        record.close()
        return network


class Kind(NamedTuple):
    """A kind of structure on file.

    Attributes:
        name: in the file; `package/name` for kinds of other packages.
        structure: the class of the structure.
        write: its fields, given a `Writer`, its place for errors, the structure, and its parameters as shapes.
        read: the network, given a `Reader` and a `Record`.
    """

    name: str
    structure: type
    write: Callable[[Writer, str, Any, Params], dict[str, Any]]
    read: Callable[[Reader, Record], Network]


_KINDS: dict[str, Kind] = {}


def register(kind: Kind) -> None:
    """Let networks of one more kind be saved and loaded; those of a name that is there are replaced.

    Args:
        kind: of a structure.

    >>> register(_KINDS["layer"])
    """
    _KINDS[kind.name] = kind


def network_to_record(network: Network, params: Params) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """Return a network as JSON, and the arrays that it refers to.

    Args:
        network: of kinds that are registered.
        params: its parameters, which are only compared with what it needs.

    Raises:
        RecordError: if a part is of another kind, an activation has no name, or the parameters do not fit.

    >>> net = mlp([2, 3, 1])
    >>> record, arrays = network_to_record(net, net.init(jax.random.key(0)))
    >>> record["parts"][1]
    {'kind': 'layer', 'inputs': 3, 'outputs': 1, 'activation': 'sigmoid', 'dtype': 'float32'}
    """
    if not isinstance(network, Network):
        raise RecordError(f"network: expected a jaxnet.Network, found {type(network).__name__}")
    if network.structure is None:
        Writer().part("network", None, None)
    needed = shapes_of(network)
    check_fit(network, needed, shapes_by_path(params))
    writer = Writer()
    record = {"version": _VERSION, **writer.part("network", network.structure, needed)}
    return record, writer.arrays


def network_from_record(
    record: Any, arrays: Mapping[str, np.ndarray], activations: Mapping[str, Activation] | None = None
) -> Network:
    """Return the network of a record.

    Args:
        record: JSON, which is not trusted.
        arrays: by name.
        activations: those of your own, by name.

    Raises:
        RecordError: if it is none, or is of something unknown.

    >>> net = mlp([2, 3, 1])
    >>> network_from_record(*network_to_record(net, net.init(jax.random.key(0))))
    Network(2 -> 3 sigmoid -> 1 sigmoid)
    """
    read = Record("network", record, dict(arrays))
    if read.whole("version", 1) != _VERSION:
        raise RecordError(f"network.version: expected {_VERSION}, found a later one. Read it with a newer jaxnet")
    network = Reader(activations or {}).part(read)
    if read.arrays:
        raise RecordError(f"network: expected no array {min(read.arrays)}, which it does not use")
    return network


def shapes_of(network: Network) -> Params:
    """Return the parameters that a network needs as `jax.ShapeDtypeStruct`.

    Args:
        network: any.

    Raises:
        RecordError: if there are no such arrays.

    >>> shapes_of(mlp([2, 1]))[0].b
    ShapeDtypeStruct(shape=(1,), dtype=float32)
    """
    try:
        return jax.eval_shape(network.init, jax.random.key(0))
    except (ValueError, TypeError, OverflowError) as error:
        reason = str(error).splitlines()[0]
        raise RecordError(f"network: expected one whose parameters can be made, found {reason}") from None


def shapes_by_path(params: Params) -> dict[str, tuple[int, ...]]:
    """Return the shape of each leaf by its path, as a checkpoint names it.

    Args:
        params: arrays, or `jax.ShapeDtypeStruct`.

    >>> shapes_by_path({"w": jnp.zeros(2)})
    {"['w']": (2,)}
    """
    leaves = jax.tree.leaves_with_path(params)
    return {jax.tree_util.keystr(path): tuple(jnp.shape(leaf)) for path, leaf in leaves}


def check_fit(network: Network, needed: Params, found: Mapping[str, tuple[int, ...]]) -> None:
    """Refuse parameters that are not those of a network.

    Args:
        network: named in the error.
        needed: of `shapes_of`.
        found: shapes by path.

    Raises:
        RecordError: if a leaf is missing, has another shape, or is one too many.

    >>> net = mlp([2, 1])
    >>> check_fit(net, shapes_of(net), {"[0].w": (1, 2), "[0].b": (1,)})
    """
    expected = shapes_by_path(needed)
    for name in {**expected, **found}:
        if expected.get(name) != found.get(name):
            leaf, known = f"leaf {name or '(the root)'}", expected.get(name)
            raise RecordError(
                f"network: expected the parameters of {network}, "
                f"{leaf if known else f'which has no {leaf}'}{f' {known}' if known else ''}, "
                f"found {found.get(name, 'none')}"
            )


def _write_layer(writer: Writer, place: str, structure: Layer, params: Params) -> dict[str, Any]:
    activation = writer.activation(place, structure.activation)
    sizes = {"inputs": structure.n_inputs, "outputs": structure.n_outputs}
    return {**sizes, "activation": activation, "dtype": str(params[0].dtype)}


def _read_layer(reader: Reader, record: Record) -> Network:
    n_inputs, n_outputs = record.whole("inputs"), record.whole("outputs")
    return layer(n_inputs, n_outputs, reader.activation(record, n_outputs), dtype=record.text("dtype", _DTYPES))


def _write_chain(writer: Writer, place: str, structure: Chain, params: Params) -> dict[str, Any]:
    parts = enumerate(zip(structure.parts, params, strict=True))
    return {"parts": [writer.part(f"{place}.parts[{i}]", part, p) for i, (part, p) in parts]}


def _read_chain(reader: Reader, record: Record) -> Network:
    parts = record.records("parts")
    networks, dtypes = [], set()
    for part in parts:
        dtypes.add(part.peek("dtype"))
        networks.append(reader.part(part))
    made = chain(*networks)
    if len(dtypes) > 1 or not all(type(network.structure) is Layer for network in networks):
        return made
    # The same network, whose parameters are drawn by one program.
    layers = [network.structure for network in networks]
    return mlp([layers[0].n_inputs, *(part.n_outputs for part in layers)], [part.activation for part in layers],
               dtype=dtypes.pop())  # fmt: skip


def _write_dag(writer: Writer, place: str, structure: Dag, params: Params) -> dict[str, Any]:
    names = [name for name, *_ in (*structure.inputs, *structure.nodes)]
    if not all(isinstance(name, str) for name in names):
        raise RecordError(f"{place}: expected text as names of inputs and nodes, found {shown(names)}")
    nodes = [
        {"name": name, "reads": list(reads), "network": writer.part(f"{place}.nodes[{i}].network", part, params[name])}
        for i, (name, part, reads) in enumerate(structure.nodes)
    ]
    inputs = [{"name": name, "size": size} for name, size in structure.inputs]
    return {"inputs": inputs, "nodes": nodes, "outputs": list(structure.outputs)}


def _read_dag(reader: Reader, record: Record) -> Network:
    inputs, nodes = {}, {}
    for each in record.records("inputs"):
        name = _new_name(each, inputs)
        inputs[name] = each.whole("size")
        each.close()
    for each in record.records("nodes"):
        name = _new_name(each, nodes)
        nodes[name] = reader.part(each.record("network")), each.texts("reads")
        each.close()
    return dag(nodes, inputs, record.texts("outputs"))


def _new_name(record: Record, names: Mapping[str, Any]) -> str:
    name = record.text("name")
    if name in names:
        raise RecordError(f"{record.at('name')}: expected each name once, found {shown(name)} twice")
    return name


def _write_wired(writer: Writer, place: str, structure: Wired, params: Params) -> dict[str, Any]:
    wiring = structure.wiring
    arrays = {name: writer.array(getattr(wiring, name)) for name in ("offsets", "sources", "outputs")}
    activation = writer.activation(place, structure.activation)
    return {"inputs": wiring.n_inputs, **arrays, "activation": activation, "dtype": str(params[0].dtype)}


def _read_wired(reader: Reader, record: Record) -> Network:
    n_inputs = record.whole("inputs", 0)
    offsets = record.array("offsets", np.int64, 1)
    sources, outputs = (record.array(name, np.int32, 1) for name in ("sources", "outputs"))
    wiring = Wiring(n_inputs, offsets, sources, outputs)
    return wired(wiring, reader.activation(record, wiring.n_units), dtype=record.text("dtype", _DTYPES))


register(Kind("layer", Layer, _write_layer, _read_layer))
register(Kind("chain", Chain, _write_chain, _read_chain))
register(Kind("dag", Dag, _write_dag, _read_dag))
register(Kind("wired", Wired, _write_wired, _read_wired))

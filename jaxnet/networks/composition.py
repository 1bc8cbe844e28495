"""Networks composed by name into a loop-free graph (eq. 6), in which a part may be used more than once.

The lecture's g(x1, x2, x3) = f5(f4(f1(x1), f2(x2)), f2(x2), f3(x3)) reads f2 twice: it is one node, with one set of
parameters, and its gradient is the sum over both uses.
"""

from collections.abc import Mapping, Sequence
from graphlib import CycleError, TopologicalSorter
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
from jax import Array
from jax.typing import ArrayLike

from jaxnet.networks.network import Network, Structure, describe, sizes_of
from jaxnet.pytrees import Key, Params
from jaxnet.validation import ShapeError, check_key, located, whole_number, written

Nodes = Mapping[str, tuple[Network, Sequence[str]] | tuple[Network, str]]


class Dag(NamedTuple):
    """The structure of a `dag`.

    Attributes:
        nodes: the name and structure of each node, and what it reads; a node comes after all that it reads.
        inputs: the name of each input, and how many numbers it has.
        outputs: the names of the nodes or inputs that are read.
    """

    nodes: tuple[tuple[str, Structure, tuple[str, ...]], ...]
    inputs: tuple[tuple[str, int], ...]
    outputs: tuple[str, ...]

    @property
    def n_inputs(self) -> int:
        """How many numbers go in, over all inputs."""
        return sum(size for _, size in self.inputs)

    @property
    def n_outputs(self) -> int | None:
        """How many numbers come out, or None where a network of your own does not say."""
        known = dict(self.inputs) | {name: sizes_of(structure)[1] for name, structure, _ in self.nodes}
        return _total([known[name] for name in self.outputs])

    def __repr__(self) -> str:
        parts = [f"{name}({', '.join(reads)}): {describe(structure)}" for name, structure, reads in self.nodes]
        inputs = ", ".join(f"{name} {size}" for name, size in self.inputs)
        return f"{inputs}; {'; '.join(parts)}; -> {', '.join(self.outputs)}"


def dag(nodes: Nodes, inputs: Mapping[str, int] | Sequence[str], outputs: Sequence[str] | str) -> Network:
    """Compose networks by name into a loop-free graph: eq. 6.

    A node is written `name: (network, what it reads)`. It may read inputs and nodes, also those written after it; their
    values are joined along the last axis, in the order given. A node that several others read is computed once and has
    one set of parameters, whose gradient is the sum over all who read it.

    Args:
        nodes: the networks by name, with the name or names that each reads.
        inputs: the names of the inputs with the size of each, `{"x": 2}`; a plain sequence of names gives each size 1.
            They are the slices of the last axis of x, in this order.
        outputs: the name or names whose values are the output, joined along the last axis in this order.

    Returns:
        A `Network` whose parameters are a dict of those of its nodes, by name; it maps `(..., n)` to `(..., m)`. A node
        that needs no parameters still has its place there.

    Raises:
        ValueError: if names clash, are unknown or unused, if a node feeds itself in a circle, or if there are no
            outputs; the error names the node.
        ShapeError: if a node takes another number of inputs than what it reads gives; and from `apply`, with the node's
            name, if parameters or inputs do not fit.
        TypeError: if a node is not a network with names, or a size is not a whole number.

    Source: Y. Zhang, Introduction to Neural Networks (2019), eq. 6.

    >>> from jaxnet.networks.layers import layer
    >>> f1, f2, f3, f4, f5 = layer(1, 1), layer(1, 1), layer(1, 1), layer(2, 1), layer(3, 1)
    >>> g = dag(
    ...     {
    ...         "f1": (f1, ["x1"]),
    ...         "f2": (f2, ["x2"]),
    ...         "f3": (f3, ["x3"]),
    ...         "f4": (f4, ["f1", "f2"]),
    ...         "f5": (f5, ["f4", "f2", "f3"]),
    ...     },
    ...     inputs=["x1", "x2", "x3"],
    ...     outputs="f5",
    ... )
    >>> params = g.init(jax.random.key(0))
    >>> sorted(params), g.apply(params, jnp.ones((4, 3))).shape
    (['f1', 'f2', 'f3', 'f4', 'f5'], (4, 1))
    """
    reads = {name: _read_by(name, node) for name, node in nodes.items()}
    parts = {name: node[0] for name, node in nodes.items()}
    widths = dict(inputs) if isinstance(inputs, Mapping) else dict.fromkeys(inputs, 1)
    if isinstance(inputs, str) or len(widths) != len(inputs):
        raise ValueError(
            f"dag: expected inputs as distinct names in a list or with sizes in a dict, got {written(inputs)}."
        )
    widths = {name: whole_number("dag", f"the size of input {name!r}", size, 1) for name, size in widths.items()}
    read = (outputs,) if isinstance(outputs, str) else tuple(outputs)
    _check_names(reads, widths, read)
    order = _in_order(reads)
    given: dict[str, int | None] = dict(widths)
    for name in order:
        taken, given[name] = sizes_of(parts[name].structure)
        total = _total([given[source] for source in reads[name]])
        if None not in (taken, total) and taken != total:
            listed = " + ".join(f"{source} {given[source]}" for source in reads[name])
            raise ShapeError(f"dag: node {name!r} takes {taken} inputs, but what it reads gives {total}: {listed}.")
    structure = Dag(tuple((name, parts[name].structure, reads[name]) for name in order), tuple(widths.items()), read)
    places = {name: f"node {name!r} ({describe(part.structure)})" for name, part in parts.items()}

    def init(key: Key) -> dict[str, Params]:
        check_key("init", key)
        # Keys in the order of the names, so that the order of writing makes no difference.
        keys = dict(zip(sorted(parts), jax.random.split(key, max(1, len(parts))), strict=False))
        params = {}
        for name, part in parts.items():
            with located("init", places[name]):
                params[name] = part.init(keys[name])
        return params

    def apply(params: Mapping[str, Params], x: ArrayLike) -> Array:
        x = jnp.asarray(x)
        if not isinstance(params, Mapping) or set(params) != set(parts):
            found = sorted(params) if isinstance(params, Mapping) else type(params).__name__
            raise ShapeError(f"apply: expected a dict with the parameters of {sorted(parts)}, got {found}.")
        if x.ndim == 0 or x.shape[-1] != structure.n_inputs:
            listed = ", ".join(f"{name} {size}" for name, size in widths.items())
            raise ShapeError(f"apply: expected inputs (..., {structure.n_inputs}) for {listed}, got {x.shape}.")
        values, start = {}, 0
        for name, size in widths.items():
            values[name] = x[..., start : start + size]
            start += size
        for name in order:
            with located("apply", places[name]):
                values[name] = parts[name].apply(params[name], _joined([values[source] for source in reads[name]]))
        return _joined([values[name] for name in read])

    return Network(init, apply, structure)


def _read_by(name: str, node: Any) -> tuple[str, ...]:
    if not (isinstance(node, tuple) and len(node) == 2 and isinstance(node[0], Network)):
        raise TypeError(f"dag: expected node {name!r} as (network, names of what it reads), got {written(node)}.")
    reads = (node[1],) if isinstance(node[1], str) else tuple(node[1])
    if not reads:
        raise ValueError(f"dag: node {name!r} reads nothing. Name an input or a node that feeds it.")
    return reads


def _check_names(reads: Mapping[str, tuple[str, ...]], widths: Mapping[str, int], outputs: tuple[str, ...]) -> None:
    for name in widths:
        if name in reads:
            raise ValueError(f"dag: {name!r} is both an input and a node. Rename one.")
    if not outputs:
        raise ValueError("dag: expected at least one output, got none.")
    known = [*widths, *reads]
    for place, sources in [*((f"node {name!r}", sources) for name, sources in reads.items()), ("the output", outputs)]:
        for source in sources:
            if source not in known:
                raise ValueError(
                    f"dag: {place} reads {written(source)}, which is neither an input nor a node of {known}."
                )
    used = {source for sources in reads.values() for source in sources} | set(outputs)
    for name in widths:
        if name not in used:
            raise ValueError(f"dag: input {name!r} is read by no node. Leave it out, or name where it goes.")
    reached, left = set(), [name for name in outputs if name in reads]
    while left:
        name = left.pop()
        if name not in reached:
            reached.add(name)
            left += [source for source in reads[name] if source in reads]
    for name in reads:
        if name not in reached:
            raise ValueError(f"dag: node {name!r} feeds no output. Leave it out, or read it.")


def _in_order(reads: Mapping[str, tuple[str, ...]]) -> list[str]:
    try:
        # From sorted names, so that the order of writing makes no other structure: it may be a static argument.
        order = TopologicalSorter({name: reads[name] for name in sorted(reads)}).static_order()
        return [name for name in order if name in reads]
    except CycleError as error:
        circle = " -> ".join(repr(name) for name in error.args[1])
        raise ValueError(f"dag: the nodes {circle} feed each other in a circle; expected a loop-free graph.") from None


def _total(sizes: list[int | None]) -> int | None:
    known = [size for size in sizes if size is not None]
    return sum(known) if len(known) == len(sizes) else None


def _joined(values: list[Array]) -> Array:
    return values[0] if len(values) == 1 else jnp.concatenate(values, axis=-1)

"""What a network is made of: a table of its layers or nodes, with shapes, parameters and bytes.

Everything is known from the structure and from shapes: a network too large for any machine is summarised as well.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp

from jaxnet.networks.composition import Dag
from jaxnet.networks.evaluation import Wired
from jaxnet.networks.network import Chain, Layer, Network, Structure, describe, sizes_of
from jaxnet.notebook import html_table, picture_of
from jaxnet.pytrees import Params
from jaxnet.validation import ShapeError, whole_number


class SummaryRow(NamedTuple):
    """A row of a `Summary`, for a layer, a wiring, an input of a dag, or a network of your own.

    Attributes:
        name: its place in a chain, counted from 1, or its name in a dag; `2.1` is the first part of part 2.
        description: its sizes and non-linearity; for an input of a dag, the slice that it is.
        reads: the names of the rows that it reads, `input` for the input of the network.
        output_shape: `(*leading axes, size)`; None for a size that a network of your own does not say, and `...` for
            leading axes that it does not keep.
        n_parameters: how many numbers it learns.
        n_bytes: what they take up, each in its own dtype.
    """

    name: str
    description: str
    reads: tuple[str, ...]
    output_shape: tuple[Any, ...]
    n_parameters: int
    n_bytes: int


@dataclass(frozen=True, repr=False)
class Summary:
    """The result of `summary`: a table to print.

    Attributes:
        rows: one for each layer, wiring, input of a dag and network of your own, after all that it reads.
        input_shape: that of the network.
        output_shape: that of the network, as in a row.
    """

    rows: tuple[SummaryRow, ...]
    input_shape: tuple[int, ...]
    output_shape: tuple[Any, ...]

    @property
    def n_parameters(self) -> int:
        """How many numbers the network learns."""
        return sum(row.n_parameters for row in self.rows)

    @property
    def n_bytes(self) -> int:
        """How many bytes its parameters take up."""
        return sum(row.n_bytes for row in self.rows)

    def __repr__(self) -> str:
        table = [("", "what", "reads", "output", "parameters", "bytes")]
        for row in self.rows:
            figures = (f"{row.n_parameters:,}", f"{row.n_bytes:,}")
            table.append((row.name, row.description, ", ".join(row.reads), _written(row.output_shape), *figures))
        shapes = (_written(self.input_shape), _written(self.output_shape))
        table.append(("total", "", *shapes, f"{self.n_parameters:,}", f"{self.n_bytes:,}"))
        widths = [max(map(len, column)) for column in zip(*table, strict=True)]
        lines = (
            "  ".join(f"{cell:{align}{width}}" for cell, align, width in zip(line, "<<<<>>", widths, strict=True))
            for line in table
        )
        return "\n".join(line.rstrip() for line in lines)

    def _repr_html_(self) -> str:
        table = [
            (r.name, r.description, ", ".join(r.reads), _written(r.output_shape), r.n_parameters, r.n_bytes)
            for r in self.rows
        ]
        shapes = _written(self.input_shape), _written(self.output_shape)
        total = ("total", "", *shapes, self.n_parameters, self.n_bytes)
        return html_table(("", "what", "reads", "output", "parameters", "bytes"), [*table, total])


def summary(network: Network, params: Params = None, *, input_shape: Any = None) -> Summary:
    """Tabulate what a network is made of: shapes, parameters and bytes; no parameters are drawn and nothing is run.

    Args:
        network: a layer, chain, dag or wiring, nested as you like; or a network of your own, which is one row.
        params: its parameters, arrays or `jax.ShapeDtypeStruct`; if None, the shapes that `network.init` would make.
        input_shape: `(..., n)`, whose leading axes then stand in every row; or an example input, array or
            `jax.ShapeDtypeStruct`, if your own network takes another dtype than that of its parameters. A single
            example `(n,)` if None.

    Returns:
        A `Summary`, to print, with its `rows` and totals as plain data.

    Raises:
        ShapeError: if parameters do not fit, with the name of the layer; or if the input shape does not.
        TypeError: if an axis of the input shape is not a whole number.
        ValueError: if a network of your own does not say what it takes and there is no `input_shape`, or if it cannot
            be evaluated on shapes alone.

    Source: the table is that of Keras's `summary` (F. Chollet, 2015).

    >>> from jaxnet.networks.layers import mlp
    >>> summary(mlp([784, 128, 10]), input_shape=(32, 784))
           what                reads      output     parameters    bytes
    1      784 -> 128 sigmoid  input      (32, 128)     100,480  401,920
    2      128 -> 10 sigmoid   1          (32, 10)        1,290    5,160
    total                      (32, 784)  (32, 10)      101,770  407,080
    """
    structure = network.structure
    n_inputs, n_outputs = sizes_of(structure)
    if n_inputs is None and input_shape is None:
        raise ValueError(
            "summary: a network of your own does not say what it takes. "
            "Pass its shape, for example input_shape=(32, 10)."
        )
    shape = (n_inputs,) if input_shape is None else getattr(input_shape, "shape", input_shape)
    axes = shape if isinstance(shape, Sequence) else ()
    given: tuple[Any, ...] = tuple(whole_number("summary", f"axis {i} of input_shape", n) for i, n in enumerate(axes))
    if not given or n_inputs not in (None, given[-1]):
        expected = "n" if n_inputs is None else n_inputs
        raise ShapeError(f"summary: expected input_shape (..., {expected}) for {describe(structure)}, got {shape}.")
    if params is None:
        params = _on_shapes("init", "or pass params", lambda: network.init(jax.random.key(0)))
    leading, output_shape = given[:-1], (*given[:-1], n_outputs)
    if not _says_its_shapes(structure):
        x = jax.ShapeDtypeStruct(given, getattr(input_shape, "dtype", _dtype_of_inputs(params)))
        fix = "or, if it takes another dtype, pass input_shape=jax.ShapeDtypeStruct(shape, dtype)"
        y = _on_shapes("apply", fix, network.apply, params, x)
        if not hasattr(y, "shape"):
            raise ValueError(f"summary: expected apply to give one array, got {type(y).__name__}.")
        output_shape = y.shape
        # A network of your own that merges leading axes leaves open which rows come before it.
        leading = leading if output_shape[:-1] == leading else (...,)
    rows, _ = _rows(structure, params, "", ("input",), leading, output_shape)
    return Summary(tuple(rows), given, output_shape)


@picture_of.register
def html_of_network(network: Network) -> str | None:
    """Return the summary of a network as a notebook shows it; None if there is none without more arguments.

    Args:
        network: any network.

    >>> from jaxnet.networks.layers import mlp
    >>> html_of_network(mlp([2, 1]))[:7], html_of_network(Network(init=lambda key: (), apply=lambda params, x: x))
    ('<table>', None)
    """
    try:
        return summary(network)._repr_html_()
    except Exception:  # `init` of a network of your own may raise anything
        return None


def _rows(
    structure: Structure, params: Params, name: str, reads: tuple[str, ...], leading: tuple, output_shape: tuple
) -> tuple[list[SummaryRow], tuple[str, ...]]:
    """The rows of a structure, and the names of those that give its output."""
    if isinstance(structure, Chain):
        parts = structure.parts
        if not isinstance(params, Sequence) or len(params) != len(parts):
            found = len(params) if isinstance(params, Sequence) else type(params).__name__
            raise ShapeError(
                f"summary: {_place('chain', name)}expected parameters for {len(parts)} parts, got {found}."
            )
        # What a network of your own gives, the part after it may know.
        after = [sizes_of(part)[0] for part in parts[1:]]
        shapes = [(*leading, sizes_of(part)[1] or n) for part, n in zip(parts, after, strict=False)]
        rows = []
        for place, (part, p, shape) in enumerate(zip(parts, params, [*shapes, output_shape], strict=True), start=1):
            more, reads = _rows(part, p, _joined(name, str(place)), reads, leading, shape)
            rows += more
        return rows, reads
    if isinstance(structure, Dag):
        names = sorted(node for node, _, _ in structure.nodes)
        if not isinstance(params, Mapping) or sorted(params) != names:
            found = sorted(params) if isinstance(params, Mapping) else type(params).__name__
            where = _place("dag", name)
            raise ShapeError(f"summary: {where}expected a dict with the parameters of {names}, got {found}.")
        rows, ends, start = [], {}, 0
        for source, size in structure.inputs:
            where = f"[..., {start}:{start + size}]"
            rows.append(SummaryRow(_joined(name, source), where, reads, (*leading, size), 0, 0))
            ends[source] = (rows[-1].name,)
            start += size
        for node, part, sources in structure.nodes:
            # The one node that is read gives what the whole dag gives.
            shape = output_shape if structure.outputs == (node,) else (*leading, sizes_of(part)[1])
            read = tuple(end for source in sources for end in ends[source])
            more, ends[node] = _rows(part, params[node], _joined(name, node), read, leading, shape)
            rows += more
        return rows, tuple(end for source in structure.outputs for end in ends[source])
    name, leaves = name or "1", jax.tree.leaves(params)
    _check_fit(structure, leaves, name)
    sizes = [math.prod(jnp.shape(leaf)) for leaf in leaves]
    n_bytes = sum(size * _dtype(leaf).itemsize for size, leaf in zip(sizes, leaves, strict=True))
    return [SummaryRow(name, describe(structure), reads, output_shape, sum(sizes), n_bytes)], (name,)


def _check_fit(structure: Structure, leaves: list, name: str) -> None:
    if isinstance(structure, Layer):
        kind, w, b = "layer", (structure.n_outputs, structure.n_inputs), (structure.n_outputs,)
    elif isinstance(structure, Wired):
        kind, w, b = "wiring", (structure.wiring.n_edges,), (structure.wiring.n_units,)
    else:
        return
    shapes = [jnp.shape(leaf) for leaf in leaves]
    if shapes != [w, b]:
        hint = ""
        if shapes and shapes[0] == w[::-1] != w:
            hint = " Weights are (outputs, inputs): are these transposed?"
        elif shapes and all(isinstance(leaf, int) for leaf in leaves):
            hint = " If this is the shape of inputs, pass it as input_shape=."
        found = " and ".join(map(str, shapes)) or "none"
        raise ShapeError(
            f"summary: {kind} {name} ({describe(structure)}): expected weights {w} and biases {b}, got {found}.{hint}"
        )


def _says_its_shapes(structure: Structure) -> bool:
    if isinstance(structure, Chain):
        return all(map(_says_its_shapes, structure.parts))
    if isinstance(structure, Dag):
        return all(_says_its_shapes(part) for _, part, _ in structure.nodes)
    return sizes_of(structure)[1] is not None


def _on_shapes(what: str, fix: str, f: Callable, *args: Any) -> Any:
    try:
        return jax.eval_shape(f, *args)
    except (TypeError, ValueError) as error:
        reason = str(error).removeprefix(f"{what}: ")
        if isinstance(error, ShapeError):
            raise ShapeError(f"summary: {reason}") from error
        raise ValueError(
            f"summary: {what} cannot be evaluated on shapes alone: {reason.splitlines()[0].rstrip('.')}. "
            f"Write it with jax.numpy and without branches on values, {fix}."
        ) from error


def _dtype(leaf: Any) -> Any:
    # That of a NumPy array stays as it is: JAX would make float32 of float64.
    return leaf.dtype if hasattr(leaf, "dtype") else jnp.result_type(leaf)


def _dtype_of_inputs(params: Params) -> Any:
    dtypes = map(_dtype, jax.tree.leaves(params))
    return next((dtype for dtype in dtypes if jnp.issubdtype(dtype, jnp.floating)), jnp.result_type(float))


def _joined(name: str, inner: str) -> str:
    return f"{name}.{inner}" if name else inner


def _place(kind: str, name: str) -> str:
    return f"{kind} {name}: " if name else f"{kind}: "


def _written(shape: tuple) -> str:
    axes = ["..." if n is ... else "?" if n is None else str(n) for n in shape]
    return f"({', '.join(axes)}{',' if len(axes) == 1 else ''})"

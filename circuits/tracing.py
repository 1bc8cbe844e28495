"""Circuits from Python functions: `trace(f)` calls f once, on bits and words that record what is done to them."""

import inspect
from collections.abc import Callable
from typing import Any

from circuits.bits import Bit as Bit
from circuits.bits import node_of
from circuits.builder import Builder
from circuits.netlist import Circuit, check_names, without_dead_gates
from circuits.ports import bits_of
from circuits.words import Word
from jaxnet.validation import whole_number


def trace(f: Callable, /, **widths: int) -> Circuit:
    """Return the circuit that a Python function of bits computes.

    Args:
        f: a function of bits and words; it returns a bit or a word, a list, tuple or NamedTuple of them, or a dict of
            them by name. It is called once, so its loops are unrolled and its ifs must not ask for the value of a bit:
            `mux(select, a, b)` chooses. A circuit that is called inside becomes part of this one. A parameter with a
            default is no input and keeps it.
        widths: parameters that are words: `trace(f, a=8)` calls f with a `Word` of eight bits, named a[0] (lowest) to
            a[7]. An annotation says the same: `def f(a: 8)`.

    Returns:
        A circuit whose inputs have the names of the parameters. A single output is called out, a list of them
        out0, out1, ..., the bits of a word y y[0], y[1], ...; gates that no output needs are left out.

    Raises:
        TypeError: if f asks for the value of a bit or returns anything but bits and words, or if a width is no whole
            number.
        ValueError: if a width is negative.

    >>> trace(lambda a, b: {"sum": a ^ b, "carry": a & b})
    Circuit(2 inputs, 2 outputs, 2 gates)
    >>> add = trace(lambda a, b: {"y": a + b}, a=8, b=8)
    >>> add(200, 100)                                        # modulo 2^8
    44
    """
    if not callable(f):
        raise TypeError(f"trace: expected a function of bits, got {type(f).__name__}. For text use parse.")
    # A parameter with a default keeps it, unless it is made a word.
    signature = inspect.signature(f)
    every = signature.parameters
    parameters = {name: p for name, p in every.items() if p.default is p.empty or name in widths}
    if unknown := set(widths) - set(parameters):
        raise TypeError(f"trace: {sorted(unknown)} are no parameters of the function; it has {list(parameters)}.")
    for p in parameters.values():
        if p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD):
            raise TypeError(f"trace: parameter {p} has no fixed number of bits; name each of them.")
    annotated = {name: _width_of(p.annotation) for name, p in parameters.items()}
    widths = {**{name: width for name, width in annotated.items() if width is not None}, **widths}
    widths = {p: whole_number("trace", f"the width of {p!r}", width) for p, width in widths.items()}
    names = {p: bits_of(p, widths[p]) if p in widths else [p] for p in parameters}
    input_names = [name for group in names.values() for name in group]
    check_names("trace", "input", input_names)
    netlist = Builder(input_names)
    nodes = iter(netlist.inputs)
    groups = {p: [next(nodes) for _ in group] for p, group in names.items()}
    arguments = {p: Word(netlist, tuple(g)) if p in widths else Bit(netlist, g[0]) for p, g in groups.items()}
    bound = inspect.BoundArguments(signature, arguments)  # type: ignore[arg-type]
    bound.apply_defaults()
    result = f(*bound.args, **bound.kwargs)
    if isinstance(result, dict):
        named = result
    elif isinstance(result, (list, tuple)):
        named = dict(zip(getattr(result, "_fields", (f"out{i}" for i in range(len(result)))), result, strict=True))
    else:
        named = {"out": result}
    check_names("trace", "output", list(named))
    outputs = [pair for name, value in named.items() for pair in _named_nodes(netlist, name, value)]
    check_names("trace", "output", [name for name, _ in outputs])
    return without_dead_gates(netlist.circuit(dict(outputs)))


def _width_of(annotation: Any) -> int | None:
    """Return the width that an annotation states, also where annotations are kept as text."""
    if isinstance(annotation, str) and annotation.isdecimal():
        return int(annotation)
    return annotation if isinstance(annotation, int) and not isinstance(annotation, bool) else None


def _named_nodes(netlist: Builder, name: str, value: Any) -> list[tuple[str, int]]:
    """Return the names and nodes of an output: those of each bit if it is a word."""
    if not isinstance(value, Word):
        return [(name, node_of(netlist, value))]
    bits = [Bit(value.netlist or netlist, node) if node > 0 else -node for node in value.nodes]
    return [(bit, node_of(netlist, of_bit)) for bit, of_bit in zip(bits_of(name, len(bits)), bits, strict=True)]

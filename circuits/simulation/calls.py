"""Circuits used as functions: inside `trace` a call adds their gates, outside it computes; words are integers.

The bits `a[0]`, `a[1]`, ... are the word `a` (`circuits.ports`).
"""

import functools
from collections import namedtuple
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from circuits.bits import Bit, node_of
from circuits.builder import Builder
from circuits.errors import listed
from circuits.netlist import Circuit, call, nodes_by_name
from circuits.ports import grouped, is_word
from circuits.simulation.simulator import as_bits, evaluate
from circuits.words import Word, concat


@call.register
def _(circuit: Circuit, arguments: tuple, named: dict[str, Any]) -> Any:
    given = _bound(circuit, arguments, named)
    netlist = _netlist_of(given.values())
    outputs = _traced(netlist, circuit, given) if netlist is not None else _computed(circuit, given)
    if len(outputs) == 1:
        return next(iter(outputs.values()))
    return _tuple_of(tuple(outputs))(*outputs.values())


@functools.lru_cache(maxsize=256)
def _tuple_of(names: tuple[str, ...]) -> Callable[..., Any]:
    return namedtuple("Outputs", names, rename=True)  # type: ignore[return-value]


def words_of(circuit: Circuit, x: Mapping[str, Any]) -> dict[str, Any]:
    """Evaluate a circuit on words and bits by name; `evaluate` asks this of a mapping.

    Args:
        circuit: any circuit.
        x: for each input a bit, for each word an integer, or arrays of them, which are broadcast.

    Returns:
        Outputs by name: Python's own bools and ints, or arrays; words of more than 63 bits as arrays of Python ints.

    Raises:
        ValueError: if an input is missing or does not fit.

    >>> from circuits import library
    >>> words_of(library.adder(8), {"a": 200, "b": [100, 55]})
    {'s': array([300, 255])}
    """
    return _computed(circuit, _bound(circuit, (), dict(x), "evaluate"))


def bits_of_words(circuit: Circuit, x: Mapping[str, Any], *, where: str) -> np.ndarray:
    """Return the bits of a circuit's inputs, given by name.

    Args:
        circuit: any circuit.
        x: as in `words_of`.
        where: the function that was called, named in errors.

    Returns:
        `(..., n)` Booleans.

    Raises:
        TypeError: if an input is missing or unknown.
        ValueError: if a value does not fit.

    >>> from circuits import library
    >>> bits_of_words(library.adder(2), {"a": 2, "b": 1}, where="evaluate").astype(int)
    array([0, 1, 1, 0])
    """
    return _bits_of(circuit, _bound(circuit, (), dict(x), where), where)


def values(circuit: Circuit, x: Any) -> dict[str, Any]:
    """Return the value of every node of a circuit.

    Args:
        circuit: any circuit.
        x: `(..., n)` bits as in `evaluate`, or a mapping from names to bits and words.

    Returns:
        By name, the inputs, all gates and the outputs: a bool, or an array `(...)`. Gates have the names of the file,
        or those of their outputs, or are n17, n18, ... by their nodes.

    Raises:
        ValueError: if inputs are missing or do not fit.

    >>> from circuits import parse
    >>> values(parse("y = (a & b) ^ c"), [1, 1, 0])
    {'0': False, 'a': True, 'b': True, 'c': False, 'n4': True, 'y': True}
    """
    if isinstance(x, Mapping):
        bits = bits_of_words(circuit, x, where="values")
    else:
        bits = as_bits(x, circuit.n_inputs, circuit, where="values")
    every = Circuit(
        circuit.input_names,
        circuit.fan_ins,
        circuit.tables,
        np.arange(circuit.n_nodes),
        [str(node) for node in range(circuit.n_nodes)],
    )
    table = np.asarray(evaluate(every, bits))
    return {name: _plain(table[..., node]) for name, node in nodes_by_name(circuit).items()}


def _bound(circuit: Circuit, arguments: tuple, named: dict[str, Any], where: str = "") -> dict[str, Any]:
    """Return a value for each port: by position for each port or each input, or by name."""
    where = where or "call"
    ports = grouped(circuit.input_names)
    names = list(ports)
    if len(arguments) > len(names):
        names = list(circuit.input_names)
    if len(arguments) > len(names):
        raise TypeError(f"{where}: {circuit} takes {_takes(ports)}; got {len(arguments)} values by position.")
    given = dict(zip(names, arguments, strict=False))
    known = {*ports, *circuit.input_names}
    for name, value in named.items():
        if name not in known:
            raise TypeError(f"{where}: {circuit} has no input {name!r}; it takes {_takes(ports)}.")
        if name in given:
            raise TypeError(f"{where}: input {name!r} of {circuit} is given twice.")
        given[name] = value
    missing = []
    for port, places in ports.items():
        bits = [circuit.input_names[place] for place in places]
        if port in given and (port in bits or not any(bit in given for bit in bits)):
            continue
        if port in given:
            raise TypeError(f"{where}: input {port!r} of {circuit} is given twice.")
        missing += [port] if not any(bit in given for bit in bits) else [bit for bit in bits if bit not in given]
    if missing:
        raise TypeError(f"{where}: {circuit} takes {_takes(ports)}; no value for {listed(missing)}.")
    return given


def _takes(ports: dict[str, list[int]]) -> str:
    return listed(f"{name}: {len(places)} bits" if len(places) > 1 else name for name, places in ports.items())


def _netlist_of(values: Any) -> Builder | None:
    for value in values:
        if isinstance(value, (Bit, Word)) and value.netlist is not None:
            return value.netlist
        if isinstance(value, (list, tuple)) and (found := _netlist_of(value)) is not None:
            return found
    return None


def _traced(netlist: Builder, circuit: Circuit, given: dict[str, Any]) -> dict[str, Any]:
    """Add the gates of a circuit to a netlist and return its outputs."""
    ports, nodes = grouped(circuit.input_names), [0] * (1 + circuit.n_inputs)
    place_of = {name: [place] for place, name in enumerate(circuit.input_names)}
    for name, value in given.items():
        places = place_of.get(name) or ports[name]
        for place, bit in zip(places, _as_bits(circuit, name, value, len(places)), strict=True):
            nodes[1 + place] = node_of(netlist, bit)
    for table, (a, b) in zip(circuit.tables.tolist(), circuit.fan_ins.tolist(), strict=True):
        nodes.append(netlist.gate(table, nodes[a], nodes[b]))
    outputs, names = [Bit(netlist, nodes[node]) for node in circuit.outputs.tolist()], circuit.output_names
    return {
        name: concat(*(outputs[i] for i in places)) if is_word(name, places, names) else outputs[places[0]]
        for name, places in grouped(names).items()
    }


def _as_bits(circuit: Circuit, name: str, value: Any, width: int) -> list[Any]:
    """Return the bits of an argument: a bit, a word, a list of bits, or an int."""
    if isinstance(value, (Word, list, tuple)):
        bits = list(value)
    elif isinstance(value, (int, np.integer, np.bool_)) and 0 <= value < 2**width:
        bits = [int(value) >> i & 1 for i in range(width)]
    else:
        bits = [value]
    if len(bits) != width:
        fix = f": write w.extend({width})" if len(bits) < width else f": write w[0:{width}]"
        raise ValueError(
            f"call: input {name!r} of {circuit} has {width} bit{'s' * (width > 1)}, got {value!r}"
            f"{fix if isinstance(value, Word) else ''}."
        )
    return bits


def _computed(circuit: Circuit, given: dict[str, Any], where: str = "call") -> dict[str, Any]:
    """Evaluate a circuit and return its outputs by port."""
    names, table = circuit.output_names, np.asarray(evaluate(circuit, _bits_of(circuit, given, where)))
    return {
        name: _plain(_number(table[..., places]) if is_word(name, places, names) else table[..., places[0]])
        for name, places in grouped(names).items()
    }


def _bits_of(circuit: Circuit, given: dict[str, Any], where: str) -> np.ndarray:
    """Return the bits of values by name, broadcast: `(..., n)` bool."""
    ports = grouped(circuit.input_names)
    place_of = {name: [place] for place, name in enumerate(circuit.input_names)}
    columns: list[Any] = [None] * circuit.n_inputs
    for name, value in given.items():
        places = place_of.get(name) or ports[name]
        number = _integers(where, circuit, name, value, len(places))
        for i, place in enumerate(places):
            columns[place] = np.asarray(number >> i & 1, bool)
    shape = np.broadcast_shapes(*(np.shape(column) for column in columns))
    bits = np.empty((*shape, circuit.n_inputs), bool)
    for place, column in enumerate(columns):
        bits[..., place] = column
    return bits


def _integers(where: str, circuit: Circuit, name: str, value: Any, width: int) -> np.ndarray:
    """Return a value as an array of integers that fit the width."""
    number = np.asarray(value)
    if width > 63:
        number = np.asarray(value, object)
    elif number.dtype == bool:
        number = number.astype(np.int64)
    flat = number.ravel().tolist()
    whole = number.dtype == object or np.issubdtype(number.dtype, np.integer) or not flat
    wrong = flat[:1] if not whole else [v for v in flat if not isinstance(v, int) or not 0 <= v < 2**width][:1]
    if wrong:
        raise ValueError(
            f"{where}: input {name!r} of {circuit} has {width} bit{'s' * (width > 1)}: expected whole numbers in "
            f"0..{2**width - 1 if width < 64 else f'2^{width} - 1'}, got {wrong[0]!r}."
        )
    return number if width > 63 else number.astype(np.int64)


def _number(bits: np.ndarray) -> np.ndarray:
    """Return bits, lowest first along the last axis, as integers."""
    kind = np.int64 if bits.shape[-1] <= 63 else object
    total = np.zeros(bits.shape[:-1], kind)
    for i in range(bits.shape[-1]):
        # By way of int, so that an array of objects holds Python's integers, which do not overflow.
        total = total + bits[..., i].astype(int).astype(kind) * 2**i
    return np.asarray(total)


def _plain(array: np.ndarray) -> Any:
    return array.item() if np.ndim(array) == 0 else array

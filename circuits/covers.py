"""Covers, sums of products: to gates, and from truth tables. BLIF and PLA write functions as covers.

A cube is a string with a character for each input: 0, 1, or - where the input does not matter.
"""

import functools
from collections.abc import Sequence
from typing import NamedTuple

from circuits.builder import Builder
from circuits.gates import AND, NOT, OR, flip

# A node, and whether it is inverted; the gate that reads it takes the inverter in. True is (0, True).
Signal = tuple[int, bool]


class Cover(NamedTuple):
    """A function of some inputs: `on` where any of the cubes holds, and its complement elsewhere."""

    cubes: tuple[str, ...]
    on: bool


def add_cover(netlist: Builder, cover: Cover, nodes: Sequence[int]) -> int:
    """Add the gates of a cover.

    Args:
        netlist: what they are added to.
        cover: its cubes have n characters.
        nodes: n nodes.

    Returns:
        The node of the function: for one or two inputs exactly one gate, for more of them a tree of AND gates for each
        cube and a tree of OR gates, with inverters inside the gates.

    >>> netlist = Builder(["a", "b", "c"])
    >>> y = add_cover(netlist, Cover(("0-1", "11-"), on=False), netlist.inputs)
    >>> netlist.circuit({"y": y})
    Circuit(3 inputs, 1 outputs, 3 gates)
    """
    if not nodes:
        return netlist.constant(bool(cover.cubes) == cover.on)
    if len(nodes) <= 2:
        return netlist.gate(_table(cover), *nodes)
    if len(cover.cubes) == 1:
        return add_signal(netlist, add_product(netlist, cover.cubes[0], nodes, inverted=not cover.on))
    products = [add_product(netlist, cube, nodes) for cube in cover.cubes]
    return add_signal(netlist, join(netlist, OR, products, inverted=not cover.on))


def kind_of(cover: Cover, n: int) -> Cover | int | bool:
    """Return a cover of n inputs as readers keep it: a constant's value, a gate's 4-bit table, or the cover."""
    if n == 0:
        return bool(cover.cubes) == cover.on
    return _table(cover) if n <= 2 else cover


def add_product(netlist: Builder, cube: str, nodes: Sequence[int], *, inverted: bool = False) -> Signal:
    """Add the gates of a cube: the AND of its literals; `inverted` is its complement."""
    literals = [(node, value == "0") for node, value in zip(nodes, cube, strict=True) if value != "-"]
    return join(netlist, AND, literals, inverted=inverted)


def join(netlist: Builder, table: int, signals: Sequence[Signal], *, inverted: bool = False) -> Signal:
    """Add a balanced tree of AND or OR gates over any number of signals; `inverted` is its complement."""
    if not signals:
        return 0, (table == AND) != inverted
    layer = list(signals)
    while len(layer) > 2:
        paired = [_gate(netlist, table, a, b) for a, b in zip(layer[0::2], layer[1::2], strict=False)]
        layer = paired + layer[len(layer) - len(layer) % 2 :]
    if len(layer) == 1:
        return layer[0][0], layer[0][1] != inverted
    return _gate(netlist, table ^ 0b1111 if inverted else table, *layer)


def add_signal(netlist: Builder, signal: Signal) -> int:
    """Return the node of a signal, after an inverter if it is inverted."""
    node, inverted = signal
    if not inverted:
        return node
    return netlist.gate(NOT, node) if node else netlist.constant(True)


def columns(cubes: Sequence[str], n: int) -> list[tuple[int, int]]:
    """Return two integers for each input: which cubes (bit k is cube k) can hold where it is 0, and where it is 1.

    >>> columns(["01", "-0"], 2)
    [(3, 2), (2, 1)]
    """
    if not cubes:
        return [(0, 0)] * n
    can_be_0, can_be_1 = str.maketrans("01-", "101"), str.maketrans("01-", "011")
    texts = ("".join(column)[::-1] for column in zip(*cubes, strict=True))
    return [(int(text.translate(can_be_0), 2), int(text.translate(can_be_1), 2)) for text in texts]


def meeting(cube: str, others: Sequence[tuple[int, int]], count: int) -> int:
    """Return which of `count` cubes, given as `columns`, share a row with this one: bit k is cube k.

    >>> meeting("0-", columns(["01", "-0", "11"], 2), 3)
    3
    """
    alive = (1 << count) - 1
    for value, column in zip(cube, others, strict=True):
        if value != "-":
            alive &= column[value == "1"]
            if not alive:
                break
    return alive


def uncovered(cubes: Sequence[str], n: int, most_steps: int = 2**20) -> str | None:
    """Find a row for which no cube holds, by splitting on one input after another.

    Args:
        cubes: any number, of n characters each.
        n: how many inputs.
        most_steps: when to give up, since the question is co-NP-complete.

    Returns:
        The row as a cube, with - where either value would do; None if there is no such row.

    Raises:
        TimeoutError: if it takes more than `most_steps`.

    >>> uncovered(["0-", "-0"], 2)
    '11'
    """
    within = columns(cubes, n)
    # Cubes that have nothing but - from an input on.
    free = [(1 << len(cubes)) - 1]
    for zero, one in reversed(within):
        free.append(free[-1] & zero & one)
    free.reverse()
    stack = [("", (1 << len(cubes)) - 1)]
    for _ in range(most_steps):
        if not stack:
            return None
        row, alive = stack.pop()
        if not alive:
            return row.ljust(n, "-")
        depth = len(row)
        if alive & free[depth]:
            continue
        zero, one = (alive & side for side in within[depth])
        stack += [(row + "-", zero)] if zero == one else [(row + "1", one), (row + "0", zero)]
    raise TimeoutError(f"uncovered: no answer within {most_steps} steps.")


def irredundant(table: int, n: int) -> list[str]:
    """Return a sum of products for a truth table, none of whose cubes can be left out.

    Args:
        table: bit r is the value on row r, where input i is bit i of r.
        n: how many inputs.

    Returns:
        Cubes of n characters.

    Source: S. Minato, Fast generation of irredundant sum-of-products forms from binary decision diagrams (1992);
        E. Morreale (1970).

    >>> irredundant(0b11101000, 3)
    ['-11', '1-1', '11-']
    """
    return _between(table, table, n)[0]


@functools.lru_cache(maxsize=1024)
def _table(cover: Cover) -> int:
    """Return the 4-bit table of a cover of one or two inputs."""
    table = 0
    for row in range(4):
        bits = f"{row & 1}{row >> 1}"
        holds = any(all(value in ("-", bit) for value, bit in zip(cube, bits, strict=False)) for cube in cover.cubes)
        table |= (holds == cover.on) << row
    return table


def _gate(netlist: Builder, table: int, a: Signal, b: Signal) -> Signal:
    return netlist.gate(flip(table, a[1], b[1]), a[0], b[0]), False


def _between(lower: int, upper: int, n: int) -> tuple[list[str], int]:
    """Return cubes that cover all of `lower` and nothing outside `upper`, and the function that they form."""
    everything = (1 << 2**n) - 1
    if not lower:
        return [], 0
    if upper == everything:
        return ["-" * n], everything
    # The last input splits a table into halves; what holds in both needs no literal of it.
    half = 2 ** (n - 1)
    mask = (1 << half) - 1
    lower_0, lower_1, upper_0, upper_1 = lower & mask, lower >> half, upper & mask, upper >> half
    cubes_0, is_0 = _between(lower_0 & ~upper_1, upper_0, n - 1)
    cubes_1, is_1 = _between(lower_1 & ~upper_0, upper_1, n - 1)
    cubes, both = _between(lower_0 & ~is_0 | lower_1 & ~is_1, upper_0 & upper_1, n - 1)
    shown = [cube + "0" for cube in cubes_0] + [cube + "1" for cube in cubes_1] + [cube + "-" for cube in cubes]
    return shown, is_0 | both | (is_1 | both) << half

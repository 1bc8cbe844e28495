"""Half and full adders in a netlist: sums by their structure, the carries that go with them by their values.

C. Yu, M. Ciesielski and A. Mishchenko, Fast algebraic rewriting based on and-inverter graphs (2018), find both by cuts.
Here a carry may be any gate with the right values, as in a carry-lookahead adder; each is proved.
"""

from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from typing import NamedTuple

from circuits.verification.hashed_graphs import Hashed
from circuits.verification.sat_queries import AlwaysEqual, prove_equal
from circuits.verification.sweeping import mixed_patterns
from circuits.verification.xor_and_graphs import XorAndGraph

# Random patterns that suggest which gates are carries; a wrong suggestion costs a proof that fails.
_PATTERNS = 1024
# Gates between a carry and the bits that it adds, up to which all their values are tried.
_NEAR = 24
# Conflicts after which a carry that is farther away is given up.
_EFFORT = 1_000
# Carries given up, or seen to be none, after which only those nearby are looked for.
_MOST_FAILURES = 100
# Which of two or three bits are inverted, for carries that are not each other's complement.
_POLARITIES = {2: ((0, 0), (0, 1), (1, 0), (1, 1)), 3: ((0, 0, 0), (1, 0, 0), (0, 1, 0), (0, 0, 1))}


class Carry(NamedTuple):
    """A gate that is the carry of two or three bits, some of them inverted.

    Attributes:
        bits: two or three nodes.
        inverted: for each of them, whether it is inverted.
        complemented: whether the gate is the complement of the carry.
    """

    bits: tuple[int, ...]
    inverted: tuple[int, ...]
    complemented: int


class Adders(NamedTuple):
    """The adders of a graph.

    Attributes:
        sums: for each XOR, the two or three nodes whose sum modulo 2 it is.
        carries: for each gate that is known to be a carry of such nodes, which.
    """

    sums: dict[int, tuple[int, ...]]
    carries: dict[int, Carry]


def find_adders(
    hashed: Hashed,
    outputs: Sequence[int],
    *,
    expired: Callable[[], bool] = lambda: False,
    seed: int = 0,
) -> Adders:
    """Find half and full adders: XORs of two or three nodes, and the carries of these nodes.

    Args:
        hashed: a graph; gates are added to it where a proof needs them.
        outputs: the literals that are of interest in the end.
        expired: whether the deadline has passed.
        seed: of the patterns that suggest which gates are carries.

    Returns:
        What was proved. An XOR for which no carry is found is the sum of its two fan-ins.

    Raises:
        DeadlinePassed: if `expired` says so.

    Source: C. Yu, M. Ciesielski and A. Mishchenko (2018).

    >>> from circuits.library import adder
    >>> graph = Hashed(4)
    >>> literals = graph.add(adder(2))
    >>> len(find_adders(graph, literals[-3:]).sums)
    3
    """
    graph = hashed.graph
    values = _values(graph, seed)
    mask = (1 << _PATTERNS) - 1
    alike: defaultdict[int, list[int]] = defaultdict(list)
    for node, value in enumerate(values):
        if graph.fan_ins[node] is not None and not graph.is_xor[node]:
            alike[value ^ -(value & 1) & mask].append(node)
    sums: dict[int, tuple[int, ...]] = {
        node: fan_ins_of(graph, node) for node, is_xor in enumerate(graph.is_xor) if is_xor
    }
    triples = {node: _triples(graph, node) for node in sums}
    carries: dict[int, Carry] = {}
    # A carry far away is only of use where it is added to the next digit, or is a digit itself.
    added = {bit for node in sums for bit in fan_ins_of(graph, node)} | {literal >> 1 for literal in outputs}

    failures = 0

    def suggested(bits: tuple[int, ...]) -> Iterator[tuple[int, Carry]]:
        """Yield the gates that have the values of a carry of some bits."""
        for inverted in _POLARITIES[len(bits)]:
            value = _carry([values[bit] ^ -flip & mask for bit, flip in zip(bits, inverted, strict=True)])
            for node in alike.get(value ^ -(value & 1) & mask, ()):
                if node not in carries:
                    yield node, Carry(bits, inverted, (value ^ values[node]) & 1)

    def near(node: int, carry: Carry) -> bool:
        return _proved_near(graph, node, carry)

    def far(node: int, carry: Carry) -> bool:
        nonlocal failures
        if node not in added or failures == _MOST_FAILURES or _depends(graph, sums, carries, carry.bits, node):
            return False
        proved = _proved_far(hashed, node, carry, expired)
        failures += not proved
        return proved

    def found(bits: tuple[int, ...], proved: Callable[[int, Carry], bool]) -> bool:
        """Put down all carries of some bits; returns whether there are any."""
        before = len(carries)
        carries.update((node, carry) for node, carry in suggested(bits) if proved(node, carry))
        return len(carries) > before

    for proved in (near, far):
        for node, bits in sums.items():
            if len(bits) == 2:
                sums[node] = next((three for three in triples[node] if found(three, proved)), bits)
        for bits in dict.fromkeys(bits for bits in sums.values() if len(bits) == 2):
            found(bits, proved)
    return Adders(sums, carries)


def _carry(bits: list[int]) -> int:
    """Return the carry of two or three bits, each an integer with a bit per pattern."""
    x, y, *z = bits
    return x & y | z[0] & (x | y) if z else x & y


def _triples(graph: XorAndGraph, node: int) -> list[tuple[int, ...]]:
    """Return three nodes that an XOR is the sum of, if one of its fan-ins is an XOR, or twice three."""
    result = []
    for inner, other in (fan_ins_of(graph, node), fan_ins_of(graph, node)[::-1]):
        if graph.is_xor[inner]:
            bits = tuple(sorted({*fan_ins_of(graph, inner), other}))
            result += [bits] * (len(bits) == 3)
    return result


def _depends(
    graph: XorAndGraph,
    sums: dict[int, tuple[int, ...]],
    carries: dict[int, Carry],
    bits: tuple[int, ...],
    node: int,
) -> bool:
    """Whether some bits depend on a node, where adders stand for what they are made of."""
    stack, seen = [*bits], set()
    while stack:
        top = stack.pop()
        if top == node:
            return True
        if top in seen or graph.fan_ins[top] is None:
            continue
        seen.add(top)
        stack += sums.get(top) or (carries[top].bits if top in carries else fan_ins_of(graph, top))
    return False


def fan_ins_of(graph: XorAndGraph, node: int) -> tuple[int, int]:
    """Return the two nodes that a gate reads.

    >>> graph = XorAndGraph.of_inputs(2)
    >>> fan_ins_of(graph, graph.add(False, 2, 5, variable=0))
    (1, 2)
    """
    fan_ins = graph.fan_ins[node]
    assert fan_ins is not None
    return fan_ins[0] >> 1, fan_ins[1] >> 1


def _values(graph: XorAndGraph, seed: int) -> list[int]:
    """Return the values of all nodes on random patterns, a bit per pattern."""
    mask = (1 << _PATTERNS) - 1
    n = sum(fan_ins is None for fan_ins in graph.fan_ins) - 1
    rows = mixed_patterns(n, _PATTERNS // 32, seed=seed)
    values = [0, *(int.from_bytes(row.astype("<u4").tobytes(), "little") for row in rows)]
    for is_xor, fan_ins in zip(graph.is_xor[n + 1 :], graph.fan_ins[n + 1 :], strict=True):
        assert fan_ins is not None
        x, y = (values[literal >> 1] ^ -(literal & 1) & mask for literal in fan_ins)
        values.append(x ^ y if is_xor else x & y)
    return values


def _proved_near(graph: XorAndGraph, node: int, carry: Carry) -> bool:
    """Whether a gate near the bits is that carry for all their values."""
    known: dict[int, int] = dict(zip(carry.bits, (0b10101010, 0b11001100, 0b11110000), strict=False))
    value = _carry([known[bit] ^ -flip & 255 for bit, flip in zip(carry.bits, carry.inverted, strict=True)])
    return _local_values(graph, node, known) == value ^ -carry.complemented & 255


def _proved_far(hashed: Hashed, node: int, carry: Carry, expired: Callable[[], bool]) -> bool:
    """Whether a solver proves that a gate is that carry."""
    x, y, *z = (2 * bit + flip for bit, flip in zip(carry.bits, carry.inverted, strict=True))
    literal = hashed.gate(False, x, y)
    if z:
        literal = hashed.gate(False, literal ^ 1, hashed.gate(False, hashed.gate(True, x, y), z[0]) ^ 1) ^ 1
    answer = prove_equal(hashed.graph, node, literal ^ carry.complemented, effort=_EFFORT, expired=expired)
    return isinstance(answer, AlwaysEqual)


def _local_values(graph: XorAndGraph, node: int, known: dict[int, int]) -> int | None:
    """Return the values of a gate as a function of some nodes; None if it reads others, or many gates are between."""
    values = {0: 0, **known}
    stack, steps = [node], 0
    while stack:
        top = stack[-1]
        if top in values:
            stack.pop()
            continue
        fan_ins = graph.fan_ins[top]
        steps += 1
        if fan_ins is None or steps > 3 * _NEAR:
            return None
        waiting = [literal >> 1 for literal in fan_ins if literal >> 1 not in values]
        if waiting:
            stack += waiting
            continue
        x, y = (values[literal >> 1] ^ -(literal & 1) & 255 for literal in fan_ins)
        values[top] = x ^ y if graph.is_xor[top] else x & y
    return values[node]

"""Class scores and the class itself as gates: counts of the ones in groups of outputs, and the first of the largest."""

from collections.abc import Sequence
from typing import Literal

from circuits import library
from circuits.bits import Bit
from circuits.builder import Builder
from circuits.netlist import Circuit
from circuits.ports import bits_of
from jaxnet.validation import whole_number

Scores = Literal["gates", "counts", "class"]


def with_counts(circuit: Circuit, classes: int, scores: Scores) -> Circuit:
    """Return a circuit whose outputs are the scores of classes, or the class, of one whose outputs are votes.

    Args:
        circuit: its outputs are so many equal groups, the first of them the votes for class 0.
        classes: how many.
        scores: "counts", words score0, score1, ..., how many votes of each group are ones; "class", a word of that
            name, the number of the first of the largest scores.

    Returns:
        A `Circuit` that begins with the gates of the one given.

    Raises:
        ValueError: if the outputs are no such groups.

    >>> from circuits import parse
    >>> votes = parse("p = a; q = b; r = a & b; s = a | b")
    >>> with_counts(votes, 2, "counts").output_names
    ('score0[0]', 'score0[1]', 'score1[0]', 'score1[1]')
    >>> with_counts(votes, 2, "class").output_names
    ('class[0]',)
    """
    check_groups("with_counts", circuit, classes)
    netlist, outputs = reopened(circuit)
    size = len(outputs) // classes
    counts = [library.count(outputs[start : start + size]) for start in range(0, len(outputs), size)]
    if scores == "class":
        return circuit_of_words(netlist, {"class": first_largest(netlist, counts)})
    return circuit_of_words(netlist, {f"score{number}": count for number, count in enumerate(counts)})


def check_groups(where: str, circuit: Circuit, classes: int) -> None:
    """Check that the outputs of a circuit are equal groups, one for each class.

    Args:
        where: named in the error.
        circuit: any circuit.
        classes: how many.

    Raises:
        ValueError: if they are not.
        TypeError: if `classes` is no whole number.

    >>> from circuits import parse
    >>> check_groups("classify", parse("y = a & b"), 2)
    Traceback (most recent call last):
    ValueError: classify: expected outputs that are 2 equal groups, one a class, got 1 outputs.
    """
    classes = whole_number(where, "classes", classes, 1)
    if circuit.n_outputs % classes or not circuit.n_outputs:
        raise ValueError(
            f"{where}: expected outputs that are {classes} equal groups, one a class, got {circuit.n_outputs} outputs."
        )


def reopened(circuit: Circuit) -> tuple[Builder, list[Bit]]:
    """Return a builder that has the gates of a circuit, in their order, and its outputs as bits.

    >>> from circuits import parse
    >>> netlist, (y,) = reopened(parse("y = a & b"))
    >>> circuit_of_words(netlist, {"z": [~y]})
    Circuit(2 inputs, 1 outputs, 2 gates)
    """
    netlist = Builder(circuit.input_names)
    # A builder numbers gates as a circuit does.
    for table, (a, b) in zip(circuit.tables.tolist(), circuit.fan_ins.tolist(), strict=True):
        netlist.gate(table, a, b)
    return netlist, [Bit(netlist, node) for node in circuit.outputs.tolist()]


def circuit_of_words(netlist: Builder, words: dict[str, Sequence[Bit]]) -> Circuit:
    """Return the circuit of a builder with words as outputs, each lowest bit first.

    >>> from circuits import parse
    >>> netlist, (y,) = reopened(parse("y = a & b"))
    >>> circuit_of_words(netlist, {"z": [y, y]}).output_names
    ('z[0]', 'z[1]')
    """
    named = {}
    for word, bits in words.items():
        named |= {name: bit.node for name, bit in zip(bits_of(word, len(bits)), bits, strict=True)}
    return netlist.circuit(named)


def first_largest(netlist: Builder, scores: Sequence[Sequence[Bit]]) -> list[Bit]:
    """Return the number of the first of the largest scores, by a tournament in which only a larger one wins.

    Args:
        netlist: of the bits.
        scores: binary numbers, lowest bit first, of any widths.

    Returns:
        As many bits as the number of the last score has; one if there is only one score.

    Source: the tie rule is that of `jax.numpy.argmax`.

    >>> from circuits import parse
    >>> netlist, (x, y) = reopened(parse("x = a; y = b"))
    >>> larger = circuit_of_words(netlist, {"class": first_largest(netlist, [[x], [y]])})
    >>> [int(larger(a, b)) for a, b in ((0, 0), (1, 0), (0, 1), (1, 1))]
    [0, 0, 1, 0]
    """
    zero, one = Bit(netlist, 0), Bit(netlist, netlist.constant(True))
    width = max(map(len, scores))
    digits = max(1, (len(scores) - 1).bit_length())
    players = [
        ([*score, *[zero] * (width - len(score))], [one if number >> i & 1 else zero for i in range(digits)])
        for number, score in enumerate(scores)
    ]
    while len(players) > 1:
        pairs = zip(players[0::2], players[1::2], strict=False)
        winners = [_winner(first, second) for first, second in pairs]
        players = winners + players[2 * len(winners) :]
    return players[0][1]


def _winner(first: tuple[list[Bit], list[Bit]], second: tuple[list[Bit], list[Bit]]) -> tuple[list[Bit], list[Bit]]:
    """Return score and number of the second where its score is larger, else those of the first."""
    larger, *_ = library.less_equal_greater(first[0], second[0])
    score, number = (
        [library.mux(larger, bit, other) for other, bit in zip(*pair, strict=True)]
        for pair in zip(first, second, strict=True)
    )
    return score, number

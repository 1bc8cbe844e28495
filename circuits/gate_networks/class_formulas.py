"""What a circuit says of a class, in the names of the columns of a table, where that is short enough to be read."""

import contextlib
import functools
import operator
import re
from collections.abc import Sequence
from typing import Any

from circuits.bits import Bit
from circuits.bridge.encodings import Encoding, formula
from circuits.bridge.rules import rule
from circuits.composition import cone
from circuits.gate_networks.class_outputs import circuit_of_words, reopened
from circuits.netlist import Circuit
from circuits.ports import grouped
from circuits.synthesis.simplification import simplify

# How long a least sum of products is looked for.
_SECONDS = 5.0


def class_bits(circuit: Circuit, names: Sequence[str]) -> Circuit:
    """Return a circuit with an output for each class, 1 where it is that class.

    Args:
        circuit: whose word `class` is the number of a class, as `harden(..., "class")` makes it.
        names: of the outputs, one for each class.

    >>> from circuits import parse
    >>> from circuits.gate_networks.class_outputs import with_counts
    >>> larger = with_counts(parse("no = a; yes = b"), 2, "class")
    >>> class_bits(larger, ["no", "yes"])
    Circuit(2 inputs, 2 outputs, 2 gates)
    """
    netlist, outputs = reopened(circuit)
    digits = [outputs[place] for place in grouped(circuit.output_names)["class"]]

    def is_class(number: int) -> Bit:
        return functools.reduce(operator.and_, [bit if number >> i & 1 else ~bit for i, bit in enumerate(digits)])

    bits = {name: is_class(number) for number, name in enumerate(names)}
    words = circuit_of_words(netlist, {f"bit{i}": [bit] for i, bit in enumerate(bits.values())})
    return simplify(Circuit(words.input_names, words.fan_ins, words.tables, words.outputs, list(names)))


def short_formula(circuit: Circuit, encoding: Encoding, output: str, most: int = 24) -> str | None:
    """Return what an output says of the rows of a table: a rule, or a formula in the names of Boolean columns.

    Args:
        circuit: of as many inputs as the encoding has columns.
        encoding: of the table.
        output: which.
        most: how many conditions, or names of columns, it may have.

    Returns:
        The text of `rule`, where the domain is small enough for it; of `formula` otherwise; None if it would be longer.

    >>> from circuits import fit_encoding, parse
    >>> encoding = fit_encoding({"colour": ["blue", "red"], "size": ["large", "small"]})
    >>> short_formula(parse("y = b & d", inputs=list("abcd")), encoding, "y")
    'colour = red and size = small'
    """
    with contextlib.suppress(ValueError):  # too many rows, or too long
        return rule(circuit, encoding, output, most=most)
    part = cone(circuit, [output])
    place = {name: i for i, name in enumerate(circuit.input_names)}
    own = [place[name] for name in part.input_names]
    part = Circuit(part.input_names, part.fan_ins, part.tables, part.outputs, ["y"])  # the text does not name it
    every: tuple[dict[str, Any], ...] = ({}, {"minimal": True, "time_limit": _SECONDS})
    for options in every:
        with contextlib.suppress(ValueError, TimeoutError):  # too long to write, or to minimise
            numbered = formula(part, [f"<{i}>" for i in own], **options)
            if len(re.findall(r"<\d+>", numbered)) <= most:
                return re.sub(r"<(\d+)>", lambda found: encoding.names[int(found[1])], numbered)
    return None

"""The circuits that the playground offers, each by a name that people know."""

from circuits import library
from circuits.expressions import parse
from circuits.formats.files import read
from circuits.netlist import Circuit

_EXPRESSIONS = {
    "XOR": "a ^ b",
    "AND": "a & b",
    "OR": "a | b",
    "NAND": "~(a & b)",
    "implication": "~a | b",
    "majority of 3": "maj(a, b, c)",
    "exactly one of 3": "(a ^ b ^ c) & ~(a & b & c)",
    "full adder": "s = a ^ b ^ c; carry = maj(a, b, c)",
    "multiplexer": "mux(select, a, b)",
    "XNOR of 3": "~(a ^ b ^ c)",
}
_MADE = {
    "comparator of 2 bits": lambda: library.comparator(2),
    "adder of 2 bits": lambda: library.adder(2),
    "multiplier of 2 bits": lambda: library.multiplier(2),
    "multiplexer of 4": lambda: library.multiplexer(2),
    "majority of 5": lambda: library.majority(5),
    "parity of 4": lambda: library.parity(4),
    "parity of 6": lambda: library.parity(6),
    "multiplier of 3 bits": lambda: library.multiplier(3),
}

NAMES = (*_EXPRESSIONS, *_MADE, "c17")


def circuit_named(name: str) -> Circuit:
    """Return a circuit of the gallery.

    Args:
        name: one of `NAMES`.

    Raises:
        KeyError: if it is none of them.

    >>> circuit_named("full adder")
    Circuit(3 inputs, 2 outputs, 6 gates)
    """
    if name == "c17":
        from circuits import c17_path

        return read(c17_path)  # type: ignore[return-value] - a .bench is a Circuit
    return parse(_EXPRESSIONS[name]) if name in _EXPRESSIONS else _MADE[name]()

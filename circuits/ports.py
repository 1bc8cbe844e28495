"""Ports: inputs or outputs that are the bits of one word, `a[0]`, `a[1]`, ..., lowest first, as Verilog names them."""

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from circuits.errors import listed

_BIT = re.compile(r"(.+)\[(\d+)\]", re.ASCII | re.DOTALL)


def bits_of(name: str, width: int) -> list[str]:
    """Return the names of the bits of a word, lowest first.

    >>> bits_of("a", 2)
    ['a[0]', 'a[1]']
    """
    return [f"{name}[{i}]" for i in range(width)]


def grouped(names: Sequence[str]) -> dict[str, list[int]]:
    """Group names into words and single bits.

    Args:
        names: of the inputs or the outputs of a circuit.

    Returns:
        For each word its bits, lowest first, as places in `names`; words and bits in the order in which they appear.
        The bits of a word may stand anywhere, but their numbers have to be 0, 1, ...: else they stay single bits,
        as do those of a word whose name is that of another bit.

    >>> grouped(["a[1]", "a[0]", "cin", "b[3]"])
    {'a': [1, 0], 'cin': [2], 'b[3]': [3]}
    """
    words: dict[str, dict[int, int]] = {}
    found = [_BIT.fullmatch(name) for name in names]
    for place, match in enumerate(found):
        if match and match[2] == str(int(match[2])):
            words.setdefault(match[1], {})[int(match[2])] = place
    taken = set(names)
    whole = {
        word: [bits[i] for i in range(len(bits))]
        for word, bits in words.items()
        if word not in taken and max(bits) == len(bits) - 1
    }
    grouped: dict[str, list[int]] = {}
    for place, (name, match) in enumerate(zip(names, found, strict=True)):
        if match and match[1] in whole and match[2] == str(int(match[2])):
            grouped.setdefault(match[1], whole[match[1]])
        else:
            grouped[name] = [place]
    return grouped


def is_word(name: str, places: Sequence[int], names: Sequence[str]) -> bool:
    """Return whether a port is a word, if only of one bit, rather than a single bit.

    >>> is_word("a", [0], ["a[0]"]), is_word("a", [0], ["a"])
    (True, False)
    """
    return names[places[0]] != name


def places_of(where: str, kind: str, names: Sequence[str], asked: Iterable[str]) -> dict[str, list[int]]:
    """Return the places of names that a user gave, each a single bit or a word.

    Args:
        where: named in the error.
        kind: "input" or "output", named in the error.
        names: those that there are.
        asked: those that the user gave.

    Raises:
        ValueError: if there is no such name.

    >>> places_of("cone", "output", ["y", "z[0]", "z[1]"], ["z", "y", "z[1]"])
    {'z': [1, 2], 'y': [0], 'z[1]': [2]}
    """
    words, place = grouped(names), {name: [i] for i, name in enumerate(names)}
    found = {}
    for name in asked:
        known = place.get(name) or words.get(name)
        if known is None:
            raise ValueError(f"{where}: there is no {kind} {name!r}; the {kind}s are {listed(words)}.")
        found[name] = known
    return found


def split(where: str, names: Sequence[str], values: Mapping[str, Any]) -> dict[int, bool]:
    """Return the constant of each bit that a user gave, words as integers.

    Args:
        where: named in the error.
        names: of all inputs.
        values: by name; 0 or 1 for a bit, 0 to 2^w - 1 for a word of w bits.

    Raises:
        ValueError: if there is no such input, or a value does not fit.

    >>> split("restrict", ["a[0]", "a[1]", "b"], {"a": 2, "b": 1})
    {0: False, 1: True, 2: True}
    """
    bits: dict[int, bool] = {}
    for name, places in places_of(where, "input", names, values).items():
        try:
            value = int(values[name])
            fits = value == values[name] and 0 <= value < 2 ** len(places)
        except (TypeError, ValueError):
            value, fits = 0, False
        if not fits:
            raise ValueError(
                f"{where}: input {name!r} has {len(places)} bit{'s' * (len(places) > 1)}: expected a whole number "
                f"in 0..{2 ** len(places) - 1}, got {values[name]!r}."
            )
        bits.update((place, bool(value >> i & 1)) for i, place in enumerate(places))
    return bits

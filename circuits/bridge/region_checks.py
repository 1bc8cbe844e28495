"""What a circuit of gates says on regions of a domain, for the check of branch and bound; on NumPy alone.

A region fixes some parts of a domain to one row each. In three values, a node is 0, 1, or either of them (S. C. Kleene,
Introduction to Metamathematics, 1952); a word of Python's integers has a bit for each region.
"""

import numpy as np

if __package__:
    from circuits.bridge.branch_and_bound import Searched
    from circuits.bridge.claims import Circuit
else:  # without the package, as `extraction_checks` says
    from branch_and_bound import Searched  # pyright: ignore[reportMissingImports]
    from claims import Circuit  # pyright: ignore[reportMissingImports]

_REGIONS = 2**12


def wrong_regions(circuit: Circuit, tables: list[np.ndarray], found: Searched) -> int:
    """Return on how many regions a circuit of gates is not known to say what the network says.

    Args:
        circuit: of gates.
        tables: of the parts of the domain.
        found: the regions that a domain consists of, with what the network says on each.
    """
    wrong = 0
    for start in range(0, len(found.regions), _REGIONS):
        chosen = found.regions[start : start + _REGIONS]
        off, on = _three_valued(circuit, *_columns(tables, found.order, [places for places, _ in chosen]))
        differs = 0
        for node, bits in zip(circuit.outputs, np.stack([bits for _, bits in chosen]).T, strict=True):
            one = _word(bits)
            differs |= (on[node] & ~one) | (off[node] & one)
        wrong += differs.bit_count()
    return wrong


def _columns(
    tables: list[np.ndarray], order: tuple[int, ...], chosen: list[tuple[int, ...]]
) -> tuple[list[int], list[int]]:
    """Return for each column of the domain on which regions it may be 0, and on which 1."""
    place_of = np.full((len(tables), len(chosen)), -1)
    for region, places in enumerate(chosen):
        place_of[list(order[: len(places)]), region] = places
    off, on = [], []
    for table, places in zip(tables, place_of, strict=True):
        for column in table.astype(bool).T:
            known = column[places]
            off.append(_word(np.where(places < 0, not column.all(), ~known)))
            on.append(_word(np.where(places < 0, column.any(), known)))
    return off, on


def _three_valued(circuit: Circuit, off: list[int], on: list[int]) -> tuple[list[int], list[int]]:
    """Return for each node where it may be 0, and where it may be 1."""
    everywhere = off[0] | on[0] if off else 1
    off, on = [everywhere, *off], [0, *on]
    for table, a, b in circuit.gates or []:
        values = [0, 0]
        for row, word in enumerate((off[a] & off[b], on[a] & off[b], off[a] & on[b], on[a] & on[b])):
            values[table >> row & 1] |= word
        off.append(values[0])
        on.append(values[1])
    return off, on


def _word(bits: np.ndarray) -> int:
    return int.from_bytes(np.packbits(bits, bitorder="little").tobytes(), "little")

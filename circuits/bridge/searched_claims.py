"""Claims that a search proved, checked: the search again, and the circuit on its regions by three values.

On a region some columns are known and others are not; a gate is known where all that its fan-ins may be gives the same.
"""

from collections.abc import Iterator
from typing import Any

import numpy as np

from circuits.bridge.branch_and_bound import Limits, Searched, agrees_with_hardened, regions_of
from circuits.bridge.domains import Domain
from circuits.bridge.hardening import Reading
from circuits.bridge.network_units import NetworkUnits
from circuits.netlist import Circuit

_REGIONS = 2**12


def search_faults(
    data: dict[str, Any], units: NetworkUnits, reading: Reading, domain: Domain, circuit: Any
) -> Iterator[str]:
    """Search again; what was hardened is compared unit by unit before, and what was not, here by regions."""
    if data["rows"] != domain.n_rows:
        yield f"{data['rows']} rows are said to be decided, but {domain} has {domain.n_rows}."
    # Other machines add up in another order, and may need a few boxes more.
    limits = Limits(nodes=2 * data["nodes"] + 100)
    if data["guarantee"] == "structural":
        if data["refitted"]:
            yield "Units are said to be fitted anew where that cannot be."
        found = agrees_with_hardened(units, reading, domain, limits)
    else:
        found = regions_of(units, reading, domain, limits)
    if found.row is not None:
        yield f"Network and circuit differ on row {''.join('01'[bit] for bit in found.row.tolist())}."
    elif found.outcome != "decided":
        yield f"{data['nodes']} boxes are said to be enough, but after {found.nodes} it is not decided."
    elif data["guarantee"] == "functional":
        wrong = _wrong_regions(domain, found, circuit)
        if wrong:
            yield f"Network and circuit differ, or may, on {wrong} of {len(found.regions)} regions."


def _wrong_regions(domain: Domain, found: Searched, circuit: Any) -> int:
    """Return on how many regions a circuit of gates is not known to say what the network says."""
    if not isinstance(circuit, Circuit):
        raise ValueError("regions are claimed of a circuit of units")
    wrong = 0
    for start in range(0, len(found.regions), _REGIONS):
        regions = found.regions[start : start + _REGIONS]
        off, on = _three_valued(circuit, *_columns_of(domain, found.order, [places for places, _ in regions]))
        differs = 0
        for node, bits in zip(circuit.outputs.tolist(), np.stack([bits for _, bits in regions]).T, strict=True):
            one = _word(bits)
            differs |= (on[node] & ~one) | (off[node] & one)
        wrong += differs.bit_count()
    return wrong


def _columns_of(domain: Domain, order: tuple[int, ...], chosen: list[tuple[int, ...]]) -> tuple[list[int], list[int]]:
    """Return for each column on which regions it may be 0, and on which 1: words with a bit for each region."""
    place_of = np.full((len(domain.parts), len(chosen)), -1)
    for region, places in enumerate(chosen):
        place_of[list(order[: len(places)]), region] = places
    off, on = [], []
    for part, places in zip(domain.parts, place_of, strict=True):
        for column in part.table.T:
            known = column[places]
            off.append(_word(np.where(places < 0, not column.all(), ~known)))
            on.append(_word(np.where(places < 0, column.any(), known)))
    return off, on


def _three_valued(circuit: Circuit, off: list[int], on: list[int]) -> tuple[list[int], list[int]]:
    """Return for each node where it may be 0, and where it may be 1."""
    some = off[0] | on[0] if off else 1
    off, on = [some, *off], [0, *on]
    for (a, b), table in zip(circuit.fan_ins.tolist(), circuit.tables.tolist(), strict=True):
        found = [0, 0]
        for row, word in enumerate((off[a] & off[b], on[a] & off[b], off[a] & on[b], on[a] & on[b])):
            found[table >> row & 1] |= word
        off.append(found[0])
        on.append(found[1])
    return off, on


def _word(bits: np.ndarray) -> int:
    return int.from_bytes(np.packbits(bits, bitorder="little").tobytes(), "little")

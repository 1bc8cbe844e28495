"""Certificates of extraction checked by NumPy and Python's numbers alone, and nothing else of this project.

    python circuits/bridge/extraction_checker.py FILE.json

It shares no code with the extraction but `interval_networks`, which is made for it, and takes longer.
"""

import hashlib
import itertools
import json
import math
import sys
from collections.abc import Iterator
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

if __package__:
    from circuits.bridge.interval_networks import (
        Net,
        Rows,
        bits_of,
        exact_row,
        hard_unit_data,
        input_weights,
        says,
    )
else:
    # Run by its path: importing the package would import JAX.
    from interval_networks import (  # pyright: ignore[reportMissingImports]
        Net,
        Rows,
        bits_of,
        exact_row,
        hard_unit_data,
        input_weights,
        says,
    )

_FORMAT = "circuits extraction 1"
_ROWS, _BOXES, _MOST_BOXES = 2**12, 2**10, 2**21
_STEPS = {"step", "sign", "identity"}
_CLAIMS = {
    ("structural", "exact integers"),
    ("structural", "all rows"),
    ("functional", "all rows"),
    ("structural", "branch and bound"),
    ("functional", "branch and bound"),
    ("statistical", "samples"),
}


def faults(data: dict[str, Any]) -> Iterator[str]:
    """Return what is wrong with a certificate, one sentence for each fault that is found; none if the claim holds."""
    try:
        yield from _faults(data)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError, AttributeError, ArithmeticError) as error:
        yield f"The certificate cannot be read: {type(error).__name__}: {error}"


def _faults(data: dict[str, Any]) -> Iterator[str]:
    rest = {key: value for key, value in data.items() if key != "digest"}
    if data["digest"] != hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest():
        yield "The digest is not that of the data: something was altered."
    claim = data["guarantee"], data["method"]
    if data["format"] != _FORMAT or claim not in _CLAIMS:
        yield f"{claim[0]!r} by {claim[1]!r} in the format {data['format']!r} is nothing that this program can check."
        return
    net, tables, circuit = _net(data), [_table(part) for part in data["domain"]], data["circuit"]
    if len(circuit["input_names"]) != net.n or sum(table.shape[1] for table in tables) != net.n:
        yield "The network, the domain and the circuit have different numbers of inputs."
        return
    if not len(circuit["output_names"]) == len(circuit["outputs"]) == len(net.outputs):
        yield "The network and the circuit have different numbers of outputs."
        return
    if claim[0] == "structural":
        yield from _structural_faults(data, net)
    elif data["refitted"]:
        yield "Units are said to be fitted anew, but the circuit's units are not claimed to be the network's."
    if claim[1] == "exact integers":
        if data["rows"]:
            yield f"Exact integers hold for any inputs, but {data['rows']} rows are said to be decided."
        return
    rows = math.prod(len(table) for table in tables)
    if claim[1] != "samples" and data["rows"] != rows:
        yield f"{data['rows']} rows are said to be decided, but the domain has {rows}."
    yield from {"all rows": _row_faults, "branch and bound": _box_faults, "samples": _sample_faults}[claim[1]](
        data, net, tables
    )


def _net(data: dict[str, Any]) -> Net:
    found, reading = data["network"], data["reading"]
    n, w, b, sources, offsets = (found[key] for key in ("inputs", "w", "b", "sources", "offsets"))
    kinds, m = found["kinds"], len(found["b"])
    if not (len(offsets) == m + 1 and len(kinds) == m and len(w) == len(sources) == offsets[-1] and offsets[0] == 0):
        raise ValueError("the parameters do not fit the wiring")
    if found["dtype"] not in ("float32", "float64") or reading["read"] not in ("bits", "argmax"):
        raise ValueError("there is no such dtype or reading")
    units = []
    for k, (start, end) in enumerate(itertools.pairwise(offsets)):
        weights: dict[int, Fraction] = {}
        for source, weight in zip(sources[start:end], w[start:end], strict=True):
            if type(source) is not int or not 0 <= source < n + k:
                raise ValueError(f"unit {k} reads {source!r}")
            weights[source] = weights.get(source, Fraction(0)) + Fraction(weight)
        if kinds[k] not in {*_STEPS, "sigmoid", "tanh", "relu"} or start > end:
            raise ValueError(f"unit {k} is of the kind {kinds[k]!r}")
        units.append((weights, Fraction(b[k]), kinds[k]))
    if not found["outputs"] or any(type(node) is not int or not 0 <= node < n + m for node in found["outputs"]):
        raise ValueError("an output is no node")
    return Net(n, units, found["outputs"], reading["read"] == "argmax", float(reading["threshold"]))


def _table(part: dict[str, Any]) -> np.ndarray:
    """Return the rows that the columns of a part of the domain may have."""
    match part:
        case {"kind": "bit", "columns": 1}:
            return np.array([[False], [True]])
        case {"kind": "one-hot", "columns": int(size)} if size > 0:
            return np.eye(size, dtype=bool)
        case {"kind": "thermometer", "columns": int(size)} if size > 0:
            return np.tri(size + 1, size, -1, dtype=bool)
        case {"kind": "rows" | "fixed", "rows": [*texts]} if texts and not {*"".join(texts)} - {*"01"}:
            return np.array([[*map(int, text)] for text in dict.fromkeys(texts)], bool)
    raise ValueError(f"there is no such part of a domain: {part!r}")


def _circuitsays(circuit: dict[str, Any], off: np.ndarray, on: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return on which boxes each output of a circuit may be 0 and may be 1; units know single rows alone."""
    nodes = [*zip(off.T, on.T, strict=True)]
    every = np.ones(len(off), bool)
    if circuit["kind"] == "gates":
        nodes = [(every, ~every), *nodes]
        for (a, b), table in zip(circuit["fan_ins"], circuit["tables"], strict=True):
            _check_sources([a, b], len(nodes))
            rows = [nodes[a][row & 1] & nodes[b][row >> 1] for row in range(4)]
            may_be = [
                np.any([rows[r] for r in range(4) if table >> r & 1 == bit] or [~every], axis=0) for bit in (0, 1)
            ]
            nodes.append((may_be[0], may_be[1]))
    else:
        for weights, threshold in _units(circuit):
            total: Any = np.zeros(len(on), object)
            for source, weight in weights.items():
                total = total + weight * nodes[source][1]
            fires = np.asarray(total >= threshold, bool)
            nodes.append((~fires, fires))
    _check_sources(circuit["outputs"], len(nodes))
    return tuple(np.stack([nodes[node][bit] for node in circuit["outputs"]], axis=1) for bit in (0, 1))


def _check_sources(sources: list[int], nodes: int) -> None:
    if any(type(node) is not int or not 0 <= node < nodes for node in sources):
        raise ValueError("the circuit reads what there is not")


def _units(circuit: dict[str, Any]) -> list[tuple[dict[int, int], int]]:
    n, offsets = len(circuit["input_names"]), circuit["offsets"]
    numbers = [*circuit["weights"], *circuit["thresholds"], *circuit["sources"], *offsets]
    if any(type(x) is not int for x in numbers) or len(offsets) != len(circuit["thresholds"]) + 1 or offsets[0] != 0:
        raise ValueError("the circuit's units are no whole numbers")
    if not len(circuit["weights"]) == len(circuit["sources"]) == offsets[-1]:
        raise ValueError("the circuit's weights do not fit its sources")
    units = []
    for k, (start, end) in enumerate(itertools.pairwise(offsets)):
        _check_sources(circuit["sources"][start:end], n + k)
        weights: dict[int, int] = {}
        for source, weight in zip(circuit["sources"][start:end], circuit["weights"][start:end], strict=True):
            weights[source] = weights.get(source, 0) + weight
        units.append((weights, circuit["thresholds"][k]))
    return units


def _structural_faults(data: dict[str, Any], net: Net) -> Iterator[str]:
    """Yield where the units of the circuit are not those of the hardened network, but for those said to be fitted."""
    kinds = {kind for _, _, kind in net.units}
    if data["method"] == "exact integers" and not kinds <= _STEPS:
        yield "Exact integers are claimed, but not all units are steps."
    if "relu" in kinds or data["circuit"]["kind"] != "units":
        yield "The units of this network or this circuit are none that can be compared."
        return
    expected, outputs = hard_unit_data(net)
    found, refitted = _units(data["circuit"]), set(data["refitted"])
    if len(expected) != len(found) or outputs != data["circuit"]["outputs"]:
        yield "The circuit has other units or outputs than the hardened network."
        return
    if refitted and (data["method"] != "all rows" or not refitted <= {node - net.n for node in outputs}):
        yield "Only output units may be fitted anew, where all rows are decided."
    for k, (mine, theirs) in enumerate(zip(found, expected, strict=True)):
        if mine != theirs and k not in refitted:
            yield f"Unit {k} is not that of the hardened network."
        elif mine == theirs and k in refitted:
            yield f"Unit {k} is said to be fitted anew, but is that of the hardened network."
        elif not mine[0].keys() <= theirs[0].keys():
            yield f"Unit {k} reads what the unit of the network does not read."


def _row_faults(data: dict[str, Any], net: Net, tables: list[np.ndarray]) -> Iterator[str]:
    closest, count = math.inf, math.prod(len(table) for table in tables)
    for start in range(0, count, _ROWS):
        places = np.arange(start, min(start + _ROWS, count))
        columns = []
        for table in tables:
            columns.append(table[places % len(table)])
            places = places // len(table)
        x = np.concatenate(columns, axis=1)
        bits, least = bits_of(net, x)
        closest = min(closest, least)
        wrong = (_circuitsays(data["circuit"], ~x, x)[1] != bits).any(axis=1)
        if wrong.any():
            yield f"Network and circuit differ on row {_text(x[int(wrong.argmax())])}."
            return
    if data["closest"] is not None and not 0 <= data["closest"] <= closest:
        yield f"The closest call is said to be at least {data['closest']}, but one is at {closest}."
    if not 0 <= data["uncertain"] <= count:
        yield f"{data['uncertain']} rows are said to be uncertain, of {count}."


def _sample_faults(data: dict[str, Any], net: Net, tables: list[np.ndarray]) -> Iterator[str]:
    random = np.random.Generator(np.random.PCG64(data["seed"]))
    drawn = [table[random.integers(len(table), size=data["rows"])] for table in tables]
    x, differ = np.concatenate(drawn, axis=1), 0
    for start in range(0, len(x), _ROWS):
        part = x[start : start + _ROWS]
        differ += int((_circuitsays(data["circuit"], ~part, part)[1] != bits_of(net, part)[0]).any(axis=1).sum())
    if differ != data["differ"]:
        yield f"Network and circuit are said to differ on {data['differ']} of the rows drawn, but they do on {differ}."
    if data["counterexample"] is None:
        if differ:
            yield "Rows differ, but there is no counterexample."
        return
    row = np.array([[*map(int, data["counterexample"])]], bool)
    ends = np.cumsum([table.shape[1] for table in tables])
    parts = np.split(row[0], ends[:-1]) if row.shape[1] == net.n else []
    inside = parts and all((table == own).all(axis=1).any() for table, own in zip(tables, parts, strict=True))
    if not inside or (_circuitsays(data["circuit"], ~row, row)[1] == bits_of(net, row)[0]).all():
        yield "The counterexample is none."


def _box_faults(data: dict[str, Any], net: Net, tables: list[np.ndarray]) -> Iterator[str]:
    """Search again, by intervals: split boxes until network and circuit say the same one thing on each."""
    weights, starts = input_weights(net), np.cumsum([0, *(table.shape[1] for table in tables)])
    added = [
        table @ weights[:, start : start + table.shape[1]].T for table, start in zip(tables, starts[:-1], strict=True)
    ]
    hard = net.hardened() if data["guarantee"] == "structural" else None
    if hard is None and data["circuit"]["kind"] != "gates":
        yield "Regions are claimed of a circuit of units."
        return
    order = sorted(range(len(tables)), key=lambda k: -float(np.ptp(added[k], axis=0).sum()))
    nodes, stack = 0, [np.zeros((1, 0), int)]
    while stack:
        places = stack.pop()
        if len(places) > _BOXES:
            stack.append(places[_BOXES:])
            places = places[:_BOXES]
        depth = places.shape[1]
        nodes += len(places)
        if nodes > _MOST_BOXES:
            yield f"After {nodes:,} boxes it is not decided here whether network and circuit agree."
            return
        rows = _boxes(net.n, tables, starts, added, order, places)
        one = says(net, rows)[:2]
        other = says(hard, rows)[:2] if hard is not None else _circuitsays(data["circuit"], rows.off, rows.on)
        if depth == len(order):
            one = _exactly(net, rows, one)
            other = _exactly(hard, rows, other) if hard is not None else other
        wrong = ((~one[0] & ~other[1]) | (~one[1] & ~other[0])).any(axis=1)
        if wrong.any():
            box = int(wrong.argmax())
            yield f"Network and circuit differ on row {_text(rows.on[box] & ~(rows.off[box] & rows.on[box]))}."
            return
        left = places[~((one[0] ^ one[1]) & (other[0] ^ other[1])).all(axis=1)]
        if len(left) and depth < len(order):
            choices = np.arange(len(tables[order[depth]]))
            stack.append(np.column_stack([np.repeat(left, len(choices), axis=0), np.tile(choices, len(left))]))


def _boxes(n: int, tables: list, starts: np.ndarray, added: list, order: list[int], places: np.ndarray) -> Rows:
    """Return the boxes in which the first parts in an order have been given a row each."""
    count, units = len(places), added[0].shape[1] if added else 0
    off, on = np.zeros((count, n), bool), np.zeros((count, n), bool)
    low, high = np.zeros((count, units)), np.zeros((count, units))
    for depth, k in enumerate(order):
        columns = slice(starts[k], starts[k + 1])
        if depth < places.shape[1]:
            chosen = tables[k][places[:, depth]]
            off[:, columns], on[:, columns] = ~chosen, chosen
            low, high = low + added[k][places[:, depth]], high + added[k][places[:, depth]]
        else:
            off[:, columns], on[:, columns] = ~tables[k].all(axis=0), tables[k].any(axis=0)
            low, high = low + added[k].min(axis=0), high + added[k].max(axis=0)
    return Rows(off, on, low, high)


def _exactly(net: Net, rows: Rows, said: tuple[np.ndarray, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    bits = said[1].copy()
    for row in np.flatnonzero((said[0] == said[1]).any(axis=1)).tolist():
        bits[row] = exact_row(net, rows.on[row])
    return ~bits, bits


def _text(row: np.ndarray) -> str:
    return "".join("01"[bit] for bit in row.tolist())


def main(arguments: list[str]) -> int:
    """Check the certificates in files; 0 if all claims hold, 1 if one does not."""
    status = 0
    for name in arguments:
        try:
            data = json.loads(Path(name).read_text(encoding="utf-8"))
            found = list(faults(data))
        except (OSError, ValueError) as error:
            found = [str(error)]
        if found:
            status = 1
        print("\n".join(f"{name}: {fault}" for fault in found) or f"{name}: {data['guarantee']}, holds")
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

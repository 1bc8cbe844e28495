"""Certificates of extraction: what is claimed of a network and a circuit, as data, and a check that decides it again.

The check uses nothing of the extraction but the reading of hardened units and the fractions. It evaluates the network
unit by unit in float64, with a bound on the error of each row of its own, and the circuit in integers.
"""

import hashlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np

from circuits.bridge.domains import Domain
from circuits.bridge.hardening import Reading, hard_units
from circuits.bridge.network_units import NetworkUnits, units_of_network
from circuits.bridge.row_decisions import exact_bits, uncertain_rows
from circuits.bridge.searched_claims import search_faults
from circuits.netlist import Circuit
from circuits.simulation.long_words import simulate_long_words
from circuits.threshold.threshold_circuits import ThresholdCircuit
from jaxnet.networks.network import Network
from jaxnet.networks.wiring import Wiring
from jaxnet.pytrees import Params

FORMAT = "circuits extraction 1"
_ROWS = 2**14
_U = 2.0**-53


@dataclass(frozen=True, repr=False)
class ExtractionCertificate:
    """What `from_network` claims, with all that it takes to check it.

    Attributes:
        data: numbers, texts and lists that `json` writes. "network", "reading", "domain" and "circuit" say what the
            claim is about, "guarantee" and "method" what it is; "rows" how many were decided, "closest" a lower bound
            of the smallest distance of a deciding sum from its threshold, "uncertain" on how many rows rounding may
            give the network's own floats other bits, "refitted" which units were fitted anew, "nodes" how many boxes a
            search took.
    """

    data: dict[str, Any]

    def check(self) -> bool:
        """Return whether the claim holds, decided again from the data alone; `faults` says what does not."""
        return next(self.faults(), None) is None

    def faults(self) -> Iterator[str]:
        """Return what is wrong, one sentence for each fault that is found; none if the claim holds."""
        try:
            yield from _faults(self.data)
        except (KeyError, TypeError, ValueError, IndexError, OverflowError, AttributeError) as error:
            yield f"The certificate cannot be read: {type(error).__name__}: {error}"

    def is_of(self, network: Network, params: Params) -> bool:
        """Return whether the certificate is about these parameters of this network."""
        return network_data(units_of_network("is_of", network, params)) == self.data.get("network")

    def dumps(self) -> str:
        """Return the certificate as a text, JSON."""
        return json.dumps(self.data)

    @classmethod
    def loads(cls, text: str) -> "ExtractionCertificate":
        """Return the certificate of a text that `dumps` gave.

        Raises:
            ValueError: if the text is no JSON object.
        """
        data = json.loads(text)
        if not isinstance(data, dict):
            raise ValueError(f"loads: expected a certificate, a JSON object, got {type(data).__name__}.")
        return cls(data)

    def __repr__(self) -> str:
        return f"ExtractionCertificate({self.data.get('guarantee')}, by {self.data.get('method')})"


def digest_of(data: dict[str, Any]) -> str:
    """Return the SHA-256 of everything else in a certificate; it finds what was altered by accident."""
    rest = {key: value for key, value in data.items() if key != "digest"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def network_data(units: NetworkUnits) -> dict[str, Any]:
    """Return the units of a network as data; Python writes and reads floats exactly."""
    wiring = units.wiring
    return {
        "inputs": wiring.n_inputs,
        "offsets": wiring.offsets.tolist(),
        "sources": wiring.sources.tolist(),
        "outputs": wiring.outputs.tolist(),
        "w": units.w.tolist(),
        "b": units.b.tolist(),
        "kinds": list(units.kinds),
        "dtype": units.dtype,
    }


def _network(data: dict[str, Any]) -> NetworkUnits:
    wiring = Wiring(data["inputs"], data["offsets"], data["sources"], data["outputs"])
    w, b = np.array(data["w"], float), np.array(data["b"], float)
    if w.shape != (wiring.n_edges,) or b.shape != (wiring.n_units,) or len(data["kinds"]) != wiring.n_units:
        raise ValueError("the parameters do not fit the wiring")
    return NetworkUnits(wiring, w, b, tuple(data["kinds"]), data["dtype"])


def circuit_data(circuit: Circuit | ThresholdCircuit) -> dict[str, Any]:
    """Return a circuit of gates or of units as data."""
    names = {"input_names": list(circuit.input_names), "output_names": list(circuit.output_names)}
    if isinstance(circuit, Circuit):
        arrays = {"fan_ins": circuit.fan_ins, "tables": circuit.tables, "outputs": circuit.outputs}
        return {"kind": "gates", **names, **{name: array.tolist() for name, array in arrays.items()}}
    wiring = circuit.wiring
    arrays = {"offsets": wiring.offsets, "sources": wiring.sources, "outputs": wiring.outputs}
    arrays |= {"weights": circuit.weights, "thresholds": circuit.thresholds}
    return {"kind": "units", **names, **{name: array.tolist() for name, array in arrays.items()}}


def circuit_of(data: dict[str, Any]) -> Circuit | ThresholdCircuit:
    """Return the circuit that `circuit_data` described."""
    names = data["input_names"], data["output_names"]
    if data["kind"] == "gates":
        return Circuit(names[0], data["fan_ins"], data["tables"], data["outputs"], names[1])
    wiring = Wiring(len(names[0]), data["offsets"], data["sources"], data["outputs"])
    return ThresholdCircuit(wiring, data["weights"], data["thresholds"], *names)


def _faults(data: dict[str, Any]) -> Iterator[str]:
    if data["format"] != FORMAT:
        yield f"The format is {data['format']!r}, not {FORMAT!r}."
        return
    if data["digest"] != digest_of(data):
        yield "The digest is not that of the data: something was altered."
    units, domain, circuit = (
        _network(data["network"]),
        Domain.from_description(data["domain"]),
        circuit_of(data["circuit"]),
    )
    reading = Reading(data["reading"]["read"], data["reading"]["threshold"])
    sizes = units.wiring.n_inputs, units.wiring.n_outputs
    if (circuit.n_inputs, circuit.n_outputs) != sizes or domain.n_columns != sizes[0]:
        yield f"The network has {sizes} inputs and outputs, the circuit or the domain others."
        return
    claim = data["guarantee"], data["method"]
    if claim not in _CLAIMS:
        yield f"{claim[0]!r} by {claim[1]!r} is no claim of this format."
        return
    if claim[0] == "structural":
        yield from _structural_faults(data, units, reading, circuit)
    elif data["refitted"]:
        yield "Units are said to be fitted anew, but the circuit's units are not claimed to be the network's."
    if claim[1] == "exact integers" and data["rows"]:
        yield f"Exact integers hold for any inputs, but {data['rows']} rows are said to be decided."
    if claim[1] == "all rows":
        yield from _row_faults(data, units, reading, domain, circuit)
    elif claim[1] == "branch and bound":
        yield from search_faults(data, units, reading, domain, circuit)
    elif claim[1] == "samples":
        yield from _sample_faults(data, units, reading, domain, circuit)


_CLAIMS = (
    ("structural", "exact integers"),
    ("structural", "all rows"),
    ("functional", "all rows"),
    ("structural", "branch and bound"),
    ("functional", "branch and bound"),
    ("statistical", "samples"),
)


def _structural_faults(
    data: dict[str, Any], units: NetworkUnits, reading: Reading, circuit: Circuit | ThresholdCircuit
) -> Iterator[str]:
    """Yield where the units of the circuit are not those of the hardened network, but for those said to be fitted."""
    if data["method"] == "exact integers" and not {*units.kinds} <= {"step", "sign", "identity"}:
        yield "Exact integers are claimed, but not all units are steps."
        return
    hard = hard_units(units, reading)
    if hard is None:
        yield "A network with rectifiers has no hardened units."
        return
    expected = hard.circuit(circuit.input_names, circuit.output_names)
    refitted = data["refitted"]
    if not refitted:
        if circuit_data(expected) != circuit_data(circuit):
            yield "The units of the circuit are not those of the hardened network."
        return
    if data["method"] == "exact integers" or not isinstance(expected, ThresholdCircuit):
        yield "Units are said to be fitted anew where that cannot be."
        return
    if not isinstance(circuit, ThresholdCircuit) or circuit.n_units != expected.n_units:
        yield "The circuit has another number of units than the hardened network."
        return
    outputs = {int(node) - circuit.n_inputs for node in expected.wiring.outputs}
    if not set(refitted) <= outputs or circuit.wiring.outputs.tolist() != expected.wiring.outputs.tolist():
        yield "Only output units may be fitted anew."
    for unit in range(circuit.n_units):
        mine, theirs = _unit(circuit, unit), _unit(expected, unit)
        if mine != theirs and unit not in refitted:
            yield f"Unit {unit} is not that of the hardened network."
        elif mine == theirs and unit in refitted:
            yield f"Unit {unit} is said to be fitted anew, but is that of the hardened network."
        elif not mine[0].keys() <= theirs[0].keys():
            yield f"Unit {unit} reads what the unit of the network does not read."


def _unit(circuit: ThresholdCircuit, unit: int) -> tuple[dict[int, int], int]:
    pairs, threshold = _edges(circuit, unit)
    return dict(pairs), threshold


def _row_faults(
    data: dict[str, Any], units: NetworkUnits, reading: Reading, domain: Domain, circuit: Any
) -> Iterator[str]:
    if data["rows"] != domain.n_rows:
        yield f"{data['rows']} rows are said to be decided, but {domain} has {domain.n_rows}."
    closest, uncertain = np.inf, 0
    for rows in domain.blocks(_ROWS):
        bits, least = _decided(units, reading, rows)
        uncertain += uncertain_rows(units, reading, rows)
        closest = min(closest, least)
        if (row := _first_difference(bits, circuit, rows)) is not None:
            yield f"Network and circuit differ on row {''.join('01'[bit] for bit in rows[row].tolist())}."
            return
    if data["closest"] is not None and not 0 <= data["closest"] <= closest:
        yield f"The closest call is said to be at least {data['closest']}, but one is at {closest}."
    if not uncertain <= data["uncertain"] <= data["rows"]:
        yield f"{data['uncertain']} rows are said to be uncertain, but {uncertain} of {domain.n_rows} are."


def _sample_faults(
    data: dict[str, Any], units: NetworkUnits, reading: Reading, domain: Domain, circuit: Any
) -> Iterator[str]:
    rows, differ = sample_rows(domain, data["rows"], data["seed"]), 0
    for start in range(0, len(rows), _ROWS):
        bits, _ = _decided(units, reading, rows[start : start + _ROWS])
        differ += int((bits != _fires(circuit, rows[start : start + _ROWS])).any(axis=1).sum())
    if differ != data["differ"]:
        yield f"Network and circuit are said to differ on {data['differ']} of the rows drawn, but they do on {differ}."
    if data["counterexample"] is not None:
        row = np.array([[*map(int, data["counterexample"])]], bool)
        bits, _ = _decided(units, reading, row)
        if not domain.contains(row).all() or _first_difference(bits, circuit, row) is None:
            yield "The counterexample is none."
    elif differ:
        yield "Rows differ, but there is no counterexample."


def sample_rows(domain: Domain, count: int, seed: int) -> np.ndarray:
    """Return the rows of a domain that a seed draws, the same ones wherever it runs."""
    return domain.sample(count, np.random.Generator(np.random.PCG64(seed)))


def _first_difference(bits: np.ndarray, circuit: Any, rows: np.ndarray) -> int | None:
    wrong = (bits != _fires(circuit, rows)).any(axis=1)
    return int(wrong.argmax()) if wrong.any() else None


def _decided(units: NetworkUnits, reading: Reading, rows: np.ndarray) -> tuple[np.ndarray, float]:
    """Return the bits of the network on rows, and an upper bound of the distance of the closest call.

    Running error analysis: each value has a bound on its own error (N. J. Higham, 2002, section 3.3).
    """
    n, wiring = units.wiring.n_inputs, units.wiring
    # Inputs have no errors, and a product of arrays is fast.
    weights = _input_weights(wiring, units.w)
    added, sizes = (rows.astype(float) @ each.T for each in (weights, np.abs(weights)))
    values: list[Any] = [None] * n
    errors: list[Any] = [0.0] * n
    sums: list[np.ndarray] = []
    bounds: list[np.ndarray] = []
    undecided, closest = np.zeros(len(rows), bool), np.inf
    offsets, sources, w = wiring.offsets.tolist(), wiring.sources.tolist(), units.w.tolist()
    with np.errstate(over="ignore", invalid="ignore"):
        for unit, kind in enumerate(units.kinds):
            edges = range(offsets[unit], offsets[unit + 1])
            z, size, passed = (np.full(len(rows), start) for start in (units.b[unit], abs(units.b[unit]), 0.0))
            z, size = z + added[:, unit], size + sizes[:, unit]
            for e in [e for e in edges if sources[e] >= n]:
                product = w[e] * values[sources[e]]
                z = z + product
                size = size + np.abs(product)
                passed = passed + abs(w[e]) * errors[sources[e]]
            bound = 1.001 * ((len(edges) + 4) * _U * (size + passed) + passed) + 2.0**-1000
            sums.append(z)
            bounds.append(bound)
            if kind in ("step", "sign"):
                undecided |= ~(np.abs(z) > bound)
                closest = min(closest, float((np.abs(z) + bound).min(initial=np.inf)))
            value, error = _activated(kind, z, bound)
            values.append(value)
            errors.append(error)
    found = []
    for node in wiring.outputs.tolist():
        if node < n:
            found.append((np.where(rows[:, node], np.inf, -np.inf), np.zeros(len(rows))))
        else:
            shift = reading.threshold if reading.read == "bits" and units.kinds[node - n] == "identity" else 0.0
            found.append((sums[node - n] - shift, bounds[node - n] * 1.001 + 2 * _U * np.abs(sums[node - n])))
    if reading.read == "argmax":
        bits, distance, bound = _largest(found)
    else:
        bits = np.stack([z >= 0 for z, _ in found], axis=1)
        distance, bound = np.stack([np.abs(z) for z, _ in found]), np.stack([bound for _, bound in found])
    undecided |= ~(distance > bound).all(axis=0)
    closest = min(closest, float((distance + bound).min(initial=np.inf)))
    for row in np.flatnonzero(undecided):
        exact = exact_bits(units, reading, rows[row])
        if exact is None:
            raise ValueError(f"row {row} of a block is closer to a threshold than fractions of 1,024 bits tell")
        bits[row] = exact
    return bits, closest


def _input_weights(wiring: Wiring, w: np.ndarray) -> np.ndarray:
    """Return the weights of units on inputs, `(units, n)` float64."""
    weights = np.zeros((wiring.n_units, wiring.n_inputs))
    units = np.repeat(np.arange(wiring.n_units), np.diff(wiring.offsets))
    given = wiring.sources < wiring.n_inputs
    np.add.at(weights, (units[given], wiring.sources[given]), w[given].astype(float))
    return weights


def _largest(found: list[tuple[np.ndarray, np.ndarray]]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    values, bounds = (np.stack(each, axis=1) for each in zip(*found, strict=True))
    bits = np.arange(values.shape[1]) == values.argmax(axis=1)[:, None]
    lead = np.where(bits, np.inf, values.max(axis=1)[:, None] - values)
    return bits, lead.T, (bounds + bounds.max(axis=1)[:, None]).T


def _activated(kind: str, z: np.ndarray, bound: np.ndarray) -> tuple[np.ndarray, Any]:
    match kind:
        case "step":
            return (z >= 0).astype(float), 0.0
        case "sign":
            return np.where(z >= 0, 1.0, -1.0), 0.0
        case "sigmoid":
            return 0.5 + 0.5 * np.tanh(z / 2), np.minimum(bound / 4, 1) + 2.0**-50
        case "tanh":
            return np.tanh(z), np.minimum(bound, 2) + 2.0**-49
        case "relu":
            return np.maximum(z, 0), bound
        case "identity":
            return z, bound
    raise ValueError(f"there is no kind of unit {kind!r}")


def _fires(circuit: Circuit | ThresholdCircuit, rows: np.ndarray) -> np.ndarray:
    """Return the outputs of a circuit, by the definition of its gates or units."""
    if isinstance(circuit, Circuit):
        # A node on all rows is one long integer, the first row its lowest bit.
        columns = np.packbits(rows, axis=0, bitorder="little").T
        inputs = [int.from_bytes(column.tobytes(), "little") for column in columns]
        words = simulate_long_words(circuit, inputs, len(rows))
        size = -(-len(rows) // 8)
        chosen = [words[node].to_bytes(size, "little") for node in circuit.outputs.tolist()]
        packed = np.frombuffer(b"".join(chosen), np.uint8).reshape(circuit.n_outputs, size)
        return np.unpackbits(packed, axis=1, count=len(rows), bitorder="little").T.astype(bool)
    nodes = [*rows.T]
    weights_on_inputs = _input_weights(circuit.wiring, circuit.weights)
    # Sums of integers below 2^53 are exact in float64.
    fast = len(weights_on_inputs) > 0 and np.abs(weights_on_inputs).sum(axis=1).max() < 2**52
    added = (rows.astype(float) @ weights_on_inputs.T).astype(np.int64) if fast else None
    for unit in range(circuit.n_units):
        weights, threshold = _edges(circuit, unit)
        total = np.zeros(len(rows), np.int64)
        if added is not None:
            total += added[:, unit]
            weights = [pair for pair in weights if pair[0] >= circuit.n_inputs]
        for source, weight in weights:
            total += weight * nodes[source]
        nodes.append(total >= threshold)
    return np.stack([nodes[node] for node in circuit.wiring.outputs.tolist()], axis=1)


def _edges(circuit: ThresholdCircuit, unit: int) -> tuple[list[tuple[int, int]], int]:
    edges = slice(*circuit.wiring.offsets[unit : unit + 2].tolist())
    pairs = zip(circuit.wiring.sources[edges].tolist(), circuit.weights[edges].tolist(), strict=True)
    return list(pairs), int(circuit.thresholds[unit])

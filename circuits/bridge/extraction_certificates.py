"""Certificates of extraction: what is claimed of a network and a circuit, as data; `extraction_checks` checks it."""

import itertools
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from circuits.bridge import extraction_checks
from circuits.bridge.domains import Domain
from circuits.bridge.extraction_checks import FORMAT as FORMAT
from circuits.bridge.extraction_checks import digest_of as digest_of
from circuits.bridge.hardening import HardUnit, HardUnits
from circuits.bridge.network_units import NetworkUnits, units_of_network
from circuits.netlist import Circuit
from circuits.threshold.threshold_circuits import ThresholdCircuit
from jaxnet.networks.network import Network
from jaxnet.pytrees import Params


@dataclass(frozen=True, repr=False)
class ExtractionCertificate:
    """What `from_network` claims, with all that it takes to check it.

    Attributes:
        data: numbers, texts and lists that `json` writes. "network", "reading", "domain" and "circuit" say what the
            claim is about, "guarantee" and "method" what it is; "rows" how many were decided, "closest" a lower bound
            of the smallest distance of a deciding sum from its threshold, None if there is none, "uncertain" on at most
            how many rows rounding may give the network's own floats, or for `argmax` their sums, other bits, "refitted"
            which units were fitted anew.
    """

    data: dict[str, Any]

    def check(self) -> bool:
        """Return whether the claim holds, decided again from the data alone; `faults` says what does not."""
        return next(self.faults(), None) is None

    def faults(self) -> Iterator[str]:
        """Return what is wrong, one sentence for each fault that is found; none if the claim holds."""
        return extraction_checks.faults(self.data)

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


def circuit_data(
    circuit: Circuit | ThresholdCircuit | HardUnits, input_names: Sequence[str] = (), output_names: Sequence[str] = ()
) -> dict[str, Any]:
    """Return a circuit of gates or of units as data; of exact units, whose weights int64 may not hold, with names."""
    if isinstance(circuit, HardUnits):
        names = {"input_names": [*input_names], "output_names": [*output_names]}
        weights = [weight for unit in circuit.units for weight in unit.weights.values()]
        return {
            "kind": "units",
            **names,
            "offsets": [0, *itertools.accumulate(len(unit.weights) for unit in circuit.units)],
            "sources": [node for unit in circuit.units for node in unit.weights],
            "outputs": [*circuit.outputs],
            "weights": weights,
            "thresholds": [unit.threshold for unit in circuit.units],
        }
    names = {"input_names": list(circuit.input_names), "output_names": list(circuit.output_names)}
    if isinstance(circuit, Circuit):
        arrays = {"fan_ins": circuit.fan_ins, "tables": circuit.tables, "outputs": circuit.outputs}
        return {"kind": "gates", **names, **{name: array.tolist() for name, array in arrays.items()}}
    wiring = circuit.wiring
    arrays = {"offsets": wiring.offsets, "sources": wiring.sources, "outputs": wiring.outputs}
    arrays |= {"weights": circuit.weights, "thresholds": circuit.thresholds}
    return {"kind": "units", **names, **{name: array.tolist() for name, array in arrays.items()}}


def circuit_of(data: dict[str, Any]) -> Circuit | ThresholdCircuit:
    """Return the circuit that `circuit_data` described; units whose weights int64 does not hold as gates."""
    names = data["input_names"], data["output_names"]
    if data["kind"] == "gates":
        return Circuit(names[0], data["fan_ins"], data["tables"], data["outputs"], names[1])
    edges = list(zip(data["sources"], data["weights"], strict=True))
    units = [
        HardUnit(dict(edges[start:end]), threshold)
        for (start, end), threshold in zip(itertools.pairwise(data["offsets"]), data["thresholds"], strict=True)
    ]
    return HardUnits(len(names[0]), tuple(units), tuple(data["outputs"]), ()).circuit(*names)


def sample_rows(domain: Domain, count: int, seed: int) -> np.ndarray:
    """Return the rows of a domain that a seed draws, the same ones wherever it runs."""
    return domain.sample(count, np.random.Generator(np.random.PCG64(seed)))

"""From networks to circuits: structural, functional or statistical, on a domain that is part of the claim.

Steps are exact: floats are dyadic. Other units are their hardening, on any number of rows, where margins show it. If
they do not, every row of the domain is decided, with bounds on rounding, up to 2^28 rows: if the hardened network says
the same on all of them, the circuit's units are the network's; if not, output units are fitted anew to the values of
the hidden ones; if that fails, the circuit is made of the values alone. Domains of more than 2^22 rows are first
searched by branch and bound, for a proof that the hardened network says the same or a row on which it does not, and
then for regions on each of which the network says one thing.
"""

import math
import time
from collections.abc import Sequence
from typing import Any, Literal, NamedTuple

import numpy as np

from circuits.bridge.branch_and_bound import Limits, agrees_with_hardened, regions_of
from circuits.bridge.domain_circuits import circuit_of_regions, circuit_on_domain
from circuits.bridge.domains import Domain, column_names, counted
from circuits.bridge.exact_rows import Reading
from circuits.bridge.extraction_certificates import (
    FORMAT,
    ExtractionCertificate,
    circuit_data,
    digest_of,
    network_data,
    sample_rows,
)
from circuits.bridge.extraction_checks import MAX_ROWS, MAX_SAMPLES
from circuits.bridge.hardening import HardUnit, HardUnits, fires, hard_units
from circuits.bridge.network_units import NetworkUnits, units_of_network
from circuits.bridge.row_decisions import decide, decide_domain
from circuits.bridge.unit_margins import hardened_everywhere
from circuits.mapping.fitting import one_unit
from circuits.mapping.unit_networks import Unit
from circuits.netlist import Circuit
from circuits.simulation.simulator import evaluate
from circuits.threshold.threshold_circuits import ThresholdCircuit
from jaxnet.networks.network import Network
from jaxnet.pytrees import Params
from jaxnet.validation import whole_number

Guarantee = Literal["structural", "functional", "statistical"]
# Up to this number of values of units, deciding all rows takes milliseconds and says more than margins do.
_FEW_VALUES = 2**18
# A table of values is kept, and rows are gone through once more in NumPy, up to these numbers.
_MAX_TABLE = 2**22
_MAX_REFIT = 2**20
_TREE_ROWS = 2**12
# Where rows can still be enumerated, a search that is not done after so many boxes makes way.
_FIRST_BOXES = 2**13


class Extracted(NamedTuple):
    """A circuit that was read out of a network.

    Attributes:
        circuit: a `ThresholdCircuit` of the network's units if the guarantee is structural, a `Circuit` of gates
            otherwise or where int64 does not hold the weights.
        certificate: what is claimed, as data; `certificate.check()` decides it again.
        guarantee: "structural", the circuit's units are the network's, and both agree on the domain; "functional", they
            agree on the domain; "statistical", they were compared on rows drawn from it.
        domain: the rows that the claim is about.
        counterexample: of a statistical result, a row on which they differ, `(n,)` bool; None if none was found.
    """

    circuit: Circuit | ThresholdCircuit
    certificate: ExtractionCertificate
    guarantee: Guarantee
    domain: Domain
    counterexample: np.ndarray | None = None

    def __repr__(self) -> str:
        data = self.certificate.data
        how = {
            "exact integers": "exact integers, for any inputs",
            "margins of units": f"margins of all units, {counted(self.domain.n_rows)} rows",
            "all rows": f"all {data['rows']:,} rows" if data["rows"] else "",
            "branch and bound": f"all rows, in {data['nodes']:,} boxes" if "nodes" in data else "",
            "samples": f"{data['differ']:,} of {data['rows']:,} rows differ" if data["method"] == "samples" else "",
        }[data["method"]]
        return f"Extracted({self.guarantee}, {self.circuit!r}, {how})"


def from_network(
    network: Network,
    params: Params,
    domain: Domain | None = None,
    *,
    read: Literal["bits", "argmax"] = "bits",
    threshold: float = 0.0,
    want: Literal["structural", "functional"] = "structural",
    input_names: Sequence[str] | None = None,
    output_names: Sequence[str] | None = None,
    time_limit: float = 10.0,
    samples: int = 2**16,
    seed: int = 0,
) -> Extracted:
    """Read a circuit out of a network, with a certificate that says on which inputs they agree.

    Inputs are 0 and 1. An output of a sigmoid or a step is 1 from 1/2 on, of a tanh from 0 on, and of the identity from
    `threshold` on; with `read="argmax"` the output of the largest sum is 1, the first of those that tie.

    Args:
        network: made by `mlp`, `layer`, `chain` of them or `wired`, of sigmoid, tanh, relu, identity and step units.
        params: its parameters, float32 or float64.
        domain: the rows that matter, of as many columns as there are inputs; the cube if None.
        read: how outputs are bits.
        threshold: of outputs of the identity.
        want: "functional" leaves out the network's units, for a circuit of the values alone, often a short formula.
        input_names: x0, x1, ... if None; those of an `Encoding` for a table.
        output_names: y, or y0, y1, ..., if None.
        time_limit: seconds of branch and bound, for domains of more than 2^22 rows; a search that runs out of them
            proves nothing, and no other result depends on them.
        samples: how many rows are drawn where nothing is proved.
        seed: of these rows.

    Returns:
        An `Extracted`. Agreement is that of exact arithmetic; `certificate.data["uncertain"]` counts the rows on which
        rounding may give the network's own floats, added in any order in full precision, other bits, where all rows
        were decided.

    Raises:
        TypeError: if the network is none of these.
        ValueError: if the domain does not fit, an option is none, or an output is a unit of the rectifier.
        ShapeError: if the parameters do not fit.

    Source: the ladder of this module; N. J. Higham (2002) for the bounds.

    >>> import jax.numpy as jnp
    >>> from jaxnet import Neuron, mlp
    >>> params = (Neuron(jnp.array([[9.0, 9.0], [9.0, 9.0]]), jnp.array([-4.0, -14.0])),
    ...           Neuron(jnp.array([[9.0, -9.0]]), jnp.array([-4.0])))
    >>> found = from_network(mlp([2, 2, 1]), params)
    >>> found
    Extracted(structural, ThresholdCircuit(2 inputs, 1 outputs, 3 units), all 4 rows)
    >>> evaluate(found.circuit, [[0, 0], [1, 0], [0, 1], [1, 1]]).T
    array([[False,  True,  True, False]])
    >>> found.certificate.check()
    True
    """
    units = units_of_network("from_network", network, params)
    domain = Domain.cube(units.wiring.n_inputs) if domain is None else domain
    reading = _checked(units, domain, read, threshold, want, time_limit)
    samples = whole_number("from_network", "samples", samples, 1, MAX_SAMPLES)
    names = column_names("from_network", domain, input_names)
    m = units.wiring.n_outputs
    outputs = (["y"] if m == 1 else [f"y{k}" for k in range(m)]) if output_names is None else list(output_names)
    if len(outputs) != m:
        raise ValueError(f"from_network: expected {m} output names, got {len(outputs)}.")
    task = _Task(units, reading, domain, names, outputs)
    hard = hard_units(units, reading)
    if hard is not None and want == "structural" and {*units.kinds} <= {"step", "sign", "identity"}:
        return _result(task, hard, "structural", "exact integers", rows=0)
    wanted = hard if want == "structural" else None
    if wanted is not None and domain.n_rows * len(units.b) > _FEW_VALUES:
        plain, tables = units.plain(), [part.table for part in domain.parts]
        for rounded in (True, False):
            if hardened_everywhere(plain, reading, tables, rounded=rounded):
                said = {"rows": 0, "uncertain": 0 if rounded else None}
                return _result(task, wanted, "structural", "margins of units", **said)
    found = _by_rows(task, wanted) if domain.n_rows <= _MAX_TABLE else _by_boxes(task, wanted, time_limit)
    return found if isinstance(found, Extracted) else _by_samples(task, hard, samples, seed, found)


class _Task(NamedTuple):
    units: NetworkUnits
    reading: Reading
    domain: Domain
    input_names: list[str]
    output_names: list[str]


def _checked(units: NetworkUnits, domain: Domain, read: str, threshold: float, want: str, time_limit: float) -> Reading:
    n = units.wiring.n_inputs
    if not isinstance(domain, Domain):
        raise TypeError(f"from_network: expected a Domain, such as Domain.cube({n}), got {type(domain).__name__}.")
    if domain.n_columns != n:
        raise ValueError(f"from_network: expected a domain of {n} columns, one for each input, got {domain}.")
    if read not in ("bits", "argmax"):
        raise ValueError(f"from_network: expected read to be 'bits' or 'argmax', got {read!r}.")
    if not time_limit >= 0:
        raise ValueError(f"from_network: expected a time limit of at least 0 seconds, got {time_limit}.")
    if want not in ("structural", "functional"):
        raise ValueError(f"from_network: expected want to be 'structural' or 'functional', got {want!r}.")
    outputs = units.wiring.outputs.tolist()
    kinds = {units.kinds[node - n] if node >= n else "input" for node in outputs}
    if not outputs:
        raise ValueError("from_network: expected a network with outputs, got none.")
    if "relu" in kinds:
        raise ValueError("from_network: expected no rectifier at an output, whose sign says nothing. Use the identity.")
    if read == "argmax" and len(kinds) > 1:
        raise ValueError(f"from_network: expected outputs of one kind for arg max, got {', '.join(sorted(kinds))}.")
    if read == "argmax" and kinds & {"step", "input"}:
        raise ValueError("from_network: arg max of bits is always a tie. Use read='bits'.")
    if not np.isfinite(threshold) or (threshold and (read != "bits" or "identity" not in kinds)):
        raise ValueError(
            f"from_network: expected a finite threshold, for outputs of the identity read as bits, got {threshold}."
        )
    return Reading(read, float(threshold))


def _by_rows(task: _Task, hard: HardUnits | None) -> Extracted | np.ndarray | None:
    """Decide all rows: the hardened network if it says the same, else refitted, else a circuit of the values.

    Of too many rows for a circuit of the values, return one on which the hardened network differs, or None.
    """
    units, reading, domain = task.units, task.reading, task.domain
    keep = domain.n_rows <= _MAX_TABLE
    if hard is None and not keep:
        return None
    table, agree = [], hard is not None
    closest, uncertain = np.inf, 0
    blocks = decide_domain(units, reading, domain)
    hardened = decide_domain(units.hardened(), reading, domain) if hard is not None else None
    for start, found in blocks:
        if found.unsettled:
            return None
        closest, uncertain = min(closest, found.closest), uncertain + found.uncertain
        if keep:
            table.append(found.bits)
        if hardened is not None and agree:
            _, other = next(hardened)
            wrong = (found.bits != other.bits).any(axis=1)
            agree = not other.unsettled and not wrong.any()
            if not agree and not keep:
                row = start + int(wrong.argmax())
                return None if other.unsettled else domain.block(row, row + 1)[0]
    said = {"rows": domain.n_rows, "closest": float(closest) if np.isfinite(closest) else None, "uncertain": uncertain}
    if hard is not None and agree:
        return _result(task, hard, "structural", "all rows", **said)
    values = np.concatenate(table)
    if hard is not None and reading.read == "bits" and domain.n_rows <= _MAX_REFIT:
        again = _refitted(hard, domain, values)
        if again is not None:
            fitted, changed = again
            circuit = fitted.circuit(task.input_names, task.output_names)
            if isinstance(circuit, ThresholdCircuit):
                return _result(task, circuit, "structural", "all rows", refitted=changed, **said)
    circuit = circuit_on_domain(domain, values, task.input_names, task.output_names)
    return _result(task, circuit, "functional", "all rows", **said)


def _by_boxes(task: _Task, hard: HardUnits | None, seconds: float) -> Extracted | np.ndarray | None:
    """Decide by branch and bound: the hardened network if it says the same, else a circuit of regions.

    If time runs out, return a row on which the hardened network differs, or None.
    """
    units, reading, domain = task.units.plain(), task.reading, task.domain
    tables = [part.table for part in domain.parts]
    end = time.monotonic() + seconds
    example = None
    if hard is not None:
        enumerable = domain.n_rows <= MAX_ROWS
        found = agrees_with_hardened(units, reading, tables, Limits(seconds, _FIRST_BOXES if enumerable else math.inf))
        if found.outcome == "decided":
            return _result(task, hard, "structural", "branch and bound", rows=0, nodes=found.nodes)
        example = found.row
        if found.outcome == "unfinished":
            by_rows = _by_rows(task, hard) if enumerable else None
            if by_rows is None or isinstance(by_rows, Extracted):
                return by_rows
            example = by_rows
    found = regions_of(units, reading, tables, Limits(max(0.0, end - time.monotonic())))
    if found.outcome != "decided":
        return example
    circuit = circuit_of_regions(domain, found.order, found.regions, task.input_names, task.output_names)
    return _result(task, circuit, "functional", "branch and bound", rows=0, nodes=found.nodes)


def _refitted(hard: HardUnits, domain: Domain, values: np.ndarray) -> tuple[HardUnits, list[int]] | None:
    """Return the hardened network with its wrong output units fitted anew, and which, or None if one cannot be."""
    on = np.concatenate([fires(hard, rows) for rows in domain.blocks()])
    made, changed = list(hard.units), []
    readers = {node for unit in hard.units for node in unit.weights}
    for k, node in enumerate(hard.outputs):
        if np.array_equal(on[:, node], values[:, k]):
            continue
        if node < hard.n_inputs or node in readers or hard.outputs.count(node) > 1:
            return None
        sources = sorted(made[node - hard.n_inputs].weights)
        fitted = _fitted(on[:, sources], values[:, k])
        if fitted is None:
            return None
        made[node - hard.n_inputs] = HardUnit({sources[i]: w for i, w in fitted.weights.items()}, fitted.threshold)
        changed.append(node - hard.n_inputs)
    return hard._replace(units=tuple(made)), changed


def _fitted(rows: np.ndarray, values: np.ndarray) -> Unit | None:
    """Return a unit over at most 64 columns that has these values, or None: by the rows that differ, each once."""
    if rows.shape[1] > 64:
        return None
    packed = np.zeros((len(rows), 8), np.uint8)
    packed[:, : -(-rows.shape[1] // 8)] = np.packbits(rows, axis=1)
    _, first, which = np.unique(packed.view(np.uint64)[:, 0], return_index=True, return_inverse=True)
    if (values[first][which] != values).any():
        return None
    return one_unit(rows[first], values[first])


def _by_samples(
    task: _Task, hard: HardUnits | None, samples: int, seed: int, example: np.ndarray | None = None
) -> Extracted:
    """Compare network and circuit on rows drawn from the domain."""
    rows = sample_rows(task.domain, samples, seed)
    if hard is not None:
        circuit = hard.circuit(task.input_names, task.output_names)
    else:
        # Of rectifiers: a decision tree, on rows of its own.
        learned = Domain.listed(sample_rows(task.domain, _TREE_ROWS, seed + 1))
        seen = learned.block(0, learned.n_rows)
        values = decide(task.units, task.reading, seen).bits
        circuit = circuit_on_domain(learned, values, task.input_names, task.output_names)
    wrong = _differences(task, circuit, rows)
    if example is None and wrong.any():
        example = rows[int(wrong.argmax())]
    text = None if example is None else "".join("01"[bit] for bit in example.tolist())
    said = {"rows": len(rows), "seed": seed, "differ": int(wrong.sum()), "counterexample": text}
    return _result(task, circuit, "statistical", "samples", **said)._replace(counterexample=example)


def _differences(task: _Task, circuit: Circuit | ThresholdCircuit, rows: np.ndarray) -> np.ndarray:
    return (decide(task.units, task.reading, rows).bits != np.asarray(evaluate(circuit, rows))).any(axis=1)


def _result(
    task: _Task, circuit: Circuit | ThresholdCircuit | HardUnits, guarantee: Guarantee, method: str, **said: Any
) -> Extracted:
    names = task.input_names, task.output_names
    data = {
        "format": FORMAT,
        "guarantee": guarantee,
        "method": method,
        "network": network_data(task.units),
        "reading": task.reading._asdict(),
        "domain": task.domain.description(),
        "circuit": circuit_data(circuit, *names),
        "refitted": [],
        **said,
    }
    data["digest"] = digest_of(data)
    if isinstance(circuit, HardUnits):
        circuit = circuit.circuit(*names)
    return Extracted(circuit, ExtractionCertificate(data), guarantee, task.domain)

"""The commands of the bridge, as those of `commands`: circuits made into networks, and networks into circuits."""

import argparse
import contextlib
import decimal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jax
import numpy as np

from circuits.bridge.certificates import CertificateError, as_json
from circuits.bridge.compilation import to_network
from circuits.bridge.domains import Domain
from circuits.bridge.encodings import formula
from circuits.bridge.extraction import Extracted, from_network
from circuits.bridge.network_files import ACTIVATIONS, NetworkFile, read_network, write_network
from circuits.circuit_arguments import format_to_write, lines_of_rows, load_any, rows_of_texts, save, standard_input
from circuits.composition import cone
from circuits.errors import ParseError
from circuits.gate_networks.gate_structures import is_of_gates, structure_of
from circuits.gate_networks.hardened_circuits import harden
from circuits.gate_networks.logic_gate_networks import gate_outputs
from circuits.netlist import Circuit, depth
from circuits.simulation.truth_tables import rows as all_rows
from circuits.threshold.gate_conversion import to_circuit
from jaxnet.networks.network import sizes_of

# Exit statuses: of `network`, if nothing is proved; of `extract`, where circuit and network were only compared.
PROVED, NOT_PROVED = 0, 1
AGREE, DIFFERENT, NOT_KNOWN = 0, 1, 3

# Sigmoids and tanhs come within this of their values if no error is asked for.
_ERROR = 0.1
# What is printed of a bound is a bound too.
_UPWARDS = decimal.Context(prec=3, rounding=decimal.ROUND_CEILING)
# How a network of gates is run: as it learns, and as the circuit that it becomes.
_FORWARD = "soft", "hard"
_ALL_ROWS = 12  # inputs, up to which all rows are gone through
# Seconds of branch and bound.
_TIME_LIMIT = 10.0
# How long a least sum of products is looked for.
_SECONDS = 5.0


def network(options: argparse.Namespace) -> int:
    """Make a circuit into a network, prove how near it comes, and write it."""
    circuit = load_any(options.circuit, options)
    soft = options.activation in ("sigmoid", "tanh")
    try:
        made = to_network(
            circuit,
            ACTIVATIONS[options.activation],
            error=_ERROR if soft and options.error is None else options.error,
            max_fan_in=options.fan_in,
            max_weight=options.weight,
            layered=options.layered,
        )
    except ValueError as error:
        raise ParseError(str(error)) from None
    try:
        proved = made.certificate
    except CertificateError as error:
        print(f"nothing is proved: {error}")
        return NOT_PROVED
    if options.out is not None:
        names = made.circuit.input_names, made.circuit.output_names
        # Behind rectifiers, outputs are of the identity, and 0 or 1.
        threshold = 0.5 if options.activation == "relu" else 0.0
        write_network(options.out, made.network, made.params, *names, threshold=threshold)
    if options.certificate is not None:
        Path(options.certificate).write_text(as_json(proved))
    units = sum(len(b) for b in jax.tree.leaves(made.params)[1::2])
    said = [f"{made.circuit.n_inputs:,} inputs", f"{units:,} units ({options.activation})"]
    if soft and len(made.gains):
        low, high = made.gains.min(), made.gains.max()
        said.append(f"gains {low:g} to {high:g}" if low < high else f"gain {low:g}")
    error = _UPWARDS.create_decimal_from_float(proved.error)
    print(f"{', '.join(said)}, error {error:g} on all inputs, proved")
    return PROVED


def extract(options: argparse.Namespace) -> int:
    """Read a circuit out of a network, write it, and print what is guaranteed on which inputs."""
    if options.out is not None:
        format_to_write(options.out, options)
    # In 64 bits, so that parameters of float64 are taken as they are.
    with jax.enable_x64(True):
        model = read_network(options.model, options.activation)
        if is_of_gates(model.network.structure):
            return _harden(model, options)
        domain = _domain(options, sizes_of(model.network.structure)[0] or 0)
        threshold = model.threshold if options.read == "bits" else 0.0
        try:
            found = from_network(
                model.network,
                model.params,
                domain,
                read=options.read,
                threshold=threshold if options.threshold is None else options.threshold,
                want="functional" if options.functional else "structural",
                input_names=model.input_names,
                output_names=model.output_names,
                samples=options.samples,
                time_limit=_TIME_LIMIT if options.time_limit is None else options.time_limit,
            )
        except (ValueError, TypeError) as error:
            raise ParseError(str(error)) from None
    if options.out is not None:
        save(found.circuit, options.out, options)
    if options.certificate is not None:
        Path(options.certificate).write_text(found.certificate.dumps())
    print("\n".join(_report(found, options.formula)), file=sys.stderr if options.out == "-" else sys.stdout)
    if found.guarantee != "statistical":
        return AGREE
    return NOT_KNOWN if found.counterexample is None else DIFFERENT


def _harden(model: NetworkFile, options: argparse.Namespace) -> int:
    """Write the circuit of a network of gates, and print how often the network says something else on rows."""
    unused = ("one_hot", "rows", "threshold", "time_limit", "certificate", "functional")
    for flag in ["read"] * (options.read != "bits") + [*unused]:
        if (given := getattr(options, flag)) is not None and given is not False:
            name = flag.replace("_", "-")
            raise ParseError(f"--{name}: a network of gates is hardened, gate by gate, and takes no such option")
    circuit = harden(model.network, model.params, input_names=model.input_names)
    if options.out is not None:
        save(circuit, options.out, options)
    every = circuit.n_inputs <= _ALL_ROWS
    drawn = np.random.default_rng(0).random((min(options.samples, 2**_ALL_ROWS), circuit.n_inputs)) < 0.5
    rows = all_rows(circuit.n_inputs) if every else drawn
    soft, hard = (
        _answers(gate_outputs(model.network, model.params, rows, forward=forward), model) for forward in _FORWARD
    )
    differ = (soft != hard).reshape(len(rows), -1).any(axis=1)
    lines = [
        f"hardened: {circuit.n_gates:,} gates, depth {depth(circuit):,}; the network says otherwise on "
        f"{differ.sum():,} of {f'all {len(rows):,} rows' if every else f'{len(rows):,} rows that were drawn'}"
    ]
    if differ.any():
        row = zip(circuit.input_names, rows[differ.argmax()].tolist(), strict=True)
        lines.append(" ".join(["counterexample", *(f"{name}={value:d}" for name, value in row)]))
    lines += _formulas(circuit) if options.formula else []
    print("\n".join(lines), file=sys.stderr if options.out == "-" else sys.stdout)
    return DIFFERENT if differ.any() else AGREE if every else NOT_KNOWN


def _answers(outputs: Any, model: NetworkFile) -> np.ndarray:
    """Return what outputs of gates say: classes, or bits."""
    outputs = np.asarray(outputs)
    return outputs > 0.5 if structure_of("extract", model.network).n_classes is None else outputs.argmax(axis=-1)


def _domain(options: argparse.Namespace, n: int) -> Domain | None:
    """Return the domain that the options name; None for the cube."""
    if options.one_hot is not None:
        if sum(options.one_hot) != n:
            raise ParseError(
                f"--one-hot: expected groups of {n} columns, one for each input, got {sum(options.one_hot)}"
            )
        return Domain.one_hot(options.one_hot)
    if options.rows is None:
        return None
    if options.rows == "-":
        source, lines = "<stdin>", lines_of_rows(standard_input(), "<stdin>")
    else:
        with open(options.rows, encoding="utf-8") as file:
            source, lines = options.rows, lines_of_rows(file, options.rows)
    rows = rows_of_texts(lines, n, source)
    if not len(rows):
        raise ParseError("expected at least one row, got none", source=source)
    return Domain.listed(rows)


def _report(found: Extracted, with_formula: bool) -> Iterator[str]:
    """Yield what is claimed of which circuit, on which domain, and the row that refutes it."""
    circuit, data = found.circuit, found.certificate.data
    size = f"{circuit.n_gates:,} gates" if isinstance(circuit, Circuit) else f"{circuit.n_units:,} units"
    how = {
        "exact integers": "equal in exact integers, on any inputs",
        "margins of units": "equal on all rows, by the margins of units",
        "all rows": f"equal on all {data['rows']:,} rows",
        "branch and bound": f"equal on all rows, by {data.get('nodes', 0):,} boxes",
        "samples": f"{data.get('differ', 0):,} of {data['rows']:,} rows that were drawn differ",
    }[data["method"]]
    refitted = f", {len(data['refitted'])} of them fitted anew" if data["refitted"] else ""
    uncertain = f"; floats may decide {data['uncertain']:,} of them otherwise" if data.get("uncertain") else ""
    yield f"{found.guarantee}: {size}{refitted}, depth {depth(circuit):,}; {how}{uncertain}"
    yield repr(found.domain).removeprefix("Domain(").removesuffix(")")
    if found.counterexample is not None:
        row = zip(circuit.input_names, found.counterexample.tolist(), strict=True)
        yield " ".join(["counterexample", *(f"{name}={value:d}" for name, value in row)])
    if with_formula:
        yield from _formulas(to_circuit(circuit))


def _formulas(circuit: Circuit) -> Iterator[str]:
    """Yield each output as a formula, the shorter of the least sum of products and of what the gates say."""
    for name in circuit.output_names:
        part = cone(circuit, [name])
        texts = []
        for options in ({"minimal": True, "time_limit": _SECONDS}, {}):
            with contextlib.suppress(ValueError, TimeoutError):  # too long to write, or to minimise
                texts.append(formula(part, **options))
        yield f"{name} = {min(texts, key=len)}" if texts else f"{name}: no formula, it would be too long"

"""The command `draw`: a circuit in gate symbols, a network as units and weights."""

import argparse

import jax
import numpy as np

from circuits.bridge.network_files import NetworkFile, is_network_file, read_network
from circuits.circuit_arguments import load, refuse_flags
from circuits.errors import ParseError, cut_short
from circuits.gate_networks.gate_structures import is_of_gates
from circuits.gate_networks.hardened_circuits import harden
from circuits.netlist import Circuit


def draw(options: argparse.Namespace) -> int:
    """Draw a circuit, or a network that is on file."""
    if not is_network_file(options.circuit):
        if options.activation is not None:
            raise ParseError("--activation: expected a network, a .safetensors file, got a circuit")
        _draw_circuit(load(options.circuit, options), options)
        return 0
    refuse_flags(options.circuit, options)
    with jax.enable_x64(True):
        model = read_network(options.circuit, options.activation)
        if is_of_gates(model.network.structure):
            _draw_circuit(harden(model.network, model.params), options)
        else:
            _draw_network(model, options)
    return 0


def _draw_circuit(circuit: Circuit, options: argparse.Namespace) -> None:
    from circuits.drawing.gate_symbols import draw_circuit

    bits = None if options.inputs is None else _numbers(options.inputs, circuit.n_inputs)
    try:
        draw_circuit(circuit, inputs=None if bits is None else bits.tolist(), path=options.out)
    except ValueError as error:
        raise ParseError(str(error)) from None


def _draw_network(model: NetworkFile, options: argparse.Namespace) -> None:
    from jaxnet.network_pictures import draw_network

    n = getattr(model.network.structure, "n_inputs", None) or 0
    inputs = None if options.inputs is None else _numbers(options.inputs, n)
    try:
        draw_network(
            model.network,
            model.params,
            inputs,
            input_names=model.input_names,
            output_names=model.output_names,
            path=options.out,
        )
    except (ValueError, TypeError) as error:
        raise ParseError(str(error)) from None


def _numbers(text: str, n: int) -> np.ndarray:
    """Return inputs such as 0110, or numbers such as 0.5,-1."""
    digits = "," not in text and len(text) == n and set(text) <= {"0", "1"}
    try:
        numbers = np.array([float(part) for part in (text if digits else text.split(","))], np.float32)
    except ValueError:
        numbers = np.zeros(0)
    if len(numbers) != n or not np.isfinite(numbers).all():
        raise ParseError(
            f"--inputs: expected {n} digits such as 0110, or numbers such as 0.5,-1, got {cut_short(repr(text))}"
        )
    return numbers

"""Wires that were chosen, made the fixed wiring of a network: its gates go on learning, and a step costs less."""

import dataclasses

import jax.numpy as jnp

from circuits.gate_networks.layered_gates import GateParams, layer_logits, layers_of
from circuits.gate_networks.logic_gate_networks import network_of
from jaxnet.networks.network import Network


def fix_wires(network: Network, params: GateParams) -> tuple[Network, GateParams]:
    """Return the network whose fixed wires are those that a network with learned wires would choose now.

    Args:
        network: made by `gate_network`.
        params: its parameters.

    Returns:
        A network that has no choices, and its parameters, the gates of those given. With hard gates it gives what the
        one given does.

    Raises:
        TypeError: if the network was not made by `gate_network`.
        ShapeError: if the parameters do not fit.
        ValueError: if one of them is NaN.

    >>> import jax
    >>> from circuits import gate_network
    >>> network = gate_network(5, [6, 4], wiring="learned", choices=5)
    >>> fixed, params = fix_wires(network, network.init(jax.random.key(0)))
    >>> fixed, params.choices
    (Network(5 -> 6 -> 4 gates), ())
    """
    structure = layers_of("fix_wires", network)
    reads = tuple(layer.reads for layer in structure.hard_layers("fix_wires", params))
    fixed = dataclasses.replace(structure, reads=reads)
    logits = [gates for gates, _ in layer_logits(structure, params)]
    return network_of(fixed), GateParams(tuple(jnp.stack(logits[run.start : run.stop]) for run in fixed.runs))

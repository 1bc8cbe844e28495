"""Units as wide as they may be: one for an AND of any number of literals, a few for an XOR.

A start for control logic, where cuts of six nodes see little of ANDs and ORs of dozens.
"""

from circuits.mapping.unit_networks import Unit, UnitNetwork, parity, share_equal
from circuits.netlist import Circuit
from circuits.synthesis.wide_gates import join_gates


def of_wide_gates(circuit: Circuit, *, max_fan_in: int = 16, max_weight: int = 255) -> UnitNetwork:
    """Return units for the wide gates of a circuit.

    Args:
        circuit: any circuit.
        max_fan_in: of a unit, 3 or more.
        max_weight: the largest |w|, 2 or more.

    Returns:
        A `UnitNetwork` with the same inputs and outputs.

    >>> from circuits import parse
    >>> of_wide_gates(parse("y = a & (b & (c & (d | e | f | g))) | h")).circuit()
    ThresholdCircuit(8 inputs, 1 outputs, 4 units)
    """
    network = UnitNetwork(circuit.input_names, circuit.output_names)
    wide, widest = join_gates(circuit, duplicate=max_fan_in), _widest_xor(max_fan_in, max_weight)
    # The node of the network for each node that is read; node 0 is the constant.
    place = {1 + i: i for i in range(circuit.n_inputs)}
    for node, gate in wide.gates.items():
        literals = [literal for literal in gate.literals if literal > 1]
        if gate.is_xor:
            inverted = sum(literal & 1 for literal in gate.literals) % 2 == 1
            place[node] = _xor(network, [place[literal >> 1] for literal in literals], inverted, widest)
        elif gate.literals == [0]:
            place[node] = network.add(Unit({}, 1))
        else:
            place[node] = _and(network, [(place[literal >> 1], literal & 1) for literal in literals], max_fan_in)
    network.outputs = [_output(network, place, literal) for literal in wide.outputs]
    share_equal(network)
    return network


def _and(network: UnitNetwork, literals: list[tuple[int, int]], most: int) -> int:
    """Add an AND of nodes, each with whether it is inverted; more of them than a unit may read take more units."""
    while len(literals) > most:
        literals = [*literals[most:], (network.add(_unit(literals[:most])), 0)]
    return network.add(_unit(literals))


def _unit(literals: list[tuple[int, int]]) -> Unit:
    return Unit({node: 1 - 2 * inverted for node, inverted in literals}, sum(1 - inverted for _, inverted in literals))


def _xor(network: UnitNetwork, nodes: list[int], inverted: bool, most: int) -> int:
    while len(nodes) > most:
        nodes = [*nodes[most:], parity(network, nodes[:most], False)]
    return parity(network, nodes, inverted)


def _widest_xor(max_fan_in: int, max_weight: int) -> int:
    """Return the most inputs of an XOR whose last unit, which reads their count in binary too, is within bounds."""
    n = 2
    while n + (n + 1).bit_length() <= max_fan_in and 1 << (n + 1).bit_length() - 1 <= max_weight:
        n += 1
    return n


def _output(network: UnitNetwork, place: dict[int, int], literal: int) -> int:
    """Return the node of an output, for which a constant and an inverter are units."""
    node, inverted = literal >> 1, literal & 1
    if node == 0:
        return network.add(Unit({}, 1 - inverted))
    return network.add(Unit({place[node]: -1}, 0)) if inverted else place[node]

"""All outputs of a circuit made anew from their truth tables, where each reads few inputs."""

from circuits.composition import cone
from circuits.mapping.unit_networks import Unit, UnitNetwork, share_equal
from circuits.mapping.unit_synthesis import units_of_table
from circuits.netlist import Circuit
from circuits.simulation.truth_tables import truth_table


def of_output_tables(circuit: Circuit, *, max_inputs: int = 16) -> UnitNetwork | None:
    """Return units that compute each output from its truth table.

    Args:
        circuit: any circuit.
        max_inputs: that an output may read, at most 16; past 12 it must be symmetric or decompose.

    Returns:
        A `UnitNetwork`; None where an output reads more inputs, or does not decompose.

    >>> from circuits import parse
    >>> of_output_tables(parse("y = (a ^ b) & c | a & b")).circuit()        # at least two of three
    ThresholdCircuit(3 inputs, 1 outputs, 1 units)
    """
    parts = [cone(circuit, [name]) for name in circuit.output_names]
    if max((part.n_inputs for part in parts), default=0) > max_inputs:
        return None
    network = UnitNetwork(circuit.input_names, circuit.output_names)
    place = {name: node for node, name in enumerate(circuit.input_names)}
    for part in parts:
        n = part.n_inputs
        nodes = [place[name] for name in part.input_names]
        units = units_of_table(truth_table(part)[:, 0], n)
        if units is None:
            return None
        for unit in units:
            weights = {nodes[source]: weight for source, weight in unit.weights.items()}
            nodes.append(network.add(Unit(weights, unit.threshold)))
        network.outputs.append(nodes[-1])
    share_equal(network)
    return network

"""The circuit of a learned network: extracted, as a formula, and proved equal to what it learned, or not."""

from typing import NamedTuple

from circuits.bridge.extraction import from_network
from circuits.formulas import to_expression
from circuits.netlist import Circuit
from circuits.synthesis.simplification import simplify
from circuits.threshold.gate_conversion import to_circuit
from circuits.verification.answers import Counterexample, Equivalent
from circuits.verification.equivalence import equivalent
from jaxnet.networks.network import Network
from jaxnet.pytrees import Params


class ReadBack(NamedTuple):
    """What is known of a learned network.

    Attributes:
        extracted: what `circuits.from_network` says of it, in a line.
        structural: whether its units, hardened, are the circuit.
        circuit: its gates, simplified.
        formula: a minimal sum of products of each output, a line each.
        equal: whether the circuit was proved equal to what it learned.
        verdict: the same in words, with a row on which they differ.
    """

    extracted: str
    structural: bool
    circuit: Circuit
    formula: str
    equal: bool
    verdict: str


def read_back(network: Network, params: Params, target: Circuit) -> ReadBack:
    """Read a circuit out of a network and compare it with a circuit.

    Args:
        network: any that `circuits.from_network` takes.
        params: its parameters, finite.
        target: what it should compute, with at most 10 inputs.

    Returns:
        A `ReadBack`.

    >>> import jax.numpy as jnp
    >>> from circuits import parse
    >>> from jaxnet import Neuron, mlp
    >>> params = (Neuron(jnp.array([[9.0, 9.0], [9.0, 9.0]]), jnp.array([-4.0, -14.0])),
    ...           Neuron(jnp.array([[9.0, -9.0]]), jnp.array([-4.0])))
    >>> found = read_back(mlp([2, 2, 1]), params, parse("y = a ^ b"))
    >>> found.formula, found.verdict
    ('y = a & ~b | ~a & b', 'proved equal on all 4 rows')
    """
    found = from_network(network, params, input_names=target.input_names, output_names=target.output_names)
    gates = simplify(to_circuit(found.circuit))  # what is shown is what is proved
    answer = equivalent(target, gates)
    if isinstance(answer, Equivalent):
        verdict = f"proved equal on all {2**target.n_inputs} rows"
    elif isinstance(answer, Counterexample):
        wrong = next(name for name, bit in answer.outputs_a.items() if answer.outputs_b[name] != bit)
        row = ", ".join(f"{name} = {int(bit)}" for name, bit in answer.inputs.items())
        verdict = f"not equal: for {row} it gives {wrong} = {int(answer.outputs_b[wrong])}"
    else:
        verdict = "neither proved equal nor refuted"
    equal = isinstance(answer, Equivalent)
    return ReadBack(str(found), found.guarantee == "structural", gates, _minimal_sums(gates), equal, verdict)


def _minimal_sums(circuit: Circuit) -> str:
    """Return a line for each output, and before them one for each name that an expression spells otherwise."""
    spelled, lines = {}, []
    for name in circuit.output_names:
        *comments, line = to_expression(circuit, name, minimal=True).splitlines()
        spelled |= dict.fromkeys(comments)
        lines.append(f"{name} = {line}")
    return "\n".join([*spelled, *lines])

"""Registers: a sequential netlist that was cut at them, as the loop-free circuit of some cycles.

A. Biere and others, Symbolic model checking without BDDs (1999), where a transition relation is unrolled.
"""

from collections.abc import Mapping
from typing import Literal

import numpy as np

from circuits.errors import listed
from circuits.gates import TRUE
from circuits.netlist import Circuit
from jaxnet.validation import whole_number

Initial = Literal[0, 1, "free"]


def unroll(
    circuit: Circuit,
    cycles: int,
    *,
    registers: Mapping[str, str] | None = None,
    initial: Initial | Mapping[str, Initial] = "free",
    final: bool = False,
) -> Circuit:
    """Return what a sequential netlist computes in its first cycles, as one circuit without loops.

    Input a of cycle t, counted from 0, is called a@t, and so are outputs. A register whose initial value is free is an
    input q@0.

    Args:
        circuit: a netlist that was cut at its registers, as `read(..., registers="cut")` returns it.
        cycles: how many; at least 1.
        registers: the output that is the next value of each register, by the input that is its value; if None, output
            q_next for each input q that has one.
        initial: the value of every register in cycle 0: 0, 1 or "free"; or of each by its name, "free" if it is left
            out.
        final: whether the values of the registers after the last cycle are outputs too, q@k for k cycles.

    Returns:
        A circuit with a copy of all gates for each cycle. Inputs are those of cycle 0, then those of cycle 1, and so
        on, each in the order that they have in the circuit; so are outputs.

    Raises:
        ValueError: if there are no registers, a name is none of the circuit's, or a value or the number of cycles is
            out of range.
        TypeError: if it is no `Circuit`, or the number of cycles is not whole.

    Source: A. Biere, A. Cimatti, E. M. Clarke and Y. Zhu, Symbolic model checking without BDDs (1999).

    >>> from circuits import parse
    >>> toggle = parse("q_next = q ^ enable; out = q", inputs=["enable", "q"])
    >>> twice = unroll(toggle, 2, initial=0)
    >>> twice.input_names, twice.output_names
    (('enable@0', 'enable@1'), ('out@0', 'out@1'))
    """
    if not isinstance(circuit, Circuit):
        raise TypeError(f"unroll: expected a Circuit, got {type(circuit).__name__}.")
    cycles = whole_number("unroll", "cycles", cycles, 1)
    places = _registers(circuit, registers)
    values = _initial_values([circuit.input_names[i] for i in places], initial)
    states = np.array([*places], int)
    next_values = circuit.outputs[[*places.values()]]
    # Gates of this circuit begin after the inputs of all cycles, and one gate for true where a register begins with it.
    is_state = np.zeros(circuit.n_inputs, bool)
    is_state[states] = True
    is_free = ~is_state
    is_free[states] = [value == "free" for value in values]
    n_free, n_each = int(is_free.sum()), int((~is_state).sum())
    n_inputs = n_free + (cycles - 1) * n_each
    has_true = 1 in values
    true = 1 + n_inputs
    first = true + has_true

    shown = np.setdiff1d(np.arange(circuit.n_outputs), [*places.values()])
    nodes = np.zeros(circuit.n_nodes, np.int64)  # of the circuit, in the cycle at hand
    inputs, gates = nodes[1 : 1 + circuit.n_inputs], nodes[1 + circuit.n_inputs :]
    inputs[is_free] = np.arange(1, 1 + n_free)
    inputs[states] = np.where([value == 1 for value in values], true, inputs[states])
    fan_ins = np.empty((cycles, circuit.n_gates, 2), np.int32)
    outputs = np.empty((cycles, len(shown)), np.int32)
    for cycle in range(cycles):
        if cycle:
            following = nodes[next_values]
            inputs[~is_state] = 1 + n_free + (cycle - 1) * n_each + np.arange(n_each)
            inputs[states] = following
        gates[:] = first + cycle * circuit.n_gates + np.arange(circuit.n_gates)
        fan_ins[cycle] = nodes[circuit.fan_ins]
        outputs[cycle] = nodes[circuit.outputs[shown]]

    input_names = [f"{circuit.input_names[i]}@0" for i in np.flatnonzero(is_free)]
    each = [circuit.input_names[i] for i in np.flatnonzero(~is_state)]
    input_names += [f"{name}@{cycle}" for cycle in range(1, cycles) for name in each]
    output_names = [f"{circuit.output_names[i]}@{cycle}" for cycle in range(cycles) for i in shown]
    last = nodes[next_values] if final else next_values[:0]
    if final:
        output_names += [f"{circuit.input_names[i]}@{cycles}" for i in places]
    return Circuit(
        input_names,
        np.concatenate([np.zeros((int(has_true), 2), np.int32), fan_ins.reshape(-1, 2)]),
        np.concatenate([np.full(int(has_true), TRUE, np.uint8), np.tile(circuit.tables, cycles)]),
        np.concatenate([outputs.ravel(), last]),
        output_names,
    )


def _registers(circuit: Circuit, registers: Mapping[str, str] | None) -> dict[int, int]:
    """Return the place of each register among the inputs, with that of its next value among the outputs."""
    inputs = {name: i for i, name in enumerate(circuit.input_names)}
    outputs = {name: i for i, name in enumerate(circuit.output_names)}
    if registers is None:
        places = {i: outputs[f"{name}_next"] for name, i in inputs.items() if f"{name}_next" in outputs}
        if not places:
            raise ValueError(
                "unroll: expected a netlist that was cut at its registers, an input q and an output q_next for each, "
                f"got inputs {listed(inputs)} and outputs {listed(outputs)}. registers= names others."
            )
        return places
    places = {}
    for name, following in registers.items():
        for kind, known, wanted in (("input", inputs, name), ("output", outputs, following)):
            if wanted not in known:
                raise ValueError(f"unroll: register {name!r} has no {kind} {wanted!r}; there are {listed(known)}.")
        places[inputs[name]] = outputs[following]
    return places


def _initial_values(names: list[str], initial: Initial | Mapping[str, Initial]) -> list[Initial]:
    if isinstance(initial, Mapping):
        known = set(names)
        unknown = [name for name in initial if name not in known]
        if unknown:
            raise ValueError(f"unroll: initial has {listed(unknown)}, expected registers, which are {listed(names)}.")
        values: list[Initial] = [initial.get(name, "free") for name in names]
    else:
        values = [initial] * len(names)
    for value in values:
        if value not in (0, 1, "free"):
            raise ValueError(f"unroll: expected an initial value of 0, 1 or 'free', got {value!r}.")
    return values

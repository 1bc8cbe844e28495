"""The question whether an output can be 1, as clauses.

G. S. Tseitin, On the complexity of derivation in propositional calculus (1968): each gate is a variable, and its truth
table a few clauses.
"""

from circuits.gates import essential
from circuits.netlist import Circuit, cone, output_named


def dimacs_text(circuit: Circuit, output: str | None = None, value: bool = True) -> str:
    r"""Return the CNF that has a model if, and only if, an output has a value for some input.

    Args:
        circuit: any circuit.
        output: its name; None is the only output.
        value: which value.

    Returns:
        DIMACS text. Variables 1..n are the inputs in their order, the next ones are the gates that the output depends
        on; comments `c input 3 name` and `c output 17 name` give the names. The values of 1..n in a model are an input
        for which the output has the value. There are at most four clauses per gate.

    Raises:
        ValueError: if there is no such output, or more than one to choose from, or a name has a line break.

    Source: G. S. Tseitin (1968).

    >>> from circuits import parse
    >>> print(dimacs_text(parse("y = a & b")), end="")
    c input 1 a
    c input 2 b
    c output 3 y
    p cnf 3 4
    3 -1 -2 0
    -3 1 0
    -3 2 0
    3 0
    """
    name = output_named("dumps", circuit, output)
    for text in (*circuit.input_names, name):
        if text.splitlines() != [text]:
            raise ValueError(f"dumps: .cnf cannot hold the name {text!r}, which has a line break. Rename it.")
    part = cone(circuit, [name])
    clauses = []
    gates = zip(part.tables.tolist(), part.fan_ins.tolist(), strict=True)
    for node, (table, fan_ins) in enumerate(gates, start=1 + part.n_inputs):
        table, operands = essential(table, *fan_ins)
        for on, literals in _CLAUSES[table]:
            fed = (sign * operand for sign, operand in zip(literals, operands, strict=False) if sign)
            clauses.append(" ".join(map(str, (on * node, *fed, 0))))
    # Node k is variable k; the constant, node 0, gets the one after them where it is the output.
    variables, variable = part.n_nodes - 1, int(part.outputs[0])
    if variable == 0:
        variables = variable = part.n_nodes
        clauses.append(f"-{variable} 0")
    clauses.append(f"{variable if value else -variable} 0")
    comments = [f"c input {i} {text}" for i, text in enumerate(part.input_names, start=1)]
    header = [*comments, f"c output {variable} {name}", f"p cnf {variables} {len(clauses)}"]
    return "".join(f"{line}\n" for line in [*header, *clauses])


def _clauses_of(table: int) -> list[tuple[int, tuple[int, int]]]:
    """Return the clauses of y = table(a, b), each as the signs of y, a and b; 0 for a variable that is not in it.

    They are the prime implicates: each says that some values of a and b decide y, and none of these can be left out.
    """
    rows = [(a, b) for a in (-1, 1) for b in (-1, 1)]
    value = {(a, b): 1 if table >> (a > 0) + 2 * (b > 0) & 1 else -1 for a, b in rows}

    def forced(a: int, b: int) -> int:
        """Return the value of y if a and b are on (1), off (-1) or unknown (0); 0 if it is not decided."""
        found = {value[row] for row in rows if a in (0, row[0]) and b in (0, row[1])}
        return found.pop() if len(found) == 1 else 0

    return [
        (y, (-a, -b))
        for a in (1, -1, 0)
        for b in (1, -1, 0)
        if (y := forced(a, b)) and not (a and forced(0, b)) and not (b and forced(a, 0))
    ]


_CLAUSES = [_clauses_of(table) for table in range(16)]

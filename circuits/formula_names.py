"""The names of a circuit as formulas can spell them."""

import keyword
import re
from collections.abc import Callable

from circuits.expression_tokens import is_name
from circuits.netlist import Circuit


def spelled_names(circuit: Circuit, python: bool, lines: bool) -> tuple[list[str], list[str], list[str]]:
    """Return names that `parse` or Python can read, and comments for those that are changed.

    Args:
        circuit: any circuit.
        python: whether Python is to read them, or `parse`.
        lines: whether outputs are assigned; they need no names otherwise.

    Returns:
        The names of inputs and outputs, and the comments.

    >>> spelled_names(Circuit(["22", "a"], [], [], [2], ["a"]), False, True)
    (['x22', 'a'], ['a_'], ["# x22 is '22'", "# a_ is 'a'"])
    """

    def legal(name: str) -> bool:
        return name.isidentifier() and not keyword.iskeyword(name) if python else is_name(name)

    # Names that can stay do.
    taken = {name for name in circuit.input_names if legal(name)}
    inputs = [name if legal(name) else _spelled(name, legal, taken) for name in circuit.input_names]
    # An assigned name is no input, and one that begins with _ is no output.
    outputs = [_spelled(name, lambda text: legal(text) and text[0] != "_", taken) for name in circuit.output_names]
    outputs = outputs if lines else [""]
    changed = zip([*inputs, *outputs], [*circuit.input_names, *circuit.output_names], strict=True)
    return inputs, outputs, [f"# {new} is {old!r}" for new, old in changed if new and new != old]


def latex_name(name: str) -> str:
    r"""Return a name in LaTeX: letters together upright, and the number at its end as a subscript.

    >>> print(latex_name("carry_in3"), latex_name("a[3]"))
    \mathrm{carry\_in}_{3} a_{[3]}
    """
    stem, number = re.fullmatch(r"(.*?)(\d*|\[\d+\])", name).groups()  # type: ignore[union-attr]
    escaped = stem.replace("_", r"\_")
    shown = stem if len(stem) == 1 and stem != "_" else rf"\mathrm{{{escaped}}}"
    return f"{shown}_{{{number}}}" if number else shown


def _spelled(name: str, legal: Callable[[str], bool], taken: set[str]) -> str:
    """Return a legal name that is not taken, and take it."""
    if not legal(name):
        name = re.sub(r"\W", "_", name, flags=re.ASCII).rstrip("_")
        name = name if legal(name) else f"x{name}"
    while name in taken:
        name += "_"
    taken.add(name)
    return name

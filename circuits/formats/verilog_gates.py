"""Plain statements of Verilog read at a stroke: gates, assigns of one operator and wires, most of a netlist's text.

Names go by their numbers; whether each is a net of one bit is seen afterwards, and what is not is read again as any
other statement.
"""

import re
from array import array

import numpy as np

from circuits.formats.gate_lists import Gates, Numbers
from circuits.formats.verilog_mapped import MappedInstances
from circuits.formats.verilog_tokens import KEYWORDS
from circuits.gates import AND, BUF, NOT, OR, TREES, XOR, flip

_NAME = r"(?:[A-Za-z_][A-Za-z0-9_$]*+(?:\[(?:0|[1-9][0-9]{0,8})\])?|\\[!-~]++(?=\s))"
_WORD = r"(?:[A-Za-z_][A-Za-z0-9_$]*+|\\[!-~]++(?=\s))"
_PIN = rf"\.[A-Za-z_][A-Za-z0-9_$]*+\s*+\(\s*+{_NAME}\s*+\)"
_PLAIN = re.compile(
    rf"""
    \s*+(?:
        (and|nand|or|nor|xor|xnor|not|buf)\b\s*+({_NAME})?\s*+\(\s*+({_NAME}(?:\s*+,\s*+{_NAME})+)\s*+\)\s*+;
      | (assign)\s++({_NAME})\s*+=\s*+(?:
            (~?\s*+\()?\s*+(~?)\s*+({_NAME})\s*+(?:([&|^])\s*+(~?)\s*+({_NAME})\s*+)?(\))?
          | 1'[bdh]([01])
        )\s*+;
      | wire\s++({_NAME}(?:\s*+,\s*+{_NAME})*)\s*+;
      | ({_WORD})\s++{_NAME}\s*+\(\s*+({_PIN}(?:\s*+,\s*+{_PIN})*)\s*+\)\s*+;
    )
    """,
    re.VERBOSE | re.ASCII,
)
_NAMES = re.compile(_NAME, re.ASCII)
_PINS = re.compile(rf"\.([A-Za-z_][A-Za-z0-9_$]*+)\s*+\(\s*+({_NAME})", re.ASCII)
_OPERATORS = {"&": AND, "|": OR, "^": XOR}
_TABLES = {
    (symbol, bool(a), bool(b), bool(out)): flip(table, bool(a), bool(b)) ^ 0b1111 * bool(out)
    for symbol, table in _OPERATORS.items()
    for a in (0, 1)
    for b in (0, 1)
    for out in (0, 1)
}
_TWO = {kind: table ^ 0b1111 * inverted for kind, (table, inverted) in TREES.items()}
_ONE = {kind: NOT if inverted else BUF for kind, (_, inverted) in TREES.items()} | {"buf": BUF, "not": NOT}


def unescaped(name: str) -> str:
    r"""Return a name as nets have it: `\x.y` is x.y."""
    return name[1:] if name[0] == "\\" else name


class PlainStatements:
    """The plain statements of a module.

    Attributes:
        gates: with the place in the text for the line of each.
        is_assign: of each gate, whether it is an assign, whose operands must be declared.
        instances: of cells, with the nets on their pins.
        declared: where each wire is declared, by its number; -1 if it is not, or not plainly.
    """

    def __init__(self, numbers: Numbers):
        self.numbers, self.gates = numbers, Gates()
        self.is_assign = bytearray()
        self.declared = array("q")
        self.instances = MappedInstances()

    def read(self, text: str, at: int, end: int, known: dict[str, object]) -> int:
        """Read plain statements, and return the place of the first that is not one.

        Args:
            text: the file.
            at: the place to begin.
            end: that of the end of the module.
            known: names that are no plain wires.
        """
        numbers, gates, is_assign, match = self.numbers, self.gates, self.is_assign, _PLAIN.match
        kinds, nets, lines, fan_ins, ends = gates.kinds, gates.nets, gates.lines, gates.fan_ins, gates.ends
        while (found := match(text, at, end)) is not None:
            (kind, name, terminals, assign, target, opened, not_a, a, operator, not_b, b, closed, constant, wires,
             cell, pins) = found.groups()  # fmt: skip
            if kind is not None:
                if name in KEYWORDS:
                    return at
                operands = terminals.split(",") if "\\" not in terminals else _NAMES.findall(terminals + " ")
                first, *rest = [numbers[unescaped(operand.strip())] for operand in operands]
                place = found.start(1)
                if len(rest) == 2 and kind in _TWO:
                    kinds.append(_TWO[kind])
                elif len(rest) == 1 or kind not in _TWO:
                    for net in [first, *rest[:-1]][1:]:  # a buf or not with several outputs
                        gates.add(net, _ONE[kind], rest[-1:], place)
                        is_assign.append(0)
                    kinds.append(_ONE[kind])
                    rest = rest[-1:]
                else:
                    kinds.append(TREES[kind])
                nets.append(first)
                fan_ins.extend(rest)
                ends.append(len(fan_ins))
                lines.append(place)
                is_assign.append(0)
            elif assign is not None:
                if (opened is None) != (closed is None):
                    return at
                inverted = opened is not None and opened[0] == "~"
                if operator is not None:
                    kinds.append(_TABLES[operator, not_a == "~", not_b == "~", inverted])
                    fan_ins.extend((numbers[unescaped(a)], numbers[unescaped(b)]))
                elif a is not None:
                    kinds.append(NOT if (not_a == "~") != inverted else BUF)
                    fan_ins.append(numbers[unescaped(a)])
                else:
                    kinds.append(constant == "1")
                nets.append(numbers[unescaped(target)])
                ends.append(len(fan_ins))
                lines.append(found.start(4))
                is_assign.append(1)
            elif cell is not None:
                if cell in KEYWORDS:
                    return at
                pairs = _PINS.findall(pins)
                connected = [numbers[unescaped(net)] for _, net in pairs]
                self.instances.add(unescaped(cell), tuple([pin for pin, _ in pairs]), connected, found.start(15))
            elif not self._declare(wires, found.start(14), known):
                return at
            at = found.end()
        return at

    def _declare(self, wires: str, place: int, known: dict[str, object]) -> bool:
        written = _NAMES.findall(wires + " ")
        names = [unescaped(name) for name in written]
        declared, numbers = self.declared, self.numbers
        if "[" in wires and any(name[-1] == "]" and name[0] != "\\" for name in written):
            return False
        if any(name in known or name in KEYWORDS for name in names) or len({*names}) < len(names):
            return False
        found = [numbers[name] for name in names]
        if len(declared) < len(numbers):
            declared.extend([-1] * (len(numbers) - len(declared)))
        if any(declared[number] != -1 for number in found):
            return False
        for number in found:
            declared[number] = place
        return True

    def undeclared(self) -> list[int]:
        """Return the numbers of the names that are not declared plainly."""
        declared = np.full(len(self.numbers), -1)
        declared[: len(self.declared)] = self.declared
        return np.flatnonzero(declared == -1).tolist()

    def implied(self, candidates: list[int]) -> set[int]:
        """Return which of some numbers a gate connects or an assign drives: wires that need no declaration."""
        widths = np.diff(self.gates.offsets())
        of_gates = np.asarray(self.gates.fan_ins)[np.repeat(np.frombuffer(self.is_assign, np.uint8) == 0, widths)]
        return {*candidates} & ({*of_gates.tolist()} | {*self.gates.nets} | {*self.instances.nets})

    def taken_out(self, numbers: set[int]) -> list[int]:
        """Remove the statements that some numbers occur in, and return their places."""
        if not numbers or not self.gates:
            return []
        old, offsets = self.gates, self.gates.offsets()
        wrong = np.isin(np.asarray(old.nets), [*numbers])
        feeding = np.isin(np.asarray(old.fan_ins), [*numbers])
        wrong |= np.add.reduceat(np.append(feeding, 0), offsets[:-1]).astype(bool) & (np.diff(offsets) > 0)
        places = np.unique(np.asarray(old.lines)[wrong])
        kept = ~np.isin(np.asarray(old.lines), places)
        self.gates = Gates()
        for gate in np.flatnonzero(kept).tolist():
            self.gates.add(old.nets[gate], old.kinds[gate], old.fan_ins_of(gate), old.lines[gate])
        return places.tolist()

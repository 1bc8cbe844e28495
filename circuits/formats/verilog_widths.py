"""Widths and signs of Verilog's expressions: up from the operands, and down again from what they are assigned to.

IEEE 1364-2005, clauses 5.4 and 5.5.
"""

from typing import NamedTuple

from circuits.formats.verilog_operators import ZERO, DrivenBit
from circuits.formats.verilog_syntax import Node

COMPARISONS = {"==", "!=", "===", "!==", "<", "<=", ">", ">="}
SHIFTS = {"<<", ">>", "<<<", ">>>"}
# The lowest bits of these depend on the lowest bits of their operands alone.
_BITWISE = {"&", "|", "^", "~^", "^~", "~", "+", "-", "*"}


class Goal(NamedTuple):
    """What a part of an expression must come to.

    Attributes:
        width: how many bits it is computed in.
        signed: whether what is shorter is extended by its sign.
        read: how many of its bits are read, the lowest ones.
    """

    width: int
    signed: bool
    read: int


def own_type(
    node: Node, widths: list[int], signs: list[bool], leaf: tuple[list[DrivenBit], bool] | None
) -> tuple[int, bool]:
    """Return how many bits a node has by itself, and whether it is signed: tables 5-22 and clause 5.5.1."""
    if leaf is not None:
        return len(leaf[0]), leaf[1]
    operands, symbol = node.operands, node.token.text
    if node.kind in ("{}", "{{}}"):
        return node.times * sum(widths[i] for i in operands), False
    if node.kind == "signed":
        return widths[operands[0]], symbol == "$signed"
    if node.kind == "?:":
        operands = operands[1:]
    elif symbol in COMPARISONS or symbol in ("&&", "||", "!") or (len(operands) == 1 and symbol not in ("~", "-", "+")):
        return 1, False
    elif symbol in SHIFTS or symbol == "**":
        operands = operands[:1]
    return max(widths[i] for i in operands), all(signs[i] for i in operands)


def operand_goals(node: Node, goal: Goal, widths: list[int], signs: list[bool]) -> list[Goal]:
    """Return what the operands of a node must come to."""
    symbol = node.token.text
    own = [Goal(widths[i], signs[i], widths[i]) for i in node.operands]
    if node.kind == "?:":
        return [own[0], goal, goal]
    if node.kind in ("{}", "{{}}", "signed") or symbol in ("&&", "||", "!"):
        return own
    if symbol in COMPARISONS:
        n, is_signed = max(widths[i] for i in node.operands), all(signs[i] for i in node.operands)
        return [Goal(n, is_signed, n)] * 2
    if symbol in SHIFTS or symbol == "**":
        first = goal if symbol.startswith("<<") else goal._replace(read=goal.width)
        return [first, own[1]]
    if len(own) == 1 and symbol not in ("~", "-", "+"):
        return own
    return [goal if symbol in _BITWISE else goal._replace(read=goal.width)] * len(own)


def extended(bits: list[DrivenBit], goal: Goal) -> list[DrivenBit]:
    """Return as many bits as are read: the lowest ones, with zeros or copies of the sign above them."""
    fill = bits[-1] if goal.signed else ZERO
    return bits[: goal.read] + [fill] * (goal.read - len(bits))

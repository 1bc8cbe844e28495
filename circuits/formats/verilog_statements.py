"""The statements of a Verilog module: assigns, gates and registers, as drivers of its nets.

IEEE 1364-2005, clauses 6, 7 and 9.
"""

import re
from collections.abc import Sequence
from typing import NamedTuple

from circuits.formats.verilog_modules import UNARY, Module
from circuits.formats.verilog_operators import DrivenBit, Wiring, number_of
from circuits.formats.verilog_pieces import closing, found, split, without_delay
from circuits.formats.verilog_processes import Assignment, If
from circuits.formats.verilog_tokens import Token
from circuits.gates import AND, TREES
from circuits.registers import Initial

_STRENGTHS = re.compile("(strong|pull|weak|highz)[01]|supply[01]|small|medium|large")


class Register(NamedTuple):
    """A register: the numbers of its net and of the net of its next value, what it is, and its place in the text."""

    net: int
    following: int
    what: str
    at: int


class Statements:
    """Connects what a module declares.

    Args:
        module: gets the gates.

    Attributes:
        registers: those of the module.
        initial: the value of each net that a register begins with, where that is said.
    """

    def __init__(self, module: Module):
        self._module, self._text = module, module.text
        self.registers: list[Register] = []
        self.initial: dict[int, Initial] = {}
        self.shown: dict[int, int] = {}  # the net that shows a state behind an asynchronous reset

    @property
    def _wiring(self) -> Wiring:
        return self._module.expressions.wiring

    def connect(self, keyword: str, tokens: list[Token]) -> None:
        """Read one assign, gate or initial value, from its keyword to its ;."""
        if keyword in ("assign", "initially"):
            self._assigns(tokens[tokens[0].kind == "assign" : -1], tokens[-1], keyword == "initially")
        else:
            self._gates(keyword, tokens[1:-1], tokens[-1])

    def _assigns(self, body: Sequence[Token], end: Token, is_initial: bool) -> None:
        """Read `target = value, target = value`."""
        for piece, after in split(without_delay(self._text, body, end), end):
            place = next((i for i, token in enumerate(piece) if token.kind == "="), 0)
            if not place or self._is_strength(piece[0], piece[1]):
                wrong = piece[0] if piece else after
                raise self._text.error(f"expected net = value after assign, found {found(wrong)}", wrong)
            self._module.imply(piece[:place])
            target = self._module.expressions.target(piece[:place], piece[place])
            value = self._module.expressions.value(piece[place + 1 :], after, len(target))
            if is_initial:
                self._begin(target, value, piece[place])
                continue
            for net, bit in zip(target, value, strict=False):
                self._wiring.drive(net, bit, piece[0].at)

    def _gates(self, keyword: str, body: Sequence[Token], end: Token) -> None:
        """Read `name (output, input, ...), name (...)`; names may be left out."""
        text, expressions = self._text, self._module.expressions
        for piece, after in split(without_delay(text, body, end), end):
            named = bool(piece) and piece[0].kind == "name"
            terminals = piece[named:]
            if len(terminals) < 3 or terminals[0].kind != "(" or terminals[-1].kind != ")":
                wrong = terminals[0] if terminals and terminals[0].kind != "(" else after
                raise text.error(f"expected nets in parentheses for {keyword!r}, found {found(wrong)}", wrong)
            if self._is_strength(*terminals[:2]):
                raise text.error(f"expected nets in parentheses, found {terminals[1]}, a strength", terminals[1])
            if closing(text, terminals, 0, after) != len(terminals) - 1:
                raise text.error(f"expected , or ; after ), found {found(terminals[-1])}", terminals[-1])
            nets = split(terminals[1:-1], terminals[-1])
            for operand, _ in nets:
                self._module.imply(operand)
            n_outputs = len(nets) - 1 if keyword in UNARY else 1
            if len(nets) < 2:
                raise text.error(f"{keyword!r} takes an output and inputs, found one net", terminals[0])
            bits = [expressions.bit(*operand) for operand in nets[n_outputs:]]
            fan_ins = tuple(self._wiring.net(bit, terminals[0]) for bit in bits)
            table, inverted = TREES.get(keyword) or (AND, UNARY[keyword])
            for operand, operand_end in nets[:n_outputs]:
                target = expressions.target(operand, operand_end)
                if len(target) != 1:
                    raise text.error(f"expected one bit, found {len(target)}", operand[0])
                self._wiring.drive(target[0], DrivenBit(table, inverted, fan_ins), terminals[0].at)

    def _is_strength(self, opened: Token, token: Token) -> bool:
        return opened.kind == "(" and _STRENGTHS.fullmatch(token.kind) is not None

    def process(self, first: Token, edges: tuple[str, ...], body: list[Assignment | If]) -> None:
        """Make registers of the nets that a process assigns."""
        if first.kind == "initial":
            for step in body:
                assert isinstance(step, Assignment)
                target = self._module.expressions.target(step.target, step.equals)
                self._begin(target, self._module.expressions.value(step.value, step.end, len(target)), step.equals)
            return
        resets = self._resets(first, edges, body)
        following: dict[int, DrivenBit] = {}
        self._step(body, following)
        for net, bit in following.items():
            at = bit.origin[1] if bit.origin else first
            next_value = self._wiring.net(bit, at)
            state = net
            if any(net in values for _, values in resets):
                state = self._module.numbers[f"{self._module.name_of(net)}@state"]
                shown = [DrivenBit(AND, False, (state,))]
                for condition, values in reversed(resets):
                    shown = self._wiring.choose(condition, [values.get(net, shown[0])], shown, first)
                self._wiring.drive(net, shown[0], first.at)
                self.shown[state] = net
            self.registers.append(Register(state, next_value, "'always'", first.at))

    def _resets(
        self, first: Token, edges: tuple[str, ...], body: list[Assignment | If]
    ) -> list[tuple[DrivenBit, dict[int, DrivenBit]]]:
        """Return the conditions of asynchronous sets and resets, and the values that they give."""
        resets = []
        for _ in edges[1:]:
            step = body[0] if len(body) == 1 else None
            names = {token.text for token in step.condition if token.kind == "name"} if isinstance(step, If) else {""}
            if not isinstance(step, If) or not names <= {*edges}:
                said = "expected if (reset) ... else ... in this 'always' of more than one edge"
                raise self._text.error(said, first)
            values: dict[int, DrivenBit] = {}
            self._step(step.then, values)
            if any(number_of([bit]) is None for bit in values.values()):
                raise self._text.error("expected constants as what an asynchronous reset gives", step.end)
            condition = self._module.expressions.value(step.condition, step.end)
            resets.append((self._wiring.tree("|", condition, step.end), values))
            body = step.other
        return resets

    def _step(self, body: list[Assignment | If], following: dict[int, DrivenBit]) -> None:
        """Add to the next values of registers what a process does; a register that it leaves alone keeps its value."""
        expressions = self._module.expressions
        for step in body:
            if isinstance(step, Assignment):
                target = expressions.target(step.target, step.equals)
                following.update(zip(target, expressions.value(step.value, step.end, len(target)), strict=False))
                continue
            condition = self._wiring.tree("|", expressions.value(step.condition, step.end), step.end)
            then, other = dict(following), dict(following)
            self._step(step.then, then)
            self._step(step.other, other)
            nets = list(dict.fromkeys([*then, *other]))
            kept = [DrivenBit(AND, False, (net,)) for net in nets]
            yes = [then.get(net, bit) for net, bit in zip(nets, kept, strict=True)]
            no = [other.get(net, bit) for net, bit in zip(nets, kept, strict=True)]
            expressions.spend(len(nets), step.end)
            following.update(zip(nets, self._wiring.choose(condition, yes, no, step.end), strict=True))

    def _begin(self, target: list[int], value: list[DrivenBit], token: Token) -> None:
        for net, bit in zip(target, value, strict=False):
            number = number_of([bit])
            if number is None:
                raise self._text.error("expected a constant as what a register begins with, found a net", token)
            self.initial[net] = 1 if number else 0

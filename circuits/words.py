"""`Word`, an unsigned number of w bits in a traced function, with Python's operators.

One rule of widths, that of Verilog: the narrower operand is extended by zeros, and the result has the width of the
wider, modulo 2^w.
"""

from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from circuits import arithmetic
from circuits.arithmetic import add, divide, equal, gate, less, material, multiply, mux, pointwise, subtract
from circuits.bits import Bit
from circuits.builder import Builder
from circuits.gates import AND, NOT, OR, XOR
from jaxnet.validation import whole_number


class Word:
    """An unsigned number of a fixed width in a traced function: a sequence of bits, lowest first.

    `+ - * // % & | ^ ~ << >>` give words and `== != < <= > >=` bits; either operand may be an int that fits the other,
    or a bit, which is a word of width 1. The narrower operand is extended by zeros, and the result has the width of the
    wider, modulo 2^w: for the carry write `a.extend(w + 1) + b`. A shifted word keeps its own width. `w[3]` is a bit
    and `w[0:4]` the word of the lowest four. As in SMT-LIB, `a // 0` is all ones and `a % 0` is a.

    Made by `trace` and `concat`; `Word.constant` makes constants.

    >>> from circuits import trace
    >>> trace(lambda a, b: {"y": a + b}, a=2, b=2).output_names
    ('y[0]', 'y[1]')
    """

    __slots__ = ("netlist", "nodes")
    __hash__ = None  # type: ignore[assignment]
    __array_ufunc__ = None

    def __init__(self, netlist: Builder | None, nodes: tuple[int, ...]):
        self.netlist, self.nodes = netlist, nodes

    @classmethod
    def constant(cls, value: int, width: int) -> "Word":
        """Return a constant of some width.

        >>> Word.constant(5, 8)
        Word(8 bits, 5)
        """
        width = whole_number("Word.constant", "width", width)
        value = whole_number("Word.constant", f"a value of {width} bits", value, 0, 2**width - 1)
        return cls(None, tuple(-(value >> i & 1) for i in range(width)))

    @property
    def width(self) -> int:
        """Return the number of bits."""
        return len(self.nodes)

    def __len__(self) -> int:
        return len(self.nodes)

    def __iter__(self) -> Iterator[Any]:
        return (self._bit(node) for node in self.nodes)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return Word(self.netlist, self.nodes[index])
        if isinstance(index, (Word, Bit)):
            raise TypeError("trace: an index that is traced has no value yet: write (w >> i)[0] for w[i].")
        if not -len(self) <= index < len(self):
            raise IndexError(f"trace: bit {index} of a word of {len(self)} bits; expected 0..{len(self) - 1}.")
        return self._bit(self.nodes[index])

    def _bit(self, node: int) -> Any:
        return bool(node) if self.netlist is None else Bit(self.netlist, material(self.netlist, node))

    def extend(self, width: int, *, signed: bool = False) -> "Word":
        """Return the word with more bits: zeros, or copies of the highest bit if signed."""
        width = whole_number("extend", "width", width)
        if width < len(self) or (signed and not self.nodes):
            raise ValueError(f"extend: expected a width of at least {max(len(self), 1)}, got {width}; w[0:4] cuts.")
        filling = self.nodes[-1] if signed else 0
        return Word(self.netlist, self.nodes + (filling,) * (width - len(self)))

    def signed_less(self, other: Any) -> Any:
        """Return the bit that tells whether a word is less than another of its width, both in two's complement."""
        width = len(other) if isinstance(other, Word) else 1 if isinstance(other, Bit) else len(self)
        if not width or width != len(self):
            raise ValueError(f"signed_less: expected words of one width, got {len(self)} and {width} bits.")
        netlist, a, b = _aligned("signed_less", self, other)
        # With their highest bits inverted, numbers in two's complement are in the order of unsigned ones.
        top = [gate(netlist, NOT, word[-1], 0) for word in (a, b)]
        return _as_bit(netlist, less(netlist, (*a[:-1], top[0]), (*b[:-1], top[1])))

    def __invert__(self) -> "Word":
        return Word(self.netlist, tuple(gate(self.netlist, NOT, node, 0) for node in self.nodes))

    def __neg__(self) -> "Word":
        return 0 - self

    def __lshift__(self, amount: Any) -> "Word":
        return _shifted("<<", self, amount, lambda nodes, k: ((0,) * k + nodes)[: len(nodes)])

    def __rshift__(self, amount: Any) -> "Word":
        return _shifted(">>", self, amount, lambda nodes, k: (nodes + (0,) * k)[k : k + len(nodes)])

    def __rlshift__(self, amount: Any) -> "Word":
        raise _no_width("<<", amount)

    def __rrshift__(self, amount: Any) -> "Word":
        raise _no_width(">>", amount)

    def __and__(self, other: Any) -> "Word":
        return _word_of("&", self, other)

    def __rand__(self, other: Any) -> "Word":
        return _word_of("&", other, self)

    def __or__(self, other: Any) -> "Word":
        return _word_of("|", self, other)

    def __ror__(self, other: Any) -> "Word":
        return _word_of("|", other, self)

    def __xor__(self, other: Any) -> "Word":
        return _word_of("^", self, other)

    def __rxor__(self, other: Any) -> "Word":
        return _word_of("^", other, self)

    def __add__(self, other: Any) -> "Word":
        return _word_of("+", self, other)

    def __radd__(self, other: Any) -> "Word":
        return _word_of("+", other, self)

    def __sub__(self, other: Any) -> "Word":
        return _word_of("-", self, other)

    def __rsub__(self, other: Any) -> "Word":
        return _word_of("-", other, self)

    def __mul__(self, other: Any) -> "Word":
        return _word_of("*", self, other)

    def __rmul__(self, other: Any) -> "Word":
        return _word_of("*", other, self)

    def __floordiv__(self, other: Any) -> "Word":
        return _word_of("//", self, other)

    def __rfloordiv__(self, other: Any) -> "Word":
        return _word_of("//", other, self)

    def __mod__(self, other: Any) -> "Word":
        return _word_of("%", self, other)

    def __rmod__(self, other: Any) -> "Word":
        return _word_of("%", other, self)

    def __eq__(self, other: Any) -> Any:  # type: ignore[override]
        return _bit_of("==", self, other)

    def __ne__(self, other: Any) -> Any:  # type: ignore[override]
        return _bit_of("!=", self, other)

    def __lt__(self, other: Any) -> Any:
        return _bit_of("<", self, other)

    def __le__(self, other: Any) -> Any:
        return _bit_of("<=", self, other)

    def __gt__(self, other: Any) -> Any:
        return _bit_of(">", self, other)

    def __ge__(self, other: Any) -> Any:
        return _bit_of(">=", self, other)

    def __bool__(self) -> bool:
        raise TypeError(
            "trace: a traced word has no value yet: instead of if, and, or, not write mux(w != 0, a, b), &, |, ~."
        )

    def __repr__(self) -> str:
        if self.netlist is None:
            return f"Word({len(self)} bits, {sum(-node << i for i, node in enumerate(self.nodes))})"
        return f"Word({len(self)} bits)"


def concat(*parts: Any) -> Word:
    """Put bits and words side by side, the first lowest.

    Args:
        parts: words, bits, or 0 and 1. Verilog's `{high, low}` is `concat(low, high)`.

    Returns:
        One word, as wide as all together.

    Raises:
        TypeError: if a part is neither.

    >>> from circuits import trace
    >>> trace(lambda a, b: concat(a, 0, b), a=2).output_names
    ('out[0]', 'out[1]', 'out[2]', 'out[3]')
    """
    words = [_word("concat", part, 1) for part in parts]
    return Word(_netlist_of(*words), tuple(node for word in words for node in word.nodes))


def choose(select: Any, when_true: Any, when_false: Any) -> Word:
    """Return one of two words, or of a word and an int, by a bit; `mux` asks this of words.

    Args:
        select: a bit.
        when_true: where it holds.
        when_false: where it does not.

    Raises:
        TypeError: if both are ints, or `select` is a word.
    """
    if isinstance(select, Word):
        raise TypeError(f"mux: expected a bit to choose by, got a word of {len(select)} bits: write w != 0 or w[0].")
    netlist, a, b = _aligned("mux", when_true, when_false)
    if isinstance(select, Bit):
        netlist = _netlist_of(Word(netlist, ()), Word(select.netlist, ()))
    (s,) = _word("mux", select, 1).nodes
    return Word(netlist, mux(netlist, s, a, b))


def _netlist_of(*words: Word) -> Builder | None:
    netlists = {id(word.netlist): word.netlist for word in words if word.netlist is not None}
    if len(netlists) > 1:
        raise TypeError("trace: a bit of another trace cannot be used here: traces do not share bits.")
    return next(iter(netlists.values()), None)


def _word(where: str, value: Any, width: int) -> Word:
    """Return a word, a bit as a word, or an int as a constant of a width."""
    if isinstance(value, Word):
        return value
    if isinstance(value, Bit):
        return Word(value.netlist, (value.node,))
    if isinstance(value, (int, np.integer, np.bool_)):
        value = int(value)
        if value < 0:
            raise ValueError(
                f"trace: {where} of a word of {width} bits and {value}: words are unsigned, write {value % 2**width}."
            )
        if value >= 2**width:
            raise ValueError(
                f"trace: {where} of a word of {width} bits and {value}: expected at most {2**width - 1}. "
                f"Widen the word by w.extend({value.bit_length()})."
            )
        return Word.constant(value, width)
    raise TypeError(f"trace: {where}: expected a word, a bit or an int, got {value!r} of type {type(value).__name__}.")


def _aligned(where: str, a: Any, b: Any) -> tuple[Builder | None, tuple[int, ...], tuple[int, ...]]:
    """Return the nodes of two operands, the narrower extended by zeros to the width of the wider."""
    widths = [len(x) if isinstance(x, Word) else 1 for x in (a, b) if isinstance(x, (Word, Bit))]
    if not widths:
        raise TypeError(f"trace: {where} of {a!r} and {b!r}: give one of them a width, as Word.constant(5, 8) does.")
    x, y = _word(where, a, max(widths)), _word(where, b, max(widths))
    n = max(len(x), len(y))
    return _netlist_of(x, y), x.nodes + (0,) * (n - len(x)), y.nodes + (0,) * (n - len(y))


def _as_bit(netlist: Builder | None, node: int) -> Any:
    return Word(netlist, (node,))[0]


def _shifted(name: str, word: Word, amount: Any, by: Callable[[tuple[int, ...], int], tuple[int, ...]]) -> Word:
    """Shift by a constant, or by a word: by 1, 2, 4, ... where its bits are set."""
    if not isinstance(amount, (Word, Bit)):
        return Word(word.netlist, by(word.nodes, whole_number("trace", f"the amount of {name}", amount)))
    amount = _word(name, amount, 1)
    netlist, nodes = _netlist_of(word, amount), word.nodes
    for i, s in enumerate(amount.nodes):
        nodes = mux(netlist, s, by(nodes, min(2**i, len(nodes))), nodes)
    return Word(netlist, nodes)


def _no_width(name: str, value: Any) -> TypeError:
    return TypeError(f"trace: {value!r} {name} word: give it a width, as Word.constant({value!r}, 8) does.")


_WORDS: dict[str, Callable[..., arithmetic.Nodes]] = {
    "&": lambda netlist, a, b: pointwise(netlist, AND, a, b),
    "|": lambda netlist, a, b: pointwise(netlist, OR, a, b),
    "^": lambda netlist, a, b: pointwise(netlist, XOR, a, b),
    "+": lambda netlist, a, b: add(netlist, a, b, 0)[0],
    "-": lambda netlist, a, b: subtract(netlist, a, b)[0],
    "*": multiply,
    "//": lambda netlist, a, b: divide(netlist, a, b)[0],
    "%": lambda netlist, a, b: divide(netlist, a, b)[1],
}
_BITS: dict[str, Callable[..., int]] = {
    "==": equal,
    "!=": lambda netlist, a, b: gate(netlist, NOT, equal(netlist, a, b), 0),
    "<": less,
    "<=": lambda netlist, a, b: gate(netlist, NOT, less(netlist, b, a), 0),
    ">": lambda netlist, a, b: less(netlist, b, a),
    ">=": lambda netlist, a, b: gate(netlist, NOT, less(netlist, a, b), 0),
}


def _word_of(sign: str, a: Any, b: Any) -> Word:
    netlist, x, y = _aligned(sign, a, b)
    return Word(netlist, _WORDS[sign](netlist, x, y))


def _bit_of(sign: str, a: Any, b: Any) -> Any:
    netlist, x, y = _aligned(sign, a, b)
    return _as_bit(netlist, _BITS[sign](netlist, x, y))

import operator

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from circuits import Word, concat, mux, trace

OPERATORS = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "&": operator.and_,
    "|": operator.or_,
    "^": operator.xor,
    "//": operator.floordiv,
    "%": operator.mod,
}
COMPARISONS = {
    "==": operator.eq,
    "!=": operator.ne,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


def by_rule(name, a, b, width):
    """Python's own arithmetic, modulo 2^width, and the two cases of division by zero."""
    if b == 0 and name in ("//", "%"):
        return 2**width - 1 if name == "//" else a
    return OPERATORS[name](a, b) % 2**width


def everything(n, m):
    a, b = np.meshgrid(np.arange(2**n), np.arange(2**m), indexing="ij")
    return a.ravel(), b.ravel()


@pytest.mark.parametrize(("n", "m"), [(1, 1), (2, 2), (4, 4), (5, 2), (2, 5), (3, 0), (0, 3)])
def test_operators_are_python_s_modulo_the_wider_width(n, m):
    width, (a, b) = max(n, m), everything(n, m)
    every = trace(
        lambda a, b: {**{n: f(a, b) for n, f in OPERATORS.items()}, **{n: f(a, b) for n, f in COMPARISONS.items()}},
        a=n,
        b=m,
    )
    from circuits import evaluate

    found = evaluate(every, {name: x for name, x, w in (("a", a, n), ("b", b, m)) if w})
    for name in OPERATORS:
        assert found[name].tolist() == [by_rule(name, x, y, width) for x, y in zip(a.tolist(), b.tolist(), strict=True)]
    for name, f in COMPARISONS.items():
        assert found[name].tolist() == [f(x, y) for x, y in zip(a.tolist(), b.tolist(), strict=True)]


@pytest.mark.parametrize("constant", [0, 1, 5, 15])
def test_an_int_takes_the_width_of_the_word_on_either_side(constant):
    x = np.arange(16)
    left = trace(lambda a: [f(constant, a) for f in [*OPERATORS.values(), *COMPARISONS.values()]], a=4)(x)
    right = trace(lambda a: [f(a, constant) for f in [*OPERATORS.values(), *COMPARISONS.values()]], a=4)(x)
    for i, name in enumerate(OPERATORS):
        assert left[i].tolist() == [by_rule(name, constant, int(v), 4) for v in x]
        assert right[i].tolist() == [by_rule(name, int(v), constant, 4) for v in x]
    for i, f in enumerate(COMPARISONS.values(), start=len(OPERATORS)):
        assert left[i].tolist() == [f(constant, int(v)) for v in x]
        assert right[i].tolist() == [f(int(v), constant) for v in x]


@given(st.integers(0, 255), st.integers(0, 255), st.sampled_from(sorted(OPERATORS)))
@settings(max_examples=100)
def test_eight_bits(a, b, name):
    assert EIGHT[name](a, b) == by_rule(name, a, b, 8)


EIGHT = {name: trace(f, a=8, b=8) for name, f in OPERATORS.items()}


@given(st.integers(0, 2**70 - 1), st.integers(0, 2**70 - 1))
@settings(max_examples=10)
def test_wide_words_are_python_s_integers(a, b):
    assert WIDE(a, b) == ((a + b) % 2**70, a < b)
    sums, less = WIDE([a, b], [b, a])
    assert (list(sums), less.tolist()) == ([(a + b) % 2**70] * 2, [a < b, b < a])


WIDE = trace(lambda a, b: (a + b, a < b), a=70, b=70)


def test_shifts_keep_the_width_of_the_shifted_word():
    a, k = everything(4, 3)
    left, right = trace(lambda a, k: (a << k, a >> k), a=4, k=3)(a, k)
    assert (left == (a << k) % 16).all()
    assert (right == a >> k).all()
    for amount in range(6):
        left, right = trace(lambda a, by=amount: (a << by, a >> by), a=4)(a)
        assert (left == (a << amount) % 16).all()
        assert (right == a >> amount).all()
    assert trace(lambda a, b: a << b, a=4)(3, 1) == 6


def test_invert_and_negate():
    a = np.arange(16)
    inverted, negative = trace(lambda a: (~a, -a), a=4)(a)
    assert (inverted == 15 - a).all()
    assert (negative == -a % 16).all()


def test_signed_numbers_are_asked_for():
    a, b = everything(4, 4)
    signed = lambda v: np.where(v < 8, v, v - 16)  # noqa: E731
    less, extended = trace(lambda a, b: (a.signed_less(b), a.extend(6, signed=True)), a=4, b=4)(a, b)
    assert (less == (signed(a) < signed(b))).all()
    assert (extended == signed(a) % 64).all()
    assert trace(lambda a: a.signed_less(0), a=4)(9) is True


def test_bits_slices_and_concatenation():
    a = np.arange(32)
    f = trace(lambda a: {"top": a[4], "last": a[-1], "low": a[0:2], "every": a[::2], "both": concat(a[3:5], 1, a)}, a=5)
    top, last, low, every, both = f(a)
    assert (top == a >> 4).all()
    assert (last == top).all()
    assert (low == a % 4).all()
    assert (every == (a & 1) + 2 * (a >> 2 & 1) + 4 * (a >> 4)).all()
    assert (both == (a >> 3) + 4 + 8 * a).all()


def test_the_carry_is_had_by_extension():
    a, b = everything(4, 4)
    assert (trace(lambda a, b: a.extend(5) + b, a=4, b=4)(a, b) == a + b).all()


def test_mux_chooses_words_and_ints():
    a, b = everything(3, 3)
    assert (trace(lambda a, b: mux(a > b, a - b, b - a), a=3, b=3)(a, b) == abs(a - b)).all()
    assert (trace(lambda a: mux(a[0], a, 5), a=3)(np.arange(8)) == np.where(np.arange(8) % 2, np.arange(8), 5)).all()
    assert (trace(lambda a: mux(a[0], 5, a), a=3)(np.arange(8)) == np.where(np.arange(8) % 2, 5, np.arange(8))).all()
    chosen = trace(lambda c: mux(c, Word.constant(5, 4), 2))
    assert (chosen(1), chosen(0)) == (5, 2)


def test_a_bit_is_a_word_of_width_one():
    a, c = everything(3, 1)
    assert (trace(lambda a, c: a + c, a=3)(a, c) == (a + c) % 8).all()
    assert (trace(lambda a, c: c ^ a, a=3)(a, c) == c ^ a).all()


def test_constants_make_no_gates():
    assert trace(lambda a: a + 0, a=8).n_gates == 0
    assert trace(lambda a: a & 15, a=8).n_gates == 0
    assert trace(lambda a: a * 4, a=8).n_gates == 0
    assert trace(lambda a: a << 3, a=8).n_gates == 0
    assert trace(lambda a: mux(1, a, 7), a=8).n_gates == 0
    assert trace(lambda a, b: a + b, a=8, b=8).n_gates < 8 * 5


def test_a_constant_is_a_word_without_a_trace():
    assert (Word.constant(5, 4) + 3).nodes == Word.constant(8, 4).nodes
    assert repr(Word.constant(5, 4)) == "Word(4 bits, 5)"
    assert list(Word.constant(5, 3)) == [True, False, True]


REFUSED = [
    (lambda a: a + 16, ValueError, "trace: + of a word of 4 bits and 16: expected at most 15. "
     "Widen the word by w.extend(5)."),
    (lambda a: a == -1, ValueError, "trace: == of a word of 4 bits and -1: words are unsigned, write 15."),
    (lambda a: a + 1.5, TypeError, "trace: +: expected a word, a bit or an int, got 1.5 of type float."),
    (lambda a: a & None, TypeError, "trace: &: expected a word, a bit or an int, got None of type NoneType."),
    (lambda a: a if a else 0, TypeError, "trace: a traced word has no value yet: instead of if, and, or, not write "
     "mux(w != 0, a, b), &, |, ~."),
    (lambda a: a[4], IndexError, "trace: bit 4 of a word of 4 bits; expected 0..3."),
    (lambda a: a[a], TypeError, "trace: an index that is traced has no value yet: write (w >> i)[0] for w[i]."),
    (lambda a: a.extend(3), ValueError, "extend: expected a width of at least 4, got 3; w[0:4] cuts."),
    (lambda a: a << -1, ValueError, "trace: expected the amount of << to be at least 0, got -1."),
    (lambda a: 1 << a, TypeError, "trace: 1 << word: give it a width, as Word.constant(1, 8) does."),
    (lambda a: mux(a[0], 2, 3) & a, TypeError, None),
    (lambda a: mux(a, a, a), TypeError, "mux: expected a bit to choose by, got a word of 4 bits: "
     "write w != 0 or w[0]."),
    (lambda a: a.signed_less(a[0:2]), ValueError, "signed_less: expected words of one width, got 4 and 2 bits."),
    (lambda a: concat(a, 2), ValueError, "trace: concat of a word of 1 bits and 2: expected at most 1. "
     "Widen the word by w.extend(2)."),
    (lambda a: {a}, TypeError, "unhashable type: 'Word'"),
]  # fmt: skip


@pytest.mark.parametrize(("function", "kind", "message"), REFUSED)
def test_what_words_cannot_do_is_refused(function, kind, message, error):
    said = error(kind, lambda: trace(function, a=4))
    assert message is None or said == message


def test_words_of_another_trace_are_refused(error):
    kept = []
    trace(lambda a: kept.append(a) or a, a=2)
    message = error(TypeError, lambda: trace(lambda a: a + kept[0], a=2))
    assert message == "trace: a bit of another trace cannot be used here: traces do not share bits."

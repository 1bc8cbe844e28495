import itertools

import pytest

from circuits.expression_tokens import OPERATORS, PREFIXES, binds_first, is_name, statements_of


def test_longest_operators_are_taken():
    ((target, tokens),) = statements_of("y = a<->b->c<=>d=>e==f!=!g'")
    assert target is not None
    assert target.text == "y"
    symbols = [token.text for token in tokens if token.kind in ("operator", "prime")]
    assert symbols == ["<->", "->", "<=>", "=>", "==", "!=", "!", "'"]


@pytest.mark.parametrize("text", ["a", "_x", "top.u1.q", "w[12]", "Nota", "true1"])
def test_names(text):
    assert is_name(text)


@pytest.mark.parametrize("text", ["", "1", "22", "a[i]", "a b", "a#", "And", "XOR", "mux", "True", "0", "β", "a\n"])
def test_what_is_no_name(text):
    assert not is_name(text)


def test_every_pair_is_settled_or_refused_as_both_tables_say():
    for waiting, coming in itertools.product([*OPERATORS.values(), *PREFIXES.values()], OPERATORS.values()):
        first = binds_first(waiting, coming)
        if waiting.logic != coming.logic and first is not None:
            assert first == (waiting.logic > coming.logic) == (waiting.python > coming.python)
    # The symbols that logic texts, Python and C order alike are never refused, nor are the words among themselves.
    for row in (["&", "^", "|", "->", "<->"], ["and", "xor", "or", "->", "<->"], ["==", "and", "xor", "or", "=>"]):
        for i, j in itertools.product(range(len(row)), repeat=2):
            if i != j:
                assert binds_first(OPERATORS[row[i]], OPERATORS[row[j]]) == (i < j)

import itertools

import numpy as np

from circuits.simulation.gate_kinds import KINDS, kinds_of

EVERY = np.arange(256)[:, None] >> np.arange(8) & 1


def value(polynomial, bits):
    return sum(polynomial >> s & all(bits[i] for i in range(3) if s >> i & 1) for s in range(8)) % 2


def test_there_are_forty_kinds_each_its_own():
    # Up to the order of the bits there are 80 functions of three (OEIS A003180), half of them without a constant.
    assert len(KINDS) == 40
    kinds, orders = kinds_of(np.array(KINDS)[:, None] >> np.arange(8) & 1)
    assert kinds.tolist() == list(range(40))
    assert orders.tolist() == [[0, 1, 2]] * 40


def test_a_function_is_its_kind_of_its_variables_in_their_order_and_its_constant():
    kinds, orders = kinds_of(EVERY)
    for polynomial, kind, order in zip(range(256), kinds.tolist(), orders.tolist(), strict=True):
        for bits in itertools.product((0, 1), repeat=3):
            expected = value(KINDS[kind], [bits[i] for i in order]) ^ polynomial & 1
            assert value(polynomial, bits) == expected


def test_functions_are_of_one_kind_whatever_the_order_and_the_constant():
    kinds, _ = kinds_of(EVERY)
    for polynomial in range(256):
        assert kinds[polynomial] == kinds[polynomial ^ 1]
    for order in itertools.permutations(range(3)):
        before = sum((np.arange(8) >> i & 1) << order[i] for i in range(3))
        np.testing.assert_array_equal(kinds_of(EVERY[:, before])[0], kinds)

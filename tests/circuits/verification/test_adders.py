import itertools

import pytest

from circuits import parse
from circuits.verification.adders import find_adders
from circuits.verification.hashed_graphs import Hashed
from circuits.verification.sat_queries import DeadlinePassed


def found(text, **options):
    circuit = parse(text)
    hashed = Hashed(circuit.n_inputs)
    literals = hashed.add(circuit)
    outputs = [literals[node] for node in circuit.outputs.tolist()]
    return find_adders(hashed, outputs, **options), outputs


@pytest.mark.parametrize("flips", list(itertools.product(["", "~"], repeat=3)))
@pytest.mark.parametrize("either", ["^", "|"])
def test_a_full_adder_of_bits_some_of_which_are_inverted(flips, either):
    a, b, c = (flip + bit for flip, bit in zip(flips, "abc", strict=True))
    adders, (total, carry) = found(f"s = a ^ b ^ c; t = {a} & {b} | {c} & ({a} {either} {b})")
    assert adders.sums[total >> 1] == (1, 2, 3)
    bits, inverted, complemented = adders.carries[carry >> 1]
    assert bits == (1, 2, 3)
    # What the carry is said to be, for all values of the bits, against the formula.
    for x in itertools.product([0, 1], repeat=3):
        said = (sum(v ^ flip for v, flip in zip(x, inverted, strict=True)) > 1) ^ complemented ^ carry & 1
        assert said == (sum(v ^ len(flip) for v, flip in zip(x, flips, strict=True)) > 1)


# Two digits, and the carry of the second by lookahead, which does not read the carry of the first.
LOOKAHEAD = (
    "g = a & b; p = a ^ b; h = c & d; q = c ^ d; "
    "one = g | p & e; two = h | q & g | q & p & e; s = p ^ e; t = q ^ one; u = f ^ two"
)


def test_a_carry_far_from_its_bits_is_proved():
    circuit = parse(LOOKAHEAD)
    place = {name: 1 + i for i, name in enumerate(circuit.input_names)}
    hashed = Hashed(circuit.n_inputs)
    literals = hashed.add(circuit)
    by_name = {name: literals[node] for name, node in zip(circuit.output_names, circuit.outputs.tolist(), strict=True)}
    adders = find_adders(hashed, list(by_name.values()))
    bits = adders.carries[by_name["two"] >> 1].bits
    assert {place["c"], place["d"]} < set(bits)


NEVER, ONCE = "d & e & (d ^ e)", " & ".join(f"{'~' * (i % 2)}x{i}" for i in range(1, 21))


@pytest.mark.parametrize(("but_for", "is_one"), [(NEVER, True), (ONCE, False)], ids=["never", "once in 2^20"])
def test_a_gate_with_the_values_of_a_carry_on_all_patterns_but_not_always(but_for, is_one):
    adders, outputs = found(f"s = a ^ b ^ c; t = a & b | (c & (a ^ b) | {but_for}); u = t ^ d ^ e")
    assert (outputs[1] >> 1 in adders.carries) == is_one


def test_a_deadline_that_has_passed():
    with pytest.raises(DeadlinePassed):
        found(LOOKAHEAD, expired=lambda: True)

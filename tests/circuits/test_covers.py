import hypothesis.strategies as st
import pytest
from hypothesis import given

from circuits.builder import Builder
from circuits.covers import Cover, add_cover, columns, irredundant, meeting, uncovered


def holds(cube, row):
    """Whether a cube holds for a row of bits: from the definition."""
    return all(value == "-" or int(value) == bit for value, bit in zip(cube, row, strict=True))


cubes_of = st.integers(0, 5).flatmap(
    lambda n: st.tuples(st.just(n), st.lists(st.text("01-", min_size=n, max_size=n), max_size=8))
)


@given(drawn=cubes_of, on=st.booleans())
def test_a_cover_is_what_it_says(drawn, on, reference, all_rows):
    n, cubes = drawn
    netlist = Builder([f"x{i}" for i in range(n)])
    circuit = netlist.circuit({"y": add_cover(netlist, Cover(tuple(cubes), on), netlist.inputs)})
    expected = [any(holds(cube, row) for cube in cubes) == on for row in all_rows(n)]
    assert reference(circuit, all_rows(n))[:, 0].tolist() == expected
    if n in (1, 2):
        assert circuit.n_gates == 1


@pytest.mark.parametrize(
    ("cubes", "on", "gates"),
    [
        (("111",), True, 2),
        (("000",), True, 2),
        (("000",), False, 2),
        (("0-1", "11-"), False, 3),
        (("010", "101"), True, 5),
        (("--0",), True, 1),  # an inverter that no gate takes in
        (("--1",), True, 0),
        (("--0", "0--"), True, 1),
        (("00000", "11111"), False, 9),
    ],
)
def test_inverters_are_inside_the_gates(cubes, on, gates, reference, all_rows):
    n = len(cubes[0])
    netlist = Builder([f"x{i}" for i in range(n)])
    circuit = netlist.circuit({"y": add_cover(netlist, Cover(cubes, on), netlist.inputs)})
    assert circuit.n_gates == gates
    expected = [any(holds(cube, row) for cube in cubes) == on for row in all_rows(n)]
    assert reference(circuit, all_rows(n))[:, 0].tolist() == expected


@given(drawn=cubes_of, data=st.data())
def test_meeting_cubes_share_a_row(drawn, data, all_rows):
    n, cubes = drawn
    cube = data.draw(st.text("01-", min_size=n, max_size=n))
    met = meeting(cube, columns(cubes, n), len(cubes))
    for k, other in enumerate(cubes):
        assert bool(met >> k & 1) == any(holds(cube, row) and holds(other, row) for row in all_rows(n))


@given(drawn=cubes_of)
def test_an_uncovered_row_is_one_where_no_cube_holds(drawn, all_rows):
    n, cubes = drawn
    row = uncovered(cubes, n)
    missing = [tuple(bits) for bits in all_rows(n) if not any(holds(cube, bits) for cube in cubes)]
    if row is None:
        assert not missing
    else:
        assert missing
        assert all(tuple(bits) in missing for bits in all_rows(n) if holds(row, bits))


def test_uncovered_gives_up_in_time():
    # Input i and input i + 20 are alike for some i, or not for the first: true, and seen only once half are known.
    n = 40
    pairs = [(i, pair) for i in range(n // 2) for pair in ("00", "11")] + [(0, "01"), (0, "10")]
    cubes = ["-" * i + a + "-" * (n // 2 - 1) + b + "-" * (n // 2 - 1 - i) for i, (a, b) in pairs]
    with pytest.raises(TimeoutError, match="within 1000 steps"):
        uncovered(cubes, n, most_steps=1000)


@given(drawn=st.integers(0, 5).flatmap(lambda n: st.tuples(st.just(n), st.integers(0, 2**2**n - 1))))
def test_irredundant_sums_of_products(drawn, all_rows):
    n, table = drawn
    cubes = irredundant(table, n)

    def value(some):
        return sum(any(holds(cube, row) for cube in some) << r for r, row in enumerate(all_rows(n)))

    assert value(cubes) == table
    assert all(value(cubes[:k] + cubes[k + 1 :]) != table for k in range(len(cubes)))


def test_parity_has_no_cubes_to_merge():
    table = sum((row.bit_count() & 1) << row for row in range(2**10))
    assert len(irredundant(table, 10)) == 2**9

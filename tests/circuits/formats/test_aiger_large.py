import pytest

from circuits import Circuit, ParseError, depth
from circuits.formats.aiger import dumps, loads
from circuits.gates import BUF, NOT, XOR


@pytest.mark.parametrize("step", [1, -1])
def test_a_chain_of_200_000_ands(step):
    n = 200_000
    lines = [f"{2 * k} {2 * k - 2} {2 * k - 1}" for k in range(2, n + 2)][::step]
    circuit = loads("\n".join([f"aag {n + 1} 1 0 1 {n}", "2", str(2 * n + 2), *lines]))
    assert circuit.fan_ins[:, 0].tolist() == list(range(1, n + 1))


def test_a_chain_with_falling_numbers():
    # Each AND is fed by that of the next higher number, so their numbers are no order; the input has the highest.
    n = 200_000
    lines = [f"{2 * k} {2 * k + 2} {2 * k + 3}" for k in range(1, n + 1)]
    circuit = loads("\n".join([f"aag {n + 1} 1 0 1 {n}", str(2 * n + 2), "2", *lines]))
    assert circuit.fan_ins[:, 0].tolist() == list(range(1, n + 1))
    assert circuit.outputs.tolist() == [n + 1]


def test_a_long_loop_is_shown_in_short(error):
    n = 200_000
    lines = [f"{2 * k} {2 * (k % n + 1)} 1" for k in range(1, n + 1)]
    loop = "2 <- 4 <- 6 <- 8 <- 10 <- 12 <- ... <- 2"
    message = f"aiger:2: AND 2 depends on itself: {loop}; expected no cycles"
    assert error(ParseError, loads, "\n".join([f"aag {n} 0 0 0 {n}", *lines])) == message


def test_a_loop_beside_other_logic(error):
    # 8 and 10 are the loop; 6 hangs off it, and 4 feeds it.
    data = "aag 5 1 0 1 4\n2\n6\n4 2 2\n6 8 2\n8 4 11\n10 9 9\n"
    message = "aiger:6: AND 8 depends on itself: 8 <- 10 <- 8; expected no cycles"
    assert error(ParseError, loads, data) == message


def test_many_paths_are_walked_once():
    n = 5000
    lines = [f"{2 * k} {2 * k + 2} {2 * k + 4}" for k in range(1, n + 1)]
    inputs = [str(2 * n + 2), str(2 * n + 4)]
    assert loads("\n".join([f"aag {n + 2} 2 0 1 {n}", *inputs, "2", *lines])).n_gates == n


@pytest.mark.parametrize("table", [BUF, NOT])
def test_a_chain_of_buffers_is_no_and(table, reference):
    n = 200_000
    circuit = Circuit(["a"], [(k, 0) for k in range(1, n + 1)], [table] * n, [n + 1, n], ["y", "z"])
    written = dumps(circuit, binary=False)
    literals = (2, 2) if table == BUF else (2, 3)
    assert written == f"aag 1 1 0 2 0\n2\n{literals[0]}\n{literals[1]}\ni0 a\no0 y\no1 z\n".encode()


def test_a_long_chain_of_exclusive_ors_is_written_and_read():
    n = 50_000
    fan_ins = [(1, 2), *((k, 1 + k % 2) for k in range(3, n + 2))]
    circuit = Circuit(["a", "b"], fan_ins, [XOR] * n, [n + 2], ["y"])
    for binary in (False, True):
        assert depth(loads(dumps(circuit, binary=binary))) == 2 * n


@pytest.mark.parametrize("many", ["1000000000000", "9" * 18])
@pytest.mark.parametrize("letter", ["I", "L", "O", "A", "B", "C", "J", "F"])
@pytest.mark.parametrize("kind", ["aag", "aig"])
def test_a_header_that_promises_too_much_allocates_nothing(kind, letter, many):
    counts = ["0"] * 8
    counts["ILOABCJF".index(letter)] = many
    highest = many if letter in "ILA" else "0"
    with pytest.raises(ParseError):
        loads(f"{kind} {highest} {' '.join(counts)}\n0\n".encode(), registers="cut", properties="outputs")


def test_a_highest_variable_that_is_far_off_allocates_nothing():
    most = 5 * 10**17 - 1  # literals of 18 digits
    circuit = loads(f"aag {most} 1 0 1 1\n{2 * most}\n5\n4 {2 * most} {2 * most + 1}\n")
    assert circuit.fan_ins.tolist() == [[1, 1], [2, 0]]
    with pytest.raises(ParseError, match="aiger:1: expected 'aag'"):
        loads(f"aag {10**18} 1 0 0 0\n2\n")

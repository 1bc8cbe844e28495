import pytest

from circuits import ParseError, loads, truth_table, values
from circuits.formats.nets import Nets
from circuits.gates import AND, NOT


def nets(registers="refuse"):
    return Nets("file", "in {net}", "gate {net}", registers, output_as="out {net}")


def add(netlist, table, nodes):
    return netlist.gate(table, *nodes)


def test_a_netlist_in_any_order():
    netlist = nets()
    netlist.output("y", 1)
    netlist.drive("y", AND, ("p", "a"), 2)
    netlist.drive("p", NOT, ["b"], 3)
    netlist.input("b", 4)
    netlist.input("a", 5)
    circuit = netlist.circuit(add)
    assert (circuit.input_names, circuit.output_names) == (("b", "a"), ("y",))
    assert circuit.fan_ins.tolist() == [[1, 0], [3, 2]]
    assert circuit.tables.tolist() == [NOT, AND]


def test_what_is_no_gate_is_resolved_alike():
    netlist = nets("cut")
    netlist.input("a", 1)
    netlist.register("q", ["y"], "DFF", 2)
    netlist.drive("y", "some kind", ("q", "a", "a"), 3)
    netlist.output("y", 4)
    seen = []

    def record(kind, nodes):
        seen.append((kind, nodes))
        return 100

    assert netlist.resolve([7, 8], record) == {"y": 100, "q_next": 100}
    assert seen == [("some kind", [8, 7, 7])]


def test_errors_name_things_as_the_format_does(error):
    netlist = nets()
    netlist.input("a", 1)
    netlist.output("y", 2)
    netlist.drive("b", NOT, ("a",), 3)
    assert error(ParseError, netlist.input, "a", 4) == "file:4: in a stands in line 1 already"
    assert error(ParseError, netlist.output, "y", 5) == "file:5: out y stands in line 2 already"
    assert error(ParseError, netlist.input, "b", 6) == "file:6: net 'b' is driven twice: by in b and in line 3"
    assert error(ParseError, netlist.drive, "a", NOT, ("b",), 7) == (
        "file:7: net 'a' is driven twice: here and in line 1"
    )
    assert error(ParseError, netlist.circuit, add) == (
        "file:2: net 'y' of out y is driven by nothing: expected in y or gate y"
    )


def test_registers_are_refused_or_cut(error):
    assert error(ParseError, nets().register, "q", ["d"], "DFF", 3) == (
        "file:3: DFF is a register: expected a combinational circuit, without state. "
        'registers="cut" makes its value an input, and its next value an output'
    )
    netlist = nets("cut")
    netlist.register("q", ["r"], "DFF", 1)
    netlist.register("r", ["a"], "DFF", 2)
    netlist.input("a", 3)
    assert error(ParseError, netlist.drive, "q", NOT, ("a",), 4) == (
        "file:4: net 'q' is driven twice: here and in line 1"
    )
    # After the true inputs and outputs, whatever their order in the file.
    netlist.output("a", 5)
    circuit = netlist.circuit(add)
    assert (circuit.input_names, circuit.output_names) == (("a", "q", "r"), ("a", "q_next", "r_next"))
    assert circuit.outputs.tolist() == [1, 3, 1]
    assert (
        error(ValueError, Nets, "file", "", "", "keep")
        == "loads: expected registers to be 'refuse', 'cut' or 'unroll', got 'keep'."
    )


@pytest.mark.parametrize("kind", ["input", "output", "register"])
def test_a_cut_never_takes_a_name(kind, error):
    netlist = nets("cut")
    netlist.input("d", 1)
    netlist.register("q", ["d"], "DFF", 2)
    if kind == "register":
        netlist.register("q_next", ["d"], "DFF", 3)
    else:
        getattr(netlist, kind)("q_next", 3)
    if kind == "output":
        netlist.drive("q_next", NOT, ("d",), 4)
    assert error(ParseError, netlist.circuit, add) == (
        "file:2: register 'q' would be cut into an output 'q_next', which is there already"
    )


def test_a_register_breaks_a_loop_and_its_undriven_next_state_is_found(error):
    netlist = nets("cut")
    netlist.register("q", ["d"], "DFF", 1)
    assert error(ParseError, netlist.circuit, add) == (
        "file:1: net 'd', the next state of 'q', is driven by nothing: expected in d or gate d"
    )
    netlist.drive("d", NOT, ("q",), 2)
    assert netlist.circuit(add).fan_ins.tolist() == [[1, 0]]


def test_a_ladder_of_registers_takes_linear_time():
    netlist, n = nets("cut"), 30_000
    for i in range(n):
        netlist.register(f"q{i}", [f"q{(i + 1) % n}"], "DFF", i)
    assert netlist.circuit(add).n_outputs == n


@pytest.mark.parametrize(
    ("format", "text"),
    [
        (".bench", "INPUT(a)\nINPUT(b)\nOUTPUT(y)\ny = NOT(t)\nt = AND(a, b, u)\nu = OR(a, b)\n"),
        (
            ".blif",
            ".inputs a b\n.outputs y\n.names t y\n0 1\n.names a b u t\n111 1\n.names a b u\n1- 1\n-1 1\n",
        ),
        (".v", "module m(input a, b, output y); wire t, u; not(y, t); and(t, a, b, u); or(u, a, b); endmodule"),
    ],
)
def test_nodes_have_the_names_of_their_nets(format, text):
    circuit = loads(text, format)
    assert {name for name in circuit.gate_names.split("\n") if name} == {"y", "t", "u"}
    assert truth_table(circuit, node="u").tolist() == [False, True, True, True]
    assert values(circuit, [1, 1])["t"] is True


def test_constants_beside_tables_are_node_0_and_one_gate_that_all_share():
    nets = Nets("f", "input {net}", "{net} = ...")
    nets.input("a", 1)
    for net, kind, fan_ins in (
        ("y", 0b0110, ("one", "a")),
        ("zero", False, ()),
        ("one", True, ()),
        ("uno", True, ()),
        ("z", 0b1110, ("uno", "zero")),
    ):
        nets.drive(net, kind, fan_ins, 2)
    for net in ("y", "z", "zero", "uno"):
        nets.output(net, 3)
    circuit = nets.circuit()
    assert circuit.tables.tolist() == [0b1111, 0b0110, 0b1110]
    assert circuit.fan_ins.tolist() == [[0, 0], [2, 1], [2, 0]]
    assert circuit.outputs.tolist() == [3, 4, 0, 2]

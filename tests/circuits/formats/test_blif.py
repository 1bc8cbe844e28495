import random
import re
import shutil
import subprocess

import hypothesis.strategies as st
import pytest
from hypothesis import given

from circuits import Circuit, ParseError, depth
from circuits.formats.blif import dumps, loads
from circuits.gates import AND, NAND

ABY = ".model m\n.inputs a b\n.outputs y\n"
FULL_ADDER = """\
.model ripple
.inputs a0 a1 b0 b1
.outputs s0 s1 s2
.subckt full_adder a=a0 b=b0 c=zero sum=s0 carry=c1
.subckt full_adder a=a1 b=b1 c=c1 sum=s1 carry=s2
.names zero
.end
.model full_adder
.inputs a b c
.outputs sum carry
.names a b half
10 1
01 1
.subckt xor p=half q=c r=sum
.names a b c carry
11- 1
1-1 1
-11 1
.end
.model xor
.inputs p q
.outputs r
.names p q r
11 0
00 0
.end
"""


@pytest.fixture(scope="session")
def table(reference, all_rows):
    """The truth table of a text: output name -> zeros and ones, rows in the order of its inputs."""

    def of(text, **options):
        circuit = loads(text, **options)
        columns = reference(circuit, all_rows(circuit.n_inputs)).T.astype(int).tolist()
        return dict(zip(circuit.output_names, columns, strict=True))

    return of


@pytest.fixture(scope="session")
def files(iscas85):
    """The folder of netlists of all kinds."""
    return iscas85.parents[1]


@pytest.fixture(scope="session")
def equivalent():
    """What ABC says of two files."""
    abc = shutil.which("berkeley-abc") or shutil.which("abc")
    if abc is None:
        pytest.skip("needs ABC, as berkeley-abc or abc")

    def ask(first, second, flags=""):
        command = [abc, "-c", f"cec {flags} {first} {second}"]
        output = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout
        return "Networks are equivalent" in output

    return ask


@pytest.mark.parametrize(
    ("cover", "expected"),
    [
        ("11 1", [0, 0, 0, 1]),
        ("1- 1", [0, 1, 0, 1]),
        ("10 1", [0, 1, 0, 0]),
        ("01 1", [0, 0, 1, 0]),
        ("11 0", [1, 1, 1, 0]),
        ("-0 0", [0, 0, 1, 1]),
        ("10 1\n01 1", [0, 1, 1, 0]),
        ("10 0\n01 0", [1, 0, 0, 1]),
        ("-- 1", [1, 1, 1, 1]),
        ("-- 0", [0, 0, 0, 0]),
        ("", [0, 0, 0, 0]),
        ("11   1", [0, 0, 0, 1]),
        ("11 1 # 00 1\n # 00 1\n\n", [0, 0, 0, 1]),
        ("11 \\\n 1", [0, 0, 0, 1]),
    ],
)
def test_tables_of_two_inputs_are_one_gate(cover, expected, table):
    text = f"{ABY}.names a b y\n{cover}\n.end"
    assert table(text) == {"y": expected}
    assert loads(text).n_gates == 1
    assert table(text.replace("\n", "\r\n")) == {"y": expected}


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (".names y", [0, 0, 0, 0]),
        (".names y\n1", [1, 1, 1, 1]),
        (".names y\n0", [0, 0, 0, 0]),
        (".names a y\n1 1", [0, 1, 0, 1]),
        (".names b y\n0 1", [1, 1, 0, 0]),
        (".names b y\n1 0", [1, 1, 0, 0]),
        (".names b y\n- 1", [1, 1, 1, 1]),
        (".conn b y", [0, 0, 1, 1]),
        (".names a b a y\n0-1 1", [0, 0, 0, 0]),
        (".names a b a y\n-11 1\n00- 1", [1, 0, 0, 1]),
        (".names n y\n0 1\n.names a b n\n11 1", [1, 1, 1, 0]),
        (".names $true b y\n11 1", [0, 0, 1, 1]),
        (".names $true\n1\n.names $true b y\n11 1", [0, 0, 1, 1]),
        ('.names $false b y\n01 1\n.names $undef\n.attr src "a.v:1"\n.cname c\n.param P 1', [0, 0, 1, 1]),
        (".wire_load_slope 0.00\n.clock a\n.default_input_arrival 0 0\n.names a b y\n11 1\n.area 2", [0, 0, 0, 1]),
    ],
)
def test_other_drivers(names, expected, table):
    assert table(f"{ABY}{names}\n.end") == {"y": expected}


@pytest.mark.parametrize(
    "text",
    [
        ".inputs a b\n.outputs y\n.names a b y\n11 1",
        ".model\n.inputs a b\n.outputs y\n.names a b y\n11 1",
        ".model m\n.names a b y\n11 1\n.outputs y\n.inputs a\n.inputs b",
        ".model m\n.inputs a \\\nb\n.outputs \\\n\\\n y\n.names a \\  \n b y\n11 1\n.end\n\n# the end\n",
        "# a comment \\\n.model m # .end\n.inputs a b\n.outputs y\n.names a b y\n11 1\n.end",
        ".model m\n.inputs a b\n.outputs y\n.names a b y\n11 1\n.subckt other\n.model other\n.outputs z\n.names z",
    ],
)
def test_layout(text, table):
    assert table(text) == {"y": [0, 0, 0, 1]}


def test_names_and_their_order_survive():
    circuit = loads(".model m\n.inputs c[1] $x=2\n.inputs 1GAT(0)\n.outputs z z.0\n.outputs c[1]\n.names z\n.names z.0")
    assert circuit.input_names == ("c[1]", "$x=2", "1GAT(0)")
    assert circuit.output_names == ("z", "z.0", "c[1]")


def test_wide_covers(table):
    n = 9
    names = " ".join(f"x{i}" for i in range(n))
    text = f".inputs {names}\n.outputs y\n.names {names} y\n{'0' * n} 1\n{'1' * n} 1"
    assert table(text) == {"y": [int(row in (0, 2**n - 1)) for row in range(2**n)]}
    assert loads(text).n_gates == 2 * (n - 1) + 1
    assert depth(loads(text)) == 5


# Models of models.


def test_models_are_flattened(reference, all_rows):
    circuit = loads(FULL_ADDER)
    assert circuit.n_gates == 2 * (1 + 1 + 5)
    for row, bits in zip(all_rows(4).astype(int), reference(circuit, all_rows(4)), strict=True):
        total = row[0] + 2 * row[1] + row[2] + 2 * row[3]
        assert bits.tolist() == [bool(total >> i & 1) for i in range(3)]


def test_a_model_may_be_named(table, error):
    assert table(FULL_ADDER, model="xor") == {"r": [0, 1, 1, 0]}
    message = "blif: there is no model 'adder', expected one of 'ripple', 'full_adder', 'xor'"
    assert error(ParseError, loads, FULL_ADDER, model="adder") == message


def test_outputs_may_feed_the_inputs_of_the_same_instance(table):
    # Of the nets, none depends on itself, though one instance feeds itself.
    two = ".model two\n.inputs p q\n.outputs r s\n.names p r\n0 1\n.names q s\n0 1\n.end"
    text = f".inputs a\n.outputs y\n.subckt two p=a q=n r=n s=y\n.end\n{two}"
    assert table(text) == {"y": [0, 1]}


def test_inner_nets_have_names_that_are_free(table):
    inner = ".model inner\n.inputs p\n.outputs q\n.names p n\n0 1\n.names n q\n0 1\n.names $true t\n1 1\n.end"
    text = ".inputs a\n.outputs y n n@1 n@2\n.names a n\n1 1\n.names n@1\n1\n.names n@2\n"
    text += f".subckt inner p=a q=m\n.subckt inner p=m q=y\n.end\n{inner}"
    assert table(text) == {"y": [0, 1], "n": [0, 1], "n@1": [1, 1], "n@2": [0, 0]}


def test_registers_of_models_are_cut(table):
    inner = ".model toggle\n.inputs e clk\n.outputs out\n.latch d q re clk 0\n.names e q d\n10 1\n01 1\n.conn q out\n"
    instances = ".subckt toggle e=e out=x clk=clk\n.subckt toggle e=x out=y clk=clk\n"
    text = f".inputs e clk\n.outputs x y\n{instances}.end\n{inner}"
    circuit = loads(text, registers="cut")
    assert circuit.input_names == ("e", "clk", "q@1", "q@2")
    assert circuit.output_names == ("x", "y", "q@1_next", "q@2_next")
    values = table(text, registers="cut")
    assert values["q@1_next"] == [(row & 1) ^ (row >> 2 & 1) for row in range(16)]
    assert values["q@2_next"] == [(row >> 2 & 1) ^ (row >> 3 & 1) for row in range(16)]
    assert loads(dumps(circuit)).input_names == circuit.input_names


def test_exponential_hierarchies_are_refused(error):
    twice = ".model m{}\n.inputs a\n.outputs y\n.subckt m{} a=a y=n\n.subckt m{} a=n y=y\n.end\n"
    models = [twice.format(k, k + 1, k + 1) for k in range(5000)]
    text = "".join(models) + ".model m5000\n.inputs a\n.outputs y\n.names a y\n0 1\n.end"
    message = error(ParseError, loads, text)
    assert re.fullmatch(r"blif: model 'm\d+' with the models in it comes to more than 67108864 characters.*", message)
    assert loads(text, model="m4990").n_gates == 2**10


def test_a_deep_hierarchy():
    n = 20_000
    models = [
        f".model m{k}\n.inputs a\n.outputs y\n.subckt m{k + 1} a=n y=y\n.names a n\n0 1\n.end\n" for k in range(n)
    ]
    circuit = loads("".join(models) + f".model m{n}\n.inputs a\n.outputs y\n.names a y\n0 1\n.end")
    assert (circuit.n_gates, depth(circuit)) == (n + 1, n + 1)


def test_a_chain_of_20_000_gates():
    n = 20_000
    gates = [f".names x{i} x{i + 1}\n0 1" for i in range(n)][::-1]
    circuit = loads("\n".join([".inputs x0", f".outputs x{n}", *gates]))
    assert circuit.fan_ins[:, 0].tolist() == list(range(1, n + 1))


def test_a_line_continued_100_000_times():
    names = [f"x{i}" for i in range(100_000)]
    circuit = loads(".inputs " + " \\\n".join(names) + "\n.outputs x0")
    assert circuit.input_names == tuple(names)


# What is refused.

BUF = ".names a y\n1 1\n"
INNER = ".end\n.model sub\n.inputs p q\n.outputs r\n.names p q r\n11 1\n"
READ = ".model, .inputs, .outputs, .names, .subckt, .latch, .conn, .exdc, .end"
LATCH = (
    ".latch is a register: expected a combinational circuit, without state. "
    'registers="cut" makes its value an input, and its next value an output'
)
UNDEFINED = "net '$undef' is read: Yosys has no value for it, expected another net"
CHOICE = '; undriven=0, 1 or "input" chooses what it is'
ERRORS = [
    (".names a b y\n11 1\n00 0", 6, "a cover has rows of one value, found 0 after 1"),
    (".names a b y\n11 1 1", 5, "expected 2 of the characters 0, 1, - and then 0 or 1, found '11 1 1'"),
    (".names a b y\n1 1 1", 5, "expected 2 of the characters 0, 1, - and then 0 or 1, found '1 1 1'"),
    (".names a b y\n111", 5, "expected 2 of the characters 0, 1, - and then 0 or 1, found '111'"),
    (".names a b y\n111 1", 5, "expected 2 of the characters 0, 1, - and then 0 or 1, found '111 1'"),
    (".names a b y\n12 1", 5, "expected 2 of the characters 0, 1, - and then 0 or 1, found '12 1'"),
    (".names a b y\n\n11 -", 6, "expected 2 of the characters 0, 1, - and then 0 or 1, found '11 -'"),
    (".names y\n1 1", 5, "expected 0 or 1, found '1 1'"),
    (".names y\n2", 5, "expected 0 or 1, found '2'"),
    (".names", 4, ".names takes the nets of a cover and the net that it drives, found none"),
    ("11 1", 4, "expected a line that begins with a dot, found '11 1'"),
    (BUF + ".area 1\n1 1", 7, "expected a line that begins with a dot, found '1 1'"),
    (".gate AND2 A=a B=b Y=y", 4, ".gate is refused: it is a cell of a library; library= names the genlib or "
     "Liberty file"),
    (".mlatch D d=a q=y", 4, ".mlatch is refused: it is a cell of a library, which is another file"),
    (".search lib.blif", 4, ".search is refused: it is another file to read; put its models into this one"),
    (".start_kiss", 4, ".start_kiss is refused: it is a state machine, not a netlist"),
    (".blackbox", 4, ".blackbox is refused: it is a model without a function"),
    (".nmaes a y", 4, f"unknown '.nmaes', expected one of {READ}"),
    (".names a y \\", 4, "expected a line after the backslash, found the end of the file"),
    (".latch a y", 4, LATCH),
    (".latch a", 4, ".latch takes 2 to 5 words, found 1"),
    (".conn a", 4, ".conn takes two nets, found 1"),
    (".names $undef y\n1 1", 4, UNDEFINED),
    (".names $undef\n.conn $undef y", 5, UNDEFINED),
    (".outputs $undef", 4, UNDEFINED),
    (".subckt sub p=a q=$undef r=y" + "\n" + INNER, 4, UNDEFINED),
    (".inputs c a", 4, ".inputs a stands in line 2 already"),
    (".outputs y", 4, ".outputs y stands in line 3 already"),
    (".names b a\n1 1", 4, "net 'a' is driven twice: here and in line 2"),
    (BUF + BUF, 6, "net 'y' is driven twice: here and in line 4"),
    ("", 3, "net 'y' of .outputs y is driven by nothing: expected .inputs y or .names ... y" + CHOICE),
    (".names c y\n1 1", 4,
     "net 'c', an input of gate 'y', is driven by nothing: expected .inputs c or .names ... c" + CHOICE),
    (".names n y\n1 1\n.names y n\n0 1", 4, "net 'y' depends on itself: y <- n <- y; expected no cycles"),
    (BUF + ".end\n.area 1", 7, "expected .model after .end, found '.area 1'"),
    (BUF + ".end\n.end", 7, "expected .model after .end, found '.end'"),
    (BUF + ".end\n.model m", 7, "model 'm' is there already"),
    (".model a b", 4, ".model takes one name, found 2"),
    (".subckt", 4, ".subckt takes a model and formal=actual for each of its nets, found none"),
    (".subckt sub p=a q=b r=y", 4, "there is no model 'sub', expected one of 'm'"),
    (".subckt m a=a b=b y=y", 4, "model 'm' uses itself, through .subckt"),
    (".subckt sub p=a q r=y\n" + INNER, 4, "expected formal=actual, found 'q'"),
    (".subckt sub p=a p=b r=y\n" + INNER, 4, "formal net 'p' is given twice"),
    (".subckt sub p=a r=y\n" + INNER, 9,
     "net 'q@1', an input of gate 'y', is driven by nothing: expected .inputs q@1 or .names ... q@1" + CHOICE),
    (".subckt sub p=a q=b\n" + INNER, 3,
     "net 'y' of .outputs y is driven by nothing: expected .inputs y or .names ... y" + CHOICE),
    (".subckt sub p=a q=b r=y s=z\n" + INNER, 4, "model 'sub' has no net 's', expected 'p', 'q', 'r'"),
    (".subckt sub p=c q=b r=y\n" + INNER, 9,
     "net 'c', an input of gate 'y', is driven by nothing: expected .inputs c or .names ... c" + CHOICE),
    (".subckt sub p=y q=b r=y\n" + INNER, 9, "net 'y' depends on itself: y <- y; expected no cycles"),
    (".subckt sub p=n q=b r=y\n" + INNER + ".names q p\n1 1", 11, "net 'p' is driven twice: here and in line 7"),
    (".subckt sub p=n q=b r=y\n" + INNER + ".subckt up u=p\n.end\n.model up\n.outputs u\n.names u", 11,
     "net 'p' is driven twice: here and in line 7"),
    (".subckt sub p=a q=b r=y\n" + INNER + ".subckt up u=p\n.end\n.model up\n.inputs u\n.subckt sub p=u q=u r=v", 15,
     "model 'sub' uses itself, through .subckt"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "message"), ERRORS)
def test_errors_say_the_line_and_what(text, line, message, error):
    assert error(ParseError, loads, ABY + text) == f"blif:{line}: {message}"
    assert error(ParseError, loads, (ABY + text).replace("\n", "\r\n"), source="a.blif") == f"a.blif:{line}: {message}"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "expected a .model, found none"),
        ("# nothing\n", "expected a .model, found none"),
        (".model m\n.inputs a\n.end", "expected at least one net in .outputs, found none"),
    ],
)
def test_files_without_a_circuit(text, message, error):
    assert error(ParseError, loads, text) == f"blif: {message}"


def test_options_are_checked(error):
    assert (
        error(ValueError, loads, ABY, exdc="no") == "loads: expected exdc to be 'warn', 'ignore' or 'refuse', got 'no'."
    )
    assert error(ValueError, loads, ABY, dont_cares=2) == "loads: expected dont_cares to be 0, 1 or None, got 2."


def test_dont_cares_are_not_silent(table, error):
    text = (
        f"{ABY}{BUF}.exdc\n.inputs a b\n.outputs y\n.names a b y\n11 1\n.end\n.model other\n.outputs z\n.names z\n.end"
    )
    with pytest.warns(UserWarning, match=r"^f:6: \.exdc gives don't-cares, and a circuit has none: they are ignored; "):
        circuit = loads(text, "f", model="m")
    assert circuit.n_gates == 1
    assert table(text, exdc="ignore", model="m") == {"y": [0, 1, 0, 1]}
    assert table(text, exdc="ignore", model="other") == {"z": [0]}
    message = "blif:6: .exdc gives don't-cares, and a circuit has none; "
    message += 'exdc="ignore" reads the value that the file has there, dont_cares=0 or 1 chooses one'
    assert error(ParseError, loads, text, exdc="refuse") == message
    # They are read all the same: what is malformed there is no file.
    assert error(ParseError, loads, text.replace("11 1", "1 1"), exdc="ignore").startswith("blif:10: expected 2 of")


EXDC = f"{ABY}.names a b y\n11 1\n.exdc\n%s.names a b y\n01 1\n.end"


@pytest.mark.parametrize("declared", ["", ".inputs a b\n.outputs y\n"])
def test_the_caller_chooses_the_value_of_dont_cares(declared, table):
    assert table(EXDC % declared, dont_cares=0) == {"y": [0, 0, 0, 1]}
    assert table(EXDC % declared, dont_cares=1) == {"y": [0, 0, 1, 1]}


def test_dont_cares_of_an_output_are_not_those_of_a_net_that_reads_it(table):
    text = ".model m\n.inputs a\n.outputs y z\n.names a y\n1 1\n.names y z\n1 1\n.exdc\n.names t\n.names t y\n0 1\n.end"
    assert table(text, dont_cares=1) == {"y": [1, 1], "z": [0, 1]}


def test_dont_cares_may_read_registers(table):
    text = f"{ABY}.latch b q\n.names a q y\n11 1\n.exdc\n.names q y\n0 1\n.end"
    assert table(text, dont_cares=1, registers="cut") == {
        "y": [1, 1, 1, 1, 0, 1, 0, 1],
        "q_next": [0, 0, 1, 1, 0, 0, 1, 1],
    }
    unrolled = loads(text, dont_cares=1, registers="unroll", cycles=1)
    assert unrolled.output_names == ("y@0",)
    assert unrolled.n_gates == 3


@pytest.mark.parametrize(
    ("rows", "values"),
    [
        ("1x 1", ([0, 0, 0, 0], [0, 1, 0, 1])),
        ("11 1\n10 x", ([0, 0, 0, 1], [0, 1, 0, 1])),
        ("11 0\n0x 0", ([0, 1, 0, 0], [1, 1, 1, 0])),
        ("1x 0", ([1, 0, 1, 0], [1, 1, 1, 1])),
        ("01 x", ([0, 0, 0, 0], [0, 0, 1, 0])),
    ],
)
def test_rows_with_an_x_are_dont_cares(rows, values, table, error):
    text = f"{ABY}.names a b y\n{rows}\n.end"
    assert tuple(table(text, dont_cares=value)["y"] for value in (0, 1)) == values
    message = "x is a don't-care; dont_cares=0 or 1 chooses a value"
    assert error(ParseError, loads, text) == f"blif:{5 + ('x' not in rows[:4])}: {message}"


@pytest.mark.parametrize(
    ("free", "line", "message"),
    [
        (".latch a y", 7, ".latch in .exdc: expected don't-cares as .names alone"),
        (".outputs b\n.names b\n", 7, ".exdc has an output 'b', which its model has not"),
        (".exdc", 7, ".exdc is there already"),
    ],
)
def test_dont_cares_that_cannot_be_read(free, line, message, error):
    text = f"{ABY}{BUF}.exdc\n{free}"
    assert error(ParseError, loads, text, dont_cares=0, registers="cut") == f"blif:{line}: {message}"


def test_dont_cares_of_a_model_that_others_use_get_no_value(error):
    text = f"{ABY}.subckt s p=a q=b r=y\n{INNER}.exdc\n.names r\n1\n.end"
    message = "blif:4: model 's' has .exdc, and is used by another: dont_cares gives it no value"
    assert error(ParseError, loads, text.replace("model sub", "model s"), dont_cares=0) == message


# Written and read again.


def test_what_is_written():
    circuit = Circuit(
        ["a", "b"], [[1, 2], [3, 1], [2, 0], [0, 0]], [NAND, AND, 0b0101, 0b1111], [4, 5, 6, 0, 1, 4], list("yzuvwx")
    )
    text = (
        ".model top\n.inputs a b\n.outputs y z u v w x\n.names a b n3\n00 1\n10 1\n01 1\n.names n3 a y\n11 1\n"
        ".names b z\n0 1\n.names u\n1\n.names v\n.names a w\n1 1\n.names y x\n1 1\n.end\n"
    )
    assert dumps(circuit, "top") == text


@given(seed=st.integers(0, 10**6), n=st.integers(0, 6))
def test_round_trip(seed, n, random_circuit, reference, all_rows):
    circuit = random_circuit(seed, n=n)
    again = loads(dumps(circuit))
    assert (again.input_names, again.output_names) == (circuit.input_names, circuit.output_names)
    assert (reference(again, all_rows(n)) == reference(circuit, all_rows(n))).all()


def test_many_names_are_written_on_many_lines():
    names = [f"x{i}" for i in range(1000)]
    text = dumps(Circuit(names, [], [], [1], ["y"]))
    assert max(map(len, text.split("\n"))) < 100
    assert loads(text).input_names == tuple(names)


@pytest.mark.parametrize("name", ["a b", "a#", "\ta", "a\\", "a\nb", "$undef", "a\u2028"])
def test_names_that_cannot_be_written(name, error):
    message = f"dumps: .blif cannot hold the name {name!r}. Rename it."
    assert error(ValueError, dumps, Circuit([name], [], [], [1], ["y"])) == message
    assert error(ValueError, dumps, Circuit(["x"], [], [], [1], ["y"]), name).startswith(
        f"dumps: .blif cannot hold the name {name!r} of"
    )


def test_no_outputs_cannot_be_written(error):
    assert (
        error(ValueError, dumps, Circuit(["a"], [], [], [], [])) == "dumps: .blif holds one output or more, got none."
    )


# Whatever comes, it is read or refused.

WORDS = [
    ".names",
    ".inputs",
    ".outputs",
    ".model",
    ".end",
    ".subckt",
    ".latch",
    ".exdc",
    "a",
    "y",
    "xor",
    "p=a",
    "11",
    "1",
    "0",
    "-",
    "\\",
    "#",
    "",
]


def damaged(text, rng):
    lines = text.split("\n")
    for _ in range(rng.randrange(1, 4)):
        i, j = rng.randrange(len(lines)), rng.randrange(len(lines))
        match rng.randrange(5):
            case 0:
                del lines[i : i + 1]
                lines = lines or [""]
            case 1:
                lines.insert(i, lines[j])
            case 2:
                lines[i], lines[j] = lines[j], lines[i]
            case 3:
                words = lines[i].split() or [""]
                words[rng.randrange(len(words))] = rng.choice(WORDS)
                lines[i] = " ".join(words)
            case 4:
                k = rng.randrange(len(lines[i]) + 1)
                lines[i] = lines[i][:k] + chr(rng.randrange(256)) + lines[i][k + 1 :]
    return "\n".join(lines)


@given(seed=st.integers(0, 10**9))
def test_damaged_files_are_read_or_refused(seed, reference):
    rng = random.Random(seed)
    for _ in range(25):
        try:
            circuit = loads(damaged(FULL_ADDER, rng), registers="cut", exdc="ignore")
        except ParseError:
            continue
        x = [[rng.randrange(2) for _ in range(circuit.n_inputs)] for _ in range(16)]
        try:
            again = loads(dumps(circuit))
        except ValueError as error:
            if "Rename it" in str(error):
                continue
            raise
        assert (reference(again, x) == reference(circuit, x)).all()


# The files of the field.


def test_every_file_is_read_or_refused(files, error):
    with_dont_cares, refused = set(), {}
    for path in sorted([*files.glob("*/blif/*.blif"), *files.glob("yosys_blif/*.blif")]):
        text = path.read_text()
        try:
            circuit = loads(text, exdc="ignore")
        except ParseError as reason:
            refused[path.name] = str(reason).split()[1]
            continue
        inputs = re.findall(r"^\.inputs((?:.*\\\n)*.*)", text.split(".exdc")[0], re.MULTILINE)
        assert list(circuit.input_names) == " ".join(inputs).replace("\\", "").split()
        if ".exdc" in text:
            with_dont_cares.add(path.stem)
    assert refused == {"s27.blif": ".latch", "s298.blif": ".latch", "gatesi.blif": ".gate"}
    assert len(with_dont_cares) == 15


@pytest.mark.parametrize(("name", "counts"), [("s27", (7, 4)), ("s298", (17, 20))])
def test_cut_registers_are_those_of_the_bench_file(name, counts, files, iscas89, reference):
    from circuits.formats import bench

    circuit = loads((files / "iscas89" / "blif" / f"{name}.blif").read_text(), registers="cut")
    assert (circuit.n_inputs, circuit.n_outputs) == counts
    other = bench.loads((iscas89 / f"{name}.bench").read_text(), registers="cut")
    assert (set(circuit.input_names), set(circuit.output_names)) == (set(other.input_names), set(other.output_names))
    rng = random.Random(0)
    x = [[rng.randrange(2) for _ in range(counts[0])] for _ in range(500)]
    order = [other.input_names.index(name) for name in circuit.input_names]
    y = reference(circuit, [[row[i] for i in order] for row in x])
    places = [circuit.output_names.index(name) for name in other.output_names]
    assert (y[:, places] == reference(other, x)).all()


@pytest.mark.parametrize("name", ["adder", "cavlc", "ctrl", "int2float", "router"])
def test_epfl_circuits_are_their_aiger_files(name, files, equivalent, tmp_path):
    (tmp_path / "ours.blif").write_text(dumps(loads((files / "epfl" / "blif" / f"{name}.blif").read_text())))
    assert equivalent(tmp_path / "ours.blif", files / "epfl" / "aig" / f"{name}.aig")


def test_abc_reads_what_is_written(random_circuit, equivalent, tmp_path):
    for seed in range(5):
        circuit = random_circuit(seed)
        (tmp_path / "a.blif").write_text(dumps(circuit))
        # The same function by another way: each gate a sum of products again.
        (tmp_path / "b.blif").write_text(dumps(loads(dumps(circuit))))
        (tmp_path / "c.blif").write_text(dumps(random_circuit(seed + 100)))
        assert equivalent(tmp_path / "a.blif", tmp_path / "b.blif")
        assert not equivalent(tmp_path / "a.blif", tmp_path / "c.blif")


@pytest.mark.slow
def test_all_of_mcnc_and_epfl_with_abc(files, equivalent, tmp_path):
    for path in sorted(files.glob("[em]*/blif/*.blif")):
        text = path.read_text()
        (tmp_path / "ours.blif").write_text(dumps(loads(text, exdc="ignore")))
        (tmp_path / "theirs.blif").write_text(re.sub(r"\.exdc.*?(?=\.end)", "", text, flags=re.DOTALL))
        assert equivalent(tmp_path / "ours.blif", tmp_path / "theirs.blif"), path.name
        aiger = path.parents[1] / "aig" / f"{path.stem}.aig"
        assert not aiger.exists() or equivalent(tmp_path / "ours.blif", aiger), path.name


LEAF_FIRST = ".model inv\n.inputs a\n.outputs y\n.names a y\n0 1\n.end\n.model main\n.inputs p q\n.outputs r\n"
LEAF_FIRST += ".subckt inv a=p y=t\n.names t q r\n11 1\n.end\n"


def test_the_model_that_no_other_uses_is_read(table, error):
    """Yosys writes leaves first."""
    assert table(LEAF_FIRST) == {"r": [0, 0, 1, 0]}
    assert table(LEAF_FIRST, model="inv") == {"y": [1, 0]}
    message = "blif: expected one model that no other uses, found 2: 'main', 'two'; model=\"main\" chooses"
    assert error(ParseError, loads, LEAF_FIRST + ".model two\n.outputs z\n.names z\n") == message
    circle = ".model a\n.outputs y\n.subckt b y=y\n.end\n.model b\n.outputs y\n.subckt a y=y\n.end"
    assert error(ParseError, loads, circle) == "blif: the models use each other in a circle: 'a', 'b'"


def test_pins_that_are_not_connected(table, error):
    text = ".model top\n.inputs a\n.outputs s\n.subckt two x=a y=s z=\n.end\n"
    text += ".model two\n.inputs x\n.outputs y z\n.names x y\n0 1\n.names x z\n1 1\n.end"
    assert table(text) == {"s": [1, 0]}
    open_input = text.replace("x=a", "x=")
    assert error(ParseError, loads, open_input).startswith("blif:9: net 'x@1', an input of gate 's', is driven by no")
    assert table(open_input, undriven=1) == {"s": [0, 0]}
    assert loads(open_input, undriven="input").input_names == ("a", "x@1")


@pytest.mark.parametrize(("undriven", "values"), [(0, [0, 0, 0, 0]), (1, [0, 1, 0, 1])])
def test_nets_that_nothing_drives(undriven, values, table):
    text = ".model m\n.inputs a b\n.outputs y z\n.names a t y\n11 1\n.end"
    assert table(text, undriven=undriven) == {"y": values, "z": [undriven] * 4}
    assert loads(text, undriven="input").input_names == ("a", "b", "t", "z")

import functools
import random
import shutil
import subprocess

import hypothesis.strategies as st
import pytest
from hypothesis import given

from circuits import Circuit, Equivalent, ParseError, library, parse
from circuits import equivalent as prove
from circuits.formats import blif, pla
from circuits.formats.pla import dumps, loads_with_dont_cares
from circuits.netlist import cone

loads = functools.partial(pla.loads, dont_cares=0)

# The example of espresso(5).
ADDER = """\
# 2-bit by 2-bit binary adder (with no carry input)
.i 4
.o 3
.ilb a1 a0 b1 b0
.ob s2 s1 s0
""" + "".join(f"{a:02b}{b:02b}  {a + b:03b}\n" for a in range(4) for b in range(4))


@pytest.fixture(scope="session")
def values(reference, all_rows):
    """The values of a circuit of one output, rows in the order of its inputs."""
    return lambda circuit: "".join(str(int(bit)) for bit in reference(circuit, all_rows(circuit.n_inputs))[:, 0])


@pytest.fixture(scope="session")
def espresso(iscas85):
    """The examples of espresso."""
    folder = iscas85.parents[1] / "espresso"
    return sorted([*(folder / "examples").iterdir(), *(folder / "tlex").iterdir()])


@pytest.fixture(scope="session")
def equivalent():
    """What ABC says of two files, inputs and outputs by their order."""
    abc = shutil.which("berkeley-abc") or shutil.which("abc")
    if abc is None:
        pytest.skip("needs ABC, as berkeley-abc or abc")

    def ask(first, second):
        command = [abc, "-c", f"cec -n {first} {second}"]
        output = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False).stdout
        return "Networks are equivalent" in output

    return ask


def test_the_adder_of_the_manual(reference, all_rows):
    circuit = loads(ADDER)
    assert (circuit.input_names, circuit.output_names) == (("a1", "a0", "b1", "b0"), ("s2", "s1", "s0"))
    for row, bits in zip(all_rows(4).astype(int), reference(circuit, all_rows(4)), strict=True):
        assert bits.tolist() == [bool((2 * row[0] + row[1] + 2 * row[2] + row[3]) >> i & 1) for i in (2, 1, 0)]


def test_names_without_labels_are_those_of_espresso():
    circuit = loads(".i 2\n.o 2\n11 11")
    assert (circuit.input_names, circuit.output_names) == (("v0", "v1"), ("v2.0", "v2.1"))


SETS = "10 1\n01 0\n11 -\n"
# What the rows come to, by the type: rows 00, 10, 01, 11 of the inputs; d is a don't-care.
TYPES = {"f": "0100", "fd": "010d", "fr": "d10d", "fdr": "d10d"}


@pytest.mark.parametrize(("kind", "expected"), TYPES.items())
def test_types(kind, expected, values, error):
    text = f".i 2\n.o 1\n.ob y\n.type {kind}\n{SETS}.e"
    for dont_cares in (0, 1):
        assert values(loads(text, dont_cares=dont_cares)) == expected.replace("d", str(dont_cares))
    circuit, free = loads_with_dont_cares(text)
    assert values(circuit) == expected.replace("d", "0")
    assert values(free) == "".join(str(int(value == "d")) for value in expected)
    if kind == "f":
        assert values(loads(text, dont_cares="refuse")) == expected
    elif kind == "fr":
        message = "pla: no row says what output 'y' is for inputs 00; dont_cares=0 or 1 chooses a value"
        assert error(ParseError, loads, text, dont_cares="refuse") == message
    else:
        message = "pla:7: output 'y' is a don't-care here; dont_cares=0 or 1 chooses a value"
        assert error(ParseError, loads, text, dont_cares="refuse") == message
    if kind == "fd":
        assert values(loads(text.replace(".type fd\n", ""))) == expected.replace("d", "0")


@given(
    kind=st.sampled_from(["f", "fd", "fr", "fdr"]),
    rows=st.lists(st.tuples(st.text("01-2", min_size=3, max_size=3), st.sampled_from("01-~234")), max_size=5),
)
def test_any_rows_by_the_definition(kind, rows, values, all_rows):
    text = f".i 3\n.o 1\n.type {kind}\n" + "".join(f"{inputs} {output}\n" for inputs, output in rows)
    says = {"4": "1", "2": "-", "3": "~"}
    expected = ""
    for row in all_rows(3).astype(int):
        here = {
            says.get(output, output)
            for inputs, output in rows
            if all(value in "-2" or int(value) == bit for value, bit in zip(inputs, row, strict=True))
        } & {"f": {"1"}, "fd": {"1", "-"}, "fr": {"1", "0"}, "fdr": {"1", "0", "-"}}[kind]
        if kind in ("fr", "fdr") and len(here) > 1:
            with pytest.raises(ParseError, match="for some of the same inputs"):
                loads(text)
            return
        nothing = "0" if kind in ("f", "fd") else "d"
        expected += "d" if "-" in here else "1" if "1" in here else "0" if "0" in here else nothing
    for dont_cares in (0, 1):
        assert values(loads(text, dont_cares=dont_cares)) == expected.replace("d", str(dont_cares))
    assert values(loads_with_dont_cares(text)[1]) == "".join(str(int(value == "d")) for value in expected)
    if "d" in expected:
        with pytest.raises(ParseError, match="dont_cares=0 or 1 chooses a value"):
            loads(text, dont_cares="refuse")
    elif kind in ("f", "fr"):
        assert values(loads(text, dont_cares="refuse")) == expected


@pytest.mark.parametrize(
    "text",
    [
        ".i 2\n.o 1\n11 1",
        ".o 1\n.i 2\n11 1\n.end",
        ".i 2\n.o 1\n.p 1\n11|1\n.e",
        ".i 2\n.o 1\n.p 1\n1 1\t4 # and\n# 00 1\n.e\n\n# the end",
        ".i 2\n.o 1\n1\n1\n1",
        ".i 2\n.o 1\n11\n1\n00\n\n0\n.e",
        ".i 2\n.o 1\n.ilb a\n  b\n.ob\ny\n11 1\n",
        ".i 2\r\n.o 1\r\n11 1\r\n.e\r\n",
        ".i 02\n.o 1\n11 1\n11 1\n",
    ],
)
def test_layout(text, values):
    assert values(loads(text)) == "0001"


def test_constants(values):
    assert values(loads(".i 1\n.o 1\n.e")) == "00"
    assert values(loads(".i 1\n.o 1\n- 1\n.e")) == "11"
    assert values(loads(".i 0\n.o 1\n.ilb\n1\n.e")) == "1"


def test_rows_are_shared_by_outputs():
    assert loads(".i 3\n.o 3\n111 111\n000 110").n_gates == 2 + 2 + 2


HEAD = ".i 2\n.o 2\n.ob y z\n"
READ = ".i, .o, .ilb, .ob, .type, .p, .e, .end"
ERRORS = [
    (HEAD + "111 10", 4, "a row takes 2 + 2 characters, found 5"),
    (HEAD + "11 1\n11 1", 4, "a row takes 2 + 2 characters, found 6"),
    (HEAD + "11 10 00 01", 4, "a row takes 2 + 2 characters, found 8"),
    (HEAD + "11 10\n\n11", 6, "a row takes 2 + 2 characters, found 2"),
    (HEAD + "11 1\n.e", 4, "a row takes 2 + 2 characters, found 3"),
    (HEAD + "1~ 10", 4, "expected 0, 1, - or 2 for an input, found '~'"),
    (HEAD + "1? 10", 4, "expected 0, 1, - or 2 for an input, found '?'"),
    (HEAD + "11 1x", 4, "expected 0, 1, -, ~, 2, 3 or 4 for an output, found 'x'"),
    (HEAD + ".type fr\n1- 10\n\n11 0~", 7, "output 'y' is 1 in line 5 and 0 in line 7 for some of the same inputs"),
    (HEAD + ".type fr\n11 00\n1- ~1", 6, "output 'z' is 1 in line 6 and 0 in line 5 for some of the same inputs"),
    (HEAD + ".type fdr\n1- 1~\n-1 -1", 6,
     "output 'y' is 1 in line 5 and a don't-care in line 6 for some of the same inputs"),
    (HEAD + ".type fdr\n1- 0~\n-1 -1", 6,
     "output 'y' is 0 in line 5 and a don't-care in line 6 for some of the same inputs"),
    (HEAD + ".p two", 4, ".p takes a number, found 'two'"),
    (HEAD + ".p " + "9" * 5000, 4, ".p takes a number, found '" + "9" * 57 + "...'"),
    (".i -1", 1, ".i takes a number, found '-1'"),
    (".i ²", 1, ".i takes a number, found '²'"),
    (".i 2 2", 1, ".i takes a number, found '2 2'"),
    (".i 1000000000000\n.o 1", 1, ".i 1000000000000 is more than a file of this length can have"),
    (".i 1\n.o 0", 2, "expected at least one output, found .o 0"),
    (".i 1\n.i 1", 2, ".i is there already"),
    ("11 1\n.i 2", 1, "expected .i and .o before a row, found '11 1'"),
    (".i 1\n.ilb a\n.o 1", 2, "expected .i and .o before .ilb, found 'a'"),
    (HEAD + ".ob y z", 4, ".ob is there already"),
    (HEAD + ".ilb a b c", 4, ".ilb takes 2 names, found 3"),
    (HEAD + ".ilb a\n.e", 4, ".ilb takes 2 names, found 1"),
    (HEAD + ".ilb a a", 4, ".ilb has 'a' twice"),
    (HEAD + "11 10\n.type f", 5, ".type comes before the rows"),
    (HEAD + ".type g", 4, ".type is one of f, fd, fr, fdr, found 'g'"),
    (HEAD + ".type dr", 4, ".type is one of f, fd, fr, fdr, found 'dr'"),
    (HEAD + ".e\n11 10", 5, "expected nothing after .e, found '11 10'"),
    (HEAD + ".e 5", 4, "expected nothing after .e, found '5'"),
    (HEAD + ".foo", 4, f"unknown '.foo', expected one of {READ}"),
    *[
        (HEAD + f"{kind} 1", 4, f"{kind} is refused: expected inputs and outputs of two values, as they are")
        for kind in (".mv", ".kiss", ".symbolic", ".symbolic-output", ".phase", ".pair", ".label")
    ],
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "message"), ERRORS)
def test_errors_say_the_line_and_what(text, line, message, error):
    assert error(ParseError, loads, text) == f"pla:{line}: {message}"


@pytest.mark.parametrize(("text", "kind"), [("", ".i"), ("# .i 1", ".i"), (".i 1", ".o"), (".e", ".i")])
def test_files_without_sizes(text, kind, error):
    assert error(ParseError, loads, text) == f"pla: expected {kind} and a number, found none"


def test_options_are_checked(error):
    expected = "loads: expected dont_cares to be 0, 1 or 'refuse', got '-'."
    assert error(ValueError, loads, ADDER, dont_cares="-") == expected


def test_what_cannot_be_shown_is_refused(error):
    # Whether rows leave anything out is as hard as any question; this one has an answer that is long in coming.
    n = 60
    pairs = [(i, pair) for i in range(n // 2) for pair in ("00", "11")] + [(0, "01"), (0, "10")]
    rows = ["-" * i + a + "-" * (n // 2 - 1) + b + "-" * (n // 2 - 1 - i) + " 1\n" for i, (a, b) in pairs]
    text = f".i {n}\n.o 1\n.ob y\n.type fr\n{''.join(rows)}"
    assert loads(text).n_inputs == n
    message = "pla: cannot show within reasonable time that output 'y' has a value for all inputs; dont_cares=0 or 1"
    assert error(ParseError, loads, text, dont_cares="refuse").startswith(message)


def test_sets_of_20_000_rows_are_compared():
    rows = [f"{row:015b} {row.bit_count() & 1}\n" for row in range(20_000)]
    text = f".i 15\n.o 1\n.type fr\n{''.join(rows)}"
    assert loads(text).n_gates > 0
    with pytest.raises(ParseError, match="is 1 in line 5 and 0 in line 20004 "):
        loads(text + f"{1:015b} 0")


@pytest.mark.parametrize("n", [1, 100_000])
def test_rows_over_many_lines(n):
    circuit = loads(f".i {n}\n.o 1\n" + "1\n" * n + "1")
    assert (circuit.n_inputs, circuit.n_gates) == (n, n - 1)
    names = "\n".join(f"x{i}" for i in range(n))
    assert loads(f".i {n}\n.o 1\n.ilb {names}\n.e").input_names == tuple(names.split("\n"))


# Written and read again.


def test_what_is_written():
    circuit = loads(".i 3\n.o 2\n.ilb a b c\n.ob y z\n110 11\n111 11\n001 01\n011 01\n101 01")
    text = ".i 3\n.o 2\n.ilb a b c\n.ob y z\n.p 2\n--1 01\n11- 11\n.e\n"
    assert dumps(circuit) == text
    assert dumps(loads(text)) == text


@given(seed=st.integers(0, 10**6), n=st.sampled_from([0, 3, 5]))
def test_round_trip(seed, n, random_circuit, reference, all_rows):
    circuit = random_circuit(seed, n=n)
    again = loads(dumps(circuit), dont_cares="refuse")
    assert (again.input_names, again.output_names) == (circuit.input_names, circuit.output_names)
    assert (reference(again, all_rows(n)) == reference(circuit, all_rows(n))).all()


@pytest.mark.parametrize("name", ["a b", "a#", ".a", "\na"])
def test_names_that_cannot_be_written(name, error):
    message = f"dumps: .pla cannot hold the name {name!r}. Rename it."
    assert error(ValueError, dumps, Circuit([name], [], [], [1], ["y"])) == message
    assert error(ValueError, dumps, Circuit(["x"], [], [], [1], [name])) == message


def test_circuits_of_many_inputs_are_written():
    rows = [f"{'-' * i}1{'-' * (39 - i)} 1{i % 2}" for i in range(40)]
    text = "\n".join([".i 40", ".o 2", *rows])
    again = loads(dumps(loads(text)))
    assert type(prove(loads(text), again)) is Equivalent
    assert len(dumps(again).splitlines()) == 6 + 40


@pytest.mark.parametrize("output", ["few", "many"])
def test_an_output_of_too_many_rows_is_refused(output, error):
    names = [f"x{i}" for i in range(18)]
    text = f"few = x0 & x17; many = {' ^ '.join(names)}"
    circuit = cone(parse(text, inputs=names), [output])
    if output == "few":
        assert dumps(circuit).splitlines()[-2] == f"1{'-' * 16}1 1"
    else:
        assert error(ValueError, dumps, circuit) == (
            "dumps: .pla is written with at most 65,536 rows for an output, got 131,072 for 'many'. "
            ".blif holds any circuit."
        )


def test_an_output_that_takes_too_long_is_refused(error, monkeypatch):
    monkeypatch.setattr(pla, "MOST_STEPS", 1000)
    message = "dumps: no sum of products for output 's4' within 1,000 steps. .blif holds any circuit."
    circuit = library.multiplier(9)
    name = circuit.output_names[8]
    assert error(ValueError, dumps, cone(circuit, [name])) == message.replace("s4", name)


def test_circuits_that_cannot_be_written(error):
    assert error(ValueError, dumps, Circuit(["a"], [], [], [], [])) == "dumps: .pla holds one output or more, got none."


# Whatever comes, it is read or refused.


@pytest.mark.filterwarnings("ignore:.*says:UserWarning")
@given(seed=st.integers(0, 10**9))
def test_damaged_files_are_read_or_refused(seed):
    rng = random.Random(seed)
    words = [
        ".i",
        ".o 1",
        ".type fr",
        ".type fdr",
        ".e",
        ".ilb",
        ".p 3",
        "0",
        "1",
        "-",
        "~",
        "|",
        "#",
        "1111",
        "9" * 30,
    ]
    for _ in range(50):
        lines = ADDER.split("\n")
        for _ in range(rng.randrange(1, 4)):
            i = rng.randrange(len(lines))
            at = rng.randrange(len(lines[i]) + 1)
            word = rng.choice(words)
            replaced = lines[i][:at] + word + lines[i][at + 1 :]
            lines[i] = rng.choice(["", word, f"{lines[i]}\n{lines[i]}", replaced])
        for dont_cares in (1, "refuse"):
            try:
                circuit = loads("\n".join(lines), dont_cares=dont_cares)
            except ParseError:
                continue
            again = blif.loads(blif.dumps(circuit))
            assert again.input_names == circuit.input_names


# The files of the field.


def test_every_file_is_read(espresso):
    free = set()
    for path in espresso:
        text = path.read_text()
        circuit = loads(text)
        assert f".i {circuit.n_inputs}\n" in text.replace(" \n", "\n")
        assert f".o {circuit.n_outputs}\n" in text.replace(" \n", "\n")
        try:
            loads(text, dont_cares="refuse")
        except ParseError:
            free.add(path.stem)
    assert len(espresso) == 79
    assert free == {
        *[
            "alu3",
            "apla",
            "b11",
            "b4",
            "bca",
            "bcc",
            "check",
            "check~",
            "dk27",
            "ex1010",
            "exp",
            "mytest",
            "mytest2",
            "pdc",
            "spla",
            "t2",
            "t4",
        ]
    }


@pytest.mark.parametrize("name", ["dist", "f51m", "m3", "newcond", "prom1", "root", "sqr6", "Z5xp1", "ex5", "xor5"])
def test_plas_are_the_blif_of_the_same_name(name, espresso, reference, all_rows):
    paths = [path for path in espresso if path.stem == name]
    folder = espresso[0].parents[2] / "mcnc" / "blif"
    for path in paths:
        ours, other = loads(path.read_text()), blif.loads((folder / f"{name}.blif").read_text())
        x = all_rows(ours.n_inputs)
        assert (reference(ours, x) == reference(other, x)).all()


def test_where_a_pla_is_free_its_blif_may_differ(espresso, reference, all_rows):
    (path,) = (path for path in espresso if path.stem == "alu3")
    other = blif.loads((path.parents[2] / "mcnc" / "blif" / "alu3.blif").read_text(), exdc="ignore")
    circuit, free = loads_with_dont_cares(path.read_text())
    x = all_rows(10)
    differ = reference(circuit, x) != reference(other, x)
    assert differ.any()
    assert not (differ & ~reference(free, x)).any()


@pytest.mark.slow
def test_all_plas_with_abc(espresso, equivalent, tmp_path):
    for path in espresso:
        text = path.read_text()
        circuit = loads(text)
        (tmp_path / "ours.blif").write_text(blif.dumps(circuit))
        # ABC wants a row on a line, and takes a row that is both in the ON-set and the don't-care set to be on.
        if path.name not in ("mainpla", "misg", "opa", "ti", "alu3"):
            (tmp_path / "theirs.pla").write_text(text)
            assert equivalent(tmp_path / "ours.blif", tmp_path / "theirs.pla"), path.name
        if circuit.n_inputs <= 16:
            (tmp_path / "ours.pla").write_text(dumps(circuit))
            assert equivalent(tmp_path / "ours.blif", tmp_path / "ours.pla"), path.name


def test_what_a_dont_care_is_to_be_is_not_guessed(error):
    message = error(ParseError, pla.loads, ".i 1\n.o 1\n1 -\n.e")
    assert message == error(ParseError, loads, ".i 1\n.o 1\n1 -\n.e", dont_cares="refuse")
    assert "dont_cares=0" in message


def test_a_wrong_number_of_rows_is_a_warning():
    with pytest.warns(UserWarning, match=r"^f:3: \.p says 3 rows, found 2, which are read$"):
        circuit = loads(".i 2\n.o 1\n.p 3\n11 1\n00 1\n.e", "f")
    assert circuit.n_inputs == 2

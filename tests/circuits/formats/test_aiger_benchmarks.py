import numpy as np
import pytest

from circuits import ParseError
from circuits.formats import bench
from circuits.formats.aiger import dumps, loads
from circuits.gates import NOT, TRUE
from jaxnet.networks.wiring import levels

# Each read by hand: what is wrong stands in the first line that cannot belong to any file.
MALFORMED = {
    "err01": (1, "a space before the header"),
    "err03": (1, "two spaces"),
    "err05": (1, "no aag"),
    "err07": (1, "numbers in the next line"),
    "err09": (1, "a tab"),
    "err11": (1, "a space after the header"),
    "err13": (1, "M is less than I + L + A"),
    "err15": (2, "no input"),
    "err17": (2, "a space after an input"),
    "err19": (3, "an odd input"),
    "err21": (3, "an input twice"),
    "err23": (3, "a constant as input"),
    "err25": (4, "an empty line for an output"),
    "err27": (5, "a space before an output"),
    "err29": (6, "one number for an AND"),
    "err31": (6, "a space before an AND"),
    "err33": (6, "a space after an AND"),
    "err35": (6, "a literal above 2 M"),
    "err37": (6, "four numbers for an AND"),
    "err39": (8, "an AND too few"),
    "err41": (9, "white space for a symbol"),
    "err43": (9, "a tab in a symbol"),
    "err45": (9, "a symbol without a name"),
    "err47": (9, "a tab for a name"),
    "err49": (9, "an empty line for a symbol"),
    "err51": (10, "a symbol for 'a0'"),
    "err53": (10, "two symbols for an input"),
    "err55": (10, "a tab before a symbol"),
    "err57": (1, "M is less than I + L + A"),
    "err59": (1, "a letter in a number"),
    "err61": (13, "a comment in the line of 'c'"),
    "flt03": (4, "6 is undefined"),
    "flt05": (3, "4 is undefined"),
    "flt07": (7, "12 is undefined"),
}
# Inputs, outputs, ANDs.
WELL_FORMED = {
    "flt01": (2, 0, 1),
    "ok01": (2, 3, 3),
    "ok03": (2, 2, 3),
    "ok05": (2, 2, 3),
    "ok07": (2, 2, 3),
    "ok09": (2, 2, 3),
    "ok11": (2, 2, 1),
}


def read(path, **options):
    return loads(path.read_bytes(), path.name, **options)


def n_ands(circuit):
    """The gates that are not the inverters of outputs."""
    return int((circuit.tables != NOT).sum() - (circuit.tables == TRUE).sum())


def test_the_malformed_files_of_dsnp(data):
    files = {path.stem: path for path in (data / "aiger/dsnp/tests.err").glob("*.aag")}
    assert set(files) == {*MALFORMED, *WELL_FORMED}
    assert sum(name.startswith("err") for name in files) == 31
    found = {}
    for name in MALFORMED:
        with pytest.raises(ParseError, match=rf"^{name}\.aag:\d+: ") as caught:
            read(files[name], registers="cut", properties="outputs")
        found[name] = caught.value.line
    assert found == {name: line for name, (line, _) in MALFORMED.items()}


def test_the_good_files_of_dsnp(data, reference, all_rows, aiger_by_hand):
    for name, counts in WELL_FORMED.items():
        path = data / f"aiger/dsnp/tests.err/{name}.aag"
        circuit = read(path)
        assert (circuit.n_inputs, circuit.n_outputs, n_ands(circuit)) == counts
        by_hand = [aiger_by_hand(path.read_bytes(), row) for row in all_rows(2).astype(int).tolist()]
        assert reference(circuit, all_rows(2)).astype(int).tolist() == by_hand
    assert read(data / "aiger/dsnp/tests.err/ok05.aag").input_names == (" x", "y")
    assert read(data / "aiger/dsnp/tests.err/ok09.aag").input_names == ("x", "i1")


# Inputs and latches, outputs and next states, ANDs; and what is refused.
EXAMPLES = {
    "aiger/arminbiere/examples/and.aag": ((2, 1, 1), None),
    "aiger/arminbiere/examples/buffer.aag": ((1, 1, 0), None),
    "aiger/arminbiere/examples/cnt1.aag": ((1, 2, 0), "latches"),
    "aiger/arminbiere/examples/cnt1e.aag": ((2, 2, 3), "latches"),
    "aiger/arminbiere/examples/empty.aag": ((0, 0, 0), None),
    "aiger/arminbiere/examples/false.aag": ((0, 1, 0), None),
    "aiger/arminbiere/examples/halfadder.aag": ((2, 2, 3), None),
    "aiger/arminbiere/examples/inverter.aag": ((1, 1, 0), None),
    "aiger/arminbiere/examples/notcnt1.aag": ((1, 2, 0), "latches"),
    "aiger/arminbiere/examples/notcnt1e.aag": ((2, 2, 3), "latches"),
    "aiger/arminbiere/examples/or.aag": ((2, 1, 1), None),
    "aiger/arminbiere/examples/toggle-re.aag": ((3, 3, 4), "latches"),
    "aiger/arminbiere/examples/toggle.aag": ((1, 3, 0), "latches"),
    "aiger/arminbiere/examples/true.aag": ((0, 1, 0), None),
    "aiger/arminbiere/examples/xor1.aag": ((2, 1, 3), None),
    "aiger/arminbiere/examples/xorxormiter.aag": ((2, 1, 9), None),
    "aiger/py-aiger/tests/bench1.aag": ((542, 1, 5676), None),
    "aiger/py-aiger/tests/mutex_converted.aag": ((9, 5, 501), "latches"),
    "aiger/py-aiger/tests/aig/mutex_converted.aig": ((9, 5, 501), "latches"),
    "aiger/py-aiger/tests/aig/test1.aig": ((3, 3, 1), "latches"),
    "aiger/py-aiger/tests/aig/test_degenerate1.aig": ((0, 1, 0), None),
    "aiger/py-aiger/tests/aig/test_degenerate2.aig": ((0, 1, 0), None),
    "aiger/py-aiger/tests/aig/test_degenerate3.aig": ((0, 0, 0), None),
    "aiger/py-aiger/tests/aig/test_degenerate4.aig": ((0, 2, 0), None),
    "iscas85/aig/c17.aig": ((5, 2, 6), None),
    "iscas85/aig/c432.aig": ((36, 7, 208), None),
}


def test_examples_of_biere_and_of_py_aiger(data, error):
    for name, (counts, refused) in EXAMPLES.items():
        circuit = read(data / name, registers="cut", properties="outputs")
        assert (circuit.n_inputs, circuit.n_outputs, n_ands(circuit)) == counts, name
        if refused:
            assert error(ParseError, read, data / name).startswith(f"{(data / name).name}:1: the header has {refused}")
        else:
            assert n_ands(read(data / name)) == counts[2]
    # M is 2 where all variables are the one input, which the binary format does not allow.
    message = "test2.aig:1: expected M to be I + L + A = 1, found 2"
    assert error(ParseError, read, data / "aiger/py-aiger/tests/aig/test2.aig") == message


def test_no_file_is_left_out(data):
    known = {data / name for name in EXAMPLES} | {data / f"epfl/aig/{name}.aig" for name in EPFL}
    known |= {data / f"aiger/dsnp/tests.err/{name}.aag" for name in {*MALFORMED, *WELL_FORMED}}
    known.add(data / "aiger/py-aiger/tests/aig/test2.aig")
    assert {*data.rglob("*.aag"), *data.rglob("*.aig")} == known


def test_an_ascii_file_and_its_binary_one_are_equal(data, reference):
    # The literals differ: in the ASCII file inputs and latches are spread over 526 variables, of which 510 are used.
    files = [data / f"aiger/py-aiger/tests/{name}" for name in ("mutex_converted.aag", "aig/mutex_converted.aig")]
    first, second = (read(path, registers="cut") for path in files)
    assert (first.input_names, first.output_names) == (second.input_names, second.output_names)
    x = np.random.default_rng(0).integers(0, 2, (2000, 9)).astype(bool)
    got = reference(first, x)
    np.testing.assert_array_equal(got, reference(second, x))
    assert got.any(axis=0).sum() >= 4


def test_py_aiger_test1(data, aiger_table):
    # Latches 4 and 6 with resets 0 and 1: next(4) = ~8, next(6) = 2, output ~8, 8 = ~6 & ~4.
    path = data / "aiger/py-aiger/tests/aig/test1.aig"
    circuit = read(path, registers="cut")
    assert (circuit.input_names, circuit.output_names) == (("ap1", "y", "z"), ("x", "y_next", "z_next"))
    either = [0, 0, 1, 1, 1, 1, 1, 1]
    assert aiger_table(path.read_bytes(), registers="cut") == [either, either, [0, 1] * 4]


@pytest.mark.parametrize("name", ["c17", "c432"])
def test_iscas85_as_and_inverter_graphs(name, data, reference):
    # Input G5 is the fifth of the netlist, and they come in another order; the outputs come in the same.
    netlist = bench.loads((data / f"iscas85/bench/{name}.bench").read_text())
    circuit = read(data / f"iscas85/aig/{name}.aig")
    columns = [int(input_name[1:]) - 1 for input_name in circuit.input_names]
    assert columns != sorted(columns)
    x = np.random.default_rng(0).integers(0, 2, (4000, netlist.n_inputs)).astype(bool)
    np.testing.assert_array_equal(reference(circuit, x[:, columns]), reference(netlist, x))


# Inputs, outputs, ANDs, levels, as published.
EPFL = {
    "adder": (256, 129, 1020, 255),
    "arbiter": (256, 129, 11839, 87),
    "bar": (135, 128, 3336, 12),
    "cavlc": (10, 11, 693, 16),
    "ctrl": (7, 26, 174, 10),
    "dec": (8, 256, 304, 3),
    "i2c": (147, 142, 1342, 20),
    "int2float": (11, 7, 260, 16),
    "max": (512, 130, 2865, 287),
    "priority": (128, 8, 978, 250),
    "router": (60, 30, 257, 54),
    "sin": (24, 25, 5416, 225),
    "square": (64, 128, 18484, 250),
    "voter": (1001, 1, 13758, 70),
}


@pytest.mark.parametrize(("name", "published"), EPFL.items())
def test_the_published_counts_of_epfl(name, published, data):
    path = data / f"epfl/aig/{name}.aig"
    circuit = read(path)
    level = levels(1 + circuit.n_inputs, 2 * np.arange(circuit.n_gates + 1), circuit.fan_ins.ravel())
    # Inverters are no levels.
    inverted = np.isin(circuit.outputs, 1 + circuit.n_inputs + np.flatnonzero(circuit.tables == NOT))
    deepest = int((level[circuit.outputs] - inverted).max())
    assert (circuit.n_inputs, circuit.n_outputs, n_ands(circuit), deepest) == published
    # Written again it is the same file, up to the comments; in the ASCII format it is the same circuit.
    written = dumps(circuit, binary=True)
    assert path.read_bytes().startswith(written + b"c\n")
    again = loads(dumps(circuit, binary=False))
    np.testing.assert_array_equal(again.fan_ins, circuit.fan_ins)
    np.testing.assert_array_equal(again.tables, circuit.tables)
    np.testing.assert_array_equal(again.outputs, circuit.outputs)
    assert (again.input_names, again.output_names) == (circuit.input_names, circuit.output_names)


def bits(numbers, n):
    """Python's integers as rows of bits, the lowest first."""
    return np.array([[number >> i & 1 for i in range(n)] for number in numbers], bool)


def numbers(rows):
    return [sum(1 << i for i, bit in enumerate(row) if bit) for row in rows.tolist()]


def random_numbers(n, count):
    """Of all sizes, up to n bits."""
    rng = np.random.default_rng(0)
    return [int.from_bytes(rng.bytes(n // 8), "little") >> int(rng.integers(n)) for _ in range(count)] + [0, 2**n - 1]


def test_epfl_adder_and_square(data, reference):
    a, b = random_numbers(128, 100), random_numbers(128, 100)[::-1]
    got = reference(read(data / "epfl/aig/adder.aig"), np.hstack([bits(a, 128), bits(b, 128)]))
    assert numbers(got) == [one + other for one, other in zip(a, b, strict=True)]
    a = random_numbers(64, 100)
    assert numbers(reference(read(data / "epfl/aig/square.aig"), bits(a, 64))) == [one**2 for one in a]


def test_epfl_priority_bar_and_voter(data, reference):
    a = random_numbers(128, 200)
    got = numbers(reference(read(data / "epfl/aig/priority.aig"), bits(a, 128)))
    assert got == [one.bit_length() - 1 + 128 if one else 0 for one in a]
    by = [k % 128 for k in range(len(a))]
    got = numbers(reference(read(data / "epfl/aig/bar.aig"), np.hstack([bits(a, 128), bits(by, 7)])))
    assert got == [(one << k | one >> 128 - k) & 2**128 - 1 for one, k in zip(a, by, strict=True)]
    votes = np.random.default_rng(0).random((200, 1001)) < np.linspace(0.4, 0.6, 200)[:, None]
    got = reference(read(data / "epfl/aig/voter.aig"), votes)
    assert got[:, 0].tolist() == (votes.sum(axis=1) >= 501).tolist()


def test_epfl_max_and_dec(data, reference):
    columns = [random_numbers(128, 100)[k : k + 90] for k in range(4)]
    signed = np.array([[one - (one >> 127 << 128) for one in column] for column in columns], object)
    got = reference(read(data / "epfl/aig/max.aig"), np.hstack([bits(column, 128) for column in columns]))
    largest = [max(row) for row in signed.T.tolist()]
    assert numbers(got[:, :128]) == [one % 2**128 for one in largest]
    at = numbers(got[:, 128:])
    assert [row[k] for row, k in zip(signed.T.tolist(), at, strict=True)] == largest
    got = reference(read(data / "epfl/aig/dec.aig"), bits(range(256), 8))
    assert got.argmax(axis=1).tolist() == [(k + 128) % 256 for k in range(256)]
    assert (got.sum(axis=1) == 1).all()

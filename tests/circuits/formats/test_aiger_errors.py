import re

import hypothesis.strategies as st
import pytest
from hypothesis import given

from circuits import ParseError
from circuits.formats.aiger import loads
from circuits.formats.aiger_lines import NUMBER, Lines

HALF_ADDER = b"aag 7 2 0 2 3\n2\n4\n6\n12\n6 13 15\n12 2 4\n14 3 5\ni0 x\ni1 y\no0 s\no1 c\nc\nhalf adder\n"
TOGGLE = b"aag 7 2 1 2 4\n2\n4\n6 8\n6\n7\n8 4 10\n10 13 15\n12 2 6\n14 3 7\n"
# One of each section, with two justice properties, of two literals and of none.
SECTIONS = b"aag 4 2 1 1 1 1 1 2 1\n2\n4\n6 8\n8\n3\n5\n2\n0\n7\n9\n1\n8 2 6\n"

HEADER = "expected 'aag' or 'aig' and M I L O A, and up to four numbers more, parted by single spaces, found {!r}"
TABLE = "expected a symbol, such as 'i0 name', or 'c' alone before comments, found {!r}"
THREE = "AND {}: expected three numbers parted by single spaces, found {!r}"
UNDEFINED = "literal {} is undefined: expected an input, a latch or an AND that defines {}"
ERRORS = [
    (b"", 1, HEADER.format("")),
    (b"\n" + HALF_ADDER, 1, HEADER.format("")),
    (b"\xef\xbb\xbf" + HALF_ADDER, 1, HEADER.format("ï»¿aag 7 2 0 2 3")),
    (b"aag 7 2 0 2", 1, HEADER.format("aag 7 2 0 2")),
    (b"aag 0 0 0 0 0 0 0 0 0 0", 1, HEADER.format("aag 0 0 0 0 0 0 0 0 0 0")),
    (b"aag 1 1 0 -1 0\n2\n", 1, HEADER.format("aag 1 1 0 -1 0")),
    (b"aag 1 01 0 0 0\n2\n", 1, HEADER.format("aag 1 01 0 0 0")),
    (b"AAG 0 0 0 0 0\n", 1, HEADER.format("AAG 0 0 0 0 0")),
    (b"aag 1 1 0 1 9" + b"9" * 5000, 1, HEADER.format("aag 1 1 0 1 9" + "9" * 44 + "...")),
    (b"\x89PNG\r\n\x1a\n", 1, HEADER.format("\x89PNG\r")),
    (b"aag 2 2 0 1 1\n", 1, "expected M to be at least I + L + A = 3, found 2"),
    (b"aig 4 2 0 1 1\n", 1, "expected M to be I + L + A = 3, found 4"),
    (b"aig 2 2 0 1 1\n", 1, "expected M to be I + L + A = 3, found 2"),
    (b"aig 1000000000 1000000000 0 0 0\n", 1, "expected at most 1048608 inputs in so short a file, found 1000000000"),
    ("aig 0 0 0 0 0\n", 1, "expected the bytes of a binary file, found its text"),
    # The lines of a half adder, one after another.
    (HALF_ADDER[:14], 2, "expected input 0 of 2, found the end of the file"),
    (HALF_ADDER[:16], 3, "expected input 1 of 2, found the end of the file"),
    (HALF_ADDER[:18], 4, "expected output 0 of 2, found the end of the file"),
    (HALF_ADDER[:23], 6, "expected AND 0 of 3, found the end of the file"),
    (HALF_ADDER[:31], 7, "expected AND 1 of 3, found the end of the file"),
    (HALF_ADDER[:30], 7, "expected AND 1 of 3, found the end of the file"),
    (HALF_ADDER[:28], 6, THREE.format(0, "6 13 ")),
    (HALF_ADDER.replace(b"\n4\n", b"\n5\n"), 3, "expected input as an even number from 2 to 14, found 5"),
    (HALF_ADDER.replace(b"\n4\n", b"\n0\n"), 3, "expected input as an even number from 2 to 14, found 0"),
    (HALF_ADDER.replace(b"\n4\n", b"\n16\n"), 3, "expected input as an even number from 2 to 14, found 16"),
    (HALF_ADDER.replace(b"\n4\n", b"\n2\n"), 3, "2 is defined twice: here and in line 2"),
    (HALF_ADDER.replace(b"\n4\n", b"\n12\n"), 7, "12 is defined twice: here and in line 3"),
    (HALF_ADDER.replace(b"14 3 5", b"6 3 5"), 8, "6 is defined twice: here and in line 6"),
    (HALF_ADDER.replace(b"14 3 5", b"2 3 5"), 8, "2 is defined twice: here and in line 2"),
    (HALF_ADDER.replace(b"12 2 4\n14", b"6 2 4\n2"), 7, "6 is defined twice: here and in line 6"),
    (HALF_ADDER.replace(b"14 3 5", b"15 3 5"), 8, "expected AND as an even number from 2 to 14, found 15"),
    (HALF_ADDER.replace(b"14 3 5", b"0 3 5"), 8, "expected AND as an even number from 2 to 14, found 0"),
    (HALF_ADDER.replace(b"14 3 5", b"10 3 5"), 6, UNDEFINED.format(15, 14)),
    (HALF_ADDER.replace(b"14 3 5", b"14 3 11"), 8, UNDEFINED.format(11, 10)),
    (HALF_ADDER.replace(b"14 3 5", b"14 3 16"), 8, "expected fan-in as a literal from 0 to 15, found 16"),
    (HALF_ADDER.replace(b"\n6\n", b"\n16\n"), 4, "expected output as a literal from 0 to 15, found 16"),
    (HALF_ADDER.replace(b"\n6\n", b"\n8\n"), 4, UNDEFINED.format(8, 8)),
    (HALF_ADDER.replace(b"\n6\n", b"\n-6\n"), 4, "output 0: expected a number, found '-6'"),
    (HALF_ADDER.replace(b"\n6\n", b"\n06\n"), 4, "output 0: expected a number, found '06'"),
    (HALF_ADDER.replace(b"\n6\n", b"\n6\t\n"), 4, "output 0: expected a number, found '6\\t'"),
    (
        HALF_ADDER.replace(b"\n6\n", b"\n" + b"6" * 5000 + b"\n"),
        4,
        f"output 0: expected a number, found '{'6' * 57}...'",
    ),
    (HALF_ADDER.replace(b"14 3 5", b"14 3"), 8, THREE.format(2, "14 3")),
    (HALF_ADDER.replace(b"14 3 5", b"14 3 5 7"), 8, THREE.format(2, "14 3 5 7")),
    (HALF_ADDER.replace(b"14 3 5", b"14  3 5"), 8, THREE.format(2, "14  3 5")),
    (HALF_ADDER.replace(b"14 3 5", b"14\t3 5"), 8, THREE.format(2, "14\t3 5")),
    (HALF_ADDER.replace(b"14 3 5", b"14 3 05"), 8, THREE.format(2, "14 3 05")),
    (HALF_ADDER.replace(b"14 3 5", b"14 3 +5"), 8, THREE.format(2, "14 3 +5")),
    (HALF_ADDER.replace(b"14 3 5", b"14 3 5:"), 8, THREE.format(2, "14 3 5:")),
    (HALF_ADDER.replace(b"14 3 5", b"14 3\n5"), 8, THREE.format(2, "14 3")),
    (HALF_ADDER.replace(b"6 13 15\n12", b"6 13\n15 12"), 6, THREE.format(0, "6 13")),
    (HALF_ADDER.replace(b"12 2 4", b"12 6 4"), 6, "AND 6 depends on itself: 6 <- 12 <- 6; expected no cycles"),
    (HALF_ADDER.replace(b"12 2 4", b"12 2 12"), 7, "AND 12 depends on itself: 12 <- 12; expected no cycles"),
    (HALF_ADDER.replace(b"12 2 4", b"12 2 13"), 7, "AND 12 depends on itself: 12 <- 12; expected no cycles"),
    # Symbols.
    (HALF_ADDER.replace(b"i1 y", b"i2 y"), 10, "a symbol for input 2: the header has 2, counted from 0"),
    (HALF_ADDER.replace(b"i1 y", b"l0 y"), 10, "a symbol for latch 0: the header has 0, counted from 0"),
    (HALF_ADDER.replace(b"i1 y", b"b0 y"), 10, "a symbol for bad state 0: the header has 0, counted from 0"),
    (HALF_ADDER.replace(b"i1 y", b"c0 y"), 10, "a symbol for constraint 0: the header has 0, counted from 0"),
    (HALF_ADDER.replace(b"i1 y", b"i0 y"), 10, "input 0 has a symbol already, 'x'"),
    (HALF_ADDER.replace(b"i1 y", b"i1 x"), 10, "two inputs or latches are called 'x'"),
    (HALF_ADDER.replace(b"o1 c", b"o1 s"), 12, "two outputs are called 's'"),
    (HALF_ADDER.replace(b"i1 y", b"i01 y"), 10, TABLE.format("i01 y")),
    (HALF_ADDER.replace(b"i1 y", b"i1 "), 10, TABLE.format("i1 ")),
    (HALF_ADDER.replace(b"i1 y", b"i 1 y"), 10, TABLE.format("i 1 y")),
    (HALF_ADDER.replace(b"i1 y", b"i1 y\tz"), 10, TABLE.format("i1 y\tz")),
    (HALF_ADDER.replace(b"i1 y", b"i1 y\r"), 10, TABLE.format("i1 y\r")),
    (HALF_ADDER.replace(b"i1 y", b"i1 \xce\xb2"), 10, TABLE.format("i1 \xce\xb2")),
    (HALF_ADDER.replace(b"i1 y", b""), 10, TABLE.format("")),
    (HALF_ADDER.replace(b"i1 y", b"16 3 5"), 10, TABLE.format("16 3 5")),
    (HALF_ADDER.replace(b"c\nhalf", b"c half"), 13, TABLE.format("c half adder")),
    (HALF_ADDER.replace(b"i1 y", b"i1" + b"9" * 5000 + b" y"), 10, TABLE.format("i1" + "9" * 55 + "...")),
    # Latches and properties, where they are taken.
    (TOGGLE.replace(b"6 8", b"6"), 4, "latch 0: expected 'latch next' or 'latch next reset', found '6'"),
    (TOGGLE.replace(b"6 8", b"6 8 0 0"), 4, "latch 0: expected 'latch next' or 'latch next reset', found '6 8 0 0'"),
    (TOGGLE.replace(b"6 8", b"6 8 2"), 4, "expected latch 6 to be reset to 0, 1 or 6 (not at all), found 2"),
    (TOGGLE.replace(b"6 8", b"6 8 7"), 4, "expected latch 6 to be reset to 0, 1 or 6 (not at all), found 7"),
    (TOGGLE.replace(b"6 8", b"7 8"), 4, "expected latch as an even number from 2 to 14, found 7"),
    (TOGGLE.replace(b"6 8", b"4 8"), 4, "4 is defined twice: here and in line 3"),
    (TOGGLE.replace(b"6 8", b"6 16"), 4, "expected next state as a literal from 0 to 15, found 16"),
    (TOGGLE.replace(b" 7 2", b" 9 2").replace(b"6 8", b"6 18"), 4, UNDEFINED.format(18, 18)),
    (TOGGLE[:18], 4, "expected latch 0 of 1, found the end of the file"),
    (TOGGLE + b"i0 q\nl0 q\n", 12, "two inputs or latches are called 'q'"),
    (b"aig 1 0 1 0 0\n2 2 2\n", 2, "latch 0: expected 'next' or 'next reset', found '2 2 2'"),
    (b"aig 1 0 1 0 0\n2 3\n", 2, "expected latch 2 to be reset to 0, 1 or 2 (not at all), found 3"),
    (b"aig 1 0 1 0 0\n4\n", 2, "expected next state as a literal from 0 to 3, found 4"),
    (b"aig 1 1 0 1 0\n4\n", 2, "expected output as a literal from 0 to 3, found 4"),
    (b"aig 1 1 0 1 0", 2, "expected output 0 of 1, found the end of the file"),
    (SECTIONS[:34], 7, "expected constraint 0 of 1, found the end of the file"),
    (SECTIONS.replace(b"\n2\n0\n", b"\n3\n0\n"), 13, "fairness constraint 0: expected a number, found '8 2 6'"),
    (
        SECTIONS.replace(b"\n2\n0\n", b"\n999999999999999999\n0\n")[:-6],
        13,
        "expected literal of justice properties 3 of 999999999999999999, found the end of the file",
    ),
    (SECTIONS.replace(b"\n3\n5\n", b"\n3\n15\n"), 7, "expected constraint as a literal from 0 to 9, found 15"),
]


@pytest.mark.parametrize(("data", "line", "message"), ERRORS)
def test_errors_say_the_line_and_what(data, line, message, error):
    options = {"registers": "cut", "properties": "outputs"}
    assert error(ParseError, loads, data, **options) == f"aiger:{line}: {message}"
    with pytest.raises(ParseError) as caught:
        loads(data, source="a.aag", **options)
    assert (caught.value.source, caught.value.line, caught.value.column) == ("a.aag", line, None)


TEXT, ANDS = b"aig 5 2 0 2 3\n10\n6\n", b"\x02\x02\x03\x02\x01\x02"  # 19 bytes, and 6 = 4 & 2 and so on
BINARY = TEXT + ANDS
BETWEEN = "AND {}: expected literals {} > a >= b >= 0, found differences {} and {}"
BYTES = "AND 1: expected a number in as few bytes as it needs, found {}"
BINARY_ERRORS = [
    (TEXT[:-1], 18, "AND 0 of 3: expected two numbers, found the end of the file"),
    (TEXT + ANDS[:1], 20, "AND 0 of 3: expected two numbers, found the end of the file"),
    (TEXT + ANDS[:3], 22, "AND 1 of 3: expected two numbers, found the end of the file"),
    (TEXT + ANDS[:5] + b"\xff", 25, "AND 2 of 3: expected two numbers, found the end of the file"),
    (TEXT + b"\0\2" + ANDS[2:], 19, BETWEEN.format(0, 6, 0, 2)),
    (TEXT + ANDS[:2] + b"\x09\2" + ANDS[4:], 21, BETWEEN.format(1, 8, 9, 2)),
    (TEXT + ANDS[:2] + b"\x08\1" + ANDS[4:], 21, BETWEEN.format(1, 8, 8, 1)),
    (TEXT + ANDS[:2] + b"\3" + b"\xff" * 8 + b"\x7f" + ANDS[4:], 21, BETWEEN.format(1, 8, 3, 2**63 - 1)),
    (TEXT + ANDS[:2] + (b"\xff" * 8 + b"\x7f") * 2 + ANDS[4:], 21, BETWEEN.format(1, 8, 2**63 - 1, 2**63 - 1)),
    (TEXT + ANDS[:3] + b"\x82\0" + ANDS[4:], 22, BYTES.format("a zero as the last")),
    (TEXT + ANDS[:3] + b"\xff" * 9 + b"\1" + ANDS[4:], 22, BYTES.format(10)),
    (BINARY + b"\n", 25, TABLE.format("")),
    (BINARY + b"\2", 25, TABLE.format("\2")),
    (BINARY + b"i0 x\ni0 y\n", 30, "input 0 has a symbol already, 'x'"),
    (BINARY + b"i0 x\no9 y\n", 30, "a symbol for output 9: the header has 2, counted from 0"),
    (BINARY + b"i0 x\ni1 x\n", 30, "two inputs or latches are called 'x'"),
]


@pytest.mark.parametrize(("data", "byte", "message"), BINARY_ERRORS)
def test_errors_of_the_binary_part_say_the_byte(data, byte, message, error):
    assert error(ParseError, loads, data, source="a.aig") == f"a.aig: byte {byte}: {message}"


def test_a_binary_file_cut_off_anywhere_is_an_error():
    for cut in range(len(BINARY)):
        with pytest.raises(ParseError):
            loads(BINARY[:cut])


def test_outputs_that_are_made_may_have_a_name_already(error):
    made = "a latch q gives an output q_next, and a justice property j gives j_0, j_1, ..."
    options = {"registers": "cut", "properties": "outputs"}
    message = error(ParseError, loads, TOGGLE + b"o0 l0_next\n", **options)
    assert message == f"aiger: two outputs would be called 'l0_next': {made}"
    message = error(ParseError, loads, SECTIONS + b"j0 live\no0 live_1\n", **options)
    assert message == f"aiger: two outputs would be called 'live_1': {made}"


TOKENS = st.sampled_from(
    [b"0", b"1", b"2", b"17", b"02", b"00", b"", b" ", b"\t", b"-1", b"a", b":", b"/", b"9" * 18, b"9" * 19]
)


@given(st.lists(st.lists(TOKENS, min_size=1, max_size=4).map(b" ".join), max_size=4), st.booleans())
def test_blocks_of_numbers_are_those_whose_every_line_is(lines, last):
    data = b"\n".join(lines) + b"\n" * last
    count = len(data.rstrip(b"\n").split(b"\n")) if last else max(1, len(lines))
    for columns in (1, 3):
        pattern = b" ".join([NUMBER] * columns)
        expected = [re.fullmatch(pattern, line) for line in data.split(b"\n")[:count]]
        if all(expected):
            found = Lines(data, "file").numbers("number", count, columns)
            assert found.tolist() == [list(map(int, line.split())) for line in data.split(b"\n")[:count]]
        else:
            with pytest.raises(ParseError) as caught:
                Lines(data, "file").numbers("number", count, columns)
            assert caught.value.line == 1 + expected.index(None)

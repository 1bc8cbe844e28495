import shutil
import subprocess

import jax
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from circuits import Circuit, check_c, dumps, library, parse, write
from circuits.formats import c_checks
from circuits.gates import AND, TRUE

pytestmark = pytest.mark.skipif(
    not any(map(shutil.which, ("cc", "gcc", "clang"))), reason="needs a C compiler: cc, gcc or clang"
)


@given(seed=st.integers(0, 10**6), n=st.integers(0, 18), gates=st.integers(0, 200), m=st.integers(0, 40))
@settings(max_examples=3)
def test_compiled_c_is_the_circuit(seed, n, gates, m, random_circuit, tmp_path_factory):
    path = tmp_path_factory.mktemp("c") / "x.c"
    circuit = random_circuit(seed, n, gates, m)
    write(circuit, path, name="f", counts=m or None)
    check = check_c(circuit, path, key=jax.random.key(0))
    assert check.equal, check
    assert check.functions == (("f", "f_counts", "f_classes") if m else ("f",))
    assert check.all_rows == (n <= 16)
    assert set(range(131)) | {1001, 4095} <= set(check.lengths)
    assert check.rows == sum(check.lengths)


@pytest.mark.parametrize(
    ("n", "m", "counts", "flags"),
    [
        (8, 8, 1, ["-O2", "-fsanitize=undefined", "-fno-sanitize-recover=undefined"]),  # whole columns of eight
        (9, 600, 2, ["-U__BYTE_ORDER__", "-O1"]),  # the code of machines of the other byte order
    ],
)
def test_widths_and_flags(n, m, counts, flags, random_circuit, tmp_path):
    circuit = random_circuit(1, n, 100, m)
    write(circuit, tmp_path / "x.c", counts=counts)
    check = check_c(circuit, tmp_path / "x.c", flags=flags, key=jax.random.key(0))
    assert check.equal, check
    assert check.flags[-len(flags) :] == tuple(flags)
    assert check.compiler


def test_counts_of_all_and_of_no_ones_and_the_first_of_the_largest(tmp_path):
    # 300 outputs that are always 1 fill the second byte of a count; groups that tie give the first.
    circuit = Circuit("a", [[0, 0]], [TRUE], [2] * 300 + [0] * 300 + [2] * 300, [f"y{i}" for i in range(900)])
    write(circuit, tmp_path / "x.c", counts=3)
    assert check_c(circuit, tmp_path / "x.c", key=jax.random.key(0)).equal


def broken(tmp_path, circuit, old, new, **options):
    text = dumps(circuit, ".c", name="f", **options)
    assert old in text
    (tmp_path / "x.c").write_text(text.replace(old, new, 1))
    return check_c(circuit, tmp_path / "x.c", key=jax.random.key(0))


def test_a_wrong_gate_is_found(tmp_path):
    check = broken(
        tmp_path, Circuit("ab", [[1, 2], [1, 2]], [AND, 0b0010], [3, 4], "yz"), "in[0] & ~in[1]", "~in[0] & in[1]"
    )
    assert not check.equal
    difference = check.difference
    assert (difference.function, difference.batch, difference.output) == ("f", 4, "z")
    assert (difference.row.tolist(), difference.got, difference.expected) == ([True, False], 0, 1)


def test_a_wrong_tail_is_found(tmp_path):
    # As reported of other writers: right for whole blocks of 64 rows, wrong for the rest.
    check = broken(tmp_path, library.adder(9), "n -= now;", "n -= now; if (n < 64) n = n / 2 * 2;")
    assert not check.equal
    assert check.difference.batch % 2 == 1


def test_a_wrong_count_is_found(tmp_path):
    check = broken(
        tmp_path, parse("y = a; z = b; u = a ^ b; w = a"), "count[r] > most[r]", "count[r] >= most[r]", counts=2
    )
    assert (check.difference.function, check.difference.output) == ("f_classes", "f_classes[0]")


def test_bytes_that_are_written_outside_are_found(tmp_path):
    check = broken(tmp_path, parse("y = a & b"), "f_unpack(out, outs, now);", "f_unpack(out, outs, now); outs[-1] = 1;")
    assert (check.equal, check.difference) == (False, None)
    assert check.fault == "f on 4 rows wrote outside of its buffer"


@pytest.mark.parametrize("after", ["outs[now] = 0;", "if (rows[2 * now]) outs[0] = 0;"], ids=["write", "read"])
def test_a_step_past_the_end_crashes_and_is_found(after, tmp_path):
    check = broken(tmp_path, parse("y = a & b"), "f_unpack(out, outs, now);", f"f_unpack(out, outs, now); {after}")
    assert not check.equal
    assert check.fault.startswith("crash in f on 4 rows: signal ")


def test_code_that_compilers_warn_of_is_refused(tmp_path):
    with pytest.raises(RuntimeError, match=r"(?s)check_c: .* failed:.*unused"):
        broken(tmp_path, parse("y = a & b"), "    uint64_t v[1];", "    uint64_t v[1]; int unused;")


def test_a_file_of_another_circuit_is_refused(tmp_path, error):
    path = tmp_path / "x.c"
    write(parse("y = a & b"), path)
    assert error(ValueError, check_c, parse("y = a"), path, key=jax.random.key(0)) == (
        f"check_c: expected C of 1 inputs and 1 outputs, got 2 and 1. Is {path} of another circuit?"
    )


def test_a_compiler_that_is_not_there_is_said(tmp_path, error, monkeypatch):
    path = tmp_path / "x.c"
    write(parse("y = a & b"), path)
    end = "on the PATH, found none. Install gcc or clang, or name one by compiler=."
    assert error(RuntimeError, check_c, parse("y = a & b"), path, compiler="no-such-cc", key=jax.random.key(0)) == (
        f"check_c: expected a C compiler, no-such-cc, {end}"
    )
    monkeypatch.setattr(c_checks.shutil, "which", lambda name: None)
    assert error(RuntimeError, check_c, parse("y = a & b"), path, key=jax.random.key(0)) == (
        f"check_c: expected a C compiler, cc or gcc or clang, {end}"
    )


def test_a_program_that_includes_the_file(tmp_path):
    write(parse("s = a ^ b; carry = a & b"), tmp_path / "half_adder.c", name="half_adder")
    (tmp_path / "main.c").write_text(
        '#include <stdio.h>\n#include "half_adder.c"\n'
        "int main(void) { const uint8_t rows[] = {0, 1, 1, 1}; uint8_t outs[4]; half_adder(rows, outs, 2);\n"
        'printf("%d%d %d%d\\n", outs[0], outs[1], outs[2], outs[3]); return 0; }\n'
    )
    subprocess.run([c_checks.c_compiler(None), "main.c", "-o", "main"], check=True, cwd=tmp_path)
    assert subprocess.run(["./main"], capture_output=True, cwd=tmp_path, check=True).stdout == b"10 01\n"


def test_rows_that_are_drawn_are_about_half_ones():
    rows, ranges, exhaustive = c_checks._rows(17, jax.random.key(0))
    assert not exhaustive
    assert max(start + n for start, n in ranges) <= len(rows)
    assert 0.45 < np.mean(rows & 1) < 0.55

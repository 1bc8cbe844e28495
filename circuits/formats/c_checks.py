"""The check of C that was written: compiled, called, and compared with `simulate` bit by bit. Evidence, and no proof.

A proof is that of the file read back, `equivalent(circuit, read(path))`; it says nothing of compilers, nor of packing.
"""

import json
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np

from circuits.errors import cut_short
from circuits.formats import c_calls
from circuits.formats.c_statements import signature
from circuits.netlist import Circuit
from circuits.simulation.packing import pack, unpack
from circuits.simulation.simulator import simulate
from circuits.simulation.truth_tables import rows as all_rows
from jaxnet.pytrees import Key
from jaxnet.validation import check_key

WARNINGS = ("-std=c99", "-Wall", "-Wextra", "-Wpedantic", "-Werror")
_MOST_INPUTS = 16  # of which all rows are tried
_LENGTHS = (*range(131), 1001, 4095)


@dataclass(frozen=True)
class Difference:
    """The first difference that `check_c` found.

    Attributes:
        function: the C function that gave it.
        batch: how many rows it was called with.
        row: the inputs, `(n,)` bool.
        output: which output, or class count, differs: its name.
        got: what the C function gave.
        expected: what `simulate` gives.
    """

    function: str
    batch: int
    row: np.ndarray
    output: str
    got: int
    expected: int


@dataclass(frozen=True)
class CCheck:
    """What `check_c` compared. It is evidence by test: a proof is that of the file read back.

    Attributes:
        difference: the first, if there was one.
        fault: what else was wrong: a crash, or bytes that were written outside of the buffers; "" if nothing.
        functions: the C functions that were called.
        rows: how many rows were compared in all, for each function.
        all_rows: whether all 2^n are among them.
        lengths: the numbers of rows of the calls.
        compiler: the first line of what the compiler says of its version.
        flags: it was called with.
    """

    difference: Difference | None
    fault: str
    functions: tuple[str, ...]
    rows: int
    all_rows: bool
    lengths: tuple[int, ...]
    compiler: str
    flags: tuple[str, ...]

    @property
    def equal(self) -> bool:
        """Return whether all was equal."""
        return self.difference is None and not self.fault


def check_c(
    circuit: Circuit, path: str | Path, *, compiler: str | None = None, flags: Sequence[str] = ("-O1",), key: Key
) -> CCheck:
    """Compile C that `write` wrote, and compare its bits with the circuit, for many numbers of rows.

    Args:
        circuit: what the file should be.
        path: the file.
        compiler: a program; the first of cc, gcc and clang that is there if None.
        flags: for the compiler, besides strict warnings, which are errors.
        key: for random rows, from `jax.random.key`.

    Returns:
        What was compared, and whether it was equal: on all rows up to 16 inputs, and on random rows in batches of 0
        to 130, 1,001 and 4,095 rows, in bytes whose other bits are random. The code runs in a process of its own, with
        guards around its buffers.

    Raises:
        ParseError: if the file is not what `write` writes.
        ValueError: if it has other numbers of inputs or outputs than the circuit.
        RuntimeError: if there is no compiler, or it refuses the file; with what it said.

    >>> import tempfile
    >>> from circuits import parse, write
    >>> xor = parse("y = a ^ b")
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     write(xor, f"{folder}/xor.c", name="xor_gate")
    ...     check_c(xor, f"{folder}/xor.c", key=jax.random.key(0)).equal
    True
    """
    check_key("check_c", key)
    path = Path(path)
    sizes = signature(path.read_text(), str(path))[0]
    if (sizes.n_inputs, sizes.n_outputs) != (circuit.n_inputs, circuit.n_outputs):
        raise ValueError(
            f"check_c: expected C of {circuit.n_inputs} inputs and {circuit.n_outputs} outputs, got {sizes.n_inputs} "
            f"and {sizes.n_outputs}. Is {path} of another circuit?"
        )
    program = c_compiler(compiler)
    rows, ranges, exhaustive = _rows(circuit.n_inputs, key)
    outputs = np.asarray(unpack(np.asarray(simulate(circuit, pack(rows & 1 == 1))), len(rows)))
    expected = _expected(outputs, sizes.name, sizes.groups)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [program, *WARNINGS, *flags, "-fPIC", "-shared", str(path), "-o", str(folder / "circuit.so")]
        _compile(command)
        np.save(folder / "rows.npy", rows)
        functions = [(function, values.shape[1], values.itemsize) for function, values in expected.items()]
        (folder / "asked.json").write_text(json.dumps({"functions": functions, "ranges": ranges}))
        fault = _call(folder)
        difference = None if fault else _first_difference(folder, expected, ranges, rows, circuit.output_names)
    version = subprocess.run([program, "--version"], capture_output=True, text=True, check=False).stdout.split("\n")[0]
    lengths, compared = tuple(n for _, n in ranges), sum(n for _, n in ranges)
    return CCheck(difference, fault, tuple(expected), compared, exhaustive, lengths, version, (*WARNINGS, *flags))


def c_compiler(asked: str | None) -> str:
    """Return the path of a C compiler.

    Args:
        asked: a program; the first of cc, gcc and clang that is there if None.

    Raises:
        RuntimeError: if there is none.
    """
    names = ("cc", "gcc", "clang") if asked is None else (asked,)
    found = next((path for name in names if (path := shutil.which(name)) is not None), None)
    if found is None:
        raise RuntimeError(
            f"check_c: expected a C compiler, {' or '.join(names)}, on the PATH, found none. Install gcc or clang, or "
            "name one by compiler=."
        )
    return found


def _compile(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"check_c: {' '.join(command)} failed:\n{cut_short(done.stderr, 2000)}")


def _rows(n: int, key: Key) -> tuple[np.ndarray, list[tuple[int, int]], bool]:
    """Return rows of bytes, the ranges of them that calls get, and whether all 2^n are among them."""
    exhaustive = n <= _MOST_INPUTS
    every = all_rows(n).astype(np.uint8) if exhaustive else np.zeros((0, n), np.uint8)
    drawn = np.asarray(jax.random.bits(key, (max(_LENGTHS) + 131, n), np.uint8))
    ranges = [(0, len(every))] if exhaustive else []
    # Each batch begins elsewhere, so that short ones are not the same few rows.
    ranges += [(len(every) + length % 131, length) for length in _LENGTHS]
    return np.concatenate([every, drawn]), ranges, exhaustive


def _expected(outputs: np.ndarray, name: str, groups: int) -> dict[str, np.ndarray]:
    """Return what each function should answer, a row for a row."""
    expected = {name: outputs.astype(np.uint8)}
    if groups:
        counts = outputs.reshape(len(outputs), groups, -1).sum(axis=2).astype(np.uint32)
        expected |= {f"{name}_counts": counts}
        expected |= {f"{name}_classes": counts.argmax(axis=1).astype(np.uint32)[:, None]}
    return expected


def _call(folder: Path) -> str:
    """Run all calls in another process; returns what went wrong, or ""."""
    done = subprocess.run([sys.executable, c_calls.__file__, str(folder)], capture_output=True, text=True, check=False)
    if done.returncode:
        calling = folder / "calling"
        where = calling.read_text() if calling.exists() else "loading the library"
        said = f"signal {-done.returncode}" if done.returncode < 0 else cut_short(done.stderr, 500)
        return f"crash in {where}: {said}"
    broken = json.loads((folder / "broken.json").read_text())
    return f"{broken[0][0]} on {broken[0][1]} rows wrote outside of its buffer" if broken else ""


def _first_difference(
    folder: Path,
    expected: dict[str, np.ndarray],
    ranges: list[tuple[int, int]],
    rows: np.ndarray,
    output_names: Sequence[str],
) -> Difference | None:
    for function, values in expected.items():
        at = np.concatenate([np.arange(start, start + n) for start, n in ranges])
        got = np.fromfile(folder / f"{function}.bin", values.dtype).reshape(len(at), values.shape[1])
        different = np.argwhere(got != values[at])
        if len(different):
            row, column = different[0].tolist()
            batches = np.repeat([n for _, n in ranges], [n for _, n in ranges])
            name = str(output_names[column]) if values.dtype == np.uint8 else f"{function}[{column}]"
            wanted = int(values[at[row], column])
            return Difference(function, int(batches[row]), rows[at[row]] & 1 == 1, name, int(got[row, column]), wanted)
    return None

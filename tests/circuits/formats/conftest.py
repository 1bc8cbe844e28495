"""What the tests of AIGER files share."""

import re

import pytest

from circuits.formats.aiger import loads


@pytest.fixture(scope="session")
def aiger_by_hand():
    """Reads an ASCII file without latches literal by literal, as the format defines them: its outputs for an input."""

    def read(data, x):
        lines = [
            [int(number) for number in line.split()] for line in data.split(b"\n") if re.fullmatch(rb"[0-9 ]+", line)
        ]
        _, inputs, _, outputs, ands = map(int, data.split(b"\n")[0].split()[1:6])
        values = {0: 0, 1: 1}
        for (literal,), bit in zip(lines[:inputs], x, strict=True):
            values |= {literal: bit, literal + 1: 1 - bit}
        waiting = lines[inputs + outputs : inputs + outputs + ands]
        while waiting:
            ready = [line for line in waiting if line[1] in values and line[2] in values]
            for left, a, b in ready:
                values |= {left: values[a] & values[b], left + 1: 1 - (values[a] & values[b])}
            waiting = [line for line in waiting if line not in ready]
        return [values[literal] for (literal,) in lines[inputs : inputs + outputs]]

    return read


@pytest.fixture(scope="session")
def aiger_table(reference, all_rows):
    """The truth table of a file: a list for each output, rows in the order of the inputs."""

    def of(data, **options):
        circuit = loads(data, **options)
        return reference(circuit, all_rows(circuit.n_inputs)).T.astype(int).tolist()

    return of


@pytest.fixture(scope="session")
def data(iscas85):
    """The folder of circuits on file."""
    folder = iscas85.parents[1]
    if not (folder / "aiger").is_dir() or not (folder / "epfl").is_dir():
        pytest.skip(f"needs the AIGER and EPFL files in {folder}; JAXNET_DATA names another data folder")
    return folder

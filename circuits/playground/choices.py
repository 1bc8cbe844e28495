"""What the visitor chose to look at. A choice that fails leaves the one before, with a message of one line."""

import gzip
import io
import tempfile
import warnings
import zlib
from collections.abc import Callable
from pathlib import Path
from typing import NamedTuple

from circuits.errors import ParseError
from circuits.expressions import parse
from circuits.formats.files import read
from circuits.formats.zipped_files import is_zipped
from circuits.netlist import Circuit
from circuits.playground.gallery import circuit_named
from circuits.threshold.gate_conversion import from_circuit, to_circuit
from circuits.threshold.threshold_circuits import ThresholdCircuit

MOST_INPUTS, MOST_UNITS = 6, 40
MOST_BYTES = 2**20  # of a file, unzipped too
LONGEST_NAME, LONGEST_LABEL = 60, 20  # letters, of a circuit and of an input or output, that are shown


class Choice(NamedTuple):
    """A circuit on the page.

    Attributes:
        name: what it is called there.
        circuit: its gates.
        units: its threshold units.
        message: what is wrong with the choice that was made after it, or what its reader warns of; else "".
    """

    name: str
    circuit: Circuit
    units: ThresholdCircuit
    message: str = ""


def shortened(name: str, most: int = LONGEST_LABEL) -> str:
    """Return a name as it is shown, cut where it is longer than fits.

    Args:
        name: any.
        most: how many letters are kept.

    >>> shortened("carry"), shortened("a_very_long_name", 6)
    ('carry', 'a_very…')
    """
    return name if len(name) <= most else name[:most] + "…"


def from_gallery(name: str) -> Choice:
    """Return a circuit of the gallery.

    Args:
        name: one of `gallery.NAMES`.

    >>> from_gallery("XOR").units
    ThresholdCircuit(2 inputs, 1 outputs, 2 units)
    """
    return _choice(name, circuit_named(name))


def from_text(text: str, before: Choice) -> Choice:
    """Return the circuit of an expression.

    Args:
        text: as `circuits.parse` reads it; a blank one changes nothing.
        before: what is on the page.

    Returns:
        The new choice, or the one before with a message.

    >>> xor = from_gallery("XOR")
    >>> from_text("a & (b | c)", xor).circuit
    Circuit(3 inputs, 1 outputs, 2 gates)
    >>> from_text("a &", xor).name, from_text("a &", xor).message
    ('XOR', 'expression:1:4: expected a name, a constant, ~ or (, found end of the statement')
    """
    if not text.strip():
        return before._replace(message="")
    name = shortened(" ".join(text.split()), LONGEST_NAME)
    return _chosen(before, lambda: _choice(name, parse(text)))


def from_upload(name: str, data: bytes, before: Choice) -> Choice:
    """Return the circuit of a file that was uploaded.

    Args:
        name: of the file; its extension says the format.
        data: what is in it.
        before: what is on the page.

    Returns:
        The new choice, or the one before with a message.

    >>> from_upload("broken.bench", b"INPUT(a)", from_gallery("XOR")).message
    'broken.bench: expected at least one OUTPUT(net), found none'
    """
    name = Path(name.replace("\\", "/")).name or "file"
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, name)

        def read_it() -> Choice:
            if len(data) > MOST_BYTES or (is_zipped(path) and _unzips_to_more(data)):
                raise ParseError(f"expected at most {MOST_BYTES:,} bytes, got more", source=name)
            path.write_bytes(data)
            return _choice(name, read(path))

        found = _chosen(before, read_it)
    return found._replace(message=found.message.replace(str(path), name))


def _choice(name: str, circuit: Circuit | ThresholdCircuit) -> Choice:
    """Return a circuit with its units, if the page can show it."""
    if not 1 <= circuit.n_inputs <= MOST_INPUTS:
        raise ParseError(f"expected 1 to {MOST_INPUTS} inputs, got {circuit.n_inputs:,}", source=name)
    if not 1 <= circuit.n_outputs <= MOST_UNITS:
        raise ParseError(f"expected 1 to {MOST_UNITS} outputs, got {circuit.n_outputs:,}", source=name)
    # A gate may need two units, but never fewer than half a unit.
    gates = circuit.n_gates if isinstance(circuit, Circuit) else circuit.n_units
    if gates > 100 * MOST_UNITS:
        raise ParseError(f"expected at most {MOST_UNITS} threshold units, got {gates:,} gates", source=name)
    units = circuit if isinstance(circuit, ThresholdCircuit) else from_circuit(circuit)
    if units.n_units > MOST_UNITS:
        raise ParseError(f"expected at most {MOST_UNITS} threshold units, got {units.n_units:,}", source=name)
    return Choice(name, to_circuit(circuit), units)


def _unzips_to_more(data: bytes) -> bool:
    """Return whether more than `MOST_BYTES` come out; what is damaged is left for `read` to refuse."""
    try:
        return len(gzip.GzipFile(fileobj=io.BytesIO(data)).read(MOST_BYTES + 1)) > MOST_BYTES
    except (OSError, EOFError, zlib.error):
        return False


def _chosen(before: Choice, make: Callable[[], Choice]) -> Choice:
    """Return a new choice, with the first warning as its message, or the one before with what is wrong, in a line."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            made = make()
        except (ValueError, OSError, RecursionError) as error:
            return before._replace(message=(str(error).splitlines() or [type(error).__name__])[0])
    return made._replace(message=str(caught[0].message).splitlines()[0] if caught else "")

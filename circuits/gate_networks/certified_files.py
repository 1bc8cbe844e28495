"""A circuit as files of four formats, each read back and proved to be the circuit, with a certificate beside them.

The chain has no gap that is only tested: the circuit is proved equal to a simplified one, and what is read back from
each file is proved equal to that. Whether a C compiler keeps to it is tested, not proved: `check_c`.
"""

import hashlib
import json
import os
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, get_args

import jax

from circuits.errors import ParseError
from circuits.formats.c_checks import c_compiler, check_c
from circuits.formats.c_functions import identifier
from circuits.formats.files import dumps, loads
from circuits.gate_networks.class_outputs import Scores, check_groups, with_counts
from circuits.netlist import Circuit, depth
from circuits.synthesis.simplification import simplify
from circuits.verification.answers import Counterexample, Equivalent
from circuits.verification.equivalence import equivalent
from jaxnet.answers import Undecided
from jaxnet.progress import progress_bar
from jaxnet.pytrees import Key
from jaxnet.validation import check_key

FORMATS = (".aig", ".blif", ".v", ".c")
_MOST_GATES = 2_000
_FORMAT = "certified circuit, version 1"


class FileProof(NamedTuple):
    """One file, and how it was proved to hold the circuit.

    Attributes:
        path: the file.
        digest: SHA-256 of its bytes.
        gates: how many there are in what was read back; an AIGER file has ANDs and inverters only.
        method: of `equivalent`.
        seconds: for writing, reading and proving.
    """

    path: Path
    digest: str
    gates: int
    method: str
    seconds: float


@dataclass(frozen=True, repr=False)
class CertifiedFiles:
    """What `certify` wrote and proved.

    Attributes:
        circuit: the simplified circuit, which the files hold.
        gates: of the circuit given, before it was simplified.
        method: by which both were proved equal.
        seconds: for simplifying and that proof.
        files: one `FileProof` each.
        compiled: what `check_c` compared, in words, or why it was not run. Evidence, not proof.
        certificate: the JSON file.
    """

    circuit: Circuit
    gates: int
    method: str
    seconds: float
    files: tuple[FileProof, ...]
    compiled: str
    certificate: Path

    def __repr__(self) -> str:
        lines = [
            f"{self.gates} gates, simplified: proved equal by {self.method} in {self.seconds:.1f} s; with the scores "
            f"asked for {self.circuit.n_gates} gates, depth {depth(self.circuit)}"
        ]
        lines += [
            f"{file.path.name}: read back, {file.gates} gates, proved equal by {file.method} in {file.seconds:.1f} s"
            for file in self.files
        ]
        return "\n".join([*lines, f"compiled C: {self.compiled}"])


def certify(
    circuit: Circuit,
    path: str | os.PathLike[str],
    *,
    classes: int | None = None,
    scores: Scores = "gates",
    time_limit: float | None = None,
    compiler: str | None = None,
    progress: bool | None = None,
    key: Key | None = None,
) -> CertifiedFiles:
    """Simplify a circuit, write it as AIGER, BLIF, Verilog and C, and prove that each file holds the circuit.

    The circuit given goes into a BLIF file too, and the certificate has the digests of all files: `check_certificate`
    repeats all proofs from the files alone.

    Args:
        circuit: any circuit, such as one from `harden`.
        path: without extension: "mnist" gives mnist.aig, mnist.blif, mnist.v, mnist.c, mnist.original.blif and, last of
            all, mnist.json, the certificate.
        classes: where the outputs are the votes for so many classes, in equal groups: the C counts them too.
        scores: what the files give: "gates", the outputs of the circuit; with `classes`, "counts" or "class" of them.
            These gates are added, the same to both, once the simplified circuit is proved equal; a circuit of at most
            2,000 gates is simplified again with them.
        time_limit: seconds for each proof; None for no limit.
        compiler: for the C, as for `check_c`; without one on the machine the test is left out, and this is said.
        progress: None for a bar on a terminal or in a notebook, True for lines elsewhere too, False for neither.
        key: from `jax.random.key`, for the rows that test the compiled C; that of 0 if None.

    Returns:
        A `CertifiedFiles`, whose repr says what was proved and how.

    Raises:
        TypeError: if it is no `Circuit`, or the key is none.
        ValueError: if a format cannot hold the circuit, or outputs are no groups for so many classes.
        TimeoutError: if a proof is not found in time; no certificate is left then, nor is one of an earlier call.
        OSError: if a file cannot be written.

    >>> import tempfile
    >>> from circuits import parse
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     certified = certify(parse("y = (a & b) | (a & c)"), f"{folder}/y", progress=False)
    ...     sorted(os.listdir(folder)), check_certificate(certified.certificate)
    (['y.aig', 'y.blif', 'y.c', 'y.json', 'y.original.blif', 'y.v'], [])
    >>> certified.gates, certified.circuit.n_gates
    (3, 2)
    """
    if not isinstance(circuit, Circuit):
        raise TypeError(f"certify: expected a Circuit, got {type(circuit).__name__}. harden makes one of a network.")
    if key is not None:
        check_key("certify", key)  # before the proofs, which may take minutes
    if scores not in get_args(Scores) or (scores != "gates" and classes is None):
        raise ValueError(f"certify: expected scores 'gates', or 'counts' or 'class' with classes=, got {scores!r}.")
    if classes is not None:
        check_groups("certify", circuit, classes)
    base = Path(path)
    if not base.absolute().parent.is_dir():
        raise FileNotFoundError(f"certify: there is no folder {base.parent}.")
    certificate = _beside(base, ".json")
    certificate.unlink(missing_ok=True)  # until the last proof there is none, whenever the process ends
    key = jax.random.key(0) if key is None else key
    with progress_bar("certify", total=3 + len(FORMATS), unit="proof", shown=progress) as bar:
        start = time.perf_counter()
        short = simplify(circuit)
        answer = _proved("the simplified circuit", circuit, short, time_limit)
        seconds = time.perf_counter() - start
        bar.update(1)
        chain = [_written(circuit, _beside(base, ".original.blif"), {}, time_limit)]
        if scores != "gates" and classes is not None:
            chain.append(_written(short, _beside(base, ".votes.blif"), {}, time_limit))
            short = _smaller(with_counts(short, classes, scores), time_limit)
        bar.update(1)
        files = []
        for extension in FORMATS:
            options = {}
            if extension == ".c":
                options = {"name": identifier(base.name), "counts": classes if scores == "gates" else None}
            files.append(_written(short, _beside(base, extension), options, time_limit))
            bar.update(1)
        compiled = _tested(short, _beside(base, ".c"), compiler, key)
        bar.update(1)
    result = CertifiedFiles(short, circuit.n_gates, answer.method, seconds, tuple(files), compiled, certificate)
    _replace(certificate, json.dumps(_data(result, chain, classes, scores), indent=1).encode())
    return result


def check_certificate(path: str | os.PathLike[str], *, time_limit: float | None = None) -> list[str]:
    """Repeat the proofs of a certificate from its files.

    Args:
        path: the JSON file that `certify` wrote; the other files are looked for beside it.
        time_limit: seconds for each proof; None for no limit.

    Returns:
        What is wrong, a sentence each: a file that is missing, changed, or not proved equal to the original. Empty if
        all is proved again.

    Raises:
        ValueError: if the file is no certificate.
        OSError: if it cannot be read.
    """
    try:
        data = json.loads(Path(path).read_text(encoding="utf-8"))
        votes, files = [data["original"], *data["votes"]], data["files"]
        known = data["format"] == _FORMAT and all(isinstance(r["file"], str) and r["sha256"] for r in votes + files)
        classes, scores = data["classes"], data["scores"]
    except (ValueError, TypeError, KeyError) as error:
        raise ValueError(f"check_certificate: expected the JSON of certify, {path} is none: {error}.") from None
    if not known:
        raise ValueError(f"check_certificate: expected the JSON of certify, {path} is none: format {data['format']!r}.")
    faults: list[str] = []
    reference = None
    for record in votes + files:
        circuit = _file_again(Path(path).parent, record, faults)
        if circuit is not None and reference is not None:
            _prove_again(record["file"], reference, circuit, time_limit, faults)
        if record in files:
            continue
        if circuit is None:
            return faults  # there is nothing to compare the others with
        # On votes that are proved equal come the same gates, so that what is left to prove is structure.
        reference = circuit if record is votes[0] else with_counts(circuit, classes, scores)
    return faults


def _file_again(folder: Path, record: dict[str, Any], faults: list[str]) -> Circuit | None:
    """Return the circuit of a file; None, and a fault, if there is none."""
    name = Path(record["file"]).name
    try:
        content = (folder / name).read_bytes()
        if hashlib.sha256(content).hexdigest() != record["sha256"]:
            faults.append(f"{name} has changed since it was certified.")
        return _read_back(content, Path(name))
    except OSError as error:
        faults.append(f"{name} cannot be read: {error.strerror}.")
    except ParseError as error:
        faults.append(f"{name} is no circuit: {error}")
    return None


def _prove_again(what: str, circuit: Circuit, other: Circuit, time_limit: float | None, faults: list[str]) -> None:
    try:
        answer = equivalent(circuit, other, time_limit=time_limit)
    except ValueError as error:
        faults.append(f"{what} has other inputs or outputs than the original: {error}")
        return
    if isinstance(answer, Counterexample):
        faults.append(f"{what} is not the original: they differ for {answer.inputs}.")
    elif not isinstance(answer, Equivalent):
        faults.append(f"{what} was neither proved nor refuted in {time_limit} s.")


def _beside(base: Path, extension: str) -> Path:
    return base.with_name(base.name + extension)


def _written(circuit: Circuit, path: Path, options: dict[str, Any], time_limit: float | None) -> FileProof:
    """Write a file, read it back, and prove that it holds the circuit."""
    start = time.perf_counter()
    content = dumps(circuit, path.suffix, **options)
    content = content.encode() if isinstance(content, str) else content
    _replace(path, content)
    content = path.read_bytes()
    back = _read_back(content, path)
    answer = _proved(path.name, circuit, back, time_limit)
    seconds = time.perf_counter() - start
    return FileProof(path, hashlib.sha256(content).hexdigest(), back.n_gates, answer.method, seconds)


def _smaller(circuit: Circuit, time_limit: float | None) -> Circuit:
    """Simplify a circuit with its scores, if it is small: counts that were restructured can be hard to prove equal."""
    if circuit.n_gates > _MOST_GATES:
        return circuit
    short = simplify(circuit)
    _proved("the simplified circuit with its scores", circuit, short, time_limit)
    return short


def _read_back(content: bytes, path: Path) -> Circuit:
    circuit = loads(content, path.suffix, source=path.name)
    if not isinstance(circuit, Circuit):
        raise ParseError(f"expected gates, got {type(circuit).__name__}.")
    return circuit


def _proved(what: str, circuit: Circuit, other: Circuit, time_limit: float | None) -> Equivalent:
    answer = equivalent(circuit, other, time_limit=time_limit)
    if isinstance(answer, Undecided):
        raise TimeoutError(f"certify: no proof that {what} is the circuit within {time_limit} s. Give more time_limit.")
    if isinstance(answer, Counterexample):
        raise RuntimeError(f"certify: {what} is not the circuit, for {answer.inputs}: a mistake in circuits.")
    return answer


def _tested(circuit: Circuit, path: Path, compiler: str | None, key: Key) -> str:
    """Return what compiled C was tested on, in words."""
    if compiler is None:
        try:
            compiler = c_compiler(None)
        except RuntimeError:
            return "not tested, since there is no C compiler"
    check = check_c(circuit, path, compiler=compiler, key=key)
    if not check.equal:
        raise RuntimeError(f"certify: compiled, {path.name} is not the circuit: {check.difference or check.fault}")
    every = " and all rows there are" if check.all_rows else ""
    return (
        f"tested, not proved: bits equal on {check.rows:,} rows in {len(check.lengths)} batches of 0 to "
        f"{max(check.lengths):,} rows{every}, by {check.compiler}"
    )


def _data(result: CertifiedFiles, chain: list[FileProof], classes: int | None, scores: Scores) -> dict[str, Any]:
    def record(file: FileProof) -> dict[str, Any]:
        return {
            "file": file.path.name,
            "sha256": file.digest,
            "gates": file.gates,
            "method": file.method,
            "seconds": round(file.seconds, 3),
        }

    return {
        "format": _FORMAT,
        "claim": "each file holds the original, or the scores of its outputs: proved; compiled C: tested",
        "classes": classes,
        "scores": scores,
        "inputs": result.circuit.n_inputs,
        "outputs": result.circuit.n_outputs,
        "original": record(chain[0]),
        "votes": [record(file) for file in chain[1:]],
        "simplified": {"gates": result.circuit.n_gates, "method": result.method, "seconds": round(result.seconds, 3)},
        "files": [record(file) for file in result.files],
        "compiled": result.compiled,
    }


def _replace(path: Path, content: bytes) -> None:
    """Write a file whole or not at all."""
    beside = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        beside.write_bytes(content)
        os.replace(beside, path)
    finally:
        beside.unlink(missing_ok=True)

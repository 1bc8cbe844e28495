"""Certificates of files: what is written is proved, and every change of a file, or of the certificate, is found."""

import json
import re
import shutil

import jax
import numpy as np
import pytest

from circuits import Circuit, certify, check_certificate, class_scores, classify, equivalent, parse, read, rows, write
from circuits.formats import c_checks
from circuits.gate_networks import certified_files
from circuits.verification.answers import Equivalent
from jaxnet.answers import Undecided

VOTES = parse("p = a & b | a & c; q = a ^ b; r = ~(b | c); s = (a ^ b) & c | (a & b)")


def circuit_in(path):
    circuit = read(path)
    assert isinstance(circuit, Circuit)
    return circuit


def without_compilers(monkeypatch):
    monkeypatch.setattr(c_checks.shutil, "which", lambda name: None)


@pytest.fixture(scope="module")
def votes(tmp_path_factory):
    """A folder with the votes, and the class, of two classes."""
    folder = tmp_path_factory.mktemp("certified")
    certify(VOTES, folder / "votes", classes=2, progress=False, key=jax.random.key(1))
    with pytest.MonkeyPatch.context() as patch:
        without_compilers(patch)
        certify(VOTES, folder / "class", classes=2, scores="class", progress=False)
    return folder


@pytest.fixture
def copied(votes, tmp_path):
    return shutil.copytree(votes, tmp_path / "copied")


def test_every_file_is_the_circuit(votes):
    for extension in (".aig", ".blif", ".v", ".c", ".original.blif"):
        assert isinstance(equivalent(VOTES, circuit_in(votes / f"votes{extension}")), Equivalent)
    assert check_certificate(votes / "votes.json") == []
    assert check_certificate(votes / "class.json") == []


def test_the_class_is_that_of_the_votes(votes):
    x = np.asarray(rows(3))
    count = np.asarray([VOTES(*row) for row in x]).reshape(8, 2, 2).sum(axis=2)
    assert (class_scores(VOTES, x, classes=2) == count).all()
    for extension in (".aig", ".blif", ".v", ".c"):
        assert (classify(circuit_in(votes / f"class{extension}"), x) == count.argmax(axis=1)).all()


def test_a_small_circuit_is_simplified_with_its_scores(votes, tmp_path, monkeypatch):
    small = read(votes / "class.blif").n_gates
    monkeypatch.setattr(certified_files, "_MOST_GATES", 0)
    certify(VOTES, tmp_path / "class", classes=2, scores="class", progress=False)
    assert read(tmp_path / "class.blif").n_gates > small


def test_the_c_of_votes_counts(votes):
    assert "void votes_counts(" in (votes / "votes.c").read_text()
    assert "_counts(" not in (votes / "class.c").read_text()


@pytest.mark.skipif(shutil.which("cc") is None and shutil.which("gcc") is None, reason="there is no C compiler")
def test_what_was_compiled_is_said(votes):
    compiled = json.loads((votes / "votes.json").read_text())["compiled"]
    assert re.match(
        r"tested, not proved: bits equal on [\d,]+ rows in 134 batches of 0 to 4,095 rows and all", compiled
    )


def test_a_machine_without_a_compiler(votes):
    assert json.loads((votes / "class.json").read_text())["compiled"] == "not tested, since there is no C compiler"


def test_a_compiler_that_was_named_has_to_be_there(tmp_path):
    with pytest.raises(RuntimeError, match="no-such-compiler"):
        certify(VOTES, tmp_path / "x", compiler="no-such-compiler", progress=False)
    assert not (tmp_path / "x.json").exists()


@pytest.mark.parametrize("name", ["votes.aig", "votes.blif", "votes.v", "votes.c"])
def test_a_file_of_another_circuit_is_found(copied, name):
    other = parse("p = a & b | a & c; q = a ^ b; r = ~(b | c); s = (a ^ b) & c | (a & ~b)")
    write(other, copied / name)
    first, second = check_certificate(copied / "votes.json")
    assert first == f"{name} has changed since it was certified."
    assert re.fullmatch(rf"{re.escape(name)} is not the original: they differ for \{{.*\}}\.", second)


def test_a_file_that_was_written_anew_is_still_the_circuit(copied):
    (copied / "votes.v").write_text((copied / "votes.v").read_text() + "\n// a comment\n")
    assert check_certificate(copied / "votes.json") == ["votes.v has changed since it was certified."]


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (None, r"votes\.blif cannot be read: No such file or directory\."),
        (b"\xff\x00 rubbish", r"votes\.blif is no circuit: .*"),
        (b".model m\n.inputs a\n.outputs y\n.names a y\n1 1\n.end\n", r"votes\.blif has other inputs or outputs .*"),
    ],
)
def test_a_broken_file_is_found(copied, content, said):
    path = copied / "votes.blif"
    path.unlink() if content is None else path.write_bytes(content)
    assert re.fullmatch(said, check_certificate(copied / "votes.json")[-1], re.DOTALL)


def test_without_the_original_nothing_is_compared(copied):
    (copied / "class.votes.blif").unlink()
    assert check_certificate(copied / "class.json") == ["class.votes.blif cannot be read: No such file or directory."]


def test_other_scores_than_those_of_the_files_are_found(copied):
    path = copied / "class.json"
    path.write_text(path.read_text().replace('"scores": "class"', '"scores": "counts"'))
    assert len(check_certificate(path)) == 4


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"format": 1, "original": {}, "files": []}', "\x00"])
def test_what_is_no_certificate_is_refused(tmp_path, text):
    path = tmp_path / "x.json"
    path.write_text(text)
    with pytest.raises(ValueError, match=r"^check_certificate: expected the JSON of certify, .* is none: "):
        check_certificate(path)


def test_another_format_is_refused(copied):
    path = copied / "votes.json"
    path.write_text(path.read_text().replace("version 1", "version 9"))
    with pytest.raises(ValueError, match="is none: format 'certified circuit, version 9'"):
        check_certificate(path)


def test_a_proof_that_fails_leaves_no_certificate(copied, monkeypatch):
    monkeypatch.setattr(certified_files, "equivalent", lambda *_, **__: Undecided("time limit of 0.5 s", ()))
    with pytest.raises(TimeoutError, match=r"^certify: no proof that the simplified circuit is the circuit within 0.5"):
        certify(VOTES, copied / "votes", time_limit=0.5, progress=False)
    assert not (copied / "votes.json").exists()


def test_no_time_to_check_is_a_fault(copied, monkeypatch):
    monkeypatch.setattr(certified_files, "equivalent", lambda *_, **__: Undecided("time limit of 0.5 s", ()))
    faults = check_certificate(copied / "votes.json", time_limit=0.5)
    assert faults[0] == "votes.aig was neither proved nor refuted in 0.5 s."


def test_files_of_any_name(tmp_path, monkeypatch):
    without_compilers(monkeypatch)
    for name in ("int", "3 x ä", "a.b"):
        certify(VOTES, tmp_path / name, progress=False)
        assert check_certificate(tmp_path / f"{name}.json") == []


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"scores": "class"}, "certify: expected scores 'gates', or 'counts' or 'class' with classes=, got 'class'."),
        ({"scores": "sum", "classes": 2}, "expected scores 'gates', or 'counts' or 'class' with classes=, got 'sum'."),
        ({"classes": 3}, "certify: expected outputs that are 3 equal groups, one a class, got 4 outputs."),
    ],
)
def test_what_cannot_be_asked(tmp_path, arguments, said):
    with pytest.raises(ValueError, match=re.escape(said)):
        certify(VOTES, tmp_path / "x", **arguments)
    assert list(tmp_path.iterdir()) == []


def test_a_network_is_no_circuit(tmp_path):
    with pytest.raises(TypeError, match=r"^certify: expected a Circuit, got str. harden makes one of a network.$"):
        certify("y = a", tmp_path / "x")  # type: ignore[arg-type]


def test_the_certificate_says_what_was_proved(votes):
    data = json.loads((votes / "votes.json").read_text())
    assert data["original"]["file"] == "votes.original.blif"
    assert [record["file"] for record in data["files"]] == ["votes.aig", "votes.blif", "votes.v", "votes.c"]
    assert data["simplified"]["gates"] < VOTES.n_gates


def test_a_folder_that_is_not_there_is_named(tmp_path):
    with pytest.raises(FileNotFoundError) as e:
        certify(parse("a & b"), tmp_path / "none" / "and")
    assert str(e.value) == f"certify: there is no folder {tmp_path / 'none'}."

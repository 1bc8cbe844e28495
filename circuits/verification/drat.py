"""Proofs that a CNF has no model, as DRAT files, and a checker for them by reverse unit propagation.

E. Goldberg and Y. Novikov, Verification of proofs of unsatisfiability for CNF formulas (2003); N. Wetzler, M. Heule and
W. Hunt, DRAT-trim (2014), for the format. All lemmas here follow by unit propagation (RUP), the simple part of DRAT.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import IO, NamedTuple


class ProofFiles(NamedTuple):
    """The two files of a proof.

    Attributes:
        cnf: the question as DIMACS text; the clauses have a model if, and only if, the output can be 1.
        drat: the proof that they have none, as DRAT text.
    """

    cnf: Path
    drat: Path


# The variable of the constant false: lemmas may have it, and it is left out of the file.
FALSE_VARIABLE = 2**31


class Proof:
    r"""A proof in the making: each lemma follows by unit propagation from the CNF and the lemmas before it.

    >>> import io
    >>> file = io.StringIO()
    >>> proof = Proof(file)
    >>> proof.add([1, -2, FALSE_VARIABLE])
    >>> proof.add([3, -FALSE_VARIABLE])
    >>> proof.add([])
    >>> file.getvalue()
    '1 -2 0\n0\n'
    """

    def __init__(self, file: IO[str]):
        self._file = file

    def add(self, clause: Iterable[int]) -> None:
        """Write a lemma, a clause of signed variables, unless it is always true; the empty one ends the proof."""
        if (text := _text(clause)) is not None:
            self._file.write(f"{text}\n")

    def delete(self, clause: Iterable[int]) -> None:
        """Write that an earlier lemma is not needed any more."""
        if (text := _text(clause)) is not None:
            self._file.write(f"d {text}\n")


def _text(clause: Iterable[int]) -> str | None:
    """Return the line of a clause; None if it is always true."""
    rest = set(clause) - {FALSE_VARIABLE}
    if any(x == -FALSE_VARIABLE or -x in rest for x in rest):
        return None
    return " ".join(map(str, (*sorted(rest, key=abs), 0)))


def check(cnf: str | os.PathLike, drat: str | os.PathLike) -> int:
    r"""Check that a proof shows that a CNF has no model, by nothing but unit propagation.

    Each lemma is checked against the CNF and the lemmas before it: with all its literals false, propagation must make
    some clause false. Each clause is one line, and lemmas have only variables of the CNF. No solver is used. This is
    plain Python, about 1,000 to 10,000 lemmas per second; drat-trim checks the same files.

    Args:
        cnf: a DIMACS file.
        drat: a DRAT file as text.

    Returns:
        The number of lemmas that were checked, up to the one that completes the proof.

    Raises:
        ValueError: with the line, if a lemma does not follow, or the text is not in the format; or if the proof ends
            without a contradiction.

    Source: E. Goldberg and Y. Novikov (2003).

    >>> import pathlib, tempfile
    >>> folder = pathlib.Path(tempfile.mkdtemp())
    >>> _ = (folder / "q.cnf").write_text("p cnf 2 4\n1 2 0\n1 -2 0\n-1 2 0\n-1 -2 0\n")
    >>> _ = (folder / "q.drat").write_text("1 0\n0\n")
    >>> check(folder / "q.cnf", folder / "q.drat")
    1
    """
    clauses = _Clauses()
    for _, words in _steps(cnf):
        if words[:1] == ["d"]:
            raise ValueError(f"check: {cnf} deletes a clause, which only a proof does.")
        clauses.add([int(word) for word in words])
    checked, variables = 0, max(clauses.variables, _declared(cnf))
    for line, words in _steps(drat):
        if clauses.refuted:
            break
        deleted = words[:1] == ["d"]
        clause = [int(word) for word in words[deleted:]]
        if any(abs(x) > variables for x in clause):
            raise ValueError(f"check: line {line} of {drat} has a variable that is not in {cnf}.")
        if deleted:
            clauses.delete(clause)
            continue
        if not clauses.implies(clause):
            shown = " ".join(words) or "the empty clause"
            raise ValueError(f"check: line {line} of {drat} does not follow by unit propagation: {shown}.")
        checked += 1
        clauses.add(clause)
    if not clauses.refuted:
        raise ValueError(f"check: {drat} ends after {checked} lemmas, and nothing is refuted.")
    return checked


def _steps(path: str | os.PathLike) -> Iterator[tuple[int, list[str]]]:
    """Yield the clauses of a file, without the 0 at their end, each with the number of its line."""
    with open(path, encoding="utf-8", errors="replace") as file:
        for number, line in enumerate(file, start=1):
            words = line.split()
            if not words or words[0] in ("c", "p"):
                continue
            literals = words[words[0] == "d" :]
            if literals[-1:] != ["0"] or "0" in literals[:-1] or not all(map(_is_integer, literals)):
                raise ValueError(f"check: line {number} of {path}: expected a clause that ends with 0, got {line!r}.")
            yield number, words[:-1]


def _declared(cnf: str | os.PathLike) -> int:
    """Return the number of variables in the header of a CNF; some may be in no clause."""
    with open(cnf, encoding="utf-8", errors="replace") as file:
        for line in file:
            words = line.split()
            if words[:2] == ["p", "cnf"] and len(words) == 4 and _is_integer(words[2]):
                return int(words[2])
    return 0


def _is_integer(word: str) -> bool:
    return word == "0" or (word.isascii() and word.removeprefix("-").isdecimal() and word.lstrip("-")[0] != "0")


class _Clauses:
    """Clauses and what follows from them by unit propagation; two literals of each are watched."""

    def __init__(self) -> None:
        # By literal: 1 true, -1 false, 0 open. A negative literal counts from the end of the list.
        self.values: list[int] = [0]
        self.watching: list[list[list[int]]] = [[]]
        self.trail: list[int] = []
        self.by_literals: dict[tuple[int, ...], list[list[int]]] = {}
        self.refuted = False
        self.variables = 0

    def add(self, clause: list[int]) -> None:
        """Add a clause; what it makes true stays true."""
        clause = list(dict.fromkeys(clause))
        self.variables = max(self.variables, *map(abs, clause), 0)
        self._reach(self.variables)
        if any(-x in clause for x in clause):
            return
        clause.sort(key=lambda x: self.values[x], reverse=True)
        if len(clause) > 1:
            self.by_literals.setdefault(tuple(sorted(clause)), []).append(clause)
            self.watching[clause[0]].append(clause)
            self.watching[clause[1]].append(clause)
        if not clause or self.values[clause[0]] < 0:
            self.refuted = True
        elif self.values[clause[0]] == 0 and (len(clause) == 1 or self.values[clause[1]] < 0):
            self._assign(clause[0])
            self.refuted = self.refuted or self._propagate(len(self.trail) - 1)

    def delete(self, clause: list[int]) -> None:
        """Forget a clause. What it made true stays true, since that follows from the CNF."""
        if same := self.by_literals.get(tuple(sorted(set(clause)))):
            same.pop().clear()  # lists that watch it drop it when they meet it

    def implies(self, clause: list[int]) -> bool:
        """Return whether propagation finds a contradiction when all literals of a clause are false."""
        self._reach(max(map(abs, clause), default=0))
        start = len(self.trail)
        found = self.refuted
        for x in clause:
            if self.values[x] > 0:
                found = True
            elif self.values[x] == 0:
                self._assign(-x)
        found = found or self._propagate(start)
        for x in self.trail[start:]:
            self.values[x] = self.values[-x] = 0
        del self.trail[start:]
        return found

    def _assign(self, literal: int) -> None:
        self.values[literal], self.values[-literal] = 1, -1
        self.trail.append(literal)

    def _reach(self, variable: int) -> None:
        """Make room for the literals of variables up to this one."""
        size = len(self.values) // 2
        if variable > size:
            more = 2 * variable
            gap = 2 * (more - size)
            self.values[size + 1 : size + 1] = [0] * gap
            self.watching[size + 1 : size + 1] = [[] for _ in range(gap)]

    def _propagate(self, head: int) -> bool:
        """Make true what must be, from a place of the trail on; return whether a clause is then false."""
        values, watching, trail = self.values, self.watching, self.trail
        while head < len(trail):
            false = -trail[head]
            head += 1
            clauses, watching[false] = watching[false], []
            kept = watching[false]
            for place, clause in enumerate(clauses):
                if not clause:
                    continue
                if clause[0] == false:
                    clause[0], clause[1] = clause[1], false
                first = clause[0]
                if values[first] > 0:
                    kept.append(clause)
                    continue
                for k in range(2, len(clause)):
                    if values[clause[k]] >= 0:
                        clause[1], clause[k] = clause[k], false
                        watching[clause[1]].append(clause)
                        break
                else:
                    kept.append(clause)
                    if values[first] < 0:
                        kept += clauses[place + 1 :]
                        return True
                    self._assign(first)
        return False

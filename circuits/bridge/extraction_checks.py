"""The check of an extraction certificate, on Python and NumPy alone: `python extraction_checks.py FILE.json`.

The one check there is: `ExtractionCertificate.check` is this one. Nothing is believed but the network's own numbers:
hardened units are made again in fractions, all rows are decided again, and the circuit is evaluated in integers. With
the files beside it that the wing lists before it, it needs neither the package nor JAX.
"""

import hashlib
import json
import math
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

if __package__:
    from circuits.bridge.branch_and_bound import Limits, agrees_with_hardened, regions_of
    from circuits.bridge.claims import Claim, ClaimError, bits_of, number, read_claim, text_of, whole
    from circuits.bridge.hardening import hard_units
    from circuits.bridge.region_checks import wrong_regions
    from circuits.bridge.row_checks import decide_rows, float_limits
    from circuits.bridge.unit_margins import hardened_everywhere
else:  # pyright: ignore[reportMissingImports]
    from branch_and_bound import Limits, agrees_with_hardened, regions_of
    from claims import Claim, ClaimError, bits_of, number, read_claim, text_of, whole
    from hardening import hard_units
    from region_checks import wrong_regions
    from row_checks import decide_rows, float_limits
    from unit_margins import hardened_everywhere

FORMAT = "circuits extraction 1"
MAX_ROWS, MAX_SAMPLES = 2**28, 2**24
_ROWS = 2**14
_MOST_BOXES = 2**40


def digest_of(data: dict[str, Any]) -> str:
    """Return the SHA-256 of everything else in a certificate; it finds what was altered by accident."""
    rest = {key: value for key, value in data.items() if key != "digest"}
    return hashlib.sha256(json.dumps(rest, sort_keys=True).encode()).hexdigest()


def faults(data: dict[str, Any]) -> Iterator[str]:
    """Return what is wrong with a certificate, one sentence for each fault that is found.

    Args:
        data: numbers, texts and lists, as of `ExtractionCertificate`.

    >>> list(faults({"format": "circuits extraction 0"}))
    ["The format is 'circuits extraction 0', not 'circuits extraction 1'."]
    """
    try:
        if data.get("format") != FORMAT:
            raise ClaimError(f"The format is {data.get('format')!r}, not {FORMAT!r}.")
        if data.get("digest") != digest_of(data):
            yield "The digest is not that of the data: something was altered."
        kind = data["guarantee"], data["method"]
        if kind not in _CLAIMS:
            raise ClaimError(f"{kind[0]!r} by {kind[1]!r} is no claim of this format.")
        more, checks = _CLAIMS[kind]
        claim = read_claim(data, more)
        for check in checks:
            yield from check(claim)
    except ClaimError as fault:
        yield str(fault)
    except (KeyError, TypeError, ValueError, IndexError, OverflowError, AttributeError, MemoryError) as error:
        yield f"The certificate cannot be read: {type(error).__name__}: {error}"


def _structural(claim: Claim) -> Iterator[str]:
    """Yield where the units of the circuit are not those of the hardened network, but for those said to be fitted."""
    exact = claim.data["method"] == "exact integers"
    if exact and not {*claim.units.kinds} <= {"step", "sign", "identity"}:
        yield "Exact integers are claimed, but not all units are steps."
        return
    hard, circuit = hard_units(claim.units, claim.reading), claim.circuit
    if hard is None:
        yield "A network with rectifiers has no hardened units."
        return
    mine, theirs = circuit.units, [(dict(unit.weights), unit.threshold) for unit in hard.units]
    if mine is None or len(mine) != len(theirs) or circuit.outputs != [*hard.outputs]:
        yield "The circuit has not as many units as the hardened network, or other outputs."
        return
    changed = [k for k, (one, other) in enumerate(zip(mine, theirs, strict=True)) if one != other]
    if changed != claim.data["refitted"]:
        yield f"The units {claim.data['refitted']} are said to be fitted anew, but those that differ are {changed}."
    read = {node for weights, _ in theirs for node in weights}
    for k in changed:
        node = claim.units.n + k
        if exact or node not in hard.outputs or node in read:
            yield f"Unit {k} is fitted anew, which only outputs may be that no unit reads."
        elif not mine[k][0].keys() <= theirs[k][0].keys():
            yield f"Unit {k} reads what the unit of the network does not read."


def _no_rows(claim: Claim) -> Iterator[str]:
    if claim.data["rows"] != 0 or type(claim.data["rows"]) is not int:
        yield "Only claims of all rows and of samples count rows."


def _margins(claim: Claim) -> Iterator[str]:
    """Yield whether margins do not show that the network is its hardening, or its floats are."""
    rounded = claim.data["uncertain"] is not None
    if rounded:
        whole(claim.data["uncertain"], 0, 0)
    if claim.data["refitted"]:
        yield "Units are said to be fitted anew where only hardened ones are proved."
    if not hardened_everywhere(claim.units, claim.reading, claim.domain.tables, rounded=rounded):
        yield "The margins of the units do not show that the network is its hardening."


def _not_refitted(claim: Claim) -> Iterator[str]:
    if claim.data["refitted"]:
        yield "Units are said to be fitted anew where no units are claimed."


def _all_rows(claim: Claim) -> Iterator[str]:
    """Yield where network and circuit differ, and whether the calls were closer than is said."""
    data, count = claim.data, claim.domain.n_rows
    if whole(data["rows"], 1, MAX_ROWS) != count:
        raise ClaimError(f"{data['rows']} rows are said to be decided, but the domain has {count}.")
    whole(data["uncertain"], 0, count)
    closest = math.inf if data["closest"] is None else number(data["closest"])
    limits, uncertain = float_limits(claim.units, claim.reading), 0
    for start in range(0, count, _ROWS):
        rows = claim.domain.block(start, min(start + _ROWS, count))
        found = decide_rows(claim.units, claim.reading, rows, closest, limits)
        _all_settled(found.settled, rows)
        wrong = (found.bits != claim.circuit.evaluate(rows)).any(axis=1)
        if wrong.any():
            raise ClaimError(f"Network and circuit differ on row {text_of(rows[wrong.argmax()])}.")
        if found.near.any():
            raise ClaimError(f"A call is closer than {data['closest']} on row {text_of(rows[found.near.argmax()])}.")
        uncertain += int(found.uncertain.sum())
    if uncertain > data["uncertain"]:
        yield f"At most {data['uncertain']} rows are said to be uncertain, but {uncertain} may be."


def _boxes(claim: Claim) -> Iterator[str]:
    """Yield whether branch and bound does not show what is claimed, with about as many boxes as are said."""
    data = claim.data
    # Other machines add up in another order, and may need a few boxes more.
    limits = Limits(nodes=2 * whole(data["nodes"], 0, _MOST_BOXES) + 100)
    structural = data["guarantee"] == "structural"
    search = agrees_with_hardened if structural else regions_of
    found = search(claim.units, claim.reading, claim.domain.tables, limits)
    if found.row is not None:
        yield f"Network and circuit differ on row {text_of(found.row)}."
    elif found.outcome != "decided":
        yield f"{data['nodes']} boxes are said to be enough, but after {found.nodes} it is not decided."
    elif structural and data["refitted"]:
        yield "Units are said to be fitted anew where only hardened ones are proved."
    elif not structural and claim.circuit.gates is None:
        yield "Regions are claimed of a circuit that is not of gates."
    elif not structural and (wrong := wrong_regions(claim.circuit, claim.domain.tables, found)):
        yield f"Network and circuit differ, or may, on {wrong} of {len(found.regions)} regions."


def _samples(claim: Claim) -> Iterator[str]:
    """Yield whether network and circuit differ on other numbers of rows than is said, or not on the counterexample."""
    data, differ, text = claim.data, 0, claim.data["counterexample"]
    sample = claim.domain.sample(whole(data["rows"], 1, MAX_SAMPLES), whole(data["seed"], 0, math.inf))
    for start in range(0, len(sample), _ROWS):
        differ += int(_differ(claim, sample[start : start + _ROWS]).sum())
    if differ != whole(data["differ"], 0, len(sample)):
        yield f"Network and circuit are said to differ on {data['differ']} of the rows drawn, but they do on {differ}."
    if text is None and differ:
        yield "Rows differ, but there is no counterexample."
    if text is not None:
        row = bits_of([text])
        inside = row.shape[1] == claim.units.n and claim.domain.contains(row[0])
        if not inside or not _differ(claim, row).any():
            yield "The counterexample is none."


def _differ(claim: Claim, rows: np.ndarray) -> np.ndarray:
    found = decide_rows(claim.units, claim.reading, rows)
    _all_settled(found.settled, rows)
    return (found.bits != claim.circuit.evaluate(rows)).any(axis=1)


def _all_settled(settled: np.ndarray, rows: np.ndarray) -> None:
    if not settled.all():
        raise ClaimError(
            f"Row {text_of(rows[settled.argmin()])} is closer to a threshold than 1,024 binary places tell."
        )


# Of each guarantee and method: what data it has besides, and its checks.
_CLAIMS: dict[tuple[str, str], tuple[set[str], tuple[Callable[[Claim], Iterator[str]], ...]]] = {
    ("structural", "exact integers"): (set(), (_structural, _no_rows)),
    ("structural", "margins of units"): ({"uncertain"}, (_structural, _no_rows, _margins)),
    ("structural", "all rows"): ({"closest", "uncertain"}, (_structural, _all_rows)),
    ("structural", "branch and bound"): ({"nodes"}, (_structural, _no_rows, _boxes)),
    ("functional", "branch and bound"): ({"nodes"}, (_not_refitted, _no_rows, _boxes)),
    ("functional", "all rows"): ({"closest", "uncertain"}, (_not_refitted, _all_rows)),
    ("statistical", "samples"): ({"seed", "differ", "counterexample"}, (_not_refitted, _samples)),
}


def main(arguments: list[str]) -> int:
    """Check the certificates in files; 0 if all claims hold, 1 if one does not."""
    status = 0
    for name in arguments:
        try:
            data = json.loads(Path(name).read_text(encoding="utf-8"))
            found = list(faults(data)) if isinstance(data, dict) else ["A certificate is a JSON object."]
            said = "" if found else f"{data['guarantee']}, by {data['method']}: the claim holds"
        except (OSError, ValueError, RecursionError) as error:
            found, said = [f"The file cannot be read: {error}"], ""
        for fault in found:
            print(f"{name}: {fault}", file=sys.stderr)
        if said:
            print(f"{name}: {said}")
        status = status or int(bool(found))
    return status


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

"""Studies as text: one line of a table each, at most 118 columns wide."""

from circuits.comparison import Comparison

HEADER = """\
                      circuit            threshold units      sigmoids, constructed    sigmoids, learned from {seeds} seeds
function              in out gates depth units depth wrong    gain worst error      network  solved  steps   error hardened"""


def row(study: Comparison) -> str:
    """One line of the table under `HEADER`.

    Args:
        study: what `compare` found.

    Returns:
        A line without a line break. "wrong" counts rows on which the threshold units differ from the circuit; "solved",
        "steps", "error" and "hardened" are `n_solved`, `median_steps`, `worst_error` and `n_hardened` of `Learned`, the
        last as a part of those solved.

    >>> from circuits import parse
    >>> from circuits.comparison import compare
    >>> row(compare(parse("a & b"), name="AND", seeds=4, steps=200, progress=False))[:52]
    'AND                    2   1     1     1     1     1'
    """
    threshold, constructed, learned = study.threshold, study.constructed, study.learned
    name = study.name if len(study.name) <= 21 else study.name[:20] + "…"
    wrong = f"{threshold.wrong_rows}/{study.n_rows}"
    sampled = "" if study.exhaustive else f"   (rows: a sample of {study.n_rows:,} of 2^{study.n_inputs})"
    network = "-".join(map(str, learned.sizes))
    found = f"{learned.n_solved / learned.n_seeds:7.1%}"
    if learned.n_solved:
        found += f" {learned.median_steps:6.0f} {learned.worst_error:7.4f} {learned.n_hardened / learned.n_solved:8.1%}"
    else:
        found += f" {'-':>6} {'-':>7} {'-':>8}"
    return (
        f"{name:21} {study.n_inputs:3} {study.n_outputs:3} {study.n_gates:5} {study.depth:5} "
        f"{threshold.n_units:5} {threshold.depth:5} {wrong:>8} {constructed.gain:7.2f} {constructed.worst_error:11.4f} "
        f"{network:>12} {found}{sampled}"
    )

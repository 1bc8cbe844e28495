"""Studies as text: a table with a line per study, 119 columns wide."""

from circuits.study.comparison import Comparison

HEADER = """\
                               circuit            threshold units     as sigmoids learned by {seeds} seeds
function            in out gates depth  units depth  wrong mapped    gain   worst network    solved steps  error   hard\
"""

LEGEND = """\
wrong: rows on which the threshold units differ from the circuit. mapped: how many units `map_to_units` needs. gain:
the smallest that the theorem gives for an error of {asked:g} when sigmoids replace the steps; worst: their largest
error, measured over the rows. solved: seeds that have all rows right at the end. Over those seeds, steps and error are
medians, of the steps until then and of the worst error at the end, and hard is the share still right when steps
replace the sigmoids."""


def row(study: Comparison) -> str:
    """Return the line of a study in the table under `HEADER`.

    Args:
        study: what `compare` found.

    Returns:
        A line without a line break. "solved", "steps", "error" and "hard" are `n_solved`, `median_steps`, `worst_error`
        and `n_hardened` of `Learned`, the first as a share of all seeds and the last of those solved.

    >>> from circuits import parse
    >>> from circuits.study.comparison import compare
    >>> row(compare(parse("a & b"), name="AND", seeds=4, steps=200, progress=False))[:65].rstrip()
    'AND                  2   1     1     1      1     1    0/4      1'
    """
    threshold, constructed, learned = study.threshold, study.constructed, study.learned
    name = study.name if len(study.name) <= 18 else study.name[:17] + "…"
    wrong = f"{threshold.wrong_rows}/{study.n_rows}"
    mapped = "-" if threshold.n_mapped is None else threshold.n_mapped
    network = "-".join(map(str, learned.sizes))
    line = (
        f"{name:18} {study.n_inputs:3} {study.n_outputs:3} {study.n_gates:5} {study.depth:5}  "
        f"{threshold.n_units:5} {threshold.depth:5} {wrong:>6} {mapped:>6}  "
        f"{constructed.gain:6.2f} {constructed.worst_error:7.4f} "
        f"{network:9} {learned.n_solved / learned.n_seeds:7.1%} "
    )
    if learned.median_steps is None:
        line += f"{'-':>5} {'-':>6} {'-':>6}"
    else:
        line += f"{learned.median_steps:5.0f} {learned.worst_error:6.3f} {learned.n_hardened / learned.n_solved:6.1%}"
    if study.exhaustive:
        return line
    constant = f"; {study.n_constant} outputs constant on them" if study.n_constant else ""
    return f"{line}  ({study.n_rows:,} rows, sampled of 2^{study.n_inputs}{constant})"

"""Studies as text: a table with a line per study, 120 columns wide."""

from circuits.study.comparison import Comparison

HEADER = """\
                       threshold units            as sigmoids   learned by {seeds} seeds
function       gates  units depth  wrong mapped    gain   worst  proved  network    solved steps  error   hard  circuit\
"""

LEGEND = """\
gates: of the circuit. wrong: rows on which the threshold units differ from it. mapped: how many units `map_to_units`
needs. gain: the smallest that the theorem gives for an error of {asked:g} when sigmoids replace the steps; worst: their
largest error, measured over the rows; proved: the error that the certificate proves, with float32's rounding. solved:
seeds that have all rows right at the end. Over those seeds, steps and error are medians, of the steps until then and of
the worst error at the end, and hard is the share still right when steps replace the sigmoids. circuit: that of the best
network, proved the same on all rows: of units, if they are the network's, else of gates; ~ if on a sample alone."""


def row(study: Comparison) -> str:
    """Return the line of a study in the table under `HEADER`.

    Args:
        study: what `compare` found.

    Returns:
        A line without a line break. "solved", "steps", "error" and "hard" are `n_solved`, `median_steps`, `worst_error`
        and `n_hardened` of `Learned`, the first as a share of all seeds and the last of those solved.

    >>> from circuits import parse
    >>> from circuits.study.comparison import compare
    >>> row(compare(parse("a & b"), name="AND", seeds=4, steps=200, progress=False))[:49].rstrip()
    'AND                1      1     1    0/4      1'
    """
    threshold, constructed, learned = study.threshold, study.constructed, study.learned
    name = study.name if len(study.name) <= 14 else study.name[:13] + "…"
    wrong = f"{threshold.wrong_rows}/{study.n_rows}"
    mapped = "-" if threshold.n_mapped is None else threshold.n_mapped
    proved = "-" if constructed.certified is None else f"{constructed.certified:.4f}"
    network = "-".join(map(str, learned.sizes))
    line = (
        f"{name:14} {study.n_gates:5}  {threshold.n_units:5} {threshold.depth:5} {wrong:>6} {mapped:>6}  "
        f"{constructed.gain:6.2f} {constructed.worst_error:7.4f} {proved:>7}  "
        f"{network:9} {learned.n_solved / learned.n_seeds:7.1%} "
    )
    if learned.median_steps is None:
        line += f"{'-':>5} {'-':>6} {'-':>6}"
    else:
        line += f"{learned.median_steps:5.0f} {learned.worst_error:6.3f} {learned.n_hardened / learned.n_solved:6.1%}"
    recovered = study.recovered
    if learned.n_solved and recovered is not None:
        line += f"  {'~' if recovered.guarantee == 'statistical' else ''}{recovered.size}"
    if study.exhaustive:
        return line
    constant = f"; {study.n_constant} outputs constant on them" if study.n_constant else ""
    return f"{line}  ({study.n_rows:,} rows, sampled of 2^{study.n_inputs}{constant})"

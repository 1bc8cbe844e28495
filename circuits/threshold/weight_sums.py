"""How large integer weights must be: the largest of all least sums of weights of threshold functions of n variables.

S. Muroga, T. Tsuboi and C. R. Baugh, Enumeration of threshold functions of eight variables (1970); N. Alon
and V. H. Vu, Anti-Hadamard matrices, coin weighing, threshold gates, and indecomposable hypergraphs (1997), for how it
grows with n.
"""

from circuits.threshold.enumeration import self_dual_classes
from circuits.threshold.recognition import minimality, recognise
from circuits.threshold.units import ThresholdUnit
from jaxnet.validation import whole_number


def largest_weight_sum(n: int, *, progress: bool = False) -> int:
    """Return the sum of weights that some threshold function of n variables needs, and that is enough for all.

    The weight of a constant input counts: a function is the majority of its variables and 1, repeated as often as the
    weights say. That is a self-dual function of n + 1 variables. Those whose weights have a larger sum than is known to
    be needed get their least weights, and the largest of these is proved minimal by a certificate in integers.

    Args:
        n: 1 to 8; 7 takes seconds, 8 minutes.
        progress: whether to show a bar.

    Returns:
        The largest of the least sums.

    Raises:
        ValueError: if n is out of range.
        TypeError: if n is no whole number.

    Source: S. Muroga, T. Tsuboi and C. R. Baugh (1970); OEIS A003217.

    >>> largest_weight_sum(4)                                       # such as 3, 2, 2, 1 and 1 for the constant
    9
    """
    n = whole_number("largest_weight_sum", "n", n, 1, 8)
    largest, needed = 0, None
    for found in self_dual_classes(n + 1, progress=progress):
        if sum(found.weights) > largest:
            unit = recognise(found.table, n + 1)
            assert isinstance(unit, ThresholdUnit)
            if (total := sum(unit.weights.tolist())) > largest:
                largest, needed = total, unit
    assert needed is not None
    proof = minimality(needed)
    if proof.certificate is None or not proof.certificate.check():
        raise RuntimeError(f"largest_weight_sum: {needed} has no certificate that its weights are minimal.")
    return largest

"""Tolerance: how far all parameters of a compiled circuit may be off while its function is proved to be the same."""

import math

from circuits.bridge.certificates import CertificateError
from circuits.bridge.compilation import CompiledCircuit
from jaxnet.networks.activations import relu, tanh

# The answer is within this factor of the largest that the certificate proves.
_PRECISION = 1 + 1e-3
_SMALLEST = 2.0**-60


def tolerance(compiled: CompiledCircuit, error: float | None = None) -> float:
    """Return the largest relative change of the parameters for which the circuit's function is proved to stay.

    The network computes the same function, in float32, whatever each of its parameters p is between p (1 - r) and
    p (1 + r), all at once. `compiled.claim(error, r)` is the certificate of that.

    Args:
        compiled: made by `to_network`, of steps, sigmoids or tanhs.
        error: how far outputs may be from their Boolean values; as far as they keep their side if None.

    Returns:
        r, at least 0 and within 0.1 % of the largest that is proved; the true one may be larger.

    Raises:
        CertificateError: if nothing is proved even without a change.
        ValueError: if the units are rectifiers, which pass errors on as they are.

    Source: the induction of `certificates`.

    >>> from circuits import parse
    >>> from circuits.bridge.compilation import to_network
    >>> round(tolerance(to_network(parse("a | b"))), 4), round(tolerance(to_network(parse("a & b"))), 4)
    (0.3332, 0.1428)
    """
    if compiled.activation is relu:
        raise ValueError("tolerance: expected steps, sigmoids or tanhs; rectifiers pass errors on as they are.")
    if error is None:
        error = 0.9999 if compiled.activation is tanh else 0.4999
    claim = compiled.claim(error)
    claim.check()

    def proved(r: float) -> bool:
        try:
            claim._replace(tolerance=r).check()
        except CertificateError:
            return False
        return True

    low, high = _SMALLEST, 1.0
    if not proved(low):
        return 0.0
    while high > low * _PRECISION:
        middle = math.sqrt(low * high)
        low, high = (middle, high) if proved(middle) else (low, middle)
    return low

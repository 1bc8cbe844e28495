"""What a network says on one row, by the definition: in fractions, with exp of eighty digits; slow, and short."""

from decimal import Decimal, localcontext
from fractions import Fraction

import hypothesis.strategies as st
import numpy as np

from circuits.bridge.network_units import NetworkUnits
from jaxnet.networks.wiring import Wiring

# Sums of sigmoids that are closer than this are taken to be equal.
EQUAL = Fraction(1, 10**60)


def exponential(x):
    """Return e^x to eighty digits."""
    with localcontext() as context:
        context.prec = 80
        return Fraction((Decimal(x.numerator) / Decimal(x.denominator)).exp())


FUNCTIONS = {
    "step": lambda z: Fraction(z >= -EQUAL),
    "sign": lambda z: Fraction(2 * (z >= -EQUAL) - 1),
    "sigmoid": lambda z: 1 / (1 + exponential(-z)),
    "tanh": lambda z: 1 - 2 / (1 + exponential(2 * z)),
    "relu": lambda z: max(z, Fraction(0)),
    "identity": lambda z: z,
}


def exact_units(units, row):
    """Return what each unit adds up."""
    wiring = units.wiring
    values, sums = [Fraction(int(bit)) for bit in row], []
    for unit, kind in enumerate(units.kinds):
        edges = range(wiring.offsets[unit], wiring.offsets[unit + 1])
        z = sum((Fraction(units.w[e]) * values[wiring.sources[e]] for e in edges), Fraction(units.b[unit]))
        sums.append(z)
        values.append(FUNCTIONS[kind](z))
    return sums


def by_definition(units, reading, row):
    """Return the bits of the outputs of a network on a row."""
    n, sums = units.wiring.n_inputs, exact_units(units, row)
    found = []
    for node in units.wiring.outputs.tolist():
        if node < n:
            found.append(Fraction(1 if row[node] else -1))
        else:
            shifted = units.kinds[node - n] == "identity" and reading.read == "bits"
            found.append(sums[node - n] - (Fraction(reading.threshold) if shifted else 0))
    if reading.read == "bits":
        return [z >= -EQUAL for z in found]
    first = next(k for k, z in enumerate(found) if z >= max(found) - EQUAL)
    return [k == first for k in range(len(found))]


@st.composite
def networks(draw, kinds=tuple(FUNCTIONS), most=4, dtype=None):
    """Draw small graphs of units whose sums often tie: weights are quarters, and two edges may join the same nodes."""
    n = draw(st.integers(1, 3))
    quarters = st.integers(-8, 8).map(lambda k: k / 4)
    numbers = st.one_of(quarters, st.floats(-3, 3, width=32)).map(lambda x: 0.0 if abs(x) < 1e-30 else x)
    offsets, sources = [0], []
    units = draw(st.integers(1, most))
    for unit in range(units):
        sources += draw(st.lists(st.integers(0, n + unit - 1), max_size=4))
        offsets.append(len(sources))
    outputs = draw(st.lists(st.integers(0, n + units - 1), min_size=1, max_size=3))
    return NetworkUnits(
        Wiring(n, offsets, sources, outputs),
        np.array([draw(numbers) for _ in sources], float),
        np.array([draw(numbers) for _ in range(units)], float),
        tuple(draw(st.sampled_from(kinds)) for _ in range(units)),
        dtype or draw(st.sampled_from(["float32", "float64"])),
    )

"""Random networks as units, without a compiled program, and what they say in decimals of 60 digits."""

from decimal import Decimal, localcontext

import hypothesis.strategies as st
import numpy as np

from circuits.bridge.domains import Domain
from circuits.bridge.exact_rows import Reading
from circuits.bridge.network_units import NetworkUnits
from jaxnet.networks.wiring import Wiring

KINDS = ("sigmoid", "tanh", "relu", "identity", "step", "sign")
DOMAINS = (
    Domain.cube(5),
    Domain.one_hot([3]) * Domain.thermometer([2]),
    Domain.listed([[0, 1, 1], [1, 1, 1], [0, 0, 1]]) * Domain.around([1, 0], [1]),
)


def units_of(seed, n=5, kinds=KINDS, n_units=6, scale=2.0, whole=False):
    """Units that read inputs and earlier units, the last two of which are outputs."""
    random = np.random.default_rng(seed)
    offsets, sources = [0], []
    for k in range(n_units):
        chosen = random.choice(n + k, min(4, n + k), replace=False)
        sources += chosen.tolist()
        offsets.append(len(sources))
    w, b = scale * random.normal(size=len(sources)), scale * random.normal(size=n_units)
    w, b = (np.rint(a) if whole else np.float32(a).astype(float) for a in (w, b))
    own = [str(kind) for kind in random.choice(kinds, n_units)]
    own[-2:] = [kind if kind != "relu" else "identity" for kind in own[-2:]]
    return NetworkUnits(Wiring(n, offsets, sources, [n + n_units - 2, n + n_units - 1]), w, b, tuple(own), "float32")


def exact_sums_of(units, row):
    """What each unit adds up, with 60 digits."""
    with localcontext() as context:
        context.prec = 60
        values, sums = [Decimal(int(bit)) for bit in row], []
        offsets, sources = units.wiring.offsets.tolist(), units.wiring.sources.tolist()
        for k, kind in enumerate(units.kinds):
            z = Decimal(float(units.b[k]))
            for e in range(offsets[k], offsets[k + 1]):
                z += Decimal(float(units.w[e])) * values[sources[e]]
            sums.append(z)
            sigmoid = 1 / (1 + (-z).exp())
            double = 1 / (1 + (-2 * z).exp())
            values.append(
                {
                    "sigmoid": sigmoid,
                    "tanh": 2 * double - 1,
                    "relu": max(z, Decimal(0)),
                    "identity": z,
                    "step": Decimal(int(z >= 0)),
                    "sign": Decimal(1 if z >= 0 else -1),
                }[kind]
            )
        return sums


def said(units, reading, rows):
    """What a network says on rows, by its definition."""
    n, found = units.wiring.n_inputs, []
    for row in rows:
        sums = exact_sums_of(units, row)
        z = [sums[node - n] for node in units.wiring.outputs.tolist()]
        if reading.read == "argmax":
            found.append([k == z.index(max(z)) for k in range(len(z))])
        else:
            kinds = [units.kinds[node - n] for node in units.wiring.outputs.tolist()]
            shift = [Decimal(reading.threshold) if kind == "identity" else Decimal(0) for kind in kinds]
            found.append([value >= t for value, t in zip(z, shift, strict=True)])
    return np.array(found, bool)


seeds = st.integers(0, 10**6)
readings = st.sampled_from([Reading(), Reading("bits", 0.25), Reading("argmax")])

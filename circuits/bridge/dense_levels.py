"""A network as its levels, each a dense matrix: what bounds and sums of many rows are computed with; on NumPy alone."""

from typing import NamedTuple

import numpy as np

if __package__:
    from circuits.bridge.exact_rows import Units
else:  # without the package, as `extraction_checks` says
    from exact_rows import Units  # pyright: ignore[reportMissingImports]


class Level(NamedTuple):
    """Units that do not feed one another.

    Attributes:
        units: `(m,)`, their numbers.
        inputs: `(m, n)` float64, their weights on the inputs of the network.
        fed_by: `(k,)`, the numbers of the units that feed them.
        weights: `(m, k)` float64, their weights on those.
        bias: `(m,)` float64.
    """

    units: np.ndarray
    inputs: np.ndarray
    fed_by: np.ndarray
    weights: np.ndarray
    bias: np.ndarray


def levels_of(units: Units) -> list[Level]:
    """Return the units level by level; the weights of several edges from one node are added up, in float64.

    >>> chain = Units(1, [[(0, 2.0)], [(1, 3.0)]], [0.0, 0.0], ["step", "step"], [2], "float32")
    >>> [level.weights.tolist() for level in levels_of(chain)]
    [[[]], [[3.0]]]
    """
    depth, found = [0] * units.n, []
    for unit, edges in enumerate(units.edges):
        depth.append(1 + max((depth[source] for source, _ in edges), default=0))
        if depth[-1] > len(found):
            found.append([])
        found[depth[-1] - 1].append(unit)
    return [_level(units, chosen) for chosen in found]


def _level(units: Units, chosen: list[int]) -> Level:
    fed_by = sorted({source - units.n for unit in chosen for source, _ in units.edges[unit] if source >= units.n})
    column = {unit + units.n: place for place, unit in enumerate(fed_by)}
    inputs, weights = np.zeros((len(chosen), units.n)), np.zeros((len(chosen), len(fed_by)))
    for row, unit in enumerate(chosen):
        for source, w in units.edges[unit]:
            if source < units.n:
                inputs[row, source] += w
            else:
                weights[row, column[source]] += w
    bias = np.array([units.bias[unit] for unit in chosen], float)
    return Level(np.array(chosen, int), inputs, np.array(fed_by, int), weights, bias)

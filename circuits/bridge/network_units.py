"""A network as its units: what each adds up and what it makes of that, read from a `Network` and its parameters.

Here it is evaluated on Boolean rows in NumPy, level by level; hardened, each sigmoid becomes the step [z >= 0] and each
tanh the sign.
"""

import functools
import itertools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import numpy as np

from circuits.bridge.dense_levels import Level, levels_of
from circuits.bridge.exact_rows import KINDS as KINDS
from circuits.bridge.exact_rows import Units
from jaxnet.networks import activations
from jaxnet.networks.activations import Activation, PerUnit, SurrogateStep, name_of
from jaxnet.networks.conversion import as_wired
from jaxnet.networks.evaluation import Wired
from jaxnet.networks.network import Chain, Layer, Network, describe
from jaxnet.networks.wiring import Wiring
from jaxnet.pytrees import Params
from jaxnet.validation import ShapeError

_HARDENED = {"sigmoid": "step", "tanh": "sign"}


class NetworkUnits(NamedTuple):
    """The units of a network.

    Attributes:
        wiring: what feeds what.
        w: `(edges,)` float64, exactly the weights.
        b: `(units,)` float64.
        kinds: of each unit its non-linearity, one of `KINDS`.
        dtype: "float32" or "float64", in which the network computes.
    """

    wiring: Wiring
    w: np.ndarray
    b: np.ndarray
    kinds: tuple[str, ...]
    dtype: str

    def hardened(self) -> "NetworkUnits":
        """Return the same units, with steps for sigmoids and signs for tanhs."""
        return self._replace(kinds=tuple(_HARDENED.get(kind, kind) for kind in self.kinds))

    def plain(self) -> Units:
        """Return the same network as lists, for what does without JAX."""
        ends, sources, w = self.wiring.offsets.tolist(), self.wiring.sources.tolist(), self.w.tolist()
        edges = [list(zip(sources[i:j], w[i:j], strict=True)) for i, j in itertools.pairwise(ends)]
        outputs = self.wiring.outputs.tolist()
        return Units(self.wiring.n_inputs, edges, self.b.tolist(), list(self.kinds), outputs, self.dtype)


def units_of_network(where: str, network: Network, params: Params) -> NetworkUnits:
    """Return the units of a network; errors begin with `where`.

    Args:
        where: named in errors.
        network: made by `mlp`, `layer`, `chain` of them, or `wired`, of sigmoid, tanh, relu, identity and step units.
        params: its parameters, float32 or float64.

    Raises:
        TypeError: if the network is none of these, or a unit has another activation.
        ShapeError: if the parameters do not fit.
        ValueError: if a parameter is not finite.

    >>> from jaxnet import mlp
    >>> net = mlp([2, 3, 1])
    >>> units_of_network("from_network", net, net.init(jax.random.key(0))).wiring
    Wiring(2 inputs, 4 units, 9 edges, 1 outputs)
    """
    if isinstance(network.structure, Chain | Layer):
        try:
            network, params = as_wired(network, params)
        except (TypeError, ShapeError) as error:
            raise type(error)(f"{where}{str(error).removeprefix('as_wired')}") from None
    if not isinstance(network.structure, Wired):
        raise TypeError(
            f"{where}: expected a network made by jaxnet.mlp, layer, chain or wired, got {describe(network.structure)}."
        )
    wiring, activation = network.structure
    w, b = (np.asarray(jax.device_get(p)) for p in params)
    if (w.shape, b.shape) != ((wiring.n_edges,), (wiring.n_units,)):
        raise ShapeError(
            f"{where}: expected weights {(wiring.n_edges,)} and biases {(wiring.n_units,)} of {wiring}, got {w.shape} "
            f"and {b.shape}."
        )
    dtype = str(np.result_type(w, b))
    if dtype not in ("float32", "float64"):
        raise TypeError(f"{where}: expected parameters of float32 or float64, got {dtype}.")
    w, b = w.astype(float), b.astype(float)
    if not (np.isfinite(w).all() and np.isfinite(b).all()):
        raise ValueError(f"{where}: expected finite parameters, got NaN or infinity: did the training diverge?")
    if isinstance(activation, PerUnit):
        names = [_kind(where, function) for function in activation.functions]
        kinds = tuple(names[kind] for kind in activation.kinds)
    else:
        kinds = (_kind(where, activation),) * wiring.n_units
    return NetworkUnits(wiring, w, b, kinds, dtype)


def sums(units: NetworkUnits, x: np.ndarray, found: list[Level] | None = None) -> np.ndarray:
    """Return what every unit adds up on Boolean rows, in float64.

    Args:
        units: of a network.
        x: `(rows, n)` bool.
        found: `levels_of(units.plain())`, if known.

    Returns:
        `(rows, units)`.
    """
    x = x.astype(float)
    z, values = np.zeros((len(x), len(units.b))), np.zeros((len(x), len(units.b)))
    for level in levels_of(units.plain()) if found is None else found:
        z[:, level.units] = x @ level.inputs.T + values[:, level.fed_by] @ level.weights.T + level.bias
        for kind in {units.kinds[unit] for unit in level.units}:
            of_kind = [unit for unit in level.units if units.kinds[unit] == kind]
            values[:, of_kind] = _FUNCTIONS[kind](z[:, of_kind])
    return z


def _sigmoid(z: np.ndarray) -> np.ndarray:
    return 1 / (1 + np.exp(np.minimum(-z, 700)))


_FUNCTIONS: dict[str, Callable[[np.ndarray], np.ndarray]] = {
    "step": lambda z: (z >= 0).astype(float),
    "sign": lambda z: np.where(z >= 0, 1.0, -1.0),
    "sigmoid": _sigmoid,
    "tanh": np.tanh,
    "relu": lambda z: np.maximum(z, 0),
    "identity": lambda z: z,
}
_STEPS = (activations.step, activations.straight_through_step, activations.clipped_straight_through_step)


@functools.cache
def _names() -> dict[Any, str]:
    smooth = {"sigmoid": activations.sigmoid, "tanh": activations.tanh, "relu": activations.relu}
    named: dict[Any, str] = {function: name for name, function in smooth.items()}
    return named | {activations.identity: "identity", jax.nn.sigmoid: "sigmoid", **dict.fromkeys(_STEPS, "step")}


def _kind(where: str, activation: Activation) -> str:
    if isinstance(activation, SurrogateStep):
        return "step"
    kind = _names().get(activation)
    if kind is None:
        raise TypeError(
            f"{where}: expected units of sigmoid, tanh, relu, identity or step, got {name_of(activation)}. Multiply a "
            "gain into weights and biases."
        )
    return kind

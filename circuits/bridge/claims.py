"""What a certificate of extraction describes: its data, read strictly, as network, rows and circuit; on NumPy alone."""

import itertools
import math
from typing import Any, NamedTuple

import numpy as np

if __package__:
    from circuits.bridge.exact_rows import KINDS, Reading, Units
else:  # without the package, as `extraction_checks` says
    from exact_rows import KINDS, Reading, Units  # pyright: ignore[reportMissingImports]

KEYS = {"format", "guarantee", "method", "network", "reading", "domain", "circuit", "refitted", "rows", "digest"}


class ClaimError(ValueError):
    """What is wrong with a certificate: a sentence."""


class Domain(NamedTuple):
    """Rows of a domain, from the tables of its parts; row r is row r mod c of the first part, of c rows, and so on."""

    tables: list[np.ndarray]

    @property
    def n_rows(self) -> int:
        """Return how many there are."""
        return math.prod(map(len, self.tables))

    def block(self, start: int, stop: int) -> np.ndarray:
        """Return the rows start..stop-1."""
        rest, columns = np.arange(start, stop), [np.zeros((stop - start, 0), bool)]
        for table in self.tables:
            rest, place = np.divmod(rest, len(table))
            columns.append(table[place])
        return np.concatenate(columns, axis=1)

    def sample(self, count: int, seed: int) -> np.ndarray:
        """Return the rows that a seed draws."""
        random = np.random.Generator(np.random.PCG64(seed))
        drawn = [table[random.integers(len(table), size=count)] for table in self.tables]
        return np.concatenate([np.zeros((count, 0), bool), *drawn], axis=1)

    def contains(self, row: np.ndarray) -> bool:
        """Return whether a row is one of them."""
        ends = np.cumsum([table.shape[1] for table in self.tables])[:-1]
        parts = np.split(row, ends) if self.tables else []
        return all((table == part).all(axis=1).any() for table, part in zip(self.tables, parts, strict=True))


class Circuit(NamedTuple):
    """Units, `(weights by node, threshold)`, or gates, `(table, a, b)`, before which node 0 is false; or None."""

    units: list[tuple[dict[int, int], int]] | None
    gates: list[tuple[int, int, int]] | None
    outputs: list[int]

    def evaluate(self, rows: np.ndarray) -> np.ndarray:
        """Return the outputs on Boolean rows, `(rows, m)` bool."""
        if self.units is None:
            return self._gates(rows)
        nodes = [*rows.T]
        for weights, threshold in self.units:
            small = sum(map(abs, weights.values())) + abs(threshold) < 2**62
            total = np.zeros(len(rows), np.int64 if small else object)
            for node, weight in weights.items():
                total = total + nodes[node].astype(total.dtype) * weight
            nodes.append(np.asarray(total >= threshold, bool))
        return np.stack([nodes[node] for node in self.outputs], axis=1)

    def _gates(self, rows: np.ndarray) -> np.ndarray:
        # A node on all rows is one long integer, the first row its lowest bit.
        ones, size = (1 << len(rows)) - 1, -(-len(rows) // 8)
        columns = np.packbits(rows, axis=0, bitorder="little").T
        nodes = [0, *(int.from_bytes(column.tobytes(), "little") for column in columns)]
        for table, a, b in self.gates or []:
            # As a polynomial of a and b over the field of two elements.
            t0, t1, t2, t3 = (table >> row & 1 for row in range(4))
            x, y = nodes[a], nodes[b]
            nodes.append(t0 * ones ^ (t0 ^ t1) * x ^ (t0 ^ t2) * y ^ (t0 ^ t1 ^ t2 ^ t3) * (x & y))
        packed = b"".join(nodes[node].to_bytes(size, "little") for node in self.outputs)
        bits = np.frombuffer(packed, np.uint8).reshape(len(self.outputs), size)
        return np.unpackbits(bits, axis=1, count=len(rows), bitorder="little").T.astype(bool)


class Claim(NamedTuple):
    """A certificate that could be read: its data, and what these describe."""

    data: dict[str, Any]
    units: Units
    reading: Reading
    domain: Domain
    circuit: Circuit


def read_claim(data: dict[str, Any], more: set[str]) -> Claim:
    """Return what a certificate describes.

    Args:
        data: of an `ExtractionCertificate`.
        more: what its method has besides `KEYS`.

    Raises:
        ClaimError: if it is no such data; other errors may come of what is none at all.
    """
    _has(data, KEYS | more, "the certificate")
    units, domain = _network(data["network"]), _domain(data["domain"])
    _has(data["reading"], {"read", "threshold"}, "the reading")
    reading = Reading(data["reading"]["read"], number(data["reading"]["threshold"]))
    if reading.read not in ("bits", "argmax"):
        raise ClaimError(f"Outputs are read as 'bits' or by 'argmax', not {reading.read!r}.")
    kinds = {units.kinds[node - units.n] if node >= units.n else "input" for node in units.outputs}
    if reading.read == "argmax" and (len(kinds) > 1 or kinds & {"input", "step"} or reading.threshold):
        raise ClaimError("Arg max is of outputs of one kind, which are no bits, without a threshold.")
    if "relu" in kinds:
        raise ClaimError("An output is a rectifier, whose sign says nothing.")
    circuit = _circuit(data["circuit"])
    columns = sum(table.shape[1] for table in domain.tables)
    sizes = units.n, len(units.outputs)
    if (len(data["circuit"]["input_names"]), len(circuit.outputs)) != sizes or columns != units.n:
        raise ClaimError(f"The network has {sizes} inputs and outputs, the circuit or the domain others.")
    _list(data["refitted"], 0, 2**31)
    return Claim(data, units, reading, domain, circuit)


def _network(data: dict[str, Any]) -> Units:
    _has(data, {"inputs", "offsets", "sources", "outputs", "w", "b", "kinds", "dtype"}, "the network")
    n, kinds, dtype = whole(data["inputs"], 0, 2**31), data["kinds"], data["dtype"]
    if dtype not in ("float32", "float64") or not isinstance(kinds, list) or not {*kinds} <= {*KINDS}:
        raise ClaimError(f"The network has units of {', '.join(KINDS)}, in float32 or float64.")
    w, b = ([number(x, single=dtype == "float32") for x in data[name]] for name in "wb")
    sources = _by_unit(data["offsets"], data["sources"], n)
    if not len(sources) == len(b) == len(kinds) or sum(map(len, sources)) != len(w):
        raise ClaimError("The parameters do not fit the wiring.")
    rest = iter(w)
    edges = [[(source, next(rest)) for source in unit] for unit in sources]
    return Units(n, edges, b, kinds, _outputs(data["outputs"], n + len(b)), dtype)


def _circuit(data: dict[str, Any]) -> Circuit:
    names = {"kind", "input_names", "output_names", "outputs"}
    units = data["kind"] == "units"
    _has(
        data,
        names | ({"offsets", "sources", "weights", "thresholds"} if units else {"fan_ins", "tables"}),
        "the circuit",
    )
    for names in (data["input_names"], data["output_names"]):
        named = isinstance(names, list) and all(isinstance(name, str) and name for name in names)
        if not named or len({*names}) < len(names):
            raise ClaimError("Inputs and outputs of the circuit have different names.")
    n, made = len(data["input_names"]), Circuit(None, [], [])
    if units:
        sources = _by_unit(data["offsets"], data["sources"], n)
        given, thresholds = _list(data["weights"]), _list(data["thresholds"])
        if len(given) != len(data["sources"]) or len(thresholds) != len(sources):
            raise ClaimError("Weights and thresholds do not fit the units of the circuit.")
        rest = iter(given)
        weights = [{source: next(rest) for source in unit} for unit in sources]
        if sum(map(len, weights)) != len(given) or 0 in given:
            raise ClaimError("The sources of a unit of the circuit differ, and no weight is 0.")
        pairs = list(zip(weights, thresholds, strict=True))
        made = Circuit(pairs, None, _outputs(data["outputs"], n + len(pairs)))
    elif data["kind"] == "gates":
        gates = []
        for k, (table, pair) in enumerate(zip(data["tables"], data["fan_ins"], strict=True)):
            a, b = _list(pair, 0, n + k, 2)
            gates.append((whole(table, 0, 15), a, b))
        made = Circuit(None, gates, _outputs(data["outputs"], 1 + n + len(gates)))
    if len(made.outputs) != len(data["output_names"]):
        raise ClaimError("The circuit is of units or gates, and has a name for each output.")
    return made


def _domain(data: list[dict[str, Any]]) -> Domain:
    tables = []
    for part in data:
        match part:
            case {"kind": "bit" | "one-hot" | "thermometer" as kind, "columns": size, **rest} if not rest:
                size = whole(size, 1, 1 if kind == "bit" else 2**15)
                tables.append(np.eye(size, dtype=bool) if kind == "one-hot" else np.tri(size + 1, size, -1, dtype=bool))
            case {"kind": "rows" | "fixed" as kind, "rows": texts, **rest} if not rest:
                tables.append(bits_of(texts))
                if len({*texts}) < len(texts) or (kind == "fixed" and tables[-1].shape != (1, 1)):
                    raise ClaimError("The rows of a part differ, and a fixed part is one bit.")
            case _:
                raise ClaimError(f"There is no part of a domain {part!r}.")
    return Domain(tables)


def bits_of(texts: list[str]) -> np.ndarray:
    """Return rows of texts of 0 and 1, `(rows, n)` bool."""
    if not isinstance(texts, list) or not texts or not all(isinstance(t, str) and not {*t} - {*"01"} for t in texts):
        raise ClaimError("Rows are texts of 0 and 1.")
    return np.array([[bit == "1" for bit in text] for text in texts], bool).reshape(len(texts), len(texts[0]))


def text_of(row: np.ndarray) -> str:
    """Return a row as a text of 0 and 1."""
    return "".join("01"[bit] for bit in row.tolist())


def _by_unit(offsets: list[int], sources: list[int], n: int) -> list[list[int]]:
    """Return the sources of each unit, all nodes before it."""
    ends = _list(offsets, 0, len(sources))
    if ends[0] != 0 or ends[-1] != len(sources) or sorted(ends) != ends:
        raise ClaimError("Offsets rise from 0 to the number of edges.")
    return [_list(sources[i:j], 0, n + k - 1) for k, (i, j) in enumerate(itertools.pairwise(ends))]


def _outputs(nodes: list[int], count: int) -> list[int]:
    if not nodes:
        raise ClaimError("There are no outputs.")
    return _list(nodes, 0, count - 1)


def _list(values: list[int], low: float = -math.inf, high: float = math.inf, size: int | None = None) -> list[int]:
    if not isinstance(values, list) or (size is not None and len(values) != size):
        raise ClaimError(f"Expected a list of {'whole numbers' if size is None else size}, got {values!r}.")
    return [whole(value, low, high) for value in values]


def whole(value: Any, low: float, high: float) -> int:
    """Return a whole number that is one, and in range."""
    if type(value) is not int or not low <= value <= high:
        raise ClaimError(f"Expected a whole number in {low}..{high}, got {value!r}.")
    return value


def number(value: Any, single: bool = False) -> float:
    """Return a finite number, if `single` a float32."""
    if type(value) not in (int, float) or not math.isfinite(value) or float(value) != value:
        raise ClaimError(f"Expected a finite number, got {value!r}.")
    if single and (abs(value) > float(np.finfo(np.float32).max) or float(np.float32(value)) != value):
        raise ClaimError(f"Expected a float32, got {value!r}.")
    return float(value)


def _has(data: Any, keys: set[str], where: str) -> None:
    if not isinstance(data, dict) or data.keys() != keys:
        raise ClaimError(f"Expected of {where} {', '.join(sorted(keys))}.")

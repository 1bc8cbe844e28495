"""Domains, the Boolean rows on which a claim holds: the cube, one-hot groups, thermometers, listed rows, products.

A domain is a product of parts, each a small table of the rows that its own columns may have. Row r of a domain takes
row r mod c of its first part, of c rows, then row (r div c) mod c' of the second, and so on: for the cube, that is the
order of a truth table.
"""

import itertools
import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from circuits.builder import Builder
from circuits.gates import AND, NOT, OR
from circuits.netlist import Circuit
from jaxnet.validation import whole_number


class Part(NamedTuple):
    """Columns that belong together.

    Attributes:
        kind: "bit", "one-hot", "thermometer", "rows" or "fixed".
        table: `(rows, columns)` bool, the rows that the columns may have, each once.
    """

    kind: str
    table: np.ndarray


@dataclass(frozen=True, repr=False, eq=False)
class Domain:
    """A set of Boolean rows, made by the functions below and joined by `*`; immutable.

    Attributes:
        parts: the `Part`s, in the order of their columns.

    >>> Domain.one_hot([3, 3, 2])
    Domain(8 columns: 3 one-hot groups of 3, 3, 2; 18 rows)
    >>> Domain.cube(2) * Domain.thermometer([3])
    Domain(5 columns: 2 bits, 1 thermometer of 3; 16 rows)
    """

    parts: tuple[Part, ...]

    @classmethod
    def cube(cls, n: int) -> "Domain":
        """Return all 2^n rows of n bits, in the order of `circuits.rows`.

        >>> Domain.cube(2).block(0, 4).astype(int).tolist()
        [[0, 0], [1, 0], [0, 1], [1, 1]]
        """
        return cls((_BIT,) * whole_number("Domain.cube", "n", n))

    @classmethod
    def one_hot(cls, sizes: Iterable[int]) -> "Domain":
        """Return groups of columns of which exactly one is 1.

        Args:
            sizes: how many columns each group has, at least 1.

        >>> Domain.one_hot([3]).block(0, 3).astype(int).tolist()
        [[1, 0, 0], [0, 1, 0], [0, 0, 1]]
        """
        return cls(tuple(Part("one-hot", np.eye(_size("Domain.one_hot", size), dtype=bool)) for size in sizes))

    @classmethod
    def thermometer(cls, sizes: Iterable[int]) -> "Domain":
        """Return groups of columns in which ones come first: a group of k columns has k + 1 rows.

        Args:
            sizes: how many columns each group has, at least 1.

        >>> Domain.thermometer([2]).block(0, 3).astype(int).tolist()
        [[0, 0], [1, 0], [1, 1]]
        """
        sizes = [_size("Domain.thermometer", size) for size in sizes]
        return cls(tuple(Part("thermometer", np.tri(size + 1, size, -1, dtype=bool)) for size in sizes))

    @classmethod
    def listed(cls, rows: Any) -> "Domain":
        """Return given rows, each once, in the order in which they first appear.

        Args:
            rows: `(k, n)`, Booleans or zeros and ones, k at least 1.

        Raises:
            ValueError: if they are no such array.

        >>> Domain.listed([[0, 1], [1, 1], [0, 1]])
        Domain(2 columns: 2 listed rows of 2; 2 rows)
        """
        bits = _bits("Domain.listed", rows, 2)
        if not len(bits):
            raise ValueError("Domain.listed: expected at least one row, got none.")
        return cls((Part("rows", bits[np.sort(_first(bits))]),))

    @classmethod
    def around(cls, row: Any, free: Iterable[int]) -> "Domain":
        """Return a local ball: a row of which some columns are free, and all others keep their value.

        Args:
            row: `(n,)`, Booleans or zeros and ones.
            free: which columns are free, 0..n-1.

        Raises:
            ValueError: if the row is no such array, or a column is out of range.

        >>> Domain.around([1, 0, 0, 1], [1, 3])
        Domain(4 columns: 2 fixed, 2 bits; 4 rows)
        """
        bits = _bits("Domain.around", row, 1)
        chosen = {whole_number("Domain.around", "a free column", column, 0, len(bits) - 1) for column in free}
        return cls(
            tuple(_BIT if column in chosen else Part("fixed", bits[None, column, None]) for column in range(len(bits)))
        )

    def __mul__(self, other: "Domain") -> "Domain":
        return Domain(self.parts + other.parts) if isinstance(other, Domain) else NotImplemented

    @property
    def n_columns(self) -> int:
        """Return the number of columns."""
        return sum(part.table.shape[1] for part in self.parts)

    @property
    def n_rows(self) -> int:
        """Return the exact number of rows."""
        return math.prod(len(part.table) for part in self.parts)

    def block(self, start: int, stop: int) -> np.ndarray:
        """Return the rows start..stop-1.

        Args:
            start: the first row, at least 0.
            stop: the row after the last, at most `n_rows`; less than 2^31 rows at once.

        Returns:
            `(stop - start, n_columns)` bool.

        Raises:
            ValueError: if a number is out of range.
        """
        stop = whole_number("block", "stop", stop, 0, self.n_rows)
        start = whole_number("block", "start", start, max(0, stop - 2**31), stop)
        # Row start + i, for all i at once: what was divided out of start stays one Python integer.
        rest = np.arange(stop - start)
        columns = []
        for part in self.parts:
            count = len(part.table)
            rest += start % count
            start //= count
            rest, place = np.divmod(rest, count) if count > 1 else (rest, np.zeros_like(rest))
            columns.append(part.table[place])
        return np.concatenate(columns, axis=1) if columns else np.zeros((len(rest), 0), bool)

    def blocks(self, size: int = 2**16) -> Iterator[np.ndarray]:
        """Return all rows in turn, `size` at a time.

        >>> [len(rows) for rows in Domain.cube(5).blocks(12)]
        [12, 12, 8]
        """
        for start in range(0, self.n_rows, size):
            yield self.block(start, min(start + size, self.n_rows))

    def sample(self, count: int, random: np.random.Generator) -> np.ndarray:
        """Draw rows, each equally likely and independent of the others.

        Args:
            count: how many.
            random: such as `numpy.random.default_rng(0)`.

        Returns:
            `(count, n_columns)` bool.
        """
        count = whole_number("sample", "count", count)
        drawn = [part.table[random.integers(len(part.table), size=count)] for part in self.parts]
        return np.concatenate(drawn, axis=1) if drawn else np.zeros((count, 0), bool)

    def contains(self, rows: Any) -> np.ndarray:
        """Return which rows belong to the domain.

        Args:
            rows: `(..., n_columns)`, Booleans or zeros and ones.

        Returns:
            `(...)` bool.

        Raises:
            ValueError: if they are no such array.

        >>> Domain.one_hot([2]).contains([[0, 1], [1, 1]])
        array([ True, False])
        """
        bits = _bits("contains", rows, None)
        if bits.shape[-1] != self.n_columns:
            raise ValueError(f"contains: expected rows (..., {self.n_columns}) for {self}, got {bits.shape}.")
        inside = np.ones(bits.shape[:-1], bool)
        for columns, part in zip(self.columns_of_parts(), self.parts, strict=True):
            inside &= _contains(part, bits[..., columns])
        return inside

    def columns_of_parts(self) -> list[slice]:
        """Return the columns of each part.

        >>> Domain.one_hot([3, 2]).columns_of_parts()
        [slice(0, 3, None), slice(3, 5, None)]
        """
        ends = itertools.accumulate((part.table.shape[1] for part in self.parts), initial=0)
        return [slice(start, end) for start, end in itertools.pairwise(ends)]

    def membership(self, names: Sequence[str] | None = None) -> Circuit:
        """Return a circuit with one output, `valid`, that is 1 on the rows of the domain.

        Args:
            names: one for each column; x0, x1, ... if None.

        Raises:
            ValueError: if there are not as many names as columns.

        >>> from circuits import to_expression
        >>> to_expression(Domain.one_hot([2]).membership(["a", "b"]))
        '(a | b) & ~(a & b)'
        """
        netlist = Builder(column_names("membership", self, names))
        held = []
        for columns, part in zip(self.columns_of_parts(), self.parts, strict=True):
            held += _conditions(netlist, part, netlist.inputs[columns])
        return netlist.circuit({"valid": netlist.tree(AND, held) if held else netlist.constant(True)})

    def description(self) -> list[dict[str, Any]]:
        """Return the domain as data that `json` writes; `from_description` reads it.

        >>> Domain.one_hot([3, 2]).description()
        [{'kind': 'one-hot', 'columns': 3}, {'kind': 'one-hot', 'columns': 2}]
        """
        return [
            {"kind": part.kind, "rows": _texts(part.table)}
            if part.kind in ("rows", "fixed")
            else {"kind": part.kind, "columns": part.table.shape[1]}
            for part in self.parts
        ]

    @classmethod
    def from_description(cls, description: Any) -> "Domain":
        """Return the domain that `description` described.

        Raises:
            ValueError: if it is no such description.

        >>> Domain.from_description(Domain.cube(2).description())
        Domain(2 columns: 2 bits; 4 rows)
        """
        parts: list[Part] = []
        for given in description if isinstance(description, list) else [description]:
            match given:
                case {"kind": "bit", "columns": 1}:
                    parts.append(_BIT)
                case {"kind": "one-hot", "columns": int(size)}:
                    parts += cls.one_hot([size]).parts
                case {"kind": "thermometer", "columns": int(size)}:
                    parts += cls.thermometer([size]).parts
                case {"kind": "rows", "rows": [*texts]} if _are_rows(texts):
                    parts += cls.listed([[*map(int, text)] for text in texts]).parts
                case {"kind": "fixed", "rows": [str(text)]} if _are_rows([text]):
                    parts += cls.around([*map(int, text)], []).parts
                case _:
                    raise ValueError(
                        f"Domain.from_description: expected a list of parts, as description() gives it, got {given!r}."
                    )
        return cls(tuple(parts))

    def __eq__(self, other: object) -> bool:
        return self.description() == other.description() if isinstance(other, Domain) else NotImplemented

    def __hash__(self) -> int:
        return hash(str(self.description()))

    def __repr__(self) -> str:
        said = []
        for kind, group in itertools.groupby(sorted(self.parts, key=_order), key=lambda part: part.kind):
            sizes = [part.table.shape for part in group]
            listed = ", ".join(str(columns) for _, columns in sizes[:8]) + ", ..." * (len(sizes) > 8)
            several = "s" * (len(sizes) > 1)
            if kind == "rows":
                said += [f"{rows:,} listed rows of {columns}" for rows, columns in sizes]
            else:
                said.append(
                    {
                        "bit": f"{len(sizes)} bit{several}",
                        "fixed": f"{len(sizes)} fixed",
                        "one-hot": f"{len(sizes)} one-hot group{several} of {listed}",
                        "thermometer": f"{len(sizes)} thermometer{several} of {listed}",
                    }[kind]
                )
        return f"Domain({self.n_columns} columns: {', '.join(said)}; {counted(self.n_rows)} rows)"


_BIT = Part("bit", np.array([[False], [True]]))


def counted(n: int) -> str:
    """Return a count as a text; of one that no float holds, the order of magnitude.

    >>> counted(2**20), counted(2**60), counted(2**5000)
    ('1,048,576', '1.153e+18', 'about 2^5000')
    """
    if n < 10**15:
        return f"{n:,}"
    return f"{n:.4g}" if n.bit_length() < 1000 else f"about 2^{n.bit_length() - 1}"


def column_names(where: str, domain: Domain, names: Sequence[str] | None) -> list[str]:
    """Return the names of the columns, x0, x1, ... if None; errors begin with `where`."""
    named = [f"x{i}" for i in range(domain.n_columns)] if names is None else list(names)
    if len(named) != domain.n_columns:
        raise ValueError(f"{where}: expected {domain.n_columns} names for {domain}, got {len(named)}.")
    return named


def _order(part: Part) -> int:
    return ("rows", "fixed", "bit", "one-hot", "thermometer").index(part.kind)


def _size(where: str, size: int) -> int:
    return whole_number(where, "a size", size, 1)


def _bits(where: str, rows: Any, axes: int | None) -> np.ndarray:
    bits = np.asarray(rows)
    if bits.ndim == 0 or (axes is not None and bits.ndim != axes):
        shape = {None: "(..., n)", 1: "(n,)", 2: "(k, n)"}[axes]
        raise ValueError(f"{where}: expected an array {shape}, got shape {bits.shape}.")
    if bits.dtype != bool and not np.isin(bits, (0, 1)).all():
        raise ValueError(f"{where}: expected Booleans, or zeros and ones.")
    return bits.astype(bool)


def _first(bits: np.ndarray) -> np.ndarray:
    """Return the place of the first of each set of equal rows."""
    seen: dict[bytes, int] = {}
    for place, row in enumerate(np.packbits(bits, axis=1)):
        seen.setdefault(row.tobytes(), place)
    return np.array([*seen.values()])


def _texts(table: np.ndarray) -> list[str]:
    return ["".join("01"[bit] for bit in row) for row in table.tolist()]


def _are_rows(texts: list) -> bool:
    return bool(texts) and all(isinstance(t, str) and len(t) == len(texts[0]) and not set(t) - {*"01"} for t in texts)


def _contains(part: Part, bits: np.ndarray) -> np.ndarray:
    match part.kind:
        case "bit":
            return np.ones(bits.shape[:-1], bool)
        case "one-hot":
            return bits.sum(axis=-1) == 1
        case "thermometer":
            return np.asarray(~(bits[..., 1:] & ~bits[..., :-1]).any(axis=-1))
    known = {row.tobytes() for row in np.packbits(part.table, axis=1)}
    packed = np.packbits(bits.reshape(-1, bits.shape[-1]), axis=1)
    return np.array([row.tobytes() in known for row in packed], bool).reshape(bits.shape[:-1])


def _conditions(netlist: Builder, part: Part, inputs: list[int]) -> list[int]:
    """Add gates for what the columns of a part have to fulfil: all the nodes that are returned."""
    match part.kind:
        case "bit":
            return []
        case "thermometer":
            return [netlist.gate(_AT_LEAST, first, second) for first, second in itertools.pairwise(inputs)]
        case "one-hot":
            # Any of those so far, and two at once, from left to right.
            some, twice = inputs[0], []
            for node in inputs[1:]:
                twice.append(netlist.gate(AND, some, node))
                some = netlist.gate(OR, some, node)
            return [some, netlist.tree(OR, twice, inverted=True)] if twice else [some]
    inverse = {
        node: netlist.gate(NOT, node) for node, column in zip(inputs, part.table.T, strict=True) if not column.all()
    }
    products = [
        netlist.tree(AND, [node if bit else inverse[node] for node, bit in zip(inputs, row, strict=True)])
        for row in part.table.tolist()
    ]
    return [netlist.tree(OR, products)]


# a | ~b: in a thermometer a column is 1 if the next one is.
_AT_LEAST = 0b1011

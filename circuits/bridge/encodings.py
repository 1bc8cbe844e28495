"""Encodings: a table of values as Booleans, and a circuit over them as a formula in the names of the columns."""

import bisect
import itertools
import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, NamedTuple

import numpy as np

from circuits.bridge.domains import Domain
from circuits.formulas import to_expression
from circuits.netlist import Circuit, check_names
from circuits.ports import bits_of

Kind = Literal["one-hot", "thermometer", "bits", "ranges"]
_KINDS = ("one-hot", "thermometer", "bits")


class Field(NamedTuple):
    """How one column of the table is encoded.

    Attributes:
        name: of the column.
        kind: "one-hot", one Boolean a level; "thermometer", one for each level but the lowest, 1 from that level on;
            "bits", the place of the level among the levels in binary, lowest bit first; "ranges", one for each
            threshold, 1 from that number on, and one for a missing number if there may be one.
        levels: the values that there may be, ascending unless they were given; of "ranges" where each begins, -inf
            first. None, last, stands for a missing value.
    """

    name: str
    kind: Kind
    levels: tuple[Any, ...]


@dataclass(frozen=True, repr=False)
class Encoding:
    """What turns a table of values into Booleans: fitted once, then used on any table of the same columns.

    Attributes:
        fields: one for each column of the table.

    >>> encoding = fit_encoding({"colour": ["red", "blue", "red"], "age": [30, 20, 40]}, {"age": "thermometer"})
    >>> encoding
    Encoding(colour: one-hot of 2, age: thermometer of 3; 4 columns)
    >>> encoding.names
    ('colour=blue', 'colour=red', 'age>=30', 'age>=40')
    >>> encoding.encode({"colour": ["red"], "age": [30]}).astype(int)
    array([[0, 1, 1, 0]])
    >>> encoding.domain
    Domain(4 columns: 1 one-hot group of 2, 1 thermometer of 2; 6 rows)
    """

    fields: tuple[Field, ...]

    @property
    def names(self) -> tuple[str, ...]:
        """Return the names of the Boolean columns, such as "colour=red", "age>=30", "size[0]"."""
        return tuple(name for field in self.fields for name in _names(field))

    @property
    def domain(self) -> Domain:
        """Return the rows that an encoded table may have."""
        domain = Domain(())
        for field in self.fields:
            domain = domain * _domain(field)
        return domain

    def encode(self, table: Mapping[str, Any]) -> np.ndarray:
        """Return a table as Booleans.

        Args:
            table: by column name, as many values for each; further columns are left out.

        Returns:
            `(rows, columns)` bool; `.astype(float)` feeds a network.

        Raises:
            ValueError: if a column is missing or of another length, or a value is no level of its column. Any number
                is in one of the ranges of a column with thresholds.
        """
        missing = [field.name for field in self.fields if field.name not in table]
        if missing:
            raise ValueError(
                f"encode: expected the columns {[f.name for f in self.fields]}, there is no {missing[0]!r}."
            )
        lengths = {len(table[field.name]) for field in self.fields}
        if len(lengths) != 1:
            raise ValueError(f"encode: expected columns of one length, got lengths {sorted(lengths)}.")
        return np.concatenate([_codes(field)[_places(field, table[field.name])] for field in self.fields], axis=1)

    def decode(self, rows: Any) -> dict[str, list]:
        """Return the table of encoded rows: the inverse of `encode`.

        Args:
            rows: `(rows, columns)`, Booleans or zeros and ones.

        Returns:
            By column name the values; of a column with thresholds where the range of the value begins.

        Raises:
            ValueError: if a row is not in the domain.

        >>> fit_encoding({"a": ["no", "yes"]}).decode([[0, 1]])
        {'a': ['yes']}
        """
        domain = self.domain
        bits = np.asarray(rows).astype(bool)
        outside = np.flatnonzero(~domain.contains(rows))
        if len(outside):
            raise ValueError(f"decode: row {outside[0]} is not in the {domain}.")
        table, start = {}, 0
        for field in self.fields:
            codes = _codes(field)
            same = (bits[:, None, start : start + codes.shape[1]] == codes).all(axis=2)
            table[field.name] = [field.levels[place] for place in same.argmax(axis=1)]
            start += codes.shape[1]
        return table

    def __repr__(self) -> str:
        fields = ", ".join(f"{field.name}: {field.kind} of {len(field.levels)}" for field in self.fields[:8])
        return f"Encoding({fields}{', ...' * (len(self.fields) > 8)}; {len(self.names)} columns)"


def fit_encoding(
    table: Mapping[str, Any],
    kinds: Kind | Mapping[str, Kind] = "one-hot",
    *,
    levels: Mapping[str, Iterable[Any]] | None = None,
    thresholds: Mapping[str, Iterable[float]] | None = None,
) -> Encoding:
    """Return the encoding of a table: for each column its kind, and the values that there are.

    Args:
        table: by column name, the values of the column, as a list or `(rows,)`. None and NaN are missing values, a
            level of its own.
        kinds: "one-hot", "thermometer" or "bits", for all columns, or by column name; "one-hot" where it is not said.
        levels: by column name, all values that there may be, in order, if the table may lack some.
        thresholds: by column name, ascending numbers: a thermometer that says of each whether a number reaches it, so
            that all numbers can be encoded. `cut_points` finds some.

    Raises:
        ValueError: if there is no such kind or column, a column has no values, two levels are equal, thresholds do not
            ascend, or numbers are missing where no level can say so.

    >>> fit_encoding({"a": [0, 3, 1]}, "bits", levels={"a": range(4)}).encode({"a": [3, 2]}).astype(int)
    array([[1, 1],
           [0, 1]])
    >>> ages = fit_encoding({"age": [25, 52, None]}, thresholds={"age": [30, 65]})
    >>> ages.names, ages.encode({"age": [80, 41.5, None]}).astype(int).tolist()
    (('age>=30', 'age>=65', 'age=?'), [[1, 1, 0], [1, 0, 0], [0, 0, 1]])
    """
    by_column: Mapping[str, Any] = dict.fromkeys(table, kinds) if isinstance(kinds, str) else kinds
    given = {} if levels is None else {name: [_plain(v) for v in values] for name, values in levels.items()}
    cuts = {} if thresholds is None else {name: [_plain(v) for v in values] for name, values in thresholds.items()}
    for name in (*by_column, *given, *cuts):
        if name not in table:
            raise ValueError(f"fit_encoding: there is no column {name!r}; the columns are {list(table)}.")
    fields = []
    for name, values in table.items():
        kind = by_column.get(name, "one-hot")
        if kind not in _KINDS:
            raise ValueError(f"fit_encoding: expected a kind of {', '.join(_KINDS)} for {name!r}, got {kind!r}.")
        if name in cuts:
            fields.append(_ranges(name, cuts[name], any(_plain(value) is None for value in values)))
            continue
        found = given[name] if name in given else _sorted({_plain(value) for value in values})
        if not found or len(set(found)) < len(found):
            raise ValueError(f"fit_encoding: expected levels of {name!r}, each once, got {found!r}.")
        if None in found and kind != "one-hot":
            raise ValueError(f"fit_encoding: values of {name!r} are missing: expected it one-hot, or thresholds.")
        fields.append(Field(name, kind, tuple(found)))
    encoding = Encoding(tuple(fields))
    check_names("fit_encoding", "column", encoding.names)
    return encoding


def formula(circuit: Circuit, names: Sequence[str] | None = None, **options: Any) -> str:
    """Return a circuit as a formula in names that no programming language could spell, such as "a5=red".

    Args:
        circuit: any circuit.
        names: of its inputs, those of an `Encoding`; the circuit's own if None.
        options: of `to_expression`, such as `minimal=True`.

    Returns:
        The text of `to_expression` with these names.

    Raises:
        TypeError: if it is no `Circuit`.
        ValueError: if there are not as many names as inputs; and as from `to_expression`.

    >>> from circuits import parse
    >>> formula(parse("a & ~b | c"), ["a5=red", "age>=30", "x"])
    'a5=red & ~age>=30 | x'
    """
    if not isinstance(circuit, Circuit):
        raise TypeError(
            f"formula: expected a Circuit, got {type(circuit).__name__}. circuits.to_circuit makes one of units."
        )
    names = circuit.input_names if names is None else tuple(names)
    if len(names) != circuit.n_inputs:
        raise ValueError(f"formula: expected {circuit.n_inputs} names for {circuit!r}, got {len(names)}.")
    stem = "input"
    while any(stem in name for name in circuit.output_names):
        stem += "_"
    spelled = Circuit(
        [f"{stem}{i}" for i in range(len(names))],
        circuit.fan_ins,
        circuit.tables,
        circuit.outputs,
        circuit.output_names,
    )
    return re.sub(rf"\b{stem}(\d+)\b", lambda found: names[int(found[1])], to_expression(spelled, **options))


def _plain(value: Any) -> Any:
    """Return a value of an array as that of Python, so that levels compare and print alike; None for NaN."""
    value = value.item() if isinstance(value, np.generic) else value
    return None if isinstance(value, float) and math.isnan(value) else value


def _sorted(levels: set) -> list:
    return sorted(levels - {None}) + [None] * (None in levels)


def _ranges(name: str, cuts: list, missing: bool) -> Field:
    numbers = all(isinstance(cut, (int, float)) and math.isfinite(cut) for cut in cuts)
    if not numbers or any(a >= b for a, b in itertools.pairwise(cuts)):
        raise ValueError(f"fit_encoding: expected thresholds of {name!r} that are numbers and ascend, got {cuts!r}.")
    return Field(name, "ranges", (-math.inf, *cuts, *[None] * missing))


def _codes(field: Field) -> np.ndarray:
    """Return the Booleans of each level, `(levels, columns)`."""
    count = len(field.levels)
    if field.kind == "one-hot":
        return np.eye(count, dtype=bool)
    if field.kind in ("thermometer", "ranges"):
        codes = np.tri(count, count - 1, -1, dtype=bool)
        if field.levels[-1] is None:  # it is no number, and reaches none
            codes[-1, :-1] = False
        return codes
    width = max(1, (count - 1).bit_length())
    return (np.arange(count)[:, None] >> np.arange(width) & 1).astype(bool)


def _names(field: Field) -> list[str]:
    if field.kind == "one-hot":
        return [f"{field.name}={'?' if level is None else level}" for level in field.levels]
    if field.kind in ("thermometer", "ranges"):
        return [f"{field.name}=?" if level is None else f"{field.name}>={level}" for level in field.levels[1:]]
    width = _codes(field).shape[1]
    return [field.name] if width == 1 else bits_of(field.name, width)


def _domain(field: Field) -> Domain:
    count = len(field.levels)
    if field.kind == "one-hot":
        return Domain.one_hot([count])
    if field.kind in ("thermometer", "ranges") and field.levels[-1] is not None:
        return Domain.thermometer([count - 1] if count > 1 else [])
    codes = _codes(field)
    return Domain.cube(codes.shape[1]) if count == 2 ** codes.shape[1] else Domain.listed(codes)


def _places(field: Field, values: Any) -> list[int]:
    """Return the place of each value among the levels."""
    if field.kind == "ranges":
        return [_range(field, row, _plain(value)) for row, value in enumerate(values)]
    place = {level: i for i, level in enumerate(field.levels)}
    places = []
    for row, value in enumerate(values):
        value = _plain(value)
        if value not in place:
            raise ValueError(
                f"encode: row {row} of {field.name!r} is {value!r}, which is none of its {len(place)} levels; "
                "give all of them to fit_encoding by levels."
            )
        places.append(place[value])
    return places


def _range(field: Field, row: int, value: Any) -> int:
    """Return the place of a number among the ranges."""
    if value is None and field.levels[-1] is None:
        return len(field.levels) - 1
    if not isinstance(value, (int, float)):
        known = "a number" if field.levels[-1] is not None else "a number, or None for a missing one"
        raise ValueError(f"encode: row {row} of {field.name!r} is {value!r}; expected {known}.")
    return bisect.bisect_right(field.levels, value, 1, len(field.levels) - (field.levels[-1] is None)) - 1

"""A table checked, encoded, and divided into the rows to train on, those to choose by, and those of the test."""

import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np

from circuits.bridge.encodings import Encoding, fit_encoding
from circuits.bridge.thermometers import cut_points
from circuits.errors import listed
from jaxnet.validation import whole_number

# A target of more values is taken for a number to predict, and a column of more for a name of each row.
_MOST_CLASSES, _MOST_CATEGORIES = 64, 500


class Rows(NamedTuple):
    """Encoded rows, and what they are.

    Attributes:
        x: `(rows, columns)` bool.
        y: `(rows,)`, the number of the class of each.
    """

    x: np.ndarray
    y: np.ndarray


def divided_table(
    table: Mapping[str, Sequence[Any]],
    target: str,
    test: Mapping[str, Sequence[Any]] | None = None,
    categories: Iterable[str] = (),
    cuts: int = 8,
    validation: float = 0.2,
    seed: int = 0,
) -> tuple[Encoding, tuple[Any, ...], dict[str, Rows]]:
    """Return a table as Booleans and classes; the arguments and errors are those of `learn_table`.

    Returns:
        The encoding of the columns beside the target, with thresholds at quantiles of the training rows; the classes,
        ascending; and the `Rows` of "training", of "validation" and "test" if there are any.

    >>> table = {"size": [1, 2, 3, 4], "kind": ["a", "a", "b", "b"]}
    >>> encoding, classes, parts = divided_table(table, "kind", validation=0)
    >>> encoding.names, classes, parts["training"].y
    (('size>=2', 'size>=3', 'size>=4'), ('a', 'b'), array([0, 0, 1, 1]))
    """
    categories = list(categories)
    for name in (target, *categories):
        if name not in table:
            raise ValueError(f"learn_table: there is no column {name!r}; the columns are {listed(table)}.")
    columns = {name: _values(values, name in categories) for name, values in table.items()}
    lengths = {len(values) for values in columns.values()}
    if len(lengths) != 1:
        raise ValueError(f"learn_table: expected columns of one length, got lengths {sorted(lengths)}.")
    answers = columns.pop(target)
    classes = _classes(target, answers)
    for name, values in columns.items():
        _check_column(name, values)
    training, validating = _divided(len(answers), validation, seed)
    cuts = whole_number("learn_table", "cuts", cuts, 1)
    thresholds = {
        name: cut_points([values[row] for row in training], cuts)
        for name, values in columns.items()
        if _is_numeric(values)
    }
    encoding = fit_encoding(columns, thresholds=thresholds)
    if not encoding.names:
        raise ValueError(f"learn_table: expected columns beside {target!r} that vary, got {listed(columns)}.")
    number = {label: k for k, label in enumerate(classes)}
    rows = Rows(encoding.encode(columns), np.array([number[label] for label in answers]))
    parts = {"training": Rows(*(array[training] for array in rows))}
    if len(validating):
        parts["validation"] = Rows(*(array[validating] for array in rows))
    if test is not None:
        parts["test"] = _test_rows(test, target, categories, number, encoding)
    return encoding, classes, parts


def _values(values: Sequence[Any], category: bool) -> list:
    """Return a column as Python values, None where one is missing; text where numbers are categories."""
    plain = [value.item() if isinstance(value, np.generic) else value for value in values]
    known = [None if isinstance(value, float) and math.isnan(value) else value for value in plain]
    return [None if value is None else str(value) for value in known] if category else known


def _is_numeric(values: Iterable[Any]) -> bool:
    numbers = (isinstance(value, (int, float)) and not isinstance(value, bool) for value in values if value is not None)
    return all(numbers)


def _classes(target: str, answers: list) -> tuple:
    if None in answers:
        raise ValueError(
            f"learn_table: expected a class in each row of {target!r}, row {answers.index(None)} has none. "
            "Leave it out."
        )
    classes = tuple(sorted(set(answers)))
    if not 2 <= len(classes) <= _MOST_CLASSES:
        hint = " Numbers have to be cut into classes first." if len(classes) > 1 and _is_numeric(classes) else ""
        raise ValueError(
            f"learn_table: expected 2 to {_MOST_CLASSES} classes in {target!r}, got {len(classes):,}: "
            f"{listed(classes, 3)}.{hint}"
        )
    return classes


def _check_column(name: str, values: list) -> None:
    known = {value for value in values if value is not None}
    if not known:
        raise ValueError(f"learn_table: expected values in column {name!r}, all are missing. Leave it out.")
    if not _is_numeric(known) and len(known) > _MOST_CATEGORIES:
        raise ValueError(
            f"learn_table: expected numbers, or at most {_MOST_CATEGORIES} categories, in column {name!r}, got "
            f"{len(known):,} categories. Leave it out."
        )


def _divided(rows: int, validation: float, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which rows are for training, and which are held out, drawn at random."""
    if not 0 <= validation < 1:
        raise ValueError(f"learn_table: expected a share of validation rows in [0, 1), got {validation}.")
    held_out = math.ceil(rows * validation)
    if held_out >= rows:
        raise ValueError(f"learn_table: expected more rows, to hold {validation:g} of them out, got {rows}.")
    order = np.random.default_rng(seed).permutation(rows)
    return np.sort(order[held_out:]), np.sort(order[:held_out])


def _test_rows(
    test: Mapping[str, Sequence[Any]], target: str, categories: list[str], number: dict[Any, int], encoding: Encoding
) -> Rows:
    if target not in test:
        raise ValueError(f"learn_table: the test has no column {target!r}; its columns are {listed(test)}.")
    columns = {name: _values(values, name in categories) for name, values in test.items()}
    answers = columns[target]
    unknown = next((row for row, label in enumerate(answers) if label not in number), None)
    if unknown is not None:
        raise ValueError(
            f"learn_table: row {unknown} of the test is of class {answers[unknown]!r}, which the table does not have."
        )
    try:
        x = encoding.encode(columns)
    except ValueError as error:
        raise ValueError(f"learn_table: of the test, {error}") from None
    return Rows(x, np.array([number[label] for label in answers], int))

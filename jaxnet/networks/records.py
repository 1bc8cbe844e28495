"""Records: JSON objects of a file, read field by field, so that what is missing, unknown or out of range is refused."""

import math
from collections.abc import Mapping
from typing import Any

import numpy as np

_LARGEST = 2**31 - 1  # of a size: what int32 counts
_SHOWN = 60  # characters of a value in an error


class RecordError(ValueError):
    """A record that is not as it must be; the message says where, what was expected and what was found."""


class Record:
    """A JSON object whose fields are taken out one by one; `close` refuses what is left.

    Args:
        place: where the object stands, named in errors, such as `network.parts[0]`.
        fields: what JSON gave; an error if it is no object.
        arrays: those that a record may refer to, by name; one that is taken is taken out.

    >>> Record("network", {"inputs": 2}, {}).whole("inputs")
    2
    """

    def __init__(self, place: str, fields: Any, arrays: dict[str, np.ndarray]) -> None:
        if not isinstance(fields, dict):
            raise RecordError(f"{place}: expected an object, found {shown(fields)}")
        self.place, self.arrays = place, arrays
        self._left = dict(fields)

    def at(self, name: str) -> str:
        """Return where a field stands."""
        return f"{self.place}.{name}"

    def take(self, name: str) -> Any:
        """Return a field of any type."""
        if name not in self._left:
            raise RecordError(f"{self.at(name)}: expected a value, found none")
        return self._left.pop(name)

    def has(self, name: str) -> bool:
        """Return whether there is such a field."""
        return name in self._left

    def peek(self, name: str) -> Any:
        """Return a field of any type without taking it, None where there is none."""
        return self._left.get(name)

    def record(self, name: str) -> "Record":
        """Return an object."""
        return Record(self.at(name), self.take(name), self.arrays)

    def whole(self, name: str, low: int = 1, high: int = _LARGEST) -> int:
        """Return a whole number in low..high."""
        value = self.take(name)
        if type(value) is not int or not low <= value <= high:
            raise RecordError(f"{self.at(name)}: expected a whole number in {low}..{high}, found {shown(value)}")
        return value

    def positive(self, name: str) -> float:
        """Return a positive, finite number."""
        value = self.take(name)
        if type(value) is not float or not 0 < value < math.inf:
            raise RecordError(f"{self.at(name)}: expected a positive, finite number, found {shown(value)}")
        return value

    def text(self, name: str, known: Mapping[str, Any] | tuple[str, ...] | None = None) -> str:
        """Return a text, one of those that are known."""
        value = self.take(name)
        if not isinstance(value, str) or (known is not None and value not in known):
            expected = "text" if known is None else f"one of {', '.join(known)}"
            raise RecordError(f"{self.at(name)}: expected {expected}, found {shown(value)}")
        return value

    def items(self, name: str) -> list[Any]:
        """Return a list."""
        value = self.take(name)
        if not isinstance(value, list):
            raise RecordError(f"{self.at(name)}: expected a list, found {shown(value)}")
        return value

    def texts(self, name: str) -> tuple[str, ...]:
        """Return a list of texts."""
        value = self.items(name)
        if not all(isinstance(text, str) for text in value):
            raise RecordError(f"{self.at(name)}: expected a list of texts, found {shown(value)}")
        return tuple(value)

    def records(self, name: str) -> "list[Record]":
        """Return a list of objects."""
        return [Record(f"{self.at(name)}[{i}]", each, self.arrays) for i, each in enumerate(self.items(name))]

    def array(self, name: str, dtype: Any, ndim: int) -> np.ndarray:
        """Return an array that the record refers to by its name."""
        return self.array_of(self.at(name), self.take(name), dtype, (ndim,))

    def array_of(self, place: str, name: Any, dtype: Any, ndims: tuple[int, ...]) -> np.ndarray:
        """Return an array by its name, of one of these numbers of axes."""
        if not isinstance(name, str) or name not in self.arrays:
            raise RecordError(f"{place}: expected the name of an array of the file, each once, found {shown(name)}")
        array = self.arrays.pop(name)
        if array.dtype != dtype or array.ndim not in ndims:
            axes = " or ".join(map(str, ndims))
            raise RecordError(
                f"{place}: expected {np.dtype(dtype)} of {axes} axes, found {array.dtype} of shape {array.shape}"
            )
        array.flags.writeable = False
        return array

    def close(self) -> None:
        """Refuse fields that nobody took."""
        if self._left:
            raise RecordError(f"{self.place}: expected no field {shown(min(self._left))}")


def shown(value: Any) -> str:
    """Return a value as an error shows it, cut off where it is long.

    Args:
        value: what JSON gave.

    >>> shown("x" * 100)
    "'xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx..."
    """
    text = repr(value) if not isinstance(value, int) or value.bit_length() < 1000 else "a number of 300 digits or more"
    return text if len(text) <= _SHOWN else f"{text[:_SHOWN]}..."

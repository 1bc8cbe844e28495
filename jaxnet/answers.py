"""Answers that may be "not known": no answer is true or false, so that none is taken for another by mistake."""

from dataclasses import dataclass


class Answer:
    """What a question was answered with; ask for its type.

    `if satisfiable(...)` would take an `Undecided` for a yes or a no, so that `bool` refuses every answer.
    """

    def __bool__(self) -> bool:
        raise TypeError(
            f"{type(self).__name__} is neither true nor false, since an answer may be Undecided. Ask which it is: "
            "match on its type, or isinstance."
        )


@dataclass(frozen=True)
class Undecided(Answer):
    """Not known within the limit that was set.

    Attributes:
        reason: which limit.
        what_was_tried: a line for each method.

    >>> bool(Undecided("time limit of 1 s", ("1,024 random patterns",)))
    Traceback (most recent call last):
    TypeError: Undecided is neither true nor false, since an answer may be Undecided. Ask which it is: match on its ...
    """

    reason: str
    what_was_tried: tuple[str, ...]

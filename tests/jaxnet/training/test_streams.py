"""What batches come from: told from arrays, and whether it can be read again."""

import types

import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.training.streams import batch_count, is_restarted, is_stream

X = np.ones((4, 2), np.float32)


class Loader:
    def __init__(self, *rows):
        self.rows = rows

    def __iter__(self):
        return iter(self.rows)

    def __len__(self):
        return len(self.rows)


@pytest.mark.parametrize(
    ("data", "stream", "restarted"),
    [
        (iter([X]), True, False),
        (map(np.asarray, [X]), True, False),
        (Loader(8), True, True),
        (Loader, True, False),  # a class: it is called
        (lambda: [X], True, True),
        (lambda first: iter([X]), True, False),
        (lambda first=0: iter([X]), True, False),
        (lambda *rest: iter([X]), True, False),
        (lambda *, seed=0: iter([X]), True, True),
        (range(3), True, True),
        ([X], False, None),
        (X, False, None),
        (jnp.ones(2), False, None),
        ({"x": X}, False, None),
        ("data.npz", False, None),
        ({1, 2}, False, None),
        (types.MappingProxyType({"x": X}), False, None),  # as np.load gives one
        (None, False, None),
    ],
)
def test_what_is_a_stream(data, stream, restarted):
    assert is_stream(data) == stream
    if stream:
        assert is_restarted(data) == restarted


def test_a_loader_may_say_how_many_batches_it_has():
    assert batch_count(Loader(8, 8, 3)) == 3
    assert batch_count(lambda: iter([])) is None

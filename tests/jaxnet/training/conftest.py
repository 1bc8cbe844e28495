"""What the tests of training share."""

import pytest


@pytest.fixture
def path(tmp_path):
    """A checkpoint that is not there yet, in a folder of its own."""
    return tmp_path / "run.safetensors"

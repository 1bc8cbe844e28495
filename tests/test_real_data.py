"""The examples on real data, and the reader of MNIST's files: whole files are read, others are named and refused."""

import gzip
import importlib.util
import os
import re
import struct
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

import circuits

EXAMPLES = Path(__file__).parents[1] / "examples"
MNIST = Path(os.environ["JAXNET_DATA"]) / "learning" / "mnist"

spec = importlib.util.spec_from_file_location("idx", EXAMPLES / "idx.py")
assert spec is not None
assert spec.loader is not None
idx = importlib.util.module_from_spec(spec)
spec.loader.exec_module(idx)


def run(name, *arguments, status=0):
    command = [sys.executable, "-W", "error", EXAMPLES / f"{name}.py", *map(str, arguments)]
    done = subprocess.run(command, capture_output=True, text=True, timeout=300)
    assert done.returncode == status, done.stderr
    return done.stdout if status == 0 else done.stderr


def written(array, code=0x08):
    return bytes([0, 0, code, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


@pytest.mark.parametrize("compress", [bytes, gzip.compress])
@pytest.mark.parametrize(
    ("code", "dtype"), [(0x08, ">u1"), (0x09, ">i1"), (0x0B, ">i2"), (0x0C, ">i4"), (0x0D, ">f4"), (0x0E, ">f8")]
)
def test_whole_files_are_read(tmp_path, compress, code, dtype):
    for shape in ((7,), (2, 3), (2, 3, 4), (0, 3)):
        array = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
        (tmp_path / "file").write_bytes(compress(written(array, code)))
        found = idx.read_idx(tmp_path / "file")
        assert found.dtype == array.dtype.newbyteorder("=")
        np.testing.assert_array_equal(found, array, strict=False)


BYTES = written(np.arange(6, dtype=np.uint8).reshape(2, 3))


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (b"", "expected an IDX file, which begins 00 00 08 for bytes, got -."),
        (BYTES[:3], "expected an IDX file, which begins 00 00 08 for bytes, got 00 00 08."),
        (b"\x89PNG", "expected an IDX file, which begins 00 00 08 for bytes, got 89 50 4e 47."),
        (b"\0\1" + BYTES[2:], "expected an IDX file, which begins 00 00 08 for bytes, got 00 01 08 02."),
        (b"\0\0\x0a" + BYTES[3:], "expected an IDX file, which begins 00 00 08 for bytes, got 00 00 0a 02."),
        (b"\0\0\x08\0", "expected one dimension or more of 4 bytes each, got 0 in 4 bytes."),
        (BYTES[:11], "expected one dimension or more of 4 bytes each, got 2 in 11 bytes."),
        (BYTES[:-1], "expected 18 bytes for shape (2, 3) of uint8, got 17."),
        (BYTES + b"\0", "expected 18 bytes for shape (2, 3) of uint8, got 19."),
        (
            b"\0\0\x0e\3" + b"\xff" * 12,
            f"expected {16 + 8 * (2**32 - 1) ** 3:,} bytes for shape {(2**32 - 1,) * 3} of float64, got 16.",
        ),
    ],
)
@pytest.mark.parametrize("compress", [bytes, gzip.compress])
def test_malformed_files_are_named_and_refused(tmp_path, compress, data, message):
    path = tmp_path / "file"
    path.write_bytes(compress(data))
    with pytest.raises(idx.IdxError) as caught:
        idx.read_idx(path)
    assert str(caught.value) == f"{path}: {message}"


def test_damaged_gzip_is_named_wherever_it_is_damaged(tmp_path):
    path, whole = tmp_path / "file.gz", gzip.compress(BYTES, mtime=0)
    broken = [whole[:n] for n in range(2, len(whole))] + [whole + b"more"]
    # From the body on: a header has fields, such as its time, that mean nothing here.
    broken += [whole[:i] + bytes([whole[i] ^ 0xFF]) + whole[i + 1 :] for i in range(10, len(whole))]
    for data in broken:
        path.write_bytes(data)
        with pytest.raises(idx.IdxError) as caught:
            idx.read_idx(path)
        assert str(caught.value).startswith(f"{path}: damaged gzip: ")
        assert str(caught.value).endswith(" Fetch the file again.")


def test_what_is_in_a_file(tmp_path):
    (tmp_path / "file").write_bytes(BYTES)
    assert run("idx", tmp_path / "file") == f"{tmp_path / 'file'}: uint8 (2, 3) 0 to 5\n"
    assert "No such file" in run("idx", tmp_path / "none", status=1)


def percents(text):
    return [float(number) for number in re.findall(r"(\d+\.\d+)%", text)]


@pytest.mark.slow
def test_digits_are_learned_as_well_as_by_scikit_learn(tmp_path):
    pytest.importorskip("sklearn")
    ours, theirs, *_ = percents(run("digits", "--quick", "--out", tmp_path / "new"))
    assert ours > 93
    assert abs(ours - theirs) < 4
    for name in ("learning_curves", "confusion_matrix"):
        assert (tmp_path / "new" / f"digits_{name}.png").read_bytes().startswith(b"\x89PNG")


def make_mnist(folder, n=600):
    """Images of noise, with a bar whose place is the label."""
    rng = np.random.default_rng(0)
    for part, size in (("train", n), ("t10k", 100)):
        labels = rng.integers(0, 10, size).astype(np.uint8)
        images = rng.integers(0, 100, (size, 28, 28)).astype(np.uint8)
        images[np.arange(size), 2 * labels + 3] = 255
        (folder / f"{part}-images-idx3-ubyte").write_bytes(written(images))
        (folder / f"{part}-labels-idx1-ubyte.gz").write_bytes(gzip.compress(written(labels)))


@pytest.mark.slow
def test_mnist_learns_draws_and_compares(tmp_path):
    pytest.importorskip("sklearn")
    make_mnist(tmp_path)
    text = run("mnist", "--data", tmp_path, "--epochs", 5, "--seeds", 2, "--compare", "--out", tmp_path / "new")
    assert text.startswith("images: 550 to learn from, 50 for validation, 100 for the test\n")
    first, _, second, _, mean, _, deviation, _ = percents(text)
    assert min(first, second) > 95
    assert mean == pytest.approx((first + second) / 2, abs=0.01)
    assert deviation == pytest.approx(abs(first - second) / 2**0.5, abs=0.01)
    for name in ("learning_curves", "confusion_matrix"):
        assert (tmp_path / "new" / f"mnist_{name}.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.slow
@pytest.mark.parametrize("size", ["--small", None])
def test_digits_are_learned_by_gates_and_proved(tmp_path, size):
    make_mnist(tmp_path)
    out = tmp_path / "new"
    options = [size] * (size is not None)
    text = run("learned_digits", "--data", tmp_path, "--quick", "--epochs", 30, "--out", out, *options)
    assert text.startswith("images: 458 to learn from, 42 for validation\n")
    _, hard, proved, *_ = percents(text.split("100 test images")[1])
    assert hard == proved > 80
    assert circuits.check_certificate(out / "digits0.json") == []
    for name in ("types", "pixels"):
        assert (out / f"digits0_{name}.png").read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    ("name", "array", "message"),
    [
        ("t10k-labels-idx1-ubyte.gz", None, "[Errno 2] No such file or directory: '{path}'"),
        pytest.param(
            "train-images-idx3-ubyte",
            np.zeros((9, 28, 27), np.uint8),
            "{path}: expected bytes of shape (n, 28, 28), got uint8 (9, 28, 27).",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "t10k-labels-idx1-ubyte",
            np.zeros((0,), np.uint8),
            "{path}: expected bytes of shape (n,), got uint8 (0,).",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "train-labels-idx1-ubyte",
            np.zeros(599, np.uint8),
            "{path}: expected 600 labels in 0..9, one per image, got 599 up to 0.",
            marks=pytest.mark.slow,
        ),
        pytest.param(
            "t10k-labels-idx1-ubyte",
            np.full(100, 10, np.uint8),
            "{path}: expected 100 labels in 0..9, one per image, got 100 up to 10.",
            marks=pytest.mark.slow,
        ),
    ],
)
def test_mnist_names_the_file_that_is_wrong(tmp_path, name, array, message):
    make_mnist(tmp_path)
    path = tmp_path / name
    if array is None:
        path.unlink()
    else:
        path.write_bytes(written(array))
    assert run("mnist", "--data", tmp_path, status=1) == f"mnist: {message.format(path=path)}\n"


@pytest.mark.slow
@pytest.mark.skipif(not MNIST.is_dir(), reason=f"needs the folder {MNIST}; JAXNET_DATA names another data folder")
def test_mnist_itself_is_read_and_an_epoch_of_it_learned():
    labels = idx.read_idx(MNIST / "train-labels-idx1-ubyte.gz")
    # The counts are published with the data.
    assert np.bincount(labels).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    text = run("mnist", "--data", MNIST, "--epochs", 1)
    assert text.startswith("images: 55,000 to learn from, 5,000 for validation, 10,000 for the test\n")
    assert percents(text)[0] > 96

"""IDX: headers, counts and sizes against files made here by hand."""

import gzip
import pickle
import struct
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from foveal.annotations import ClassLabel
from foveal.errors import DataError
from foveal.images.sources import ArrayImage
from foveal.read.arrays import from_arrays
from foveal.read.dataset import read_dataset
from foveal.read.idx import read_idx, write_idx
from foveal.types import Sample


def idx(array: np.ndarray, *, kind: int = 8) -> bytes:
    return bytes([0, 0, kind, array.ndim]) + struct.pack(f">{array.ndim}I", *array.shape) + array.tobytes()


IMAGES = np.arange(6 * 5 * 8, dtype=np.uint8).reshape(6, 5, 8)
LABELS = np.array([7, 3, 3, 10, 7, 7], np.uint8)


def pixels(sample: Sample) -> np.ndarray:
    assert isinstance(sample.image, ArrayImage)
    return sample.image.read()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(IMAGES))
    (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx(LABELS))
    return tmp_path


def test_plain_files(data: Path) -> None:
    dataset = read_idx(data)
    assert dataset.classes == ("3", "7", "10")
    assert [s.known(ClassLabel).index for s in dataset.samples] == [1, 0, 0, 2, 1, 1]
    assert [s.id for s in dataset.samples[:2]] == ["train[0]", "train[1]"]
    np.testing.assert_array_equal(pixels(dataset.samples[4]), IMAGES[4])


@pytest.mark.parametrize("name", ["t10k-{}-idx{}-ubyte.gz", "test-{}.idx{}-ubyte", "T10K-{}-IDX{}-UBYTE.GZ"])
def test_gzip_dots_and_colour_for_the_test_split(data: Path, name: str) -> None:
    colour = np.arange(2 * 5 * 8 * 3, dtype=np.uint8).reshape(2, 5, 8, 3)
    for what, array in (("images", colour), ("labels", LABELS[:2])):
        content = idx(array)
        file = name.format(what, array.ndim)
        (data / file).write_bytes(gzip.compress(content) if file.lower().endswith(".gz") else content)
    dataset = read_idx(data)
    assert [s.split for s in dataset.samples] == ["train"] * 6 + ["test"] * 2
    np.testing.assert_array_equal(pixels(dataset.samples[7]), colour[1])


def test_of_plain_and_gzipped_the_plain_file_is_read(data: Path) -> None:
    (data / "train-images-idx3-ubyte.gz").write_bytes(gzip.compress(idx(IMAGES[::-1])))
    np.testing.assert_array_equal(pixels(read_idx(data).samples[0]), IMAGES[0])


def test_pixels_of_a_split_load_at_first_use_and_once(data: Path) -> None:
    for what, array in (("images-idx3", IMAGES), ("labels-idx1", LABELS)):
        (data / f"t10k-{what}-ubyte").write_bytes(idx(array))
    dataset = read_idx(data)
    np.testing.assert_array_equal(pixels(dataset.samples[0]), IMAGES[0])
    (data / "t10k-images-idx3-ubyte").unlink()  # nobody has it open, on Windows too
    (data / "train-images-idx3-ubyte").unlink()
    np.testing.assert_array_equal(pixels(dataset.samples[5]), IMAGES[5])
    with pytest.raises(DataError, match=r"t10k-images-idx3-ubyte: can't be read"):
        pixels(dataset.samples[6])


def test_many_threads_load_once(data: Path) -> None:
    samples = read_idx(data).samples
    found: list[np.ndarray] = []
    threads = [threading.Thread(target=lambda s=s: found.append(pixels(s))) for s in samples]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len({id(rows.base) for rows in found}) == 1


def test_samples_can_be_sent_to_another_process(data: Path) -> None:
    sample = read_idx(data).samples[3]
    pixels(sample)
    sent = pickle.dumps(sample)
    assert len(sent) < 1000
    np.testing.assert_array_equal(pixels(pickle.loads(sent)), IMAGES[3])


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "train-images-idx3-ubyte",
            idx(IMAGES[:5]),
            r"images-idx3-ubyte holds 5 images, .*labels.* 6 labels",
        ),
        (
            "train-images-idx3-ubyte",
            idx(IMAGES)[:-1],
            r"its header \(6, 5, 8\) makes 256 bytes, the file has 255",
        ),
        (
            "train-images-idx3-ubyte",
            idx(IMAGES, kind=13),
            "expected the IDX magic number 00 00 08 03 or .*00 00 0d",
        ),
        ("train-images-idx3-ubyte", b"", "got nothing"),
        ("train-images-idx3-ubyte", idx(IMAGES)[:9], "the file ends inside its header"),
        ("train-images-idx3-ubyte", idx(IMAGES[:, :0]), r"the header states images of shape \(0, 8\)"),
        ("train-labels-idx1-ubyte", idx(LABELS) + b"\0", "makes 14 bytes, the file has 15"),
        (
            "train-labels-idx1-ubyte",
            idx(IMAGES),
            r"expected the IDX magic number 00 00 08 01, got 00 00 08 03",
        ),
        ("t10k-images-idx3-ubyte", idx(IMAGES), "t10k-labels is missing"),
        ("classes.txt", b"a\nb\n", "has 2 names, but a label is 10"),
        ("classes.txt", b"\xe9\n" * 11, "is not UTF-8"),
    ],
)
def test_what_does_not_fit(data: Path, name: str, content: bytes, message: str) -> None:
    (data / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_idx(data)


def test_names_of_classes_may_begin_with_a_mark_and_end_in_empty_lines(data: Path) -> None:
    names = [f"name {number}" for number in range(11)]
    (data / "classes.txt").write_bytes("\r\n".join([*names, "", " ", ""]).encode("utf-8-sig"))
    assert read_idx(data).classes == tuple(names)


def test_broken_gzip(data: Path) -> None:
    (data / "train-images-idx3-ubyte").unlink()
    packed = data / "train-images-idx3-ubyte.gz"
    packed.write_bytes(b"no gzip at all")
    with pytest.raises(DataError, match="can't be read: Not a gzipped file"):
        read_idx(data)
    noise = np.random.default_rng(0).integers(0, 256, (6, 50, 80), dtype=np.uint8)
    packed.write_bytes(gzip.compress(idx(noise))[:9000])
    with pytest.raises(DataError, match="can't be read"):
        pixels(read_idx(data).samples[0])
    packed.write_bytes(gzip.compress(idx(IMAGES)[:-3]))
    with pytest.raises(DataError, match="makes 256 bytes, the file has fewer"):
        pixels(read_idx(data).samples[0])


def test_two_test_splits(data: Path) -> None:
    for prefix in ("t10k", "test"):
        (data / f"{prefix}-images-idx3-ubyte").write_bytes(idx(IMAGES))
        (data / f"{prefix}-labels-idx1-ubyte").write_bytes(idx(LABELS))
    with pytest.raises(DataError, match="t10k and test both mean the test split"):
        read_idx(data)


def test_no_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no IDX files such as train-images"):
        read_idx(tmp_path)


def test_writing_is_the_same_bytes_each_time(tmp_path: Path) -> None:
    dataset = from_arrays(IMAGES, LABELS, splits=["train"] * 4 + ["val", "test"])
    for name in ("one", "two"):
        write_idx(dataset, tmp_path / name)
    for file in (tmp_path / "one").iterdir():
        assert file.read_bytes() == (tmp_path / "two" / file.name).read_bytes()
    assert read_dataset(tmp_path / "one").classes == ("3", "7", "10")


def test_what_idx_can_not_hold(tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"assign splits first to images\[1\]"):
        write_idx(from_arrays(IMAGES[:2], [0, 1], splits=["train", None]), tmp_path / "out")
    sizes = [np.zeros((4, 5), np.uint8), np.zeros((5, 4), np.uint8)]
    with pytest.raises(DataError, match=r"images\[1\]: is \(5, 4, 1\), images\[0\] is \(4, 5, 1\); IDX images have"):
        write_idx(from_arrays(sizes, [0, 1], splits=["train", "train"]), tmp_path / "out")
    many = from_arrays(np.zeros((257, 2, 3), np.uint8), list(range(257)), splits=["train"] * 257)
    with pytest.raises(DataError, match="at most 256 classes, not 257"):
        write_idx(many, tmp_path / "out")
    odd = from_arrays(IMAGES[:1], ["two\nlines"], splits=["train"])
    with pytest.raises(DataError, match="no line of text"):
        write_idx(odd, tmp_path / "out")


def test_mnist(real_data: Callable[[str], Path]) -> None:
    dataset = read_idx(real_data("mnist"))
    assert dataset.classes == tuple("0123456789")
    assert [s.known(ClassLabel).index for s in dataset.samples[:10]] == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert int(pixels(dataset.samples[0]).sum()) == 27525

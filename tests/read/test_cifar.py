"""CIFAR's binary files against bytes laid out here by hand."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from foveal.annotations import ClassLabel
from foveal.errors import DataError
from foveal.images import decode
from foveal.images.sources import ArrayImage
from foveal.read.arrays import from_arrays
from foveal.read.cifar import read_cifar10, read_cifar100, write_cifar10, write_cifar100
from foveal.read.dataset import read_dataset
from foveal.types import Sample

PIXELS = np.random.default_rng(0).integers(0, 256, (7, 32, 32, 3), dtype=np.uint8)


def records(labels: list[list[int]], pixels: np.ndarray) -> bytes:
    """As the web page says: the labels, then 1024 bytes each of red, green and blue, row by row."""
    content = b""
    for each, image in zip(labels, pixels, strict=True):
        content += bytes(each) + b"".join(image[:, :, channel].tobytes() for channel in range(3))
    return content


def pixels(sample: Sample) -> np.ndarray:
    assert isinstance(sample.image, ArrayImage)
    return sample.image.read()


@pytest.fixture
def ten(tmp_path: Path) -> Path:
    (tmp_path / "data_batch_10.bin").write_bytes(records([[2]], PIXELS[3:4]))
    (tmp_path / "data_batch_2.bin").write_bytes(records([[1], [0], [1]], PIXELS[:3]))
    (tmp_path / "test_batch.bin").write_bytes(records([[0]], PIXELS[4:5]))
    (tmp_path / "batches.meta.txt").write_bytes(b"airplane\nautomobile\nbird\n\n")
    (tmp_path / "readme.html").write_bytes(b"<html>")
    return tmp_path


@pytest.fixture
def hundred(tmp_path: Path) -> Path:
    (tmp_path / "train.bin").write_bytes(records([[1, 2], [0, 0]], PIXELS[:2]))
    (tmp_path / "test.bin").write_bytes(records([[1, 1]], PIXELS[2:3]))
    (tmp_path / "fine_label_names.txt").write_text("apple\nbear\nbeaver\n", encoding="utf-8")
    (tmp_path / "coarse_label_names.txt").write_text("fruit\nmammals\n", encoding="utf-8")
    return tmp_path


def test_cifar10(ten: Path) -> None:
    dataset = read_dataset(ten)
    assert dataset.format == "cifar10"
    assert dataset.classes == ("airplane", "automobile", "bird")
    assert [sample.id for sample in dataset.samples] == [
        "data_batch_2[0]",
        "data_batch_2[1]",
        "data_batch_2[2]",
        "data_batch_10[0]",
        "test_batch[0]",
    ]
    assert [sample.known(ClassLabel).index for sample in dataset.samples] == [1, 0, 1, 2, 0]
    assert [sample.split for sample in dataset.samples] == ["train"] * 4 + ["test"]
    for sample, expected in zip(dataset.samples, PIXELS, strict=False):
        np.testing.assert_array_equal(pixels(sample), expected)


def test_cifar100_has_fine_labels_and_if_asked_coarse_ones(hundred: Path) -> None:
    dataset = read_dataset(hundred)
    assert (dataset.format, dataset.classes) == ("cifar100", ("apple", "bear", "beaver"))
    assert [sample.known(ClassLabel).index for sample in dataset.samples] == [2, 0, 1]
    np.testing.assert_array_equal(pixels(dataset.samples[2]), PIXELS[2])
    coarse = read_cifar100(hundred, labels="coarse")
    assert coarse.classes == ("fruit", "mammals")
    assert [sample.known(ClassLabel).index for sample in coarse.samples] == [1, 0, 1]


def test_a_split_is_loaded_at_first_use_and_once(ten: Path) -> None:
    dataset = read_cifar10(ten)
    first = pixels(dataset.samples[0])
    for name in ("data_batch_2.bin", "test_batch.bin"):
        (ten / name).unlink()
    assert pixels(dataset.samples[1]).base is first.base
    with pytest.raises(DataError, match=r"test_batch\.bin: can't be read"):
        pixels(dataset.samples[4])


def test_more_records_than_are_read_at_a_time(ten: Path) -> None:
    labels = [number % 3 for number in range(2345)]
    content = records([[label] for label in labels], np.broadcast_to(PIXELS[0], (2345, 32, 32, 3)))
    (ten / "test_batch.bin").write_bytes(content)
    assert [sample.known(ClassLabel).index for sample in read_cifar10(ten).of_split("test")] == labels


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        (
            "data_batch_2.bin",
            records([[1], [0], [1]], PIXELS[:3])[:-1],
            r"data_batch_2\.bin: expected 9,219 bytes for 3 images of 3,073 \(label and .*\), 9,218 came: .* cut off",
        ),
        ("data_batch_2.bin", b"", "expected 3,073 bytes for 1 images of 3,073 .*, 0 came"),
        (
            "test_batch.bin",
            records([[3]], PIXELS[:1]),
            r"test_batch\[0\]: its label is 3; the 3 named classes are 0 to 2",
        ),
        ("batches.meta.txt", b"a\nb\na\n", "expected the classes' names, one a line and each once, got a, b, a"),
        ("batches.meta.txt", b"\n", "each once, got none"),
        ("batches.meta.txt", b"\xe9\n", "is not UTF-8"),
    ],
)
def test_what_does_not_fit(ten: Path, name: str, content: bytes, message: str) -> None:
    (ten / name).write_bytes(content)
    with pytest.raises(DataError, match=message):
        read_cifar10(ten)


def test_coarse_labels_are_checked_too(hundred: Path) -> None:
    (hundred / "test.bin").write_bytes(records([[2, 1]], PIXELS[:1]))
    with pytest.raises(DataError, match=r"test\[0\]: its label is 2; the 2 named classes are 0 to 1"):
        read_cifar100(hundred)


def test_missing_files(ten: Path) -> None:
    (ten / "batches.meta.txt").unlink()
    with pytest.raises(DataError, match=r"batches\.meta\.txt: no such file; it has to name the classes"):
        read_cifar10(ten)
    with pytest.raises(DataError, match="no data set is recognised here"):
        read_dataset(ten)
    for name in ("coarse_label_names.txt", "fine_label_names.txt"):
        (ten / name).write_text("a\n", encoding="utf-8")
    with pytest.raises(DataError, match=r"no images in files such as train\.bin"):
        read_cifar100(ten)


def test_written_bytes(tmp_path: Path) -> None:
    dataset = from_arrays(PIXELS, ["b", "a", "a", "b", "b", "a", "b"], splits=["train"] * 4 + ["val", "test", "test"])
    write_cifar10(dataset, tmp_path / "ten")
    assert (tmp_path / "ten" / "data_batch_1.bin").read_bytes() == records([[1], [0], [0], [1]], PIXELS[:4])
    assert (tmp_path / "ten" / "val_batch.bin").read_bytes() == records([[1]], PIXELS[4:5])
    assert (tmp_path / "ten" / "batches.meta.txt").read_bytes() == b"a\nb\n"
    write_cifar100(dataset, tmp_path / "hundred")
    assert (tmp_path / "hundred" / "test.bin").read_bytes() == records([[0, 0], [0, 1]], PIXELS[5:])
    assert (tmp_path / "hundred" / "coarse_label_names.txt").read_bytes() == b"all\n"


def test_a_batch_holds_ten_thousand(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("foveal.read.cifar._PER_FILE", 3)
    write_cifar10(from_arrays(PIXELS, [0, 1, 0, 1, 0, 1, 0], splits=["train"] * 7), tmp_path / "ten")
    sizes = [(tmp_path / "ten" / f"data_batch_{number}.bin").stat().st_size for number in (1, 2, 3)]
    assert sizes == [3 * 3073, 3 * 3073, 3073]


def test_what_the_files_can_not_hold(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="cifar10 needs a split for every image"):
        write_cifar10(from_arrays(PIXELS[:1], ["a"]), tmp_path / "out")
    with pytest.raises(DataError, match=r"images\[0\]: is \(31, 32, 3\); images of CIFAR's files are \(32, 32, 3\)"):
        write_cifar10(from_arrays(PIXELS[:1, 1:], ["a"], splits=["train"]), tmp_path / "out")
    many = from_arrays(np.zeros((11, 32, 32, 3), np.uint8), list(range(11)), splits=["train"] * 11)
    with pytest.raises(DataError, match="cifar10 holds at most 10 classes, not 11"):
        write_cifar10(many, tmp_path / "out")
    with pytest.raises(DataError, match="no line of text"):
        write_cifar100(from_arrays(PIXELS[:1], ["two\nlines"], splits=["train"]), tmp_path / "out")
    assert list(tmp_path.iterdir()) == []


def test_real_images_there_and_back(archives: Path, tmp_path: Path) -> None:
    source = read_dataset(archives / "cifar10-jpeg.tar.xz")
    assert {split: sum(by_class.values()) for split, by_class in source.counts().items()} == {
        "train": 50_000,
        "test": 10_000,
    }
    few = source.of_split("test")[::500]
    write_cifar10(replace(source, samples=few), tmp_path / "x")
    found = read_dataset(tmp_path / "x")
    assert (found.format, found.classes) == ("cifar10", source.classes)
    assert [sample.known(ClassLabel).index for sample in found.samples] == [
        sample.known(ClassLabel).index for sample in few
    ]
    np.testing.assert_array_equal(pixels(found.samples[-1]), decode(few[-1].image.read()))

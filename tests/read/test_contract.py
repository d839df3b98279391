"""What every reader keeps to: what is written reads back the same, and is nobody else's format."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from foveal.annotations import ClassLabel
from foveal.errors import DataError
from foveal.images import decode
from foveal.images.sources import FileImage
from foveal.read import READERS
from foveal.read.arrays import from_arrays
from foveal.read.dataset import read_dataset
from foveal.read.reader import Reader
from foveal.types import Dataset, Sample

SPLIT_SETS: dict[str, Sequence[str | None]] = {
    "all": ["train", "val", "test"] * 4,
    "none": [None] * 12,
}


SHAPES = {"cifar10": (32, 32, 3), "cifar100": (32, 32, 3)}
NEED_SPLITS = ("idx", "cifar10", "cifar100", "imagefolder")


def made(reader: Reader, splits: Sequence[str | None]) -> Dataset:
    """Grey images, not square, where the format holds such."""
    shape = (12, *SHAPES.get(reader.name, (5, 8)))
    images = np.arange(np.prod(shape), dtype=np.uint32).reshape(shape) % 251
    labels = ["cat", "dog10", "dog9", "cat", "dog9", "dog10"] * 2
    return from_arrays(images.astype(np.uint8), labels, splits=splits)


def target(reader: Reader, tmp_path: Path) -> Path:
    return tmp_path / ("written.npz" if reader.name == "arrays" else "written")


def content(dataset: Dataset) -> list[tuple[bytes, str, str | None]]:
    return sorted(
        (pixels(s).tobytes(), dataset.classes[s.known(ClassLabel).index], s.split or "") for s in dataset.samples
    )


def pixels(sample: Sample) -> np.ndarray:
    return decode(sample.image.read())


@pytest.fixture(params=[each for each in READERS.values() if ClassLabel in each.gives], ids=lambda reader: reader.name)
def reader(request: pytest.FixtureRequest) -> Reader:
    found = request.param
    assert isinstance(found, Reader)
    return found


@pytest.mark.parametrize("splits", SPLIT_SETS)
def test_written_and_read_is_the_same(reader: Reader, splits: str, tmp_path: Path) -> None:
    if reader.name in NEED_SPLITS and splits == "none":
        pytest.skip(f"{reader.name} needs a split for every image")
    dataset = made(reader, SPLIT_SETS[splits])
    path = target(reader, tmp_path)
    reader.write(dataset, path)
    found = reader.read(path)
    assert found.format == reader.name
    assert found.classes == ("cat", "dog9", "dog10")
    assert content(found) == content(dataset)
    assert [other.name for other in READERS.values() if other.recognises(path)] == [reader.name]
    assert read_dataset(path).samples[0].id == found.samples[0].id
    assert len({sample.id for sample in found.samples}) == 12


def test_written_twice_is_the_same(reader: Reader, tmp_path: Path) -> None:
    reader.write(made(reader, SPLIT_SETS["all"]), target(reader, tmp_path))
    first = reader.read(target(reader, tmp_path))
    again = target(reader, tmp_path / "again")
    reader.write(first, again)
    assert [s.id for s in reader.read(again).samples] == [s.id for s in first.samples]
    assert content(reader.read(again)) == content(first)


def test_never_overwrites(reader: Reader, tmp_path: Path) -> None:
    path = target(reader, tmp_path)
    reader.write(made(reader, SPLIT_SETS["all"]), path)
    with pytest.raises(DataError, match="exists already; write to a new place"):
        reader.write(made(reader, SPLIT_SETS["all"]), path)


def test_a_failed_write_leaves_nothing(reader: Reader, tmp_path: Path) -> None:
    dataset = made(reader, SPLIT_SETS["all"])
    broken = replace(dataset.samples[-1], image=FileImage(tmp_path / "missing.png"))
    dataset = replace(dataset, samples=(*dataset.samples[:-1], broken))
    with pytest.raises(DataError, match=r"missing\.png|images\[11\]"):
        reader.write(dataset, target(reader, tmp_path))
    assert list(tmp_path.iterdir()) == []


def test_what_no_format_holds(reader: Reader, tmp_path: Path) -> None:
    dataset = made(reader, SPLIT_SETS["all"])
    path = target(reader, tmp_path)
    unknown = (replace(dataset.samples[0], annotation=None), *dataset.samples[1:])
    with pytest.raises(DataError, match=r"samples without a label can't be written: images\[0\]"):
        reader.write(replace(dataset, samples=unknown), path)
    with pytest.raises(DataError, match="classes without samples can't be written: dog9, dog10"):
        reader.write(replace(dataset, samples=dataset.samples[:1]), path)
    with pytest.raises(DataError, match="there are no samples to write"):
        reader.write(replace(dataset, samples=()), path)


def test_groups_are_kept_or_refused(reader: Reader, tmp_path: Path) -> None:
    dataset = made(reader, SPLIT_SETS["all"])
    grouped = tuple(replace(s, group=f"g{i // 4}") for i, s in enumerate(dataset.samples))
    dataset = replace(dataset, samples=grouped)
    path = target(reader, tmp_path)
    if reader.name in ("csv", "arrays"):
        reader.write(dataset, path)
        assert [s.group for s in reader.read(path).samples] == [s.group for s in grouped]
    else:
        with pytest.raises(DataError, match="can't hold the samples' groups; write csv"):
            reader.write(dataset, path)


def test_recognises_nothing_in_empty_and_odd_folders(reader: Reader, tmp_path: Path) -> None:
    assert not reader.recognises(tmp_path)
    (tmp_path / "notes.txt").write_text("hello", encoding="utf-8")
    assert not reader.recognises(tmp_path)
    assert not reader.recognises(tmp_path / "notes.txt")


def test_titles_are_one_line(reader: Reader) -> None:
    assert READERS[reader.name] is reader
    assert "\n" not in reader.title

"""CIFAR-10 and CIFAR-100 in their binary version: records of labels and 32×32 pixels, and the classes' names as text.

Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images"; the files as its web page lays them out
(www.cs.toronto.edu/~kriz/cifar.html, "Binary version").
"""

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Literal

import numpy as np

from foveal.annotations import ClassLabel
from foveal.errors import DataError, ImageError
from foveal.images.sources import ArrayImage
from foveal.read.names import listed, natural_key, read_lines, refuse, split_of
from foveal.read.once import Once
from foveal.read.reader import Reader
from foveal.read.writing import (
    check_line_names,
    check_writable,
    new_folder,
    pixels_of,
    require_no_groups,
    require_splits,
)
from foveal.types import SPLITS, Dataset, Sample, Split

SHAPE = (32, 32, 3)
_PIXEL_BYTES = 32 * 32 * 3
_PER_FILE = 10_000  # images of a data_batch_*.bin as they are published
_CHUNK = 1000  # records, 3 MB, in memory at once while labels are read

Labels = Literal["fine", "coarse"]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Layout:
    """What the two differ in."""

    format: str
    file: re.Pattern[str]
    """Its first group is the word for the split."""
    names: dict[Labels, str]
    """The files of class names, in the order of a record's label bytes."""
    most_classes: int

    @property
    def record_bytes(self) -> int:
        return len(self.names) + _PIXEL_BYTES


_TEN = _Layout(
    format="cifar10",
    file=re.compile(r"(test|val|data(?=_batch_[0-9]))_batch(?:_[0-9]+)?\.bin"),
    names={"fine": "batches.meta.txt"},
    most_classes=10,
)
_HUNDRED = _Layout(
    format="cifar100",
    file=re.compile(r"(train|val|test)\.bin"),
    names={"coarse": "coarse_label_names.txt", "fine": "fine_label_names.txt"},
    most_classes=100,
)


def read_cifar10(path: Path) -> Dataset:
    """The images of `data_batch_*.bin` for training and `test_batch.bin`, with the classes of `batches.meta.txt`.

    A record is a label byte and 3072 pixel bytes: the red plane, the green and the blue, each 32×32. Ids are
    `data_batch_1[0]`, …. Pixels are kept from the time when a file's first image is asked for.

    Raises DataError for a file of no whole number of records and for a label without a name.
    """
    return _read(path, _TEN, "fine")


def read_cifar100(path: Path, *, labels: Labels = "fine") -> Dataset:
    """The images of `train.bin` and `test.bin`, with the 100 fine classes, or the 20 coarse ones that hold five each.

    As `read_cifar10`, but that a record begins with two labels: the coarse one and the fine one.
    """
    return _read(path, _HUNDRED, labels)


def write_cifar10(dataset: Dataset, path: Path) -> None:
    """Writes the splits to `data_batch_1.bin` and so on, 10,000 images each, `val_batch.bin` and `test_batch.bin`.

    Raises DataError for what they can't hold: images that aren't 32×32 in colour, more than 10 classes, samples
    without a split, groups.
    """
    _check(dataset, path, _TEN)
    with new_folder(path) as folder:
        train = dataset.of_split("train")
        for number, start in enumerate(range(0, len(train), _PER_FILE), start=1):
            _write(folder / f"data_batch_{number}.bin", train[start : start + _PER_FILE], label_bytes=1)
        for split in ("val", "test"):
            _write(folder / f"{split}_batch.bin", dataset.of_split(split), label_bytes=1)
        _write_names(folder / _TEN.names["fine"], dataset.classes)


def write_cifar100(dataset: Dataset, path: Path) -> None:
    """Writes `train.bin`, `val.bin` and `test.bin` with fine labels; the one coarse class is "all".

    Raises DataError as `write_cifar10` does, for more than 100 classes.
    """
    _check(dataset, path, _HUNDRED)
    with new_folder(path) as folder:
        for split in SPLITS:
            _write(folder / f"{split}.bin", dataset.of_split(split), label_bytes=2)
        _write_names(folder / _HUNDRED.names["fine"], dataset.classes)
        _write_names(folder / _HUNDRED.names["coarse"], ("all",))


def _read(path: Path, layout: _Layout, kind: Labels) -> Dataset:
    names = {each: _class_names(path / file) for each, file in layout.names.items()}
    files = [(split, file) for split in SPLITS for file in _files(path, layout, split)]
    if not files:
        raise DataError(f"{path}: no images in files such as {'data_batch_1.bin' if layout is _TEN else 'train.bin'}")
    refuse(path, [fault for _, file in files if (fault := _size_fault(file, layout))])
    samples: list[Sample] = []
    problems: list[str] = []
    for split, file in files:
        labels = _labels(file, layout)
        problems += [fault for each in names if (fault := _label_fault(file, labels[each], names[each]))]
        load = Once(partial(_load_pixels, file, layout))
        known = [ClassLabel(index) for index in range(int(labels[kind].max()) + 1)]
        samples += [
            Sample(id=name, image=ArrayImage(load, i, name), annotation=known[label], split=split)
            for i, label in enumerate(labels[kind].tolist())
            for name in (f"{file.stem}[{i}]",)
        ]
    refuse(path, problems)
    return Dataset(
        name=path.resolve().name, format=layout.format, root=path, classes=names[kind], samples=tuple(samples)
    )


def _recognises(layout: _Layout, path: Path) -> bool:
    """A folder with files named as the published ones, and the names of the classes."""
    if not path.is_dir() or not all((path / name).is_file() for name in layout.names.values()):
        return False
    return any(layout.file.fullmatch(file.name) for file in path.iterdir())


def _files(path: Path, layout: _Layout, split: Split) -> list[Path]:
    """The split's files in natural order."""
    found = []
    for file in path.iterdir():
        match = layout.file.fullmatch(file.name)
        if match and (split_of(match[1]) or "train") == split:
            found.append(file)
    return sorted(found, key=lambda file: natural_key(file.name))


def _class_names(file: Path) -> tuple[str, ...]:
    if not file.is_file():
        raise DataError(f"{file}: no such file; it has to name the classes, one a line")
    names = tuple(line for line in read_lines(file) if line.strip())  # the published file ends in an empty line
    if not names or len(set(names)) < len(names):
        raise DataError(f"{file}: expected the classes' names, one a line and each once, got {listed(names) or 'none'}")
    return names


def _size_fault(file: Path, layout: _Layout) -> str:
    """What is wrong with the file's size; empty where it is right."""
    size, record = file.stat().st_size, layout.record_bytes
    if size and size % record == 0:
        return ""
    images = max(1, math.ceil(size / record))
    return (
        f"{file.name}: expected {images * record:,} bytes for {images:,} images of {record:,} (label and 32×32×3 "
        f"pixels), {size:,} came: the file is cut off or of another format"
    )


def _label_fault(file: Path, labels: np.ndarray, names: Sequence[str]) -> str:
    wrong = np.flatnonzero(labels >= len(names))
    if not len(wrong):
        return ""
    first = int(wrong[0])
    return (
        f"{file.stem}[{first}]: its label is {labels[first]}; the {len(names)} named classes are 0 to {len(names) - 1}"
        f" ({len(wrong):,} such labels in {file.name})"
    )


def _labels(file: Path, layout: _Layout) -> dict[Labels, np.ndarray]:
    """Of each kind (N,) uint8; a few records are in memory at a time."""
    parts = []
    with file.open("rb") as opened:
        while chunk := opened.read(_CHUNK * layout.record_bytes):
            parts.append(_records(chunk, layout)[:, : len(layout.names)].copy())
    labels = np.concatenate(parts)
    return {kind: labels[:, place] for place, kind in enumerate(layout.names)}


def _load_pixels(file: Path, layout: _Layout) -> np.ndarray:
    """(N, 32, 32, 3) uint8."""
    try:
        content = file.read_bytes()
    except OSError as error:
        raise DataError(f"{file}: can't be read: {error}") from error
    planes = _records(content, layout)[:, len(layout.names) :].reshape(-1, 3, 32, 32)
    return np.ascontiguousarray(planes.transpose(0, 2, 3, 1))


def _records(content: bytes, layout: _Layout) -> np.ndarray:
    return np.frombuffer(content, np.uint8).reshape(-1, layout.record_bytes)


def _check(dataset: Dataset, path: Path, layout: _Layout) -> None:
    check_writable(dataset)
    require_no_groups(dataset, layout.format)
    require_splits(dataset, layout.format)
    check_line_names(dataset)
    if len(dataset.classes) > layout.most_classes:
        raise DataError(
            f"{path}: {layout.format} holds at most {layout.most_classes} classes, not {len(dataset.classes)}"
        )


def _write(file: Path, samples: Sequence[Sample], *, label_bytes: int) -> None:
    """Writes one file, where there are samples for it."""
    if not samples:
        return
    with file.open("wb") as opened:
        for sample in samples:
            pixels = pixels_of(sample)
            if pixels.shape != SHAPE:
                raise ImageError(sample.id, f"is {pixels.shape}; images of CIFAR's files are {SHAPE}")
            opened.write(
                bytes([*[0] * (label_bytes - 1), sample.known(ClassLabel).index]) + pixels.transpose(2, 0, 1).tobytes()
            )


def _write_names(file: Path, classes: Sequence[str]) -> None:
    file.write_text("".join(f"{name}\n" for name in classes), encoding="utf-8", newline="\n")


CIFAR10 = Reader(
    name=_TEN.format,
    title="CIFAR-10's binary files: data_batch_*.bin, test_batch.bin and batches.meta.txt",
    recognises=partial(_recognises, _TEN),
    read=read_cifar10,
    write=write_cifar10,
)
CIFAR100 = Reader(
    name=_HUNDRED.format,
    title="CIFAR-100's binary files: train.bin, test.bin, fine_label_names.txt and coarse_label_names.txt",
    recognises=partial(_recognises, _HUNDRED),
    read=read_cifar100,
    write=write_cifar100,
)

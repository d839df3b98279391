"""IDX, the format of MNIST: train-images-idx3-ubyte[.gz], train-labels-idx1-ubyte[.gz], and t10k for test."""

import gzip
import math
import re
import zlib
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np

from foveal.annotations import ClassLabel
from foveal.errors import DataError, ImageError
from foveal.images import MAX_PIXELS
from foveal.images.sources import ArrayImage
from foveal.read.names import listed, read_lines, refuse, split_of
from foveal.read.once import Once
from foveal.read.reader import Reader
from foveal.read.writing import check_line_names, check_writable, new_folder, pixels_of, require_no_groups
from foveal.types import SPLITS, Dataset, Sample, Split

# `train-images.idx3-ubyte` is how some mirrors unpack it.
_FILE = re.compile(r"(train|t10k|test|val|valid|validation)-(images|labels)[-.]idx([134])-ubyte(\.gz)?", re.I)
_UBYTE = 0x08  # the IDX type code of unsigned bytes, the only one that holds images here
_PREFIXES: dict[Split, str] = {"train": "train", "val": "val", "test": "t10k"}
_CLASSES = "classes.txt"


@dataclass(frozen=True, slots=True)
class _Part:
    """The two files of one split."""

    prefix: str
    split: Split
    images: Path
    labels: Path


def read_idx(path: Path) -> Dataset:
    """The images of IDX files in a folder: (N, H, W) grey or (N, H, W, C) bytes, plain or gzipped.

    `t10k` and `test` are the test split. Labels are read; of the pixels only the header, until a sample's are
    asked for: then its split's file is loaded once. Ids are `train[0]`, `t10k[0]`, …. Classes are the label
    values in order, or the lines of `classes.txt`, one name for each value from 0, where there is one. Of a
    file that is there plain and gzipped the plain one is read.

    Raises DataError where a header, a count or a size doesn't fit.
    """
    parts = _parts(path)
    if not parts:
        raise DataError(f"{path}: no IDX files such as train-images-idx3-ubyte.gz and train-labels-idx1-ubyte.gz")
    values = {part.split: _read_labels(part.labels) for part in parts}
    shapes = {part.split: _read_header(part.images, (3, 4)) for part in parts}
    problems = [
        f"{part.images.name} holds {shapes[part.split][0]} images, {part.labels.name} {len(values[part.split])} labels"
        for part in parts
        if shapes[part.split][0] != len(values[part.split])
    ]
    refuse(path, problems)
    classes, known = _classes(path, np.unique(np.concatenate(list(values.values()))).tolist())
    samples: list[Sample] = []
    for part in parts:
        load = Once(partial(_load_pixels, part.images))
        samples += [
            Sample(id=name, image=ArrayImage(load, i, name), annotation=known[value], split=part.split)
            for i, value in enumerate(values[part.split].tolist())
            for name in (f"{part.prefix}[{i}]",)
        ]
    name = path.resolve().name
    return Dataset(name=name, format=IDX.name, root=path, classes=classes, samples=tuple(samples))


def recognises_idx(path: Path) -> bool:
    """A folder with a file named like MNIST's."""
    return path.is_dir() and any(_FILE.fullmatch(file.name) for file in path.iterdir())


def write_idx(dataset: Dataset, path: Path) -> None:
    """Writes gzipped IDX files, one pair a split, and `classes.txt` where names are not the label values.

    Raises DataError for samples without a split, groups, and images that differ in size or channels.
    """
    check_writable(dataset)
    require_no_groups(dataset, "IDX")
    unsplit = [sample.id for sample in dataset.samples if sample.split is None]
    if unsplit:
        raise DataError(f"{path}: IDX files are train, val or test; assign splits first to {listed(unsplit)}")
    if len(dataset.classes) > 256:
        raise DataError(f"{path}: IDX holds at most 256 classes, not {len(dataset.classes)}")
    check_line_names(dataset)
    with new_folder(path) as folder:
        for split in SPLITS:
            if chosen := dataset.of_split(split):
                _write_split(folder, _PREFIXES[split], chosen)
        if dataset.classes != tuple(str(label) for label in range(len(dataset.classes))):
            text = "".join(f"{name}\n" for name in dataset.classes)
            (folder / _CLASSES).write_text(text, encoding="utf-8", newline="\n")


def _parts(path: Path) -> list[_Part]:
    found: dict[tuple[str, str], Path] = {}
    for file in sorted(path.iterdir(), reverse=True):  # "x.gz" comes before "x", which then replaces it
        if match := _FILE.fullmatch(file.name):
            found[match[1].lower(), match[2].lower()] = file
    problems, parts = [], []
    for prefix in dict.fromkeys(prefix for prefix, _ in sorted(found)):
        images, labels = found.get((prefix, "images")), found.get((prefix, "labels"))
        if images is None or labels is None:
            problems.append(f"{prefix}-{'images' if images is None else 'labels'} is missing")
            continue
        split = "test" if prefix == "t10k" else split_of(prefix)
        assert split is not None
        parts.append(_Part(prefix, split, images, labels))
    for split in SPLITS:
        named = [part.prefix for part in parts if part.split == split]
        if len(named) > 1:
            problems.append(f"{' and '.join(named)} both mean the {split} split; leave one")
    refuse(path, problems)
    return sorted(parts, key=lambda part: SPLITS.index(part.split))


def _read(file: Path, size_bytes: int) -> bytes:
    """The first bytes of a file, unpacked where it is gzipped."""
    try:
        with file.open("rb") as opened:
            if file.suffix.lower() == ".gz":
                return gzip.GzipFile(fileobj=opened).read(size_bytes)
            return opened.read(size_bytes)
    except (OSError, EOFError, zlib.error) as error:
        raise DataError(f"{file}: can't be read: {error}") from error


def _read_header(file: Path, dimensions: tuple[int, ...]) -> tuple[int, ...]:
    """The shape that the file's header states, checked against its size where that is known unpacked."""
    head = _read(file, 4 + 4 * max(dimensions))
    if len(head) < 4 or head[:2] != b"\0\0" or head[2] != _UBYTE or head[3] not in dimensions:
        wanted = " or ".join(f"00 00 08 {n:02x}" for n in dimensions)
        raise DataError(f"{file}: expected the IDX magic number {wanted}, got {head[:4].hex(' ') or 'nothing'}")
    if len(head) < 4 + 4 * head[3]:
        raise DataError(f"{file}: the file ends inside its header")
    shape = tuple(int(side) for side in np.frombuffer(head, ">u4", count=head[3], offset=4))
    if len(shape) > 1 and not 0 < math.prod(shape[1:]) <= MAX_PIXELS:
        raise DataError(f"{file}: the header states images of shape {shape[1:]}")
    if file.suffix.lower() != ".gz" and file.stat().st_size != _size_bytes(shape):
        raise DataError(
            f"{file}: its header {shape} makes {_size_bytes(shape)} bytes, the file has {file.stat().st_size}"
        )
    return shape


def _size_bytes(shape: tuple[int, ...]) -> int:
    return 4 + 4 * len(shape) + math.prod(shape)


def _load_array(file: Path, shape: tuple[int, ...]) -> np.ndarray:
    data = _read(file, _size_bytes(shape) + 1)  # one more, to see that there is none
    if len(data) != _size_bytes(shape):
        less_or_more = "fewer" if len(data) < _size_bytes(shape) else "more"
        raise DataError(f"{file}: its header {shape} makes {_size_bytes(shape)} bytes, the file has {less_or_more}")
    return np.frombuffer(data, np.uint8, offset=4 + 4 * len(shape)).reshape(shape)


def _read_labels(file: Path) -> np.ndarray:
    return _load_array(file, _read_header(file, (1,)))


def _load_pixels(file: Path) -> np.ndarray:
    return _load_array(file, _read_header(file, (3, 4)))


def _classes(path: Path, values: list[int]) -> tuple[tuple[str, ...], dict[int, ClassLabel]]:
    """Class names, and what each label value says."""
    file = path / _CLASSES
    if not file.is_file():
        return tuple(str(value) for value in values), {value: ClassLabel(index) for index, value in enumerate(values)}
    names = tuple(line for line in read_lines(file) if line.strip())
    if values and values[-1] >= len(names):
        raise DataError(f"{file}: has {len(names)} names, but a label is {values[-1]}")
    return names, {value: ClassLabel(value) for value in values}


def _write_split(folder: Path, prefix: str, samples: tuple[Sample, ...]) -> None:
    first = pixels_of(samples[0])
    images = np.empty((len(samples), *first.shape), np.uint8)
    for i, sample in enumerate(samples):
        pixels = pixels_of(sample)
        if pixels.shape != first.shape:
            raise ImageError(
                sample.id, f"is {pixels.shape}, {samples[0].id} is {first.shape}; IDX images have one size"
            )
        images[i] = pixels
    if first.shape[2] == 1:
        images = images[:, :, :, 0]
    labels = np.array([sample.known(ClassLabel).index for sample in samples], np.uint8)
    _write_array(folder / f"{prefix}-images-idx{images.ndim}-ubyte.gz", images)
    _write_array(folder / f"{prefix}-labels-idx1-ubyte.gz", labels)


def _write_array(file: Path, array: np.ndarray) -> None:
    header = bytes([0, 0, _UBYTE, array.ndim]) + np.array(array.shape, ">u4").tobytes()
    # No time of writing in the gzip header: the same data set makes the same bytes.
    with gzip.GzipFile(file, "wb", compresslevel=6, mtime=0) as opened:
        opened.write(header)
        opened.write(array.tobytes())


IDX = Reader(
    name="idx",
    title="a folder with train-images-idx3-ubyte[.gz], train-labels-idx1-ubyte[.gz]; t10k-… for test",
    recognises=recognises_idx,
    read=read_idx,
    write=write_idx,
)

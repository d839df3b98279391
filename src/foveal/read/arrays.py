"""Arrays from Python, and .npz files of them."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from foveal.annotations import ClassLabel, LabelSet, Numbers
from foveal.errors import DataError
from foveal.files import atomic_path
from foveal.images.arrays import MAX_CHANNELS
from foveal.images.sources import ArrayImage, FileImage
from foveal.read.checks import checked
from foveal.read.names import listed, split_of
from foveal.read.once import Once
from foveal.read.reader import Reader
from foveal.read.taught import class_names, taught
from foveal.read.writing import check_writable, pixels_of, refuse_existing
from foveal.types import SPLITS, Dataset, ImageRef, Sample, Split

_KEYS = ("images", "labels", "classes", "splits", "groups", "ids")


def from_arrays(
    images: np.ndarray | Sequence[Any],
    labels: Sequence[Any] | np.ndarray,
    *,
    classes: Sequence[str] | None = None,
    splits: Sequence[str | None] | None = None,
    groups: Sequence[str | None] | None = None,
    name: str = "arrays",
) -> Dataset:
    """A data set of images in memory, which are neither copied nor looked at before they are needed.

    images: (N, H, W) or (N, H, W, C), C up to 16, or a list of (H, W[, C]) arrays of any sizes or of paths;
    bool, uint8, uint16 or float in [0, 1]. labels: N strings; or N integers, which index `classes` where
    those are given and otherwise are class names themselves; or numbers to tell, float (N,) or (N, T); or for several
    labels an image 0 and 1, integer or bool (N, K), K from 2 on. `classes` then names the columns. splits: train, val,
    test or None for each image. groups: which images belong together. Ids are `images[0]`, …, or the paths.

    Raises DataError for shapes, types, lengths and labels that don't fit.
    """
    sources = _sources(images)
    known, names = taught(labels, classes)
    given = {"labels": known, "splits": splits, "groups": groups}
    for what, each in given.items():
        if each is not None and len(each) != len(sources):
            raise DataError(f"{len(sources)} images, but {len(each)} {what}")
    samples = [
        Sample(
            id=own,
            image=image,
            annotation=known[i],
            split=None if splits is None else _split(splits[i], i),
            group=None if groups is None or groups[i] is None else str(groups[i]),
        )
        for i, (own, image) in enumerate(sources)
    ]
    return checked(_dataset(samples, names, name=name, root=None), name)


def from_samples(samples: Sequence[Sample], classes: Sequence[str]) -> Dataset:
    """A data set of samples made by hand, in their order."""
    return checked(_dataset(samples, class_names(classes), name="samples", root=None), "samples")


def read_npz(path: Path) -> Dataset:
    """The data set in a .npz file: `images` and `labels`; if wanted `classes`, `splits`, `groups` and `ids`.

    They are what `from_arrays` takes; an empty string stands for no split or group. Nothing pickled is
    loaded, and the images only when a sample's pixels are asked for, once. Raises DataError.
    """
    shape, dtype = _header_of_images(path)
    _check_stack(shape, dtype)
    small = _load_small(path)
    if "labels" not in small:
        raise DataError(f"{path}: expected the arrays images and labels, found images and {listed(list(small))}")
    known, names = taught(small["labels"], small["classes"].tolist() if "classes" in small else None)
    for key, each in small.items():
        if key != "classes" and (each.shape[:1] != (shape[0],) or (each.ndim > 1 and key != "labels")):
            raise DataError(f"{path}: {shape[0]} images, but {key} has the shape {each.shape}")
    load = Once(partial(_load_images, path))
    texts = {key: [str(value) for value in small[key]] for key in ("splits", "groups", "ids") if key in small}
    ids = texts["ids"] if "ids" in texts else _names(shape[0])
    samples = [
        Sample(
            id=ids[i],
            image=ArrayImage(load, i, ids[i]),
            annotation=known[i],
            split=_split(texts["splits"][i], i) if "splits" in texts else None,
            group=(texts["groups"][i] or None) if "groups" in texts else None,
        )
        for i in range(shape[0])
    ]
    return _dataset(samples, names, name=path.stem, root=path.parent)


def recognises_npz(path: Path) -> bool:
    """A .npz file."""
    return path.suffix.lower() == ".npz" and path.is_file()


def write_npz(dataset: Dataset, path: Path) -> None:
    """Decodes every image and writes one compressed .npz file.

    Raises DataError where the images differ in size or channels, where `path` exists or doesn't end in .npz.
    """
    labels = _labels_to_write(dataset)
    if path.suffix.lower() != ".npz":
        raise DataError(f"{path}: an array file's name ends in .npz")
    refuse_existing(path)
    first = pixels_of(dataset.samples[0])
    images = np.empty((len(dataset.samples), *first.shape), np.uint8)
    for i, sample in enumerate(dataset.samples):
        pixels = pixels_of(sample)
        if pixels.shape != first.shape:
            raise DataError(
                f"{path}: {sample.id} is {pixels.shape}, {dataset.samples[0].id} is {first.shape}; "
                "one array holds images of one size"
            )
        images[i] = pixels
    with atomic_path(path) as temporary, temporary.open("wb") as file:
        np.savez_compressed(
            file,
            images=images,
            labels=labels,
            classes=np.array(dataset.classes),
            splits=np.array([sample.split or "" for sample in dataset.samples]),
            groups=np.array([sample.group or "" for sample in dataset.samples]),
            ids=np.array([sample.id for sample in dataset.samples]),
        )


def _labels_to_write(dataset: Dataset) -> np.ndarray:
    """What `taught` reads. Raises DataError for what it wouldn't read back."""
    if dataset.annotates is Numbers:
        return np.array([sample.known(Numbers).values for sample in dataset.samples], np.float64)
    if dataset.annotates is LabelSet:
        sets = [sample.known(LabelSet).indices for sample in dataset.samples]
        return np.array([[label in each for label in range(len(dataset.classes))] for each in sets])
    check_writable(dataset)
    return np.array([sample.known(ClassLabel).index for sample in dataset.samples], np.int64)


def _sources(images: np.ndarray | Sequence[Any]) -> list[tuple[str, ImageRef]]:
    """Each image's id, and where it is."""
    if isinstance(images, np.ndarray) and images.dtype != object:
        _check_stack(images.shape, images.dtype)
        load = _Kept(images)
        return _rows(load, len(images))
    items = list(images)
    if items and all(isinstance(item, (str, Path)) for item in items):
        return [(path.as_posix(), FileImage(path)) for path in map(Path, items)]
    for i, item in enumerate(items):
        if not isinstance(item, np.ndarray):
            raise DataError(f"images[{i}]: expected an array or a path (all alike), got {type(item).__name__}")
        _check_shape(f"images[{i}]", "(H, W) or (H, W, C)", item.shape, 2)
        _check_dtype(f"images[{i}]", item.dtype)
    return _rows(_Kept(items), len(items))


def _rows(load: Callable[[], Any], count: int) -> list[tuple[str, ImageRef]]:
    return [(name, ArrayImage(load, i, name)) for i, name in enumerate(_names(count))]


def _names(count: int) -> list[str]:
    """Of the rows of an array."""
    return [f"images[{i}]" for i in range(count)]


class _Kept:
    """Gives the images it was made with; unlike a lambda it can be sent to another process."""

    def __init__(self, images: np.ndarray | Sequence[np.ndarray]) -> None:
        self._images = images

    def __call__(self) -> np.ndarray | Sequence[np.ndarray]:
        return self._images


def _check_stack(shape: tuple[int, ...], dtype: np.dtype[Any]) -> None:
    _check_shape("images", "(N, H, W) or (N, H, W, C)", shape, 3)
    _check_dtype("images", dtype)


def _check_shape(what: str, expected: str, shape: tuple[int, ...], ndim: int) -> None:
    has_channels = len(shape) == ndim + 1
    # (N, 1, 8, 8) is surely 8×8 digits with the channel first, and not 1×8 pixels of 8 channels.
    channels_first = has_channels and shape[-3] in (1, 3) and shape[-1] not in (1, 3, 4)
    if len(shape) not in (ndim, ndim + 1) or channels_first or (has_channels and not 1 <= shape[-1] <= MAX_CHANNELS):
        channels_first |= has_channels and shape[-3] <= MAX_CHANNELS
        hint = "; the channels seem to come first: move them last" if channels_first else ""
        raise DataError(f"{what}: expected {expected} with at most {MAX_CHANNELS} channels, got {shape}{hint}")


def _check_dtype(what: str, dtype: np.dtype[Any]) -> None:
    if dtype.kind not in "bf" and dtype not in (np.uint8, np.uint16):
        raise DataError(f"{what}: expected bool, uint8, uint16 or float in [0, 1], got dtype {dtype}")


def _split(text: str | None, index: int) -> Split | None:
    if not text:
        return None
    split = split_of(text)
    if split is None:
        raise DataError(f"splits[{index}]: {text!r} is none of {', '.join(SPLITS)}")
    return split


def _dataset(samples: Sequence[Sample], classes: tuple[str, ...], *, name: str, root: Path | None) -> Dataset:
    return Dataset(name=name, format=ARRAYS.name, root=root, classes=classes, samples=tuple(samples))


def _header_of_images(path: Path) -> tuple[tuple[int, ...], np.dtype[Any]]:
    """Shape and dtype of the array `images`, without its pixels."""
    try:
        with zipfile.ZipFile(path) as archive, archive.open("images.npy") as file:
            version = np.lib.format.read_magic(file)
            read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
            shape, _, dtype = read(file)
            return shape, dtype
    except KeyError:
        raise DataError(f"{path}: expected the arrays images and labels, found no images") from None
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path}: is no readable .npz file: {error}") from error


def _load_small(path: Path) -> dict[str, np.ndarray]:
    """All known arrays but the images."""
    try:
        with np.load(path, allow_pickle=False) as archive:
            return {key: archive[key] for key in _KEYS if key != "images" and key in archive.files}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path}: can't be read: {error}") from error


def _load_images(path: Path) -> np.ndarray:
    try:
        with np.load(path, allow_pickle=False) as archive:
            return archive["images"]
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        raise DataError(f"{path}: can't be read: {error}") from error


ARRAYS = Reader(
    name="arrays",
    title="a .npz file with the arrays images (N, H, W[, C]) and labels (N,); from Python (images, labels)",
    gives=(ClassLabel, LabelSet, Numbers),
    recognises=recognises_npz,
    read=read_npz,
    write=write_npz,
)

"""A data set from what people have: a path in any of the formats, arrays, or samples."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

from foveal.annotations import ClassLabel, Numbers
from foveal.errors import DataError, UsageError, did_you_mean
from foveal.read import LEARNED_FROM, READERS
from foveal.read.annotated import read_for
from foveal.read.archive_path import data_folder, is_archive, open_archive
from foveal.read.arrays import from_arrays, from_samples
from foveal.read.checks import checked
from foveal.read.csv_table import CSV, names_images, read_csv
from foveal.read.names import listed, natural_sorted
from foveal.read.reader import Reader
from foveal.read.taught import as_floats
from foveal.types import Dataset, Sample, TaskName


def read_dataset(
    data: Dataset | Path | str | tuple[Any, Any] | Sequence[Sample],
    *,
    format: str | None = None,
    classes: Sequence[str] | None = None,
    task: TaskName | None = None,
    names: Sequence[str] | None = None,
) -> Dataset:
    """The data set that `data` holds; a Dataset comes back as it is.

    data: a file, a folder, or an archive of one; `(images, labels)`, see `from_arrays`; or a list of Sample with
        `classes`.
    format: a key of `READERS`, for a path only; left out, the one format that recognises the path is taken.
    classes: class names in the order of the labels, for arrays and samples only.
    task: what it is to be read for, where one class an image could be numbers (regress) or labels (multilabel), and a
    table more than one thing. names: of a table's columns of targets or labels (`read_csv`), and of arrays' columns;
    other formats have their own.

    Raises DataError where no format recognises the path, or more than one does, and for all that the format
    itself finds wrong; UsageError for an unknown format or task, or an option that doesn't go with `data`.
    """
    if task is not None and task not in LEARNED_FROM:
        raise UsageError(f"unknown task {task!r}; {did_you_mean(task, LEARNED_FROM)}")
    return read_for(_read(data, format=format, classes=classes, task=task, names=names), task)


def _read(
    data: Any,
    *,
    format: str | None,
    classes: Sequence[str] | None,
    task: TaskName | None,
    names: Sequence[str] | None,
) -> Dataset:
    if isinstance(data, (str, Path)):
        if classes is not None:
            raise UsageError("classes goes with arrays and samples; a file or folder names its own")
        return _read_path(Path(data).expanduser(), format, task, names)
    if format is not None:
        raise UsageError(f"format {format!r} goes with a path, not with {type(data).__name__}")
    if isinstance(data, Dataset):
        return data
    if isinstance(data, Sequence) and data and all(isinstance(sample, Sample) for sample in data):
        if classes is None:
            raise UsageError("a list of samples needs classes=[…], the names that their labels index")
        return from_samples(cast("Sequence[Sample]", data), classes)
    if isinstance(data, tuple) and len(data) == 2:
        images, labels = data
        labels = as_floats(labels) if task is not None and LEARNED_FROM[task] is Numbers else labels
        return from_arrays(images, labels, classes=names if classes is None else classes)
    raise UsageError(
        "expected a path, a Dataset, a pair (images, labels) or a list of Sample, "
        f"got {type(data).__name__}{f' of {len(data)}' if isinstance(data, Sequence) else ''}"
    )


def _read_path(path: Path, format: str | None, task: TaskName | None, names: Sequence[str] | None) -> Dataset:
    try:
        if not path.exists():
            raise DataError(f"{path}: no such file or folder")
        if is_archive(path):
            return checked(_read_archive(path, format, task, names), path)
        return checked(_read_as(_reader_for(path, format), path, task, names), path)
    except OSError as error:
        raise DataError(f"{path}: can't be read: {error}") from error


def _read_archive(path: Path, format: str | None, task: TaskName | None, names: Sequence[str] | None) -> Dataset:
    """What lies in the archive, in whichever format; its name is the archive's without the suffix."""
    root = open_archive(path)
    data = data_folder(root)
    dataset = _read_as(_reader_for(data, format), data, task, names)
    return replace(dataset, name=path.name.split(".")[0], ignored=(*dataset.ignored, *root.ignored))


def _read_as(reader: Reader, path: Path, task: TaskName | None, names: Sequence[str] | None) -> Dataset:
    return read_csv(path, task=task, names=names) if reader is CSV else reader.read(path)


def _reader_for(path: Path, format: str | None) -> Reader:
    if format is not None:
        if format not in READERS:
            raise UsageError(f"unknown format {format!r}; there are {', '.join(READERS)}")
        return READERS[format]
    found = [reader for reader in READERS.values() if reader.recognises(path)]
    found = [reader for reader in found if ClassLabel not in reader.gives] or found
    if len(found) == 1:
        return found[0]
    if not found and names_images(path):
        return CSV  # for the columns that were asked for; or it says what they lack
    if found:
        names = " and ".join(reader.name for reader in found)
        raise DataError(f"{path}: can be read as {names}; say which, such as --format {found[0].name}")
    expected = "\n".join(f"  {reader.name}: {reader.title}" for reader in READERS.values())
    raise DataError(f"{path}: no data set is recognised here, only {_contents(path)}. Expected:\n{expected}")


def _contents(path: Path) -> str:
    if not path.is_dir():
        return f"a file named {path.name}"
    folders = natural_sorted(entry.name for entry in path.iterdir() if entry.is_dir())
    files = natural_sorted(entry.name for entry in path.iterdir() if not entry.is_dir())
    if not folders and not files:
        return "an empty folder"
    counted = [
        f"{len(names)} {kind}{'s' if len(names) != 1 else ''} ({listed(names)})"
        for kind, names in (("folder", folders), ("file", files))
        if names
    ]
    return " and ".join(counted)

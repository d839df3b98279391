"""Hugging Face's image folder: train/metadata.csv or .jsonl with file_name and label, beside the images."""

import csv
import json
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from foveal.annotations import ClassLabel
from foveal.errors import DataError
from foveal.images.sources import FileImage
from foveal.read.csv_columns import Row
from foveal.read.csv_table import Line, check_lines, normal_path, read_csv, recognises_csv
from foveal.read.names import folder_splits, natural_key, natural_sorted, read_lines, refuse, split_of
from foveal.read.reader import Reader
from foveal.read.walk import walk
from foveal.read.writing import (
    check_writable,
    copy_image,
    new_folder,
    relative_name,
    require_no_groups,
    require_splits,
)
from foveal.types import SPLITS, Dataset, Sample, Split

NAMES = ("metadata.csv", "metadata.jsonl")
_SNIFFED = 1 << 16


def read_imagefolder(path: Path) -> Dataset:
    """The images that the metadata of each split's folder names, in its order.

    A split's folder is named like one (`train`, `validation`, `test`, …). Its metadata.csv is a table as `read_csv`
    takes them; in its metadata.jsonl each line is an object with `file_name` and `label`, a text or a whole number.
    File names start at the split's folder. Where no such folder has metadata, one metadata.jsonl in `path` names all,
    and the folders in its file names are the splits as in a table (`folder_splits`). Ids are the paths below `path`.
    Classes are the labels that occur.

    Raises DataError that lists up to 20 problems: besides those of a table, images that no line names, two metadata
    files in one folder, two folders for one split.
    """
    tables: dict[Path, Split | None] = {**metadata_files(path)} or dict.fromkeys(root_metadata(path))
    if not tables:
        raise DataError(f"{path}: no {' or '.join(NAMES)} with file_name and label in folders such as train/ and test/")
    refuse(path, _twice(tables))
    labels = {file: _jsonl_labels(file) if file.suffix == ".jsonl" else _csv_labels(file) for file in tables}
    classes = natural_sorted(label for found in labels.values() for label in found.values())
    known = {name: ClassLabel(index) for index, name in enumerate(classes)}
    samples: list[Sample] = []
    ignored: list[str] = []
    problems: list[str] = []
    for file, split in sorted(tables.items(), key=lambda item: SPLITS.index(item[1] or "train")):
        folder, below = file.parent, "" if file.parent == path else f"{file.parent.name}/"
        splits = folder_splits(labels[file]) if split is None else dict.fromkeys(labels[file], split)
        for name, label in labels[file].items():
            if PurePosixPath(name).is_absolute():
                problems.append(f"{below}{file.name}: {name} has to start at the folder {folder.name}")
            image, split = FileImage(folder / name), splits.get(name)
            samples.append(Sample(id=f"{below}{name}", image=image, annotation=known[label], split=split))
        _look_around(file, below, set(labels[file]), ignored, problems)
    refuse(path, problems)
    return Dataset(
        name=path.resolve().name,
        format=IMAGEFOLDER.name,
        root=path,
        classes=classes,
        samples=tuple(samples),
        ignored=tuple(sorted(ignored, key=natural_key)),
    )


def recognises_imagefolder(path: Path) -> bool:
    """A folder with a split's folder in which metadata with file names and labels lies, or with a metadata.jsonl."""
    return bool(metadata_files(path) or root_metadata(path))


def metadata_files(path: Path) -> dict[Path, Split]:
    """The metadata files that lie in splits' folders and name images and labels, and their splits."""
    if not path.is_dir():
        return {}
    found: dict[Path, Split] = {}
    for folder in sorted(path.iterdir(), key=lambda each: natural_key(each.name)):
        split = split_of(folder.name)
        if split is not None and folder.is_dir():
            files = [folder / name for name in NAMES]
            found.update({file: split for file in files if file.is_file() and _looks_right(file)})
    return found


def root_metadata(path: Path) -> list[Path]:
    """The metadata.jsonl directly in the folder, where there is one; a metadata.csv there is a table like any other."""
    file = path / NAMES[1]
    return [file] if file.is_file() and _looks_right(file) else []


def write_imagefolder(dataset: Dataset, path: Path) -> None:
    """Copies the images to `path/train/`, `path/validation/` and `path/test/`, each with its metadata.csv.

    Raises DataError for what the format can't hold: groups, samples without a split, classes without images.
    """
    check_writable(dataset)
    require_no_groups(dataset, "imagefolder")
    require_splits(dataset, "imagefolder")
    odd = [name for name in dataset.classes if name != name.strip() or not name]
    if odd:
        raise DataError(f"{path}: class names that begin or end in a space can't be written: {odd}")
    with new_folder(path) as folder:
        taken: dict[str, int] = {}
        for split in SPLITS:
            if chosen := dataset.of_split(split):
                _write_split(folder, "validation" if split == "val" else split, chosen, dataset.classes, taken)


def _twice(tables: Mapping[Path, Split | None]) -> list[str]:
    """What is wrong where two files, or two folders, tell of one split."""
    problems = []
    for split in SPLITS:
        names = [f"{file.parent.name}/{file.name}" for file, found in tables.items() if found == split]
        if len(names) > 1:
            problems.append(f"{' and '.join(names)} both tell of the {split} split; leave one")
    return problems


def _look_around(file: Path, below: str, named: set[str], ignored: list[str], problems: list[str]) -> None:
    """Notes what else lies in the metadata's folder, whose path is `below`: images without a line are problems."""
    for other in walk(file.parent):
        name = "/".join(other.parts)
        if other.is_image and name not in named:
            problems.append(f"{below}{name}: has no line in {file.name}; add one, or move it away")
        elif not other.is_image and other.parts != (file.name,):
            ignored.append(f"{below}{name}")


def _looks_right(file: Path) -> bool:
    if file.suffix == ".csv":
        return recognises_csv(file)
    with file.open("rb") as opened:
        start = opened.read(_SNIFFED)
    return b'"file_name"' in start and b'"label"' in start


def _csv_labels(file: Path) -> dict[str, str]:
    """Each image's label."""
    table = read_csv(file)
    if table.annotates is not ClassLabel:
        raise DataError(f"{file}: expected one label an image")
    return {sample.id: table.classes[sample.known(ClassLabel).index] for sample in table.samples}


def _jsonl_labels(file: Path) -> dict[str, str]:
    problems: list[str] = []
    found = []
    for number, line in enumerate(read_lines(file), start=1):
        if line.strip():
            try:
                found.append(_jsonl_line(line, f"{file.name}:{number}"))
            except ValueError as error:
                problems.append(f"{file.name}:{number}: {error}")
    return {line.row.path: line.text for line in check_lines(found, file, problems)}


def _jsonl_line(line: str, where: str) -> Line:
    """Raises ValueError that says what is wrong with the line."""
    found = json.loads(line)
    name, label = (found.get("file_name"), found.get("label")) if isinstance(found, dict) else (None, None)
    is_label = (isinstance(label, str) and label.strip()) or (isinstance(label, int) and not isinstance(label, bool))
    if not isinstance(name, str) or not name.strip() or not is_label:
        raise ValueError("expected an object with file_name, a text, and label, a text or a whole number")
    text = str(label).strip()
    return Line(Row(where, normal_path(name.strip()), (), None, None), text, text)


def _write_split(
    folder: Path, split: str, samples: Sequence[Sample], classes: Sequence[str], taken: dict[str, int]
) -> None:
    (folder / split).mkdir()
    with (folder / split / NAMES[0]).open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file, lineterminator="\n")
        table.writerow(["file_name", "label"])
        for sample in samples:
            name = relative_name(sample, taken, below=[split])
            copy_image(sample, folder / name)
            table.writerow([str(name.relative_to(split)), classes[sample.known(ClassLabel).index]])


IMAGEFOLDER = Reader(
    name="imagefolder",
    title="Hugging Face's image folder: train/metadata.csv (or .jsonl) with file_name and label beside its images",
    recognises=recognises_imagefolder,
    read=read_imagefolder,
    write=write_imagefolder,
)

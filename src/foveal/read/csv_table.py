"""A table with one image a line: labels.csv with a path and what is learned, and if wanted a split and a group."""

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import Any

from foveal.annotations import ClassLabel, LabelSet, Numbers
from foveal.errors import DataError
from foveal.images.sources import FileImage
from foveal.read.csv_columns import (
    GROUP_COLUMNS,
    LABEL_COLUMNS,
    LABELS_COLUMNS,
    PATH_COLUMNS,
    SPLIT_COLUMNS,
    TARGET,
    AnnotatedRows,
    Header,
    Row,
    annotations_in,
)
from foveal.read.names import folder_splits, listed, refuse, split_of, text_of
from foveal.read.reader import Reader
from foveal.read.writing import check_writable, copy_image, new_folder, relative_name
from foveal.types import Dataset, Sample, TaskName

_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}
_LOOKED_AT = 50  # lines, to tell whether a folder's table is one of labels


@dataclass(frozen=True, slots=True)
class Line:
    """A row and what it says of its image."""

    row: Row
    value: Any
    text: str
    """The cells it was read from."""


def read_csv(
    path: Path | str,
    *,
    task: TaskName | None = None,
    names: Sequence[str] | None = None,
    path_column: str | None = None,
    label_column: str | None = None,
    split_column: str | None = None,
    group_column: str | None = None,
) -> Dataset:
    """The images that a CSV or TSV file names, in its order. `path` is the file, or a folder with one such.

    UTF-8, with a header; commas, semicolons or tabs, whichever gives a path column. Columns are found by the names in
    `PATH_COLUMNS`, `LABEL_COLUMNS`, `LABELS_COLUMNS`, `SPLIT_COLUMNS` and `GROUP_COLUMNS`, or are those given here.
    An image's annotation is one class, several labels (`task="multilabel"`) or numbers (`task="regress"`, or
    `names`, the columns of the targets); where neither is given, what the table is plainly for. A relative path
    starts at the file's folder and may not leave it; an absolute one may lead anywhere. The id is the path as
    written, with forward slashes. A line that repeats another is dropped. Without a split column, splits are the
    paths' first folders, where all are named like splits and of two or more (`folder_splits`).

    Raises DataError that lists up to 20 problems with file and line: missing columns or files, an empty label, what is
    no number, an unknown split, one image with two labels.
    """
    file = _table_in(Path(path) if isinstance(path, str) else path)
    lines = _lines(file)
    wanted = (path_column, label_column, None, split_column, group_column)
    delimiter, header = _find_columns(file, lines[0], wanted)
    problems: list[str] = []
    rows = _rows(file, lines, delimiter, header, problems)
    found = annotations_in(header, rows, problems, task=task, names=names)
    if found is None:
        raise _nothing_to_learn(file, header.names)
    kept = check_lines(_read_lines(rows, found), file, problems)
    root = file.parent
    if not found.classes:
        raise DataError(f"{file}: no image has a label")
    splits = folder_splits(line.row.path for line in kept) if header.split is None else {}
    samples = tuple(
        Sample(
            id=line.row.path,
            image=FileImage(root / line.row.path),
            annotation=line.value,
            split=line.row.split or splits.get(line.row.path),
            group=line.row.group,
        )
        for line in kept
    )
    return Dataset(name=root.resolve().name, format=CSV.name, root=root, classes=found.classes, samples=samples)


def check_lines(lines: Sequence[Line], file: Path, problems: Sequence[str]) -> list[Line]:
    """Those that don't repeat another; relative paths start at the file's folder.

    Raises DataError that lists `problems` and what is wrong with the lines, or where there are none.
    """
    found = list(problems)
    kept = _without_repeats(lines, found)
    found += [problem for line in kept if (problem := _path_problem(line.row, file.parent))]
    refuse(file, found)
    if not kept:
        raise DataError(f"{file}: there are no lines below the header")
    return kept


def recognises_csv(path: Path) -> bool:
    """A .csv or .tsv file, or a folder with exactly one, whose first lines name images and what is learned of them."""
    try:
        file = _table_in(path)
        lines = _first_lines(file)
        delimiter, header = _find_columns(file, lines[0], (None,) * 5)
        found = annotations_in(header, _rows(file, lines, delimiter, header, []), [], task=None, names=None)
    except (DataError, OSError):
        return False
    return found is not None


def names_images(path: Path) -> bool:
    """A .csv or .tsv file, or a folder with exactly one that has a path column, whatever its other columns say."""
    try:
        file = _table_in(path)
        return file == path or bool(_find_columns(file, _first_lines(file)[0], (None,) * 5))
    except (DataError, OSError):
        return False


def write_csv(dataset: Dataset, path: Path) -> None:
    """Writes the folder `path`: `labels.csv`, and in `images/` the files as they are (arrays as PNG)."""
    columns = _columns_to_write(dataset, path)
    optional = [name for name in ("split", "group") if any(getattr(sample, name) for sample in dataset.samples)]
    with new_folder(path) as folder:
        taken: dict[str, int] = {}
        with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(["path", *columns, *optional])
            for sample in dataset.samples:
                name = relative_name(sample, taken, below=["images"])
                copy_image(sample, folder / name)
                extra = [getattr(sample, column) or "" for column in optional]
                table.writerow([str(name), *_cells_to_write(sample, dataset.classes), *extra])


def _columns_to_write(dataset: Dataset, path: Path) -> list[str]:
    """The names of what is learned. Raises DataError for what would read back as something else."""
    odd = [name for name in dataset.classes if name != name.strip() or not name]
    if odd:
        raise DataError(f"{path}: class names that begin or end in a space can't be written: {odd}")
    if dataset.annotates is Numbers:
        return [TARGET + name for name in dataset.classes]
    if dataset.annotates is LabelSet:
        clashing = [name for name in dataset.classes if "|" in name]
        if clashing:
            raise DataError(f"{path}: labels are written with | between them, and can't have it: {listed(clashing)}")
        used = {label for sample in dataset.samples for label in sample.known(LabelSet).indices}
        unused = [name for label, name in enumerate(dataset.classes) if label not in used]
        if unused:
            raise DataError(f"{path}: labels that no image has can't be written: {listed(unused)}")
        return ["labels"]
    check_writable(dataset)
    return ["label"]


def _cells_to_write(sample: Sample, classes: Sequence[str]) -> list[str]:
    if isinstance(sample.annotation, Numbers):
        return [repr(float(value)) for value in sample.annotation.values]
    if isinstance(sample.annotation, LabelSet):
        return ["|".join(classes[label] for label in sample.annotation.indices)]
    return [classes[sample.known(ClassLabel).index]]


def _table_in(path: Path) -> Path:
    if path.is_file():
        if path.suffix.lower() not in (".csv", ".tsv"):
            raise DataError(f"{path}: expected a .csv or .tsv file")
        return path
    if not path.is_dir():
        raise DataError(f"{path}: no such file or folder")
    found = sorted(file for file in path.iterdir() if _is_table(file))
    if len(found) != 1:
        names = listed([file.name for file in found])
        raise DataError(f"{path}: expected one .csv or .tsv file, found {names or 'none'}; name the file itself")
    return found[0]


def _is_table(file: Path) -> bool:
    return file.suffix.lower() in (".csv", ".tsv") and not file.name.startswith(".") and file.is_file()


def _first_lines(file: Path) -> list[str]:
    with file.open(encoding="utf-8-sig", newline="", errors="replace") as opened:
        return [opened.readline(1 << 16), *islice(opened, _LOOKED_AT)]


def _lines(file: Path) -> list[str]:
    text = text_of(file)
    lines = list(io.StringIO(text, newline=""))  # unlike splitlines, at line ends only
    if not lines or not text.strip():
        raise DataError(f"{file}: the file is empty")
    return lines


def _find_columns(file: Path, first_line: str, wanted: Sequence[str | None]) -> tuple[str, Header]:
    """The delimiter that gives a path column and another one, and where the columns are."""
    headers = {delimiter: _split_line(first_line, delimiter) for delimiter in _DELIMITERS}
    found = [(d, header) for d, names in headers.items() if (header := _header(file, names, wanted)) is not None]
    if len(found) == 1:
        return found[0]
    names = max(headers.values(), key=len)
    missing = [name for name in wanted if name is not None and name.casefold() not in map(str.casefold, names)]
    if missing:
        raise DataError(f"{file}:1: no column {listed(missing)}; the header has {', '.join(names)}")
    raise _nothing_to_learn(file, names)


def _nothing_to_learn(file: Path, names: Sequence[str]) -> DataError:
    return DataError(
        f"{file}:1: expected a path column ({', '.join(PATH_COLUMNS)}) and a label column "
        f"({', '.join(LABEL_COLUMNS)}; for several labels {', '.join(LABELS_COLUMNS)}), separated by commas, "
        f"semicolons or tabs; the header has {', '.join(names)} (--target names a column of numbers to tell, "
        "--task multilabel takes columns of 0 and 1)"
    )


def _split_line(line: str, delimiter: str) -> tuple[str, ...]:
    try:
        row = next(csv.reader([line.strip("\r\n")], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return ()
    return tuple(name.strip() for name in row)


def _header(file: Path, names: tuple[str, ...], wanted: Sequence[str | None]) -> Header | None:
    """Where the columns are; None where a wanted one, the path or all but the path is missing."""
    lower = [name.casefold() for name in names]
    known = (PATH_COLUMNS, LABEL_COLUMNS, LABELS_COLUMNS, SPLIT_COLUMNS, GROUP_COLUMNS)
    found: list[int | None] = []
    for own, usual in zip(wanted, known, strict=True):
        choices = usual if own is None else (own.strip().casefold(),)
        place = next((lower.index(name) for name in choices if name in lower), None)
        if place is None and own is not None:
            return None
        found.append(place)
    path, *others = found
    return None if path is None or len(names) < 2 else Header(f"{file}:1", names, path, *others)


def _rows(file: Path, lines: list[str], delimiter: str, header: Header, problems: list[str]) -> list[Row]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    rows = []
    try:
        next(reader)
        for cells in reader:
            where = f"{file.name}:{reader.line_num}"
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != len(header.names):
                problems.append(f"{where}: {len(cells)} cells, the header has {len(header.names)}")
                continue
            row = _row(where, tuple(cell.strip() for cell in cells), header, problems)
            if row is not None:
                rows.append(row)
    except csv.Error as error:
        problems.append(f"{file.name}:{reader.line_num}: {error} (a quote that isn't closed?)")
    return rows


def _row(where: str, cells: tuple[str, ...], header: Header, problems: list[str]) -> Row | None:
    path = cells[header.path]
    split_text = "" if header.split is None else cells[header.split]
    group = "" if header.group is None else cells[header.group]
    split = split_of(split_text)
    found = []
    if not path:
        found.append(f"{where}: the path is empty")
    if split_text and split is None:
        found.append(f"{where}: split {split_text!r} is none of train, val, test")
    problems += found
    return None if found else Row(where, normal_path(path), cells, split, group or None)


def _read_lines(rows: Sequence[Row], found: AnnotatedRows) -> list[Line]:
    """The rows that say something."""
    return [
        Line(row, value, ", ".join(row.cells[column] for column in found.columns))
        for row, value in zip(rows, found.values, strict=True)
        if value is not None
    ]


def normal_path(path: str) -> str:
    """The path with forward slashes and without `.` and `a/..`: two spellings of one file are one id."""
    if Path(path).is_absolute():
        return Path(os.path.normpath(path)).as_posix()
    return PurePosixPath(os.path.normpath(path.replace("\\", "/")).replace("\\", "/")).as_posix()


def _without_repeats(lines: Sequence[Line], problems: list[str]) -> list[Line]:
    first: dict[str, Line] = {}
    for line in lines:
        row, seen = line.row, first.setdefault(line.row.path, line)
        if seen.value != line.value:
            problems.append(f"{row.where}: {row.path} is {line.text!r} here and {seen.text!r} at {seen.row.where}")
        elif (seen.row.split, seen.row.group) != (row.split, row.group):
            problems.append(f"{row.where}: {row.path} has another split or group at {seen.row.where}")
    return list(first.values())


def _path_problem(row: Row, root: Path) -> str | None:
    if not Path(row.path).is_absolute() and row.path.split("/")[0] == "..":
        return f"{row.where}: {row.path} leads out of the table's folder; write it as an absolute path"
    try:
        found = (root / row.path).is_file()
    except (OSError, ValueError):  # a name too long, a null character
        found = False
    return None if found else f"{row.where}: no file {row.path}"


CSV = Reader(
    name="csv",
    title="a .csv or .tsv file, or a folder with exactly one, with the columns path and label (split, group), or path "
    "and labels or numbers",
    gives=(ClassLabel, LabelSet, Numbers),
    recognises=recognises_csv,
    read=read_csv,
    write=write_csv,
)

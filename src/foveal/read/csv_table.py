"""A table with one image a line: labels.csv with a path and a label, and if wanted a split and a group."""

import csv
import io
import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from foveal.errors import DataError
from foveal.read.names import listed, natural_sorted, refuse, split_of
from foveal.read.reader import Reader
from foveal.read.writing import check_writable, copy_image, new_folder, relative_name
from foveal.types import Dataset, Sample, Split

PATH_COLUMNS = ("path", "file", "filename", "file_name", "filepath", "file_path", "image", "image_path")
LABEL_COLUMNS = ("label", "class", "category", "target")
SPLIT_COLUMNS = ("split", "subset")
GROUP_COLUMNS = ("group", "group_id")
"""Names that columns are known by, in any letter case; of several that occur the first here is taken."""

_DELIMITERS = {",": "comma", ";": "semicolon", "\t": "tab"}


@dataclass(frozen=True, slots=True)
class _Columns:
    path: int
    label: int
    split: int | None
    group: int | None


@dataclass(frozen=True, slots=True)
class _Row:
    where: str
    """File and line: `labels.csv:17`."""
    path: str
    label: str
    split: Split | None
    group: str | None


def read_csv(
    path: Path | str,
    *,
    path_column: str | None = None,
    label_column: str | None = None,
    split_column: str | None = None,
    group_column: str | None = None,
) -> Dataset:
    """The images that a CSV or TSV file names, in its order. `path` is the file, or a folder with one such.

    UTF-8, with a header; commas, semicolons or tabs, whichever gives both columns. Columns are found by the
    names in `PATH_COLUMNS`, `LABEL_COLUMNS`, `SPLIT_COLUMNS` and `GROUP_COLUMNS`, or are those given here.
    A relative path starts at the file's folder and may not leave it; an absolute one may lead anywhere. The
    id is the path as written, with forward slashes. A line that repeats another is dropped.

    Raises DataError that lists up to 20 problems with file and line: missing columns or files, an empty
    label, an unknown split, one image with two labels.
    """
    file = _table_in(Path(path))
    lines = _lines(file)
    wanted = (path_column, label_column, split_column, group_column)
    delimiter, columns = _find_columns(file, lines[0], wanted)
    problems: list[str] = []
    rows = _rows(file, lines, delimiter, columns, problems)
    root = file.parent
    kept = _without_repeats(rows, problems)
    problems += [problem for row in kept if (problem := _path_problem(row, root))]
    refuse(file, problems)
    if not kept:
        raise DataError(f"{file}: there are no lines below the header")
    classes = natural_sorted(row.label for row in kept)
    index = {name: label for label, name in enumerate(classes)}
    samples = tuple(
        Sample(id=row.path, image=root / row.path, label=index[row.label], split=row.split, group=row.group)
        for row in kept
    )
    return Dataset(name=root.resolve().name, format=CSV.name, root=root, classes=classes, samples=samples)


def recognises_csv(path: Path) -> bool:
    """A .csv or .tsv file, or a folder with exactly one, whose header names an image and a label column."""
    try:
        file = _table_in(path)
        _find_columns(file, _first_line(file), (None, None, None, None))
    except (DataError, OSError):
        return False
    return True


def write_csv(dataset: Dataset, path: Path) -> None:
    """Writes the folder `path`: `labels.csv`, and in `images/` the files as they are (arrays as PNG)."""
    check_writable(dataset)
    odd = [name for name in dataset.classes if name != name.strip() or not name]
    if odd:
        raise DataError(f"{path}: class names that begin or end in a space can't be written: {odd}")
    optional = [name for name in ("split", "group") if any(getattr(sample, name) for sample in dataset.samples)]
    with new_folder(path) as folder:
        taken: set[str] = set()
        with (folder / "labels.csv").open("w", encoding="utf-8", newline="") as file:
            table = csv.writer(file, lineterminator="\n")
            table.writerow(["path", "label", *optional])
            for sample in dataset.samples:
                assert sample.label is not None
                name = relative_name(sample, taken, below=["images"])
                copy_image(sample, folder / name)
                extra = [getattr(sample, column) or "" for column in optional]
                table.writerow([str(name), dataset.classes[sample.label], *extra])


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


def _first_line(file: Path) -> str:
    with file.open(encoding="utf-8-sig", newline="", errors="replace") as opened:
        return opened.readline(1 << 16)


def _lines(file: Path) -> list[str]:
    try:
        text = file.read_bytes().decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        byte = error.object[error.start]
        raise DataError(f"{file}:{line}: byte 0x{byte:02x} is not UTF-8; save the file as UTF-8") from None
    lines = list(io.StringIO(text, newline=""))  # unlike splitlines, at line ends only
    if not lines or not text.strip():
        raise DataError(f"{file}: the file is empty")
    return lines


def _find_columns(file: Path, header: str, wanted: Sequence[str | None]) -> tuple[str, _Columns]:
    """The delimiter that gives a path and a label column, and where the columns are."""
    headers = {delimiter: _split_line(header, delimiter) for delimiter in _DELIMITERS}
    found = [(d, columns) for d, names in headers.items() if (columns := _columns(names, wanted)) is not None]
    if len(found) == 1:
        return found[0]
    names = max(headers.values(), key=len)
    if any(wanted):
        missing = [name for name in wanted if name is not None and name.casefold() not in names]
        if missing:
            raise DataError(f"{file}:1: no column {listed(missing)}; the header has {', '.join(names)}")
    raise DataError(
        f"{file}:1: expected a path column ({', '.join(PATH_COLUMNS)}) and a label column "
        f"({', '.join(LABEL_COLUMNS)}), separated by commas, semicolons or tabs; "
        f"the header has {', '.join(names)}"
    )


def _split_line(line: str, delimiter: str) -> list[str]:
    try:
        row = next(csv.reader([line.strip("\r\n")], delimiter=delimiter, strict=True), [])
    except csv.Error:
        return []
    return [name.strip().casefold() for name in row]


def _columns(names: list[str], wanted: Sequence[str | None]) -> _Columns | None:
    """Where the columns are; None where a wanted one, the path or the label is missing."""
    known = (PATH_COLUMNS, LABEL_COLUMNS, SPLIT_COLUMNS, GROUP_COLUMNS)
    found: list[int | None] = []
    for own, usual in zip(wanted, known, strict=True):
        choices = usual if own is None else (own.strip().casefold(),)
        place = next((names.index(name) for name in choices if name in names), None)
        if place is None and own is not None:
            return None
        found.append(place)
    path, label, split, group = found
    return None if path is None or label is None else _Columns(path, label, split, group)


def _rows(file: Path, lines: list[str], delimiter: str, columns: _Columns, problems: list[str]) -> list[_Row]:
    reader = csv.reader(lines, delimiter=delimiter, strict=True)
    rows = []
    try:
        width = len(next(reader))
        for cells in reader:
            where = f"{file.name}:{reader.line_num}"
            if not any(cell.strip() for cell in cells):
                continue
            if len(cells) != width:
                problems.append(f"{where}: {len(cells)} cells, the header has {width}")
                continue
            row = _row(where, [cell.strip() for cell in cells], columns, problems)
            if row is not None:
                rows.append(row)
    except csv.Error as error:
        problems.append(f"{file.name}:{reader.line_num}: {error} (a quote that isn't closed?)")
    return rows


def _row(where: str, cells: list[str], columns: _Columns, problems: list[str]) -> _Row | None:
    path, label = cells[columns.path], cells[columns.label]
    split_text = "" if columns.split is None else cells[columns.split]
    group = "" if columns.group is None else cells[columns.group]
    split = split_of(split_text)
    found = []
    if not path:
        found.append(f"{where}: the path is empty")
    if not label:
        found.append(f"{where}: the label is empty")
    if split_text and split is None:
        found.append(f"{where}: split {split_text!r} is none of train, val, test")
    problems += found
    return None if found else _Row(where, _normal(path), label, split, group or None)


def _normal(path: str) -> str:
    """The path with forward slashes and without `.` and `a/..`: two spellings of one file are one id."""
    if Path(path).is_absolute():
        return Path(os.path.normpath(path)).as_posix()
    return PurePosixPath(os.path.normpath(path.replace("\\", "/")).replace("\\", "/")).as_posix()


def _without_repeats(rows: list[_Row], problems: list[str]) -> list[_Row]:
    first: dict[str, _Row] = {}
    for row in rows:
        seen = first.setdefault(row.path, row)
        if seen.label != row.label:
            problems.append(f"{row.where}: {row.path} is {row.label!r} here and {seen.label!r} at {seen.where}")
        elif (seen.split, seen.group) != (row.split, row.group):
            problems.append(f"{row.where}: {row.path} has another split or group at {seen.where}")
    return list(first.values())


def _path_problem(row: _Row, root: Path) -> str | None:
    if not Path(row.path).is_absolute() and row.path.split("/")[0] == "..":
        return f"{row.where}: {row.path} leads out of the table's folder; write it as an absolute path"
    try:
        found = (root / row.path).is_file()
    except (OSError, ValueError):  # a name too long, a null character
        found = False
    return None if found else f"{row.where}: no file {row.path}"


CSV = Reader(
    name="csv",
    title="a .csv or .tsv file, or a folder with exactly one, with the columns path and label (split, group)",
    recognises=recognises_csv,
    read=read_csv,
    write=write_csv,
)

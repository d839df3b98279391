"""What the columns of a table say of its images: one class, several labels or none, or numbers."""

import math
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from foveal.annotations import Annotation, ClassLabel, LabelSet, Numbers
from foveal.errors import DataError
from foveal.read import LEARNED_FROM
from foveal.read.names import listed, natural_sorted
from foveal.types import Split, TaskName

PATH_COLUMNS = ("path", "file", "filename", "file_name", "filepath", "file_path", "image", "image_path")
LABEL_COLUMNS = ("label", "class", "category", "target")
LABELS_COLUMNS = ("labels", "classes", "categories", "tags")
SPLIT_COLUMNS = ("split", "subset")
GROUP_COLUMNS = ("group", "group_id")
"""Names that columns are known by, in any letter case; of several that occur the first here is taken."""
TARGET = "target:"
"""What the name of a column of numbers may begin with; NAME in `target:NAME` is the target's."""
SEPARATORS = ("|", ";", ",")
"""Between the labels of one cell: the first of these that occurs in any cell of the column."""


@dataclass(frozen=True, slots=True)
class Header:
    """A table's first line, and where the columns of known names are."""

    where: str
    """File and line: `labels.csv:1`."""
    names: tuple[str, ...]
    path: int
    label: int | None
    labels: int | None
    split: int | None
    group: int | None

    def find(self, wanted: Sequence[str]) -> tuple[int, ...]:
        """Where the columns called so are, with or without `TARGET` before them. Raises DataError."""
        known = [name.casefold() for name in self.names]
        found = []
        for name in wanted:
            spellings = [each for each in (name.strip().casefold(), TARGET + name.strip().casefold()) if each in known]
            if not spellings:
                raise DataError(f"{self.where}: no column {name}; the header has {', '.join(self.names)}")
            found.append(known.index(spellings[0]))
        return tuple(found)

    @property
    def targets(self) -> tuple[int, ...]:
        """The columns named `target:NAME`."""
        return tuple(i for i, name in enumerate(self.names) if name.casefold().startswith(TARGET))

    @property
    def others(self) -> tuple[int, ...]:
        """The columns that are neither path nor split nor group."""
        return tuple(i for i in range(len(self.names)) if i not in (self.path, self.split, self.group))


@dataclass(frozen=True, slots=True)
class Row:
    """A line below the header."""

    where: str
    """File and line: `labels.csv:17`."""
    path: str
    cells: tuple[str, ...]
    split: Split | None
    group: str | None


@dataclass(frozen=True, slots=True)
class AnnotatedRows:
    """The images' annotations, as the rows have them."""

    classes: tuple[str, ...]
    values: Sequence[Annotation | None]
    """Row by row; None where a problem was noted."""
    columns: tuple[int, ...]
    """Those that were read."""


def annotations_in(
    header: Header,
    rows: Sequence[Row],
    problems: list[str],
    *,
    task: TaskName | None,
    names: Sequence[str] | None,
) -> AnnotatedRows | None:
    """What the rows teach for `task`, or where that is None what they are plainly for; None where that isn't plain.

    names: the columns of targets; for several labels those of 0 and 1, or the labels' names where one column holds all.
    Adds to `problems` what is wrong in the rows. Raises DataError for columns that are missing.
    """
    kind = None if task is None else LEARNED_FROM[task]
    if kind is LabelSet:
        return _label_sets(header, rows, problems, names)
    if kind is Numbers or (task is None and names):
        columns = header.find(names) if names else header.targets
        if not columns and header.label is not None:
            columns = (header.label,)
        return _targets(header, rows, problems, columns, names) if columns else None
    if task is None and header.targets:
        return _targets(header, rows, problems, header.targets, None)
    if header.label is not None:
        column = header.label
        if task is None and _fractions(row.cells[column] for row in rows):
            return _targets(header, rows, problems, (column,), None)
        return _classes(rows, problems, column)
    if task is None and (header.labels is not None or _are_flags(header, rows)):
        return _label_sets(header, rows, problems, None)
    return None


def _classes(rows: Sequence[Row], problems: list[str], column: int) -> AnnotatedRows:
    texts = [row.cells[column] for row in rows]
    classes = natural_sorted(text for text in texts if text)
    known = {name: ClassLabel(index) for index, name in enumerate(classes)}
    problems += [f"{row.where}: the label is empty" for row, text in zip(rows, texts, strict=True) if not text]
    return AnnotatedRows(classes, [known.get(text) for text in texts], (column,))


def _targets(
    header: Header, rows: Sequence[Row], problems: list[str], columns: tuple[int, ...], names: Sequence[str] | None
) -> AnnotatedRows:
    own = [_without_prefix(header.names[column]) for column in columns]
    classes = _different(header, own if names is None else [name.strip() for name in names])
    values = _read(rows, problems, columns, classes, number_in, "expected a finite number such as 3.5")
    return AnnotatedRows(classes, [None if each is None else Numbers(each) for each in values], columns)


def _label_sets(
    header: Header, rows: Sequence[Row], problems: list[str], names: Sequence[str] | None
) -> AnnotatedRows | None:
    one = header.label if header.labels is None else header.labels
    if one is not None:
        return _sets_in_cells(rows, one, names or ())
    columns = header.find(names) if names else header.others
    if not columns:
        return None
    classes = _different(header, names or [header.names[column] for column in columns])
    flags = _read(rows, problems, columns, classes, {"0": False, "1": True}.get, "expected 0 or 1")
    sets = [None if each is None else LabelSet(tuple(i for i, flag in enumerate(each) if flag)) for each in flags]
    return AnnotatedRows(classes, sets, columns)


def _sets_in_cells(rows: Sequence[Row], column: int, names: Sequence[str]) -> AnnotatedRows:
    """Labels of other names than those given come after these."""
    texts = [row.cells[column] for row in rows]
    separator = next((each for each in SEPARATORS if any(each in text for text in texts)), SEPARATORS[0])
    parts = [{part.strip() for part in text.split(separator)} - {""} for text in texts]
    classes = (*names, *natural_sorted(set().union(*parts) - set(names)))
    index = {name: label for label, name in enumerate(classes)}
    sets = [LabelSet(tuple(sorted(index[name] for name in each))) for each in parts]
    return AnnotatedRows(classes, sets, (column,))


def _read(
    rows: Sequence[Row],
    problems: list[str],
    columns: tuple[int, ...],
    names: Sequence[str],
    value_of: Callable[[str], Any],
    expected: str,
) -> list[tuple[Any, ...] | None]:
    """Of each row its cells' values, or None and a problem for each cell that has none."""
    found: list[tuple[Any, ...] | None] = []
    for row in rows:
        values = tuple(value_of(row.cells[column]) for column in columns)
        wrong = [i for i, value in enumerate(values) if value is None]
        problems += [f"{row.where}: {names[i]} is {row.cells[columns[i]]!r}, {expected}" for i in wrong]
        found.append(None if wrong else values)
    return found


def number_in(text: str) -> float | None:
    """The finite number that the text is, with a decimal point; None where it is none."""
    try:
        value = math.nan if "_" in text else float(text)  # Python takes 1_000 for a number; no table means that
    except ValueError:
        return None
    return value if math.isfinite(value) else None


def _fractions(texts: Iterable[str]) -> bool:
    """Whether all that is not empty is a number and some are not whole: no names of classes."""
    values = [number_in(text) for text in texts if text]
    return None not in values and any(value != int(value) for value in values if value is not None)


def _are_flags(header: Header, rows: Sequence[Row]) -> bool:
    """Whether all columns that are not known hold 0 and 1 alone."""
    columns = header.others
    return bool(columns and rows) and all(row.cells[column] in ("0", "1") for row in rows for column in columns)


def _different(header: Header, names: Sequence[str]) -> tuple[str, ...]:
    twice = natural_sorted(name for name in names if names.count(name) > 1)
    if twice or "" in names:
        raise DataError(f"{header.where}: each column needs a name of its own; {listed(twice) or 'one is empty'}")
    return tuple(names)


def _without_prefix(name: str) -> str:
    return name[len(TARGET) :].strip() if name.casefold().startswith(TARGET) else name

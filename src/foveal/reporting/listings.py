"""Tables for the terminal, in plain values."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from foveal.metrics.operating_point import BACKGROUND

MOST_CLASSES = 12
"""Up to which a confusion matrix fits."""


@dataclass(frozen=True, kw_only=True)
class Listing:
    """A table whose first column holds names and all others numbers."""

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    """One cell a column."""
    unbroken: bool = True
    """Whether numbers and their titles stay whole where the terminal is narrow."""


def number(figure: Mapping[str, float | None] | float | None) -> str:
    """Four decimals of a figure with an interval or without."""
    value = figure["value"] if isinstance(figure, Mapping) else figure
    return "undefined" if value is None else f"{value:.4f}"


def by_class(per_class: Mapping[str, Mapping[str, Any]], names: Sequence[str], *, count: str, counted: str) -> Listing:
    """A row a class: how many there were, by the key `count`, titled `counted`; and those figures that all have."""
    measured = [name for name in names if all(name in row for row in per_class.values())]
    return Listing(
        title="by class",
        columns=["class", counted, *(name.replace("_", " ") for name in measured)],
        rows=[
            (name, f"{row[count]:,.0f}", *(number(row[each]) for each in measured)) for name, row in per_class.items()
        ],
    )


def confusion_matrix(result: Mapping[str, Any], *, background: bool = False, shares_of: str = "") -> list[Listing]:
    """The matrix, where it fits. background: whether a last row and column stand for the background. Its cells are
    counts, or with `shares_of` the shares of their row."""
    if len(result["classes"]) > MOST_CLASSES:
        return []
    unit = f", each cell a share of its row's {shares_of}" if shares_of else ""
    names = [*result["classes"], *([BACKGROUND] if background else [])]
    rows = [
        (name, *(_cell(count, sum(row), bool(shares_of)) for count in row))
        for name, row in zip(names, result["confusion"], strict=True)
    ]
    title = f"confusion: rows are the ground truth, columns the predictions{unit}"
    return [Listing(title=title, columns=["", *names], rows=rows, unbroken=False)]


def _cell(count: int, total: int, share: bool) -> str:
    if not count:
        return "·"
    return f"{count / total:.2f}" if share else str(count)

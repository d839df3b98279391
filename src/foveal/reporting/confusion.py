"""The confusion matrix, in numbers or as a heat map, and the most confused pairs.

K classes; the matrix is (K, K), rows the ground truth, columns the predictions.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from foveal.metrics.operating_point import BACKGROUND
from foveal.reporting.markup import Html, join, tag
from foveal.reporting.page import Column, Section, note, table, titled
from foveal.reporting.pictures import png_uri
from foveal.reporting.words import decimal, large, things

MOST_NUMBERS = 30
"""Classes up to which each cell shows its number."""
MOST_PAIRS = 12
RIGHT_RGB, WRONG_RGB = (62, 128, 188), (228, 104, 60)  # read on white and on near-black alike
LEAST_SHARE = 0.005
"""Of a row's pixels, below which a cell is left empty: hardly any is without a single one."""


@dataclass(frozen=True, kw_only=True)
class Counted:
    """What a task's matrix counts."""

    one: str
    axes: str
    shares: bool = False
    """Whether a cell shows its share of the row, because the numbers are large."""
    background: bool = False
    """Whether a last row and column stand for the background."""


def confusion(counts: Sequence[Sequence[int]], names: Sequence[str], counted: Counted) -> Section:
    """The section on mistakes between the classes of those names."""
    classes = [*names, BACKGROUND] if counted.background else names
    matrix = np.array(counts, dtype=np.int64).reshape(len(classes), len(classes))
    numbers = len(classes) <= MOST_NUMBERS
    picture = _numbers(matrix, classes, counted) if numbers else _heat_map(matrix)
    how = (
        f"{counted.axes} Blue is right, orange is wrong; the "
        "shade grows with the square root of the row's share, so that single mistakes stay visible. "
    )
    if not numbers:
        how += f"Both axes run through the {len(classes)} classes in the order of the model file."
    layout = "matrix-pairs narrow" if len(classes) <= 12 else "matrix-pairs"
    body = join(note(how), tag("div", {"class": layout}, picture, _pairs(matrix, classes, counted)))
    return Section(anchor="confusion", title="Confusion matrix", short="Confusion", body=body)


def shades(matrix: np.ndarray) -> np.ndarray:
    """(K, K) in 0..1: the square root of a cell's share of its row, at least 0.1 where there is any image."""
    return np.where(matrix > 0, np.maximum(np.sqrt(_shares(matrix)), 0.1), 0.0)


def _shares(matrix: np.ndarray) -> np.ndarray:
    """(K, K) in 0..1: a cell's share of its row."""
    shares: np.ndarray = matrix / np.maximum(matrix.sum(axis=1, keepdims=True), 1)
    return shares


def _numbers(matrix: np.ndarray, classes: Sequence[str], counted: Counted) -> Html:
    heads = [tag("th", {"scope": "col", "title": name}, tag("span", None, name)) for name in classes]
    head = tag("tr", None, tag("td", None), *heads, tag("th", {"scope": "col"}, tag("span", None, f"{counted.one}s")))
    shade = shades(matrix)
    rows = []
    for row, name in enumerate(classes):
        title = tag("th", {"scope": "row", "title": name}, tag("span", None, name))
        cells = [_cell(matrix, shade, classes, counted, row, column) for column in range(len(classes))]
        number = int(matrix[row].sum())
        total = tag("td", {"class": "total"}, large(number) if counted.shares else f"{number:,}")
        rows.append(tag("tr", None, title, *cells, total))
    size = "large" if len(classes) <= 12 else "small"
    whole = tag("table", {"class": f"matrix {size}"}, tag("thead", None, head), tag("tbody", None, *rows))
    return tag("div", {"class": "scroll"}, whole)


def _cell(
    matrix: np.ndarray, shade: np.ndarray, classes: Sequence[str], counted: Counted, row: int, column: int
) -> Html:
    count, whole = int(matrix[row, column]), int(matrix[row].sum())
    if count == 0 or (counted.shares and count / whole < LEAST_SHARE):
        return tag("td", None)
    kind = "right" if row == column else "wrong"
    strength = float(shade[row, column])
    return tag(
        "td",
        {
            "class": f"{kind} strong" if strength > 0.75 else kind,
            "style": f"--s:{strength:.0%}",
            "title": f"{classes[row]} → {classes[column]}: {count:,} of {whole:,}",
        },
        f"{count / whole:.2f}" if counted.shares else f"{count:,}",
    )


def _heat_map(matrix: np.ndarray) -> Html:
    size = len(matrix)
    pixels = np.empty((size, size, 4), np.uint8)
    pixels[..., :3] = WRONG_RGB
    pixels[np.arange(size), np.arange(size), :3] = RIGHT_RGB
    pixels[..., 3] = np.round(255 * shades(matrix))
    image = tag("img", {"class": "pixels heat", "src": png_uri(pixels), "alt": f"Confusion matrix, {size} × {size}"})
    return tag("figure", {"class": "heat-map"}, tag("figcaption", None, "ground truth ↓, prediction →"), image)


def _pairs(matrix: np.ndarray, classes: Sequence[str], counted: Counted) -> Html:
    totals, share = matrix.sum(axis=1), _shares(matrix)
    wrong = np.where(share >= LEAST_SHARE, matrix, 0) if counted.shares else matrix.copy()
    np.fill_diagonal(wrong, 0)
    if wrong.sum() == 0:
        return titled("Most confused pairs", note(f"None: no {counted.one} was confused with another class."))
    rows, columns = np.nonzero(wrong)
    keys = (-share[rows, columns], -wrong[rows, columns])
    order = np.lexsort((columns, rows, *(keys[::-1] if counted.shares else keys)))
    lines = [
        (
            join(classes[row], tag("span", {"class": "arrow"}, " → "), tag("em", None, classes[column])),
            decimal(float(share[row, column])) if counted.shares else f"{wrong[row, column]:,}",
            large(int(totals[row])) if counted.shares else f"{totals[row]:,}",
        )
        for row, column in zip(rows[order][:MOST_PAIRS], columns[order][:MOST_PAIRS], strict=True)
    ]
    columns_of = [
        Column(title="ground truth → prediction"),
        Column(title="share" if counted.shares else f"{counted.one}s", width="5em", numeric=True),
        Column(title="of", width="4.5em", numeric=True),
    ]
    rest = len(order) - len(lines)
    more = [note(f"And {things(rest, 'more pair')}.")] if rest else []
    return titled("Most confused pairs", table(columns_of, lines), *more)

"""Who is taken for whom: the confusion matrix, in numbers or as a heat map, and the most confused pairs.

Legend: K classes; the matrix is (K, K), a row a true class, a column a predicted one.
"""

from collections.abc import Sequence

import numpy as np

from foveal.reporting.markup import Html, join, tag
from foveal.reporting.page import Column, Section, note, table, titled
from foveal.reporting.pictures import png_uri
from foveal.reporting.words import things

MOST_NUMBERS = 30
"""Classes up to which each cell shows its number."""
MOST_PAIRS = 12
RIGHT_RGB, WRONG_RGB = (62, 128, 188), (228, 104, 60)  # read on white and on near-black alike


def confusion(counts: Sequence[Sequence[int]], classes: Sequence[str]) -> Section:
    """The section on mistakes between classes."""
    matrix = np.array(counts, dtype=np.int64).reshape(len(classes), len(classes))
    numbers = len(classes) <= MOST_NUMBERS
    picture = _numbers(matrix, classes) if numbers else _heat_map(matrix)
    how = (
        "A row is what the images show, a column what the network said. Blue is right, orange is wrong; the "
        "shade grows with the square root of the row's share, so that single mistakes stay visible. "
    )
    if not numbers:
        how += f"Both axes run through the {len(classes)} classes in the order of the model file."
    layout = "matrix-pairs narrow" if len(classes) <= 12 else "matrix-pairs"
    body = join(note(how), tag("div", {"class": layout}, picture, _pairs(matrix, classes)))
    return Section(anchor="confusion", title="What is taken for what", short="Confusion", body=body)


def shades(matrix: np.ndarray) -> np.ndarray:
    """(K, K) in 0..1: the square root of a cell's share of its row, at least 0.1 where there is any image."""
    totals = matrix.sum(axis=1, keepdims=True)
    return np.where(matrix > 0, np.maximum(np.sqrt(matrix / np.maximum(totals, 1)), 0.1), 0.0)


def _numbers(matrix: np.ndarray, classes: Sequence[str]) -> Html:
    heads = [tag("th", {"scope": "col", "title": name}, tag("span", None, name)) for name in classes]
    head = tag("tr", None, tag("td", None), *heads, tag("th", {"scope": "col"}, tag("span", None, "images")))
    shade = shades(matrix)
    rows = []
    for row, name in enumerate(classes):
        title = tag("th", {"scope": "row", "title": name}, tag("span", None, name))
        cells = [_cell(matrix, shade, classes, row, column) for column in range(len(classes))]
        total = tag("td", {"class": "total"}, f"{matrix[row].sum():,}")
        rows.append(tag("tr", None, title, *cells, total))
    size = "large" if len(classes) <= 12 else "small"
    whole = tag("table", {"class": f"matrix {size}"}, tag("thead", None, head), tag("tbody", None, *rows))
    return tag("div", {"class": "scroll"}, whole)


def _cell(matrix: np.ndarray, shade: np.ndarray, classes: Sequence[str], row: int, column: int) -> Html:
    count = int(matrix[row, column])
    if count == 0:
        return tag("td", None)
    kind = "right" if row == column else "wrong"
    strength = float(shade[row, column])
    return tag(
        "td",
        {
            "class": f"{kind} strong" if strength > 0.75 else kind,
            "style": f"--s:{strength:.0%}",
            "title": f"{classes[row]} → {classes[column]}: {count:,} of {matrix[row].sum():,}",
        },
        f"{count:,}",
    )


def _heat_map(matrix: np.ndarray) -> Html:
    size = len(matrix)
    pixels = np.empty((size, size, 4), np.uint8)
    pixels[..., :3] = WRONG_RGB
    pixels[np.arange(size), np.arange(size), :3] = RIGHT_RGB
    pixels[..., 3] = np.round(255 * shades(matrix))
    image = tag("img", {"class": "pixels heat", "src": png_uri(pixels), "alt": f"Confusion matrix, {size} × {size}"})
    return tag("figure", {"class": "heat-map"}, tag("figcaption", None, "truth ↓, said →"), image)


def _pairs(matrix: np.ndarray, classes: Sequence[str]) -> Html:
    wrong = matrix.copy()
    np.fill_diagonal(wrong, 0)
    totals = matrix.sum(axis=1)
    if wrong.sum() == 0:
        return titled("Most confused pairs", note("None: no image was taken for another class."))
    rows, columns = np.nonzero(wrong)
    order = np.lexsort((columns, rows, -wrong[rows, columns] / totals[rows], -wrong[rows, columns]))
    lines = [
        (
            join(classes[row], tag("span", {"class": "arrow"}, " → "), tag("em", None, classes[column])),
            f"{wrong[row, column]:,}",
            f"{totals[row]:,}",
        )
        for row, column in zip(rows[order][:MOST_PAIRS], columns[order][:MOST_PAIRS], strict=True)
    ]
    columns_of = [
        Column(title="truth → said"),
        Column(title="images", width="5em", numeric=True),
        Column(title="of", width="4.5em", numeric=True),
    ]
    rest = len(order) - len(lines)
    more = [note(f"And {things(rest, 'more pair')}.")] if rest else []
    return titled("Most confused pairs", table(columns_of, lines), *more)

"""What is shown of a detector or a segmentation: metrics by class, and images with ground truth and predictions."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from foveal.images.label_map import palette
from foveal.reporting.markup import Html, join, tag
from foveal.reporting.page import Column, Section, folded_table, note, side_by_side, titled, track
from foveal.reporting.pictures import picture
from foveal.reporting.words import count, decimal, interval, interval_of, number_of

LONGEST = 480
"""Pixels of an example's longer side."""
MOST_ROWS = 40
_TITLES = {
    "iou": "IoU",
    "dice": "Dice",
    "boundary_f1": "boundary F1",
    "f1": "F1",
    "mask_AP": "mask AP",
    "mask_AP50": "mask AP50",
}
_SURE = "Small figures and pale bands are 95\u00a0% intervals."


@dataclass(frozen=True, kw_only=True)
class Example:
    """One image twice: with its ground truth, and with its predictions; uint8 (H, W, 3)."""

    ground_truth: np.ndarray
    predicted: np.ndarray
    words: str
    path: str


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Images of the worst figures, the worst first, of the best, the best first, and some of all the others."""

    worst: Sequence[Example]
    best: Sequence[Example]
    random: Sequence[Example]


def by_class(
    per_class: Mapping[str, Mapping],
    *,
    counted: Column,
    plain: Sequence[str] = (),
    with_interval: Sequence[str],
    words: str,
    style: str,
) -> Section:
    """The table by class, worst first.

    counted: the column of counts, by its title. plain and with_interval: names of figures; those that are
    missing of a class get no column. style: a class of style.css.
    """
    names = (*plain, *with_interval)
    shown = [name for name in names if all(name in figures for figures in per_class.values())]
    ordered = sorted(per_class.items(), key=lambda item: _rank(number_of(item[1][shown[0]])))
    columns = [
        Column(title="class", width="10em"),
        counted,
        Column(title=f"{_title(shown[0])}, 0 to 1", width="17%"),
        *(Column(title=_title(name), width="5em" if name in plain else "7.4em", numeric=True) for name in shown),
    ]
    rows = [
        (name, count(figures[counted.title]), _scale(figures[shown[0]]), *(_cell(figures[each]) for each in shown))
        for name, figures in ordered
    ]
    listed = folded_table(columns, rows, most=MOST_ROWS, others="more classes")
    body = join(note(f"Worst first. {words} {_SURE}"), tag("div", {"class": f"by-class {style}"}, listed))
    return Section(anchor="classes", title="Class by class", short="Classes", body=body)


def _rank(value: float | None) -> tuple[bool, float]:
    return value is None, value or 0.0


def examples(shown: Examples, *, coloured: Sequence[str] = ()) -> Section:
    """The worst, the best, and some at random between them; `coloured` are the classes whose pixels have a colour."""
    words = (
        "Left the ground truth, right the predictions. The worst and the best are the ends of all images; those at "
        "random are drawn among the others, and show what to expect. Look for what nobody annotated, and for what is "
        "cut at the edge."
    )
    kinds = (("The worst", shown.worst), ("At random", shown.random), ("The best", shown.best))
    parts = [titled(title, *(_example(each) for each in few)) for title, few in kinds if few]
    body = join(note(words), *([_legend(coloured)] if coloured else []), *parts)
    return Section(anchor="examples", title="Ground truth and predictions", short="Examples", body=body)


def _legend(classes: Sequence[str]) -> Html:
    colours = ["#" + bytes(colour).hex() for colour in palette()[: len(classes)]]
    keys = [
        tag("span", {"class": "swatch", "style": f"--of-class:{colour}"}, name)
        for name, colour in zip(classes, colours, strict=True)
    ]
    return tag("p", {"class": "legend"}, *keys)


def _example(shown: Example) -> Html:
    pair = side_by_side(
        *(
            tag("figure", None, picture(image, f"{what} in {shown.path}", longest=LONGEST))
            for what, image in (("Ground truth", shown.ground_truth), ("Predictions", shown.predicted))
        )
    )
    return join(pair, note(f"{shown.path.rsplit('/', 1)[-1]}: {shown.words}"))


def _scale(figure: object) -> Html:
    value = number_of(figure)
    return Html("") if value is None else track(value, interval_of(figure))


def _title(name: str) -> str:
    return _TITLES.get(name, name)


def _cell(figure: object) -> Html | str:
    ends = interval(figure)
    return join(decimal(figure), tag("small", None, ends)) if ends else decimal(figure)

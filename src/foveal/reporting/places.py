"""What is shown of a detector or a segmentation: figures by class, and images with what is and what was found."""

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
_WITHOUT_INTERVAL = ("AP", "AP50", "AP75", "AR100", "mask_AP", "mask_AP50")
_BOXES = (
    "AP is the area under the highest precision by recall, the mean over overlaps (IoU) from 0.5 to 0.95 that a box "
    "has to reach; AP50 and AP75 are at one of them. AR100 is the share of objects found by a hundred boxes. At the "
    "score's threshold and IoU 0.5, precision is the share of told boxes that are right, recall the share of objects "
    "found, and F1 their harmonic mean. Mask AP goes by the overlap of masks."
)
_PIXELS = (
    "IoU: of the pixels that are the class or were called so, the share that both are and were. Dice: twice those, "
    "over both counts. Boundary F1: how much of the class's outline was met."
)
_SURE = "Small figures and pale bands are 95\u00a0% intervals."


@dataclass(frozen=True, kw_only=True)
class Example:
    """One image twice: with what is there, and with what was found; uint8 (H, W, 3)."""

    truth: np.ndarray
    found: np.ndarray
    words: str
    path: str


@dataclass(frozen=True, kw_only=True)
class Examples:
    """Images of the worst figures, the worst first, of the best, the best first, and some of all the others."""

    worst: Sequence[Example]
    best: Sequence[Example]
    random: Sequence[Example]


def by_class(task: str, per_class: Mapping[str, Mapping]) -> Section:
    """The table by class, worst first."""
    count_name, names, words = (
        ("pixels", ("iou", "dice", "boundary_f1"), _PIXELS)
        if task == "segment"
        else ("objects", (*_WITHOUT_INTERVAL, "precision", "recall", "f1"), _BOXES)
    )
    shown = [name for name in names if all(name in figures for figures in per_class.values())]
    ordered = sorted(per_class.items(), key=lambda item: _rank(number_of(item[1][shown[0]])))
    columns = [
        Column(title="class", width="10em"),
        Column(title=count_name, width="7em" if task == "segment" else "4.5em", numeric=True),
        Column(title=f"{_title(shown[0])}, 0 to 1", width="17%"),
        *(
            Column(title=_title(name), width="5em" if name in _WITHOUT_INTERVAL else "7.4em", numeric=True)
            for name in shown
        ),
    ]
    rows = [
        (name, count(figures[count_name]), _scale(figures[shown[0]]), *(_cell(figures[each]) for each in shown))
        for name, figures in ordered
    ]
    listed = folded_table(columns, rows, most=MOST_ROWS, others="more classes")
    body = join(note(f"Worst first. {words} {_SURE}"), tag("div", {"class": f"by-class {task}"}, listed))
    return Section(anchor="classes", title="Class by class", short="Classes", body=body)


def _rank(value: float | None) -> tuple[bool, float]:
    return value is None, value or 0.0


def examples(shown: Examples, *, coloured: Sequence[str] = ()) -> Section:
    """The worst, the best, and some at random between them; `coloured` are the classes whose pixels have a colour."""
    words = (
        "Left what is there, right what was found. The worst and the best are the ends of all images; those at random "
        "are drawn among the others, and show what to expect. Look for what nobody marked, and for what is cut at the "
        "edge."
    )
    kinds = (("The worst", shown.worst), ("At random", shown.random), ("The best", shown.best))
    parts = [titled(title, *(_example(each) for each in few)) for title, few in kinds if few]
    body = join(note(words), *([_legend(coloured)] if coloured else []), *parts)
    return Section(anchor="examples", title="What it found", short="Examples", body=body)


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
            for what, image in (("Objects", shown.truth), ("What was found", shown.found))
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

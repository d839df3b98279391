"""What is shown of a detector: its figures by class, and images with their objects and what was found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from foveal.reporting.markup import Html, join, tag
from foveal.reporting.page import Column, Section, folded_table, note, side_by_side
from foveal.reporting.pictures import picture
from foveal.reporting.words import count, number_of

LONGEST = 480
"""Pixels of an example's longer side."""
MOST_ROWS = 40
COLUMNS = ("AP", "AP50", "AP75", "AR100")


@dataclass(frozen=True, kw_only=True)
class Example:
    """One image twice: with what is there, and with what was found; uint8 (H, W, 3)."""

    truth: np.ndarray
    found: np.ndarray
    words: str
    path: str


def by_class(per_class: Mapping[str, Mapping]) -> Section:
    """The table by class, worst first."""
    ordered = sorted(per_class.items(), key=lambda item: (item[1]["AP"] is None, item[1]["AP"] or 0.0))
    columns = [
        Column(title="class"),
        Column(title="objects", width="6em", numeric=True),
        *(Column(title=name, width="6em", numeric=True) for name in COLUMNS),
    ]
    rows = [
        (name, count(figures["objects"]), *(_decimal(figures[each]) for each in COLUMNS)) for name, figures in ordered
    ]
    words = (
        "Worst first. AP is the area under the highest precision by recall, the mean over overlaps (IoU) from 0.5 to "
        "0.95 that a box has to reach; AP50 and AP75 are at one of them. AR100 is the share of objects found."
    )
    body = join(note(words), folded_table(columns, rows, most=MOST_ROWS, others="more classes"))
    return Section(anchor="classes", title="Class by class", short="Classes", body=body)


def examples(shown: Sequence[Example]) -> Section:
    """Images with the most missed and invented objects first, then those with the fewest."""
    words = (
        "Left what is there, right what was found with its scores. First the images with the most objects missed and "
        "invented, then those with the fewest. Look for boxes that nobody drew, and for objects cut at the edge."
    )
    body = join(note(words), *(_example(each) for each in shown))
    return Section(anchor="examples", title="What it found", short="Examples", body=body)


def _example(shown: Example) -> Html:
    pair = side_by_side(
        *(
            tag("figure", None, picture(image, f"{what} in {shown.path}", longest=LONGEST))
            for what, image in (("Objects", shown.truth), ("What was found", shown.found))
        )
    )
    return join(pair, note(f"{shown.path.rsplit('/', 1)[-1]}: {shown.words}"))


def _decimal(value: object) -> str:
    number = number_of(value)
    return "–" if number is None else f"{number:.3f}"

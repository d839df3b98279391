"""A detector's mistakes one by one: the surroundings of each box."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from foveal.reporting.markup import Html, join, tag
from foveal.reporting.overlays import CUT
from foveal.reporting.page import Section, note, titled
from foveal.reporting.pictures import picture

_TITLES = {
    "missed": "Missed (false negatives)",
    "invented": "False positives",
    "confused": "Confused with another class",
}
_WORDS = {
    "missed": "The largest first, with the highest score below the threshold of a box on it; a dash where there is "
    "none. Look for kinds that are rare in training, and for annotations of nothing.",
    "invented": "The most confident first, with their score. Some are objects that nobody annotated; others are "
    "second boxes on one object, or boxes that fit too badly.",
    "confused": "The most confident first, as ground truth → prediction, with the score. Look here for wrong labels.",
}


@dataclass(frozen=True, kw_only=True)
class Cutout:
    """One mistake: uint8 (H, W, 3) of at most `CUT` pixels a side, with its box drawn."""

    image: np.ndarray
    words: str
    """The class, or ground truth → prediction."""
    score: float | None
    path: str


@dataclass(frozen=True, kw_only=True)
class Mistakes:
    """The first of one kind, and how many there are."""

    shown: Sequence[Cutout]
    total: int


def cutouts(kinds: Mapping[str, Mistakes]) -> Section:
    """The section on single mistakes: "missed", "invented" and "confused"."""
    parts = [_kind(_TITLES[name], _WORDS[name], mistakes) for name, mistakes in kinds.items()]
    words = (
        "An object is found where a predicted box of its class, with a score from the threshold on, overlaps it by an "
        "IoU of 0.5 or more. The line is the box: of the missed object, or of the prediction."
    )
    return Section(anchor="mistakes", title="Mistakes, one by one", short="Mistakes", body=join(note(words), *parts))


def _kind(title: str, words: str, mistakes: Mistakes) -> Html:
    if not mistakes.total:
        return titled(f"{title}: none")
    few = len(mistakes.shown) < mistakes.total
    number = f"{len(mistakes.shown)} of {mistakes.total:,}" if few else f"{mistakes.total:,}"
    cards = [_card(each) for each in mistakes.shown]
    return titled(f"{title}: {number}", note(words), tag("div", {"class": "pictures"}, *cards))


def _card(cutout: Cutout) -> Html:
    caption = tag(
        "figcaption",
        None,
        tag("span", {"class": "words", "title": cutout.words}, cutout.words),
        tag("span", {"class": "path", "title": cutout.path}, cutout.path.replace("\\", "/").rsplit("/", 1)[-1]),
        tag("span", {"class": "score"}, "–" if cutout.score is None else f"{cutout.score:.3f}"),
    )
    return tag("figure", None, picture(cutout.image, f"{cutout.words}, {cutout.path}", longest=CUT), caption)

"""The Presentation record: all that the report, the terminal and the pictures need to know of a task."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from foveal.reporting.curves import History
from foveal.reporting.listings import Listing
from foveal.reporting.markup import Html
from foveal.reporting.page import Section
from foveal.reporting.words import things
from foveal.types import Dataset, Sample

if TYPE_CHECKING:
    from foveal.reporting.galleries.evaluated import Evaluated


@dataclass(frozen=True, kw_only=True)
class Nouns:
    """What a task's images hold, in words."""

    counted: str
    """One of what the data's counts count, such as "object"."""
    classes: Callable[[int], str] = lambda number: f"in {things(number, 'class', 'classes')}"
    """How many classes there are -> how the images are divided."""
    learned: Callable[[int], str] = lambda number: f"{number} classes"
    """How many classes there are -> what is learned, such as "2 targets to regress"."""
    split_size: Callable[[int, int], str] = lambda images, counted: f"{counted:,}"
    """(images of a split, sum of its counts) -> how large it is."""
    data_lines: Callable[[Dataset], list[str]] = lambda dataset: []
    """Further lines on the data, printed before training."""


@dataclass(frozen=True, kw_only=True)
class Metric:
    """A metric of a whole evaluation, in words."""

    title: str
    hint: str = ""
    """How to read it."""
    in_unit: bool = False
    """Whether it may be of any size; others are near 0 to 1."""

    @property
    def in_line(self) -> str:
        """Its title within a line."""
        return self.title[:1].lower() + self.title[1:]


@dataclass(frozen=True, kw_only=True)
class Headline:
    """What stands large at the top of the report."""

    metric: str
    """A key of `Presentation.metrics`."""
    sentence: str
    """What it was measured on."""


@dataclass(frozen=True, kw_only=True)
class Presentation:
    """Nouns and functions of one task. An evaluation and a result are what `Evaluation.to_json` gives."""

    nouns: Nouns
    metrics: Mapping[str, Metric]
    """By name, in the order in which they stand; others follow under their name."""
    headline: Callable[[Mapping], Headline]
    """Of an evaluation."""

    curves: Callable[[History], list[Html]]
    """The charts of a run, each empty where it has left no record of it."""
    gallery: Callable[["Evaluated"], Any]
    """Pictures of evaluated images, which `sections` shows."""
    sections: Callable[[Mapping, Any], list[Section]]
    """(evaluation, gallery) -> the report's sections of this task, in order."""
    listings: Callable[[Mapping], list[str | Listing]]
    """A result -> sentences and tables that follow the metrics in the terminal."""

    draw_targets: Callable[[list[np.ndarray], Any, Sequence[Sample], Sequence[str]], tuple[list[np.ndarray], list[str]]]
    """(pictures uint8 (H, W, C), the targets of the batch, its samples, class names) -> the pictures with their
    targets drawn on them, and words at each."""

    def metric(self, name: str) -> Metric:
        """The words of a metric; its name where it has none."""
        words = name.replace("_", " ")
        return self.metrics.get(name) or Metric(title=words[:1].upper() + words[1:])

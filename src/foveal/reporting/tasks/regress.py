"""How a regression is shown: numbers of an image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np

from foveal.annotations import Numbers
from foveal.reporting.chart import Point
from foveal.reporting.curves import History, error, loss
from foveal.reporting.headline import evaluated_images
from foveal.reporting.listings import Listing, number
from foveal.reporting.markup import Html, join
from foveal.reporting.numbers import agreement, by_target
from foveal.reporting.page import Section, note
from foveal.reporting.pictures import Shown, predictions
from foveal.reporting.tasks.presentation import Headline, Metric, Nouns, Presentation
from foveal.reporting.words import things
from foveal.types import Dataset, Sample

if TYPE_CHECKING:
    from foveal.reporting.galleries.evaluated import Evaluated

MOST_RANGES = 30
"""Targets whose range is shown before training."""
METRICS = {
    "mae": Metric(title="Mean absolute error", in_unit=True),
    "relative_mae": Metric(title="Mean error, in standard deviations", in_unit=True),
    "rmse": Metric(title="RMSE", hint="root of the mean squared error", in_unit=True),
    "r2": Metric(title="R²", hint="share of the variance explained"),
}


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """Evaluated images."""

    points: Mapping[str, Sequence[Point]] = field(default_factory=dict)
    """By target (true, predicted) of each image."""
    mistakes: Sequence[Shown] = ()
    """The largest errors, largest first."""


def _ranges(dataset: Dataset) -> list[str]:
    """The ends of each target's values."""
    lines = []
    for column, name in enumerate(dataset.classes[:MOST_RANGES]):
        values = [sample.known(Numbers).values[column] for sample in dataset.samples]
        lines.append(f"{name}: {min(values):g} to {max(values):g}")
    return lines


def _headline(evaluation: Mapping) -> Headline:
    metric = "mae" if len(evaluation["classes"]) == 1 else "relative_mae"
    return Headline(metric=metric, sentence=evaluated_images(evaluation))


def _curves(run: History) -> list[Html]:
    errors = [error(run, name, METRICS[name].title) for name in ("mae", "relative_mae")]
    return [loss(run), *errors]


def _gallery(evaluated: "Evaluated") -> Gallery:
    from foveal.reporting.galleries.regress import gallery  # torch is loaded where it is used

    return gallery(evaluated)


def _sections(evaluation: Mapping, gallery: Gallery) -> list[Section]:
    return [agreement(gallery.points), by_target(evaluation["per_target"]), _errors(gallery.mistakes)]


def _errors(shown: Sequence[Shown]) -> Section:
    words = (
        "The largest first, each as ground truth → prediction, and by how many of the target's standard "
        "deviations it is off. Look here for wrong numbers, and for pictures that don't show what the number measures."
    )
    body = join(note(words), predictions(shown, right=False))
    return Section(anchor="mistakes", title="Largest errors", short="Errors", body=body)


def _listings(result: Mapping) -> list[str | Listing]:
    names = ("mae", "rmse", "r2")
    rows = [(target, *(number(row[name]) for name in names)) for target, row in result["per_target"].items()]
    return [Listing(title="by target, mae and rmse in its unit", columns=["target", *names], rows=rows)]


def _draw_targets(
    pictures: list[np.ndarray], targets: Any, samples: Sequence[Sample], classes: Sequence[str]
) -> tuple[list[np.ndarray], list[str]]:
    """The pictures unchanged, and the numbers in their own units."""
    return pictures, [_in_words(sample, classes) for sample in samples]


def _in_words(sample: Sample, names: Sequence[str]) -> str:
    values = sample.known(Numbers).values
    return ", ".join(f"{name} {value:g}" for name, value in zip(names, values, strict=True))


PRESENTATION = Presentation(
    nouns=Nouns(
        counted="image",
        classes=lambda number: f"with {things(number, 'number')} each",
        learned=lambda number: f"{number} {'target' if number == 1 else 'targets'} to regress",
        data_lines=_ranges,
    ),
    metrics=METRICS,
    headline=_headline,
    curves=_curves,
    gallery=_gallery,
    sections=_sections,
    listings=_listings,
    draw_targets=_draw_targets,
)

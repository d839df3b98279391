"""How a segmentation is shown: the class of every pixel."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from foveal.reporting.confusion import Counted, confusion
from foveal.reporting.curves import History, loss, validation
from foveal.reporting.headline import evaluated_images
from foveal.reporting.listings import Listing, by_class, confusion_matrix
from foveal.reporting.markup import Html
from foveal.reporting.overlays import colour_pixels
from foveal.reporting.page import Column, Section
from foveal.reporting.places import Examples, examples
from foveal.reporting.places import by_class as class_by_class
from foveal.reporting.tasks.presentation import Headline, Metric, Nouns, Presentation
from foveal.types import Sample

if TYPE_CHECKING:
    from foveal.reporting.galleries.evaluated import Evaluated

METRICS = {
    "mIoU": Metric(title="Mean IoU of the classes"),
    "pixel_accuracy": Metric(title="Pixel accuracy", hint="share of pixels right"),
    "mean_dice": Metric(title="Dice", hint="mean over classes"),
    "boundary_f1": Metric(title="Boundary F1", hint="mean over classes"),
}
_COUNTED = Counted(
    one="pixel",
    axes="Rows are the ground truth, columns the predictions, a cell the share of its row.",
    shares=True,
)
_OF_CLASS = ("iou", "dice", "boundary_f1")
_BY_CLASS = (
    "IoU: of the pixels that are the class or are predicted as it, the share that are both. Dice: twice those, over "
    "the sum of both counts. Boundary F1: how well the predicted outline matches."
)


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """Evaluated images."""

    examples: Examples
    """With ground truth and predictions."""


def _headline(evaluation: Mapping) -> Headline:
    return Headline(metric="mIoU", sentence=evaluated_images(evaluation))


def _curves(run: History) -> list[Html]:
    return [loss(run), validation(run, "mIoU", "Mean IoU")]


def _gallery(evaluated: "Evaluated") -> Gallery:
    from foveal.reporting.galleries.segment import gallery  # torch is loaded where it is used

    return gallery(evaluated)


def _sections(evaluation: Mapping, gallery: Gallery) -> list[Section]:
    return [
        class_by_class(
            evaluation["per_class"],
            counted=Column(title="pixels", width="7em", numeric=True),
            with_interval=_OF_CLASS,
            words=_BY_CLASS,
            style="segment",
        ),
        confusion(evaluation["confusion"], evaluation["classes"], _COUNTED),
        examples(gallery.examples, coloured=evaluation["classes"]),
    ]


def _listings(result: Mapping) -> list[str | Listing]:
    classes = by_class(result["per_class"], _OF_CLASS, count="pixels", counted="pixels")
    return [classes, *confusion_matrix(result, shares_of="pixels")]


def _draw_targets(
    pictures: list[np.ndarray], targets: Any, samples: Sequence[Sample], classes: Sequence[str]
) -> tuple[list[np.ndarray], list[str]]:
    """The classes' colours on the pictures. targets: `foveal.tasks.segment.LabelMaps`."""
    drawn = [colour_pixels(*pair) for pair in zip(pictures, targets.labels.numpy(), strict=True)]
    return drawn, [""] * len(pictures)


PRESENTATION = Presentation(
    nouns=Nouns(
        counted="image",
    ),
    metrics=METRICS,
    headline=_headline,
    curves=_curves,
    gallery=_gallery,
    sections=_sections,
    listings=_listings,
    draw_targets=_draw_targets,
)

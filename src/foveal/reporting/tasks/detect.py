"""How a detection is shown: boxes of objects, and their masks where they were learned. M objects of an image."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from foveal.annotations import RunLengths
from foveal.ops.masks import on_grid, run_lengths
from foveal.reporting.confusion import Counted, confusion
from foveal.reporting.curves import History, loss, validation
from foveal.reporting.cutouts import Mistakes, cutouts
from foveal.reporting.headline import evaluated_images
from foveal.reporting.listings import Listing, by_class, confusion_matrix
from foveal.reporting.markup import Html
from foveal.reporting.overlays import draw_objects
from foveal.reporting.page import Column, Section
from foveal.reporting.places import Examples, examples
from foveal.reporting.places import by_class as class_by_class
from foveal.reporting.precision_recall import precision_recall
from foveal.reporting.tasks.presentation import Headline, Metric, Nouns, Presentation
from foveal.reporting.words import things
from foveal.types import Sample

if TYPE_CHECKING:
    from foveal.reporting.galleries.evaluated import Evaluated

METRICS = {
    "AP": Metric(title="Average precision"),
    "mask_AP": Metric(title="Mask AP", hint="average precision of masks"),
    "mask_AP50": Metric(title="Mask AP50", hint="masks overlap by half"),
    "AP50": Metric(title="AP50", hint="boxes overlap by half"),
    "AP75": Metric(title="AP75", hint="by three quarters"),
    "precision": Metric(title="Precision", hint="of the detections, at the threshold"),
    "recall": Metric(title="Recall", hint="of the objects, at the threshold"),
    "f1": Metric(title="F1", hint="harmonic mean of both"),
    "APs": Metric(title="AP, small", hint="up to 32 × 32 pixels"),
    "APm": Metric(title="AP, medium", hint="up to 96 × 96 pixels"),
    "APl": Metric(title="AP, large", hint="above"),
    "AR1": Metric(title="AR1", hint="recall of one box an image"),
    "AR10": Metric(title="AR10", hint="of ten"),
    "AR100": Metric(title="AR100", hint="of a hundred"),
    "ARs": Metric(title="AR, small", hint="up to 32 × 32 pixels"),
    "ARm": Metric(title="AR, medium", hint="up to 96 × 96 pixels"),
    "ARl": Metric(title="AR, large", hint="above"),
}
_COUNTED = Counted(
    one="object",
    axes="Rows are the ground truth, columns the predictions with a score from the threshold on. The last row holds "
    "the false positives, the last column what was missed (false negatives).",
    background=True,
)
_WITHOUT_INTERVAL = ("AP", "AP50", "AP75", "AR100", "mask_AP", "mask_AP50")
_AT_THRESHOLD = ("precision", "recall", "f1")
_BY_CLASS = (
    "AP is the area under the highest precision by recall, the mean over overlaps (IoU) from 0.5 to 0.95 that a box "
    "has to reach; AP50 and AP75 are at one of them. AR100 is the share of objects found by a hundred boxes. At the "
    "score's threshold and IoU 0.5, precision is the share of predicted boxes that are right, recall the share of "
    "objects found, and F1 their harmonic mean. Mask AP goes by the overlap of masks."
)


@dataclass(frozen=True, kw_only=True)
class Gallery:
    """Evaluated images."""

    examples: Examples
    """With ground truth and predictions."""
    cutouts: Mapping[str, Mistakes]
    """False negatives as "missed", false positives as "invented", and those "confused" with another class."""


def _headline(evaluation: Mapping) -> Headline:
    objects = sum(figures["objects"] for figures in evaluation["per_class"].values())
    return Headline(metric="AP", sentence=f"{things(int(objects), 'object')} in {evaluated_images(evaluation)}")


def _curves(run: History) -> list[Html]:
    return [loss(run), validation(run, "AP", "Average precision")]


def _gallery(evaluated: "Evaluated") -> Gallery:
    from foveal.reporting.galleries.detect import gallery  # torch is loaded where it is used

    return gallery(evaluated)


def _sections(evaluation: Mapping, gallery: Gallery) -> list[Section]:
    return [
        precision_recall(evaluation),
        class_by_class(
            evaluation["per_class"],
            counted=Column(title="objects", width="4.5em", numeric=True),
            plain=_WITHOUT_INTERVAL,
            with_interval=_AT_THRESHOLD,
            words=_BY_CLASS,
            style="detect",
        ),
        confusion(evaluation["confusion"], evaluation["classes"], _COUNTED),
        cutouts(gallery.cutouts),
        examples(gallery.examples),
    ]


def _listings(result: Mapping) -> list[str | Listing]:
    names = (*_WITHOUT_INTERVAL, *_AT_THRESHOLD)
    return [
        f"precision, recall and f1: of detections with a score from {result['score_threshold']:g} on\n",
        by_class(result["per_class"], names, count="objects", counted="objects"),
        *confusion_matrix(result, background=True),
    ]


def _draw_targets(
    pictures: list[np.ndarray], targets: Any, samples: Sequence[Sample], classes: Sequence[str]
) -> tuple[list[np.ndarray], list[str]]:
    """The boxes and masks of the objects that are learned, on the pictures. targets: `foveal.tasks.truths.Truths`."""
    drawn = [_with_objects(picture, targets, row, classes) for row, picture in enumerate(pictures)]
    return drawn, [""] * len(pictures)


def _with_objects(picture: np.ndarray, targets: Any, row: int, classes: Sequence[str]) -> np.ndarray:
    learned = ~targets.spared[row]
    labels = targets.labels[row][learned].tolist()
    masks = _masks(targets.outlines[row].kept(learned), picture)
    boxes: np.ndarray = targets.boxes_xyxy[row][learned].numpy()
    return draw_objects(picture, boxes, labels, [classes[label] for label in labels], masks)


def _masks(outlines: Any, picture: np.ndarray) -> list[RunLengths | None]:
    """The objects' masks in the frame of the picture."""
    height, width = picture.shape[:2]
    return [
        None if mask is None else run_lengths(on_grid(mask, outlines.to_frame, max(height, width))[:height, :width])
        for mask in outlines.masks
    ]


PRESENTATION = Presentation(
    nouns=Nouns(
        counted="object",
    ),
    metrics=METRICS,
    headline=_headline,
    curves=_curves,
    gallery=_gallery,
    sections=_sections,
    listings=_listings,
    draw_targets=_draw_targets,
)

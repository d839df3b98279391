"""COCO's twelve numbers with the overlap of masks: what `pycocotools` calls "segm"."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from foveal.metrics.detection import LIMITS, RESAMPLES, DetectionMetrics, Found, Truth, detection_metrics
from foveal.metrics.matching import Matches, box_iou, match
from foveal.ops.masks import areas, mask_iou

PREFIX = "mask_"
_OF_CLASSES = ("AP", "AP50")


def mask_metrics(
    found: Sequence[Found], truth: Sequence[Truth], *, classes: Sequence[str], resamples: int = RESAMPLES, seed: int = 0
) -> DetectionMetrics:
    """As `detection_metrics`, by the masks that `found` and `truth` have.

    An object without a mask need not be found, and is no error where it is: it is met by its box.
    """
    return detection_metrics(found, truth, classes=classes, resamples=resamples, seed=seed, matches=mask_matches)


def with_mask_figures(
    metrics: DetectionMetrics, found: Sequence[Found], truth: Sequence[Truth], *, classes: Sequence[str]
) -> DetectionMetrics:
    """The figures of boxes and beside them those of masks, as mask_AP and so on."""
    masks = mask_metrics(found, truth, classes=classes)
    return replace(
        metrics,
        overall={**metrics.overall, **{f"{PREFIX}{name}": each for name, each in masks.overall.items()}},
        per_class={
            name: {**figures, **{f"{PREFIX}{each}": masks.per_class[name][each] for each in _OF_CLASSES}}
            for name, figures in metrics.per_class.items()
        },
    )


def mask_matches(found: Found, truth: Truth, label: int) -> Matches:
    """Of one image and class, by the overlap of masks."""
    assert found.masks is not None
    assert truth.masks is not None
    ours, theirs = np.flatnonzero(found.labels == label), np.flatnonzero(truth.labels == label)
    masks, drawn = [found.masks[index] for index in ours], [truth.masks[index] for index in theirs]
    crowd = truth.crowd[theirs]
    without = np.array([mask is None for mask in drawn], bool)
    ious = box_iou(found.boxes_xyxy[ours], truth.boxes_xyxy[theirs], crowd)
    ious[:, ~without] = mask_iou(masks, [mask for mask in drawn if mask is not None], crowd[~without])
    return match(
        found.scores[ours],
        areas(masks),
        truth.areas[theirs],
        ious,
        crowd=crowd,
        ignored=truth.ignored[theirs] | without,
        most=LIMITS[-1],
    )

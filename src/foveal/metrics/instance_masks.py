"""COCO's twelve numbers with the overlap of masks: what `pycocotools` calls "segm"."""

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from foveal.metrics.detection import LIMITS, RESAMPLES, DetectionMetrics, Detections, GroundTruth, detection_metrics
from foveal.metrics.matching import Matches, box_iou, match
from foveal.ops.masks import areas, mask_iou

PREFIX = "mask_"
_OF_CLASSES = ("AP", "AP50")


def mask_metrics(
    found: Sequence[Detections],
    ground_truth: Sequence[GroundTruth],
    *,
    classes: Sequence[str],
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> DetectionMetrics:
    """As `detection_metrics`, by the masks that `found` and `ground_truth` have.

    An object without a mask is ignored: it need not be found, and a detection whose box lies on it is no error.
    """
    return detection_metrics(found, ground_truth, classes=classes, resamples=resamples, seed=seed, matches=mask_matches)


def with_mask_figures(
    metrics: DetectionMetrics,
    found: Sequence[Detections],
    ground_truth: Sequence[GroundTruth],
    *,
    classes: Sequence[str],
) -> DetectionMetrics:
    """The figures of boxes and beside them those of masks, as mask_AP and so on."""
    masks = mask_metrics(found, ground_truth, classes=classes)
    return replace(
        metrics,
        overall={**metrics.overall, **{f"{PREFIX}{name}": each for name, each in masks.overall.items()}},
        per_class={
            name: {**figures, **{f"{PREFIX}{each}": masks.per_class[name][each] for each in _OF_CLASSES}}
            for name, figures in metrics.per_class.items()
        },
    )


def mask_matches(found: Detections, ground_truth: GroundTruth, label: int) -> Matches:
    """Of one image and class, by the overlap of masks."""
    assert found.masks is not None
    assert ground_truth.masks is not None
    ours, theirs = np.flatnonzero(found.labels == label), np.flatnonzero(ground_truth.labels == label)
    masks, drawn = [found.masks[index] for index in ours], [ground_truth.masks[index] for index in theirs]
    crowd = ground_truth.crowd[theirs]
    without = np.array([mask is None for mask in drawn], bool)
    ious = box_iou(found.boxes_xyxy[ours], ground_truth.boxes_xyxy[theirs], crowd)
    ious[:, ~without] = mask_iou(masks, [mask for mask in drawn if mask is not None], crowd[~without])
    return match(
        found.scores[ours],
        areas(masks),
        ground_truth.areas[theirs],
        ious,
        crowd=crowd,
        ignored=ground_truth.ignored[theirs] | without,
        most=LIMITS[-1],
    )

"""Pascal VOC's average precision of one class: Everingham et al. 2010, International Journal of Computer Vision 88.

It differs from COCO's: each detection is matched to the object it overlaps most, and is wrong where
that one is matched already.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np

from foveal.metrics.detection import Detections, GroundTruth
from foveal.metrics.matching import box_iou

Points = Literal["all", 11]


def voc_average_precision(
    found: Sequence[Detections],
    ground_truth: Sequence[GroundTruth],
    label: int,
    *,
    threshold: float = 0.5,
    points: Points = "all",
) -> float:
    """The area under the highest precision by recall; NaN where the class has no objects.

    threshold: the IoU that a detection has to reach. points: all recalls that occur (from VOC 2010 on), or the mean at
    the 11 recalls 0, 0.1, … 1 (until 2009). `ignored` objects, VOC's difficult ones, are left out.
    """
    outcomes = [_outcomes(ours, theirs, label, threshold) for ours, theirs in zip(found, ground_truth, strict=True)]
    objects = sum(int(((each.labels == label) & ~each.ignored).sum()) for each in ground_truth)
    if not objects:
        return float("nan")
    scores, right, valid = (np.concatenate(values) for values in zip(*outcomes, strict=True))
    order = np.argsort(-scores, kind="mergesort")
    rights = np.cumsum(right[order][valid[order]])
    precision = rights / np.arange(1, len(rights) + 1)
    recall = rights / objects
    highest = np.append(np.maximum.accumulate(precision[::-1])[::-1], 0.0)
    if points == 11:
        return float(np.mean(highest[np.searchsorted(recall, np.linspace(0, 1, 11), side="left")]))
    return float((np.diff(recall, prepend=0.0) * highest[:-1]).sum())


def _outcomes(
    found: Detections, ground_truth: GroundTruth, label: int, threshold: float
) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Of an image's detections of the class (D,): scores from high to low, which are right, and which count."""
    ours, theirs = found.labels == label, ground_truth.labels == label
    order = np.argsort(-found.scores[ours], kind="mergesort")
    scores, ignored = found.scores[ours][order], ground_truth.ignored[theirs]
    right, valid = np.zeros(len(scores), bool), np.ones(len(scores), bool)
    if not len(ignored):
        return scores, right, valid
    ious = box_iou(found.boxes_xyxy[ours][order], ground_truth.boxes_xyxy[theirs])
    free = np.ones(len(ignored), bool)
    for row, best in enumerate(ious.argmax(axis=1)):
        if ious[row, best] < threshold:
            continue
        valid[row] = not ignored[best]
        right[row] = free[best] and valid[row]
        free[best] = False
    return scores, right, valid

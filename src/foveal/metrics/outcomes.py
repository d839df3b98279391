"""Which detections of an image are right, and which objects found, at one score threshold. D detections, G objects."""

from dataclasses import dataclass

import numpy as np

from foveal.metrics.matching import Detections, GroundTruth, box_iou

IOU = 0.5
"""The share of their union that a detection and its object have in common at least."""
UNMATCHED = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """Which detection is matched to which object, of its class or, as a confusion of the two, of another."""

    detections: Detections
    """Those with the score or a higher one, D of them, from the highest on."""
    object_of: np.ndarray
    """(D,) int: the object that the detection is matched to; `UNMATCHED` where there is none."""
    ignored: np.ndarray
    """(D,) bool: it is unmatched but lies on an ignored object of its class, and is neither right nor wrong."""
    detection_of: np.ndarray
    """(G,) int: the detection matched to the object; `UNMATCHED` where there is none, as for ignored objects."""


def outcomes(found: Detections, ground_truth: GroundTruth, *, score: float) -> Outcomes:
    """Matches each detection, from the highest score on, to the free object of its class that it overlaps most.

    Unmatched detections are then matched, in the same order, to free objects of other classes. A match has an overlap
    of `IOU` or more, and an object is matched once. Ignored objects are never matched; any number of detections of
    their class may lie on one, in a crowd by the share of the detection that lies in it. Of equal overlaps the last one
    is matched, as COCO does it (`foveal.metrics.matching.match`).
    """
    order = np.argsort(-found.scores, kind="mergesort")
    order = order[found.scores[order] >= score]
    detections = found.some(order)
    ious = box_iou(detections.boxes_xyxy, ground_truth.boxes_xyxy, ground_truth.crowd)
    reached = ious >= IOU
    same = detections.labels[:, None] == ground_truth.labels[None]
    object_of, detection_of = np.full(len(order), UNMATCHED), np.full(len(ground_truth.labels), UNMATCHED)
    _match(reached & same & ~ground_truth.ignored, ious, object_of, detection_of)
    ignored = (object_of == UNMATCHED) & (reached & same & ground_truth.ignored).any(axis=1)
    _match(reached & ~same & ~ground_truth.ignored & ~ignored[:, None], ious, object_of, detection_of)
    return Outcomes(detections=detections, object_of=object_of, ignored=ignored, detection_of=detection_of)


def _match(allowed: np.ndarray, ious: np.ndarray, object_of: np.ndarray, detection_of: np.ndarray) -> None:
    """Matches the unmatched in place, among the pairs (D, G) that are `allowed`."""
    for row in np.flatnonzero((object_of == UNMATCHED) & allowed.any(axis=1)).tolist():
        free = allowed[row] & (detection_of == UNMATCHED)
        if free.any():
            best = np.where(free, ious[row], -1.0)
            object_of[row] = len(best) - 1 - best[::-1].argmax()  # the last of the highest
            detection_of[object_of[row]] = row

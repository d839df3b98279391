"""What became of each detection and each object of an image at one score. D detections, G objects."""

from dataclasses import dataclass

import numpy as np

from foveal.metrics.matching import Found, Truth, box_iou

IOU = 0.5
"""The share of their union that a detection and its object have in common at least."""
NOTHING = -1


@dataclass(frozen=True, slots=True, kw_only=True)
class Outcomes:
    """Who took whom. An object is found by a detection of its class, and taken for another class by one of another."""

    told: Found
    """The detections with the score or a higher one, D of them, from the highest on."""
    object_of: np.ndarray
    """(D,) int: the object that the detection took; `NOTHING` where it took none."""
    spared: np.ndarray
    """(D,) bool: it took none but lies on an ignored object of its class, and is neither right nor wrong."""
    detection_of: np.ndarray
    """(G,) int: the detection that took the object; `NOTHING` where none did, as for every ignored object."""


def outcomes(found: Found, truth: Truth, *, score: float) -> Outcomes:
    """Each detection, from the highest score on, takes the object of its class that is still free and overlaps most.

    Then those that took none take, in the same order, what is still free of other classes. To be taken an object has to
    overlap by `IOU`, and it is taken once. Ignored objects are not taken; any number of detections of their class may
    lie on one, in a crowd by the share of the detection that lies in it. Of equal overlaps the last one is taken, as
    COCO does it (`foveal.metrics.matching.match`).
    """
    order = np.argsort(-found.scores, kind="mergesort")
    order = order[found.scores[order] >= score]
    told = found.some(order)
    ious = box_iou(told.boxes_xyxy, truth.boxes_xyxy, truth.crowd)
    reached = ious >= IOU
    same = told.labels[:, None] == truth.labels[None]
    object_of, detection_of = np.full(len(order), NOTHING), np.full(len(truth.labels), NOTHING)
    _take(reached & same & ~truth.ignored, ious, object_of, detection_of)
    spared = (object_of == NOTHING) & (reached & same & truth.ignored).any(axis=1)
    _take(reached & ~same & ~truth.ignored & ~spared[:, None], ious, object_of, detection_of)
    return Outcomes(told=told, object_of=object_of, spared=spared, detection_of=detection_of)


def _take(allowed: np.ndarray, ious: np.ndarray, object_of: np.ndarray, detection_of: np.ndarray) -> None:
    """Fills in both sides, of those that have nothing yet, by the pairs (D, G) that are `allowed`."""
    for row in np.flatnonzero((object_of == NOTHING) & allowed.any(axis=1)).tolist():
        free = allowed[row] & (detection_of == NOTHING)
        if free.any():
            best = np.where(free, ious[row], -1.0)
            object_of[row] = len(best) - 1 - best[::-1].argmax()  # the last of the highest
            detection_of[object_of[row]] = row

"""Which detection found which object: COCO's greedy matching. D detections and G objects of one image and class.

A area ranges and T thresholds of IoU (the share of their union that two regions have in common), all at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from foveal.annotations import RunLengths
from foveal.ops.box_arrays import pairwise_common

THRESHOLDS = np.linspace(0.5, 0.95, 10)
AREAS = ((0.0, 1e10), (0.0, 32.0**2), (32.0**2, 96.0**2), (96.0**2, 1e10))
"""All, small, medium and large, in square pixels; both ends belong to a range."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Detections:
    """The detections of one image, N of them, in pixels."""

    boxes_xyxy: np.ndarray
    """(N, 4) float."""
    scores: np.ndarray
    """(N,)."""
    labels: np.ndarray
    """(N,) int."""
    cells: np.ndarray | None = None
    """(N,) int: which of the network's cells predicted it, where that is known."""
    masks: tuple[RunLengths, ...] | None = None
    """At the image's size; None where masks are not predicted."""

    def some(self, which: np.ndarray) -> "Detections":
        """Some of the detections: (N,) bool, or their indices in the order wanted."""
        rows = np.arange(len(self.labels))[which].tolist()
        return Detections(
            boxes_xyxy=self.boxes_xyxy[which],
            scores=self.scores[which],
            labels=self.labels[which],
            cells=None if self.cells is None else self.cells[which],
            masks=None if self.masks is None else tuple(self.masks[row] for row in rows),
        )


def together(parts: Sequence[Detections]) -> Detections:
    """The detections of all parts, at least one, as those of one image; either all have masks or none."""
    masks = None if parts[0].masks is None else tuple(mask for part in parts for mask in part.masks or ())
    return Detections(
        boxes_xyxy=np.concatenate([part.boxes_xyxy for part in parts]),
        scores=np.concatenate([part.scores for part in parts]),
        labels=np.concatenate([part.labels for part in parts]),
        masks=masks,
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class GroundTruth:
    """The objects of one image, N of them, in pixels."""

    boxes_xyxy: np.ndarray
    """(N, 4) float."""
    labels: np.ndarray
    """(N,) int."""
    areas: np.ndarray
    """(N,) by which they are small, medium or large."""
    crowd: np.ndarray
    """(N,) bool: several of their kind."""
    ignored: np.ndarray
    """(N,) bool: need not be found; every crowd is ignored."""
    masks: tuple[RunLengths | None, ...] | None = None
    """At the image's size, None where nobody drew one."""


@dataclass(frozen=True, slots=True)
class Matches:
    """Of one image and class, the detections from the highest score on."""

    scores: np.ndarray
    """(D,) from high to low."""
    found: np.ndarray
    """(A, T, D) bool: a detection matched to an object that counts, or to one that does not."""
    ignored: np.ndarray
    """(A, T, D) bool: a detection that is neither a true nor a false positive."""
    counted: np.ndarray
    """(A,) objects to be found."""


def box_iou(boxes_xyxy: np.ndarray, others_xyxy: np.ndarray, crowd: np.ndarray | None = None) -> np.ndarray:
    """(D, 4) and (G, 4) -> (D, G). For a crowd, (G,) bool, the share of the first box alone that lies in it."""
    common = pairwise_common(boxes_xyxy, others_xyxy)
    own = box_areas(boxes_xyxy)[:, None]
    union = own + box_areas(others_xyxy)[None] - common
    if crowd is not None:
        union = np.where(crowd[None], own, union)
    return np.divide(common, union, out=np.zeros_like(common), where=union > 0)


def box_areas(boxes_xyxy: np.ndarray) -> np.ndarray:
    """(N, 4) -> (N,)."""
    areas: np.ndarray = (boxes_xyxy[:, 2:] - boxes_xyxy[:, :2]).prod(axis=1)
    return areas


def match(
    scores: np.ndarray,
    detected_areas: np.ndarray,
    areas: np.ndarray,
    ious: np.ndarray,
    *,
    crowd: np.ndarray,
    ignored: np.ndarray,
    most: int,
) -> Matches:
    """Gives each detection, from the highest score on, the object of the highest IoU that is still free.

    scores, detected_areas: (D,). areas, crowd, ignored: (G,); `ignored` objects need not be found, and those of a
    `crowd` can be found any number of times. ious: (D, G). most: detections that count, the highest.
    An object that counts goes before one that does not; of equal IoUs the last one is taken. As pycocotools does it
    (Lin et al. 2014, arXiv:1405.0312), whose figures follow to the last bit.
    """
    order = np.argsort(-scores, kind="mergesort")[:most]
    scores, detected_areas, ious = scores[order], detected_areas[order], ious[order]
    low, high = np.array(AREAS).T
    outside = (areas[None] < low[:, None]) | (areas[None] > high[:, None])  # (A, G)
    uncounted = outside | ignored[None]
    shape = (len(AREAS), len(THRESHOLDS), len(scores))
    found, without = np.zeros(shape, bool), np.zeros(shape, bool)
    free = np.ones((*shape[:2], len(areas)), bool)
    enough = np.minimum(THRESHOLDS, 1 - 1e-10)
    for row in range(len(scores) if len(areas) else 0):
        reached = free & (ious[row] >= enough[:, None])  # (A, T, G)
        for spare in (False, True):
            candidates = reached & (uncounted[:, None] == spare)
            taken = candidates.any(axis=2) & ~found[:, :, row]
            if not taken.any():
                continue
            best = np.where(candidates, ious[row], -1.0)
            chosen = best.shape[2] - 1 - best[:, :, ::-1].argmax(axis=2)  # the last of the highest
            area, threshold = np.nonzero(taken)
            which = chosen[area, threshold]
            free[area, threshold, which] = crowd[which]
            found[area, threshold, row] = True
            without[area, threshold, row] = spare
    far = (detected_areas[None] < low[:, None]) | (detected_areas[None] > high[:, None])  # (A, D)
    without |= ~found & far[:, None]
    return Matches(scores, found, without, (~uncounted).sum(axis=1))

"""Detection: where the objects of each class are. B batch, N cells, M objects, K classes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Self

import numpy as np

from foveal.annotations import Instance, RunLengths
from foveal.answers.answer import Answer, Answering, Outputs, Overlay, Parts, Room
from foveal.errors import UsageError
from foveal.metrics.matching import Detections, together
from foveal.ops.box_arrays import expected_distances, from_distances
from foveal.ops.mask_points import mask_in_image, mask_logits
from foveal.ops.masks import areas, rasterised, run_lengths_within, to_json
from foveal.ops.probabilities import logit, sigmoid
from foveal.ops.suppression_arrays import suppress, suppress_tiles
from foveal.preprocess import Placement

CANDIDATES = 1000
"""Scores of an image, a class at a cell each, that suppression chooses from."""
MASK_SIDE = 56
"""Points along a side of a detected box; between them its mask is bilinear."""


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Which detections count."""

    score_threshold: float = 0.25
    """Score, 0 to 1, from which a detection counts; after training, that of the best F1 on the validation images."""
    nms_iou: float = 0.6
    """IoU, 0 to 1, above which non-maximum suppression removes the lower-scoring of two boxes of a class."""
    max_detections: int = 300
    """The most detections of an image, those of the highest scores."""

    def __post_init__(self) -> None:
        for name in ("nms_iou", "score_threshold"):
            if not 0 <= getattr(self, name) <= 1:
                raise UsageError(f"{name} {getattr(self, name)}: expected 0 to 1")


@dataclass(frozen=True, kw_only=True, eq=False)
class Detected(Answer):
    """The objects of an image, M of them."""

    SPATIAL = True
    classes: tuple[str, ...]
    boxes_xyxy: np.ndarray
    """(M, 4) float64, in pixels of the image, to a hundredth."""
    scores: np.ndarray
    """(M,) float64."""
    labels: np.ndarray
    """(M,) int, indices into the classes."""
    masks: tuple[RunLengths, ...] | None = None
    """At the image's size; None of a detector without masks."""

    @classmethod
    def of(cls, found: Detections, classes: tuple[str, ...]) -> Self:
        """Of detections in an image. Boxes that rounding makes equal are given once, empty ones left out."""
        boxes = found.boxes_xyxy.round(2)
        first: dict[tuple[float, ...], int] = {}
        for row, (label, box) in enumerate(zip(found.labels.tolist(), boxes.tolist(), strict=True)):
            if box[2] > box[0] and box[3] > box[1]:
                first.setdefault((label, *box), row)
        rows = np.array(list(first.values()), int)
        unique = found.some(rows)
        return cls(
            classes=classes, boxes_xyxy=boxes[rows], scores=unique.scores, labels=unique.labels, masks=unique.masks
        )

    def names(self) -> list[str]:
        """The class of each."""
        return [self.classes[label] for label in self.labels.tolist()]

    def mask_areas(self) -> list[int] | None:
        """Pixels of each mask."""
        return None if self.masks is None else [int(area) for area in areas(self.masks)]

    def to_json(self) -> dict[str, Any]:
        rows = zip(self.names(), self.scores.tolist(), self.boxes_xyxy.tolist(), self._masks_in_words(), strict=True)
        return {"objects": [{"label": label, "score": score, "box": box, **mask} for label, score, box, mask in rows]}

    def rows(self) -> Iterator[tuple[str, ...]]:
        for label, score, box in zip(self.names(), self.scores.tolist(), self.boxes_xyxy.tolist(), strict=True):
            yield label, f"{score:.4f}", " ".join(f"{value:.1f}" for value in box)

    def overlay(self) -> Overlay:
        words = [f"{name} {score:.2f}" for name, score in zip(self.names(), self.scores.tolist(), strict=True)]
        return Overlay(boxes_xyxy=self.boxes_xyxy, labels=self.labels.tolist(), words=words, masks=self.masks)

    def instances(self) -> Iterator[tuple[Instance, dict[str, float]]]:
        count = len(self.labels)
        masks, sizes = self.masks or (None,) * count, self.mask_areas() or (None,) * count
        rows = zip(self.labels.tolist(), self.scores.tolist(), self.boxes_xyxy.tolist(), masks, sizes, strict=True)
        for label, score, box, mask, area in rows:
            yield Instance(label=label, box_xyxy=tuple(box), mask=mask, area=area), {"score": score}

    def _masks_in_words(self) -> list[dict[str, Any]]:
        """{"mask", "area"} of each; {} without masks."""
        sizes = self.mask_areas()
        if self.masks is None or sizes is None:
            return [{} for _ in self.labels]
        return [{"mask": to_json(mask), "area": area} for mask, area in zip(self.masks, sizes, strict=True)]


def make(classes: tuple[str, ...], settings: Mapping[str, Any]) -> Answering:
    """For objects of these classes."""
    return Answering(
        task="detect",
        kind=Detected,
        probabilities=sigmoid,
        decode=partial(_decode, classes),
        merge=None,
        join=partial(_join, classes),
    )


def detections(
    outputs: Outputs, placements: Sequence[Placement], decision: Decision, *, least: float = 0.0
) -> list[Detections]:
    """Those of each image from the score `least` on, best first, in pixels of the image, with masks where the
    network predicts them.

    A box never suppresses one that scores higher, so leaving low scores out first changes nothing else; and boxes are
    computed only for the cells that remain.
    """
    made = [_boxes(outputs, row, decision, least) for row in range(len(placements))]
    made = [
        replace(found, boxes_xyxy=placement.to_image(found.boxes_xyxy))
        for found, placement in zip(made, placements, strict=True)
    ]
    if "mask_maps" not in outputs:
        return made
    pairs = enumerate(zip(made, placements, strict=True))
    return [with_masks(outputs, row, found, placement) for row, (found, placement) in pairs]


def _boxes(outputs: Outputs, row: int, decision: Decision, least: float) -> Detections:
    """The detections of one image of the batch, in pixels of the network's input."""
    logits = outputs["logits"][row]
    order = _best(logits.reshape(-1), least)
    cells, labels = np.divmod(order, logits.shape[1])
    distances = expected_distances(outputs["distances"][row, cells]) * outputs["strides"][cells][:, None]
    boxes = from_distances(outputs["points"][cells], distances)
    kept = suppress(boxes, labels, threshold=decision.nms_iou)
    kept &= kept.cumsum() <= decision.max_detections
    scores = sigmoid(logits.reshape(-1)[order]).astype(logits.dtype).astype(np.float64)
    return Detections(boxes_xyxy=boxes.astype(np.float64), scores=scores, labels=labels, cells=cells).some(kept)


def _best(logits: np.ndarray, least: float) -> np.ndarray:
    """The indices of the `CANDIDATES` highest scores that reach `least`, from high to low; of equal ones the first."""
    likely = np.flatnonzero(logits >= np.float32(logit(least)))
    if len(likely) > CANDIDATES:
        values = logits[likely]
        likely = likely[values >= np.partition(values, -CANDIDATES)[-CANDIDATES]]
    order: np.ndarray = likely[np.argsort(-logits[likely], kind="stable")][:CANDIDATES]
    return order


def with_masks(outputs: Outputs, row: int, found: Detections, placement: Placement) -> Detections:
    """The detections with their masks, at the size of their image and within their boxes."""
    assert found.cells is not None
    boxes = placement.to_input(found.boxes_xyxy)
    logits = mask_logits(outputs["mask_weights"][row][found.cells], outputs["mask_maps"][row], boxes, MASK_SIDE)
    masks = (
        mask_in_image(own, box, placement.image_hw) for own, box in zip(logits, found.boxes_xyxy.tolist(), strict=True)
    )
    return replace(found, masks=tuple(masks))


def _decode(
    classes: tuple[str, ...], outputs: Outputs, placements: Sequence[Placement], decision: Decision
) -> list[Detected]:
    found = detections(outputs, placements, decision, least=decision.score_threshold)
    return [Detected.of(each, classes) for each in found]


def _join(classes: tuple[str, ...], parts: Parts, image_hw: tuple[int, int], decision: Decision) -> Detected:
    """As of a whole image, but each tile may have `decision.max_detections` objects."""
    made, tiles = [], []
    for outputs, placements in parts:
        found_here = detections(outputs, placements, decision, least=decision.score_threshold)
        for found, placement in zip(found_here, placements, strict=True):
            (x, y), (height, width) = placement.corner_xy, placement.image_hw
            tiles.append(np.tile([x, y, x + width, y + height], (len(found.labels), 1)))
            made.append(in_whole_image(found, placement.corner_xy, image_hw))
    found = together(made)
    kept = suppress_tiles(
        found.boxes_xyxy,
        found.scores,
        found.labels,
        np.concatenate(tiles).astype(np.float64),
        image_hw=image_hw,
        threshold=decision.nms_iou,
    )
    return Detected.of(found.some(kept), classes)


def in_whole_image(found: Detections, corner_xy: tuple[int, int], image_hw: tuple[int, int]) -> Detections:
    """The detections of a tile, whose upper left corner is there in an image of that size, in the image's pixels."""
    masks = None
    if found.masks is not None:
        pixels = (rasterised(mask, mask.size_hw) for mask in found.masks)
        masks = tuple(run_lengths_within(each, corner_xy, image_hw) for each in pixels)
    return replace(found, boxes_xyxy=found.boxes_xyxy + np.tile(corner_xy, 2), masks=masks)


ROOM = Room(decision=Decision, make=make)

"""Semantic segmentation: the class of every pixel. K classes, (h, w) the network's input, (H, W) the image."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property, partial
from typing import Any

import numpy as np

from foveal.annotations import Instance, Polygons, RunLengths
from foveal.answers.answer import Answer, Answering, NoDecision, Outputs, Overlay, Parts, Room
from foveal.ops.bilinear import highest, resized
from foveal.ops.masks import run_lengths_within
from foveal.ops.probabilities import softmax
from foveal.preprocess import Placement

Decision = NoDecision


@dataclass(frozen=True, kw_only=True, eq=False)
class Segmented(Answer):
    """A class for each pixel."""

    SPATIAL = PIXELS = True
    classes: tuple[str, ...]
    label_map: np.ndarray
    """(H, W) uint8, indices into the classes."""

    @cached_property
    def shares(self) -> dict[str, float]:
        """The share of the pixels, by class."""
        shares = np.bincount(self.label_map.reshape(-1), minlength=len(self.classes)) / self.label_map.size
        return dict(zip(self.classes, shares.round(6).tolist(), strict=True))

    def to_json(self) -> dict[str, Any]:
        return {"shares": self.shares}

    def rows(self) -> Iterator[tuple[str, ...]]:
        yield from ((name, f"{share:.4f}") for name, share in self.shares.items())

    def overlay(self) -> Overlay:
        return Overlay(label_map=self.label_map, boxes_xyxy=np.zeros((0, 4)))

    def instances(self) -> Iterator[tuple[Instance, dict[str, float]]]:
        """Every connected region of a class: polygons along the borders of its pixels, or run lengths where it has
        holes, which polygons can't express."""
        from foveal.ops.outlines import regions  # SciPy's labelling is loaded where it is used

        height, width = self.label_map.shape
        for label, (left, top), mask in regions(self.label_map):
            box = (left, top, left + mask.shape[1], top + mask.shape[0])
            shape = _shape(mask, (left, top), (height, width))
            yield Instance(label=label, box_xyxy=box, mask=shape, area=int(mask.sum())), {}


def _shape(mask: np.ndarray, corner_xy: tuple[int, int], image_hw: tuple[int, int]) -> Polygons | RunLengths:
    """Of a region's mask, whose upper left corner lies there in the image."""
    from foveal.ops.outlines import outline

    ring = outline(mask)
    if ring is None:
        return run_lengths_within(mask, corner_xy, image_hw)
    return Polygons((tuple((ring + corner_xy).reshape(-1).tolist()),))


def make(classes: tuple[str, ...], settings: Mapping[str, Any]) -> Answering:
    """For pixels of these classes."""
    return Answering(
        task="segment",
        kind=Segmented,
        probabilities=partial(softmax, axis=1),
        decode=partial(_decode, classes),
        merge=None,
        join=partial(_join, classes),
    )


def label_maps(outputs: Outputs, placements: Sequence[Placement]) -> list[np.ndarray]:
    """The class of every pixel of each image, (H, W) uint8, at the image's own size."""
    return [
        highest(shown(logits, placement), placement.image_hw)
        for logits, placement in zip(outputs["logits"], placements, strict=True)
    ]


def shown(logits: np.ndarray, placement: Placement) -> np.ndarray:
    """The part of the logits (K, h, w) that lies in the image, float32."""
    (height, width), (x, y) = placement.image_hw, placement.offset_xy  # whole pixels, as are the image's sides there
    rows = np.arange(round(placement.scale_xy[1] * height)) + round(y)
    columns = np.arange(round(placement.scale_xy[0] * width)) + round(x)
    logits = logits.astype(np.float32, copy=False)
    if min(x, y) < 0:  # its margins were cut off, and take the nearest values
        rows, columns = rows.clip(0, logits.shape[1] - 1), columns.clip(0, logits.shape[2] - 1)
        return logits[:, rows[:, None], columns]
    return logits[:, rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1]


def _decode(
    classes: tuple[str, ...], outputs: Outputs, placements: Sequence[Placement], decision: NoDecision
) -> list[Segmented]:
    return [Segmented(classes=classes, label_map=labels) for labels in label_maps(outputs, placements)]


def _join(classes: tuple[str, ...], parts: Parts, image_hw: tuple[int, int], decision: NoDecision) -> Segmented:
    """As of a whole image. Where tiles overlap, the mean of their probabilities, weighted by the distances of the pixel
    from the nearest sides of each tile, across times down: there a network sees least of what lies around.

    Only the sums of one row of tiles are held, (K, a tile's height, the image's width): what lies above the next row
    is decided.
    """
    labels = np.empty(image_hw, np.uint8)
    top, sums = 0, np.zeros((0, 0, 0), np.float32)
    for outputs, placements in parts:
        for logits, placement in zip(outputs["logits"], placements, strict=True):
            (left, above), (height, width) = placement.corner_xy, placement.image_hw
            if not len(sums):
                sums = np.zeros((len(classes), height, image_hw[1]), np.float32)
            if above > top:
                done = above - top
                labels[top : top + done] = highest(sums[:, :done], (done, image_hw[1]))
                sums = np.concatenate([sums[:, done:], np.zeros_like(sums[:, :done])], axis=1)
                top = above
            probs = softmax(resized(shown(logits, placement), (height, width)), axis=0)
            sums[:, :, left : left + width] += probs * (_from_sides(height)[:, None] * _from_sides(width))
    labels[top:] = highest(sums, (image_hw[0] - top, image_hw[1]))
    return Segmented(classes=classes, label_map=labels)


def _from_sides(length: int) -> np.ndarray:
    """(length,) float32: how far the centre of each pixel lies from the nearer end."""
    centres = np.arange(length, dtype=np.float32) + np.float32(0.5)
    return np.minimum(centres, length - centres)


ROOM = Room(decision=NoDecision, make=make)

"""The masks of a detector's objects: what is learned of them. B batch, N cells, M objects, K chosen.

The head in `networks/mask_head.py`. Masks stay what the annotation says, outlines or run lengths, with the way from
their image to what the network reads; only those of the cells that learn one are made into pixels, and in no more of
them than are looked at. So 500 objects in an image cost what the few dozen chosen ones do.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Self

import numpy as np
import torch
from torch import Tensor

from foveal.annotations import Objects, Polygons, RunLengths
from foveal.losses.assignment import Assigned
from foveal.losses.masks import best_cells, mask_dice_loss
from foveal.metrics.detection import GroundTruth
from foveal.networks.mask_head import box_grid, mask_logits, to_pixels
from foveal.ops.mask_points import STRIDE
from foveal.ops.masks import as_run_lengths, on_grid
from foveal.preprocess import Placement
from foveal.tasks.task import Outputs
from foveal.types import Sample

MASK_WEIGHT = 2.0
MOST_CELLS = 64
"""Of an image, that learn a mask in a step."""
LEARNED_SIDE, REACH = 28, 1.2
"""Points along a side of an object's box, and how far they reach in halves of it: a little beside the object."""


@dataclass(frozen=True, slots=True)
class Outlines:
    """The masks of one image's objects and where they lie."""

    masks: tuple[Polygons | RunLengths | None, ...]
    """(M,) in pixels of the image; None where nobody drew one."""
    to_frame: np.ndarray
    """(2, 3) float64: a point (x, y, 1) of the image -> where it lies in what the network reads, in pixels."""

    def kept(self, some: Tensor) -> Self:
        """Those of some of the objects, (M,) bool."""
        masks = (mask for mask, keep in zip(self.masks, some.tolist(), strict=True) if keep)
        return replace(self, masks=tuple(masks))

    def moved(self, matrix: Tensor) -> Self:
        """As augmentation moves the pixels; matrix: (2, 3), a point of its output -> of its input."""
        back = np.linalg.inv(np.vstack([matrix.numpy(), [0, 0, 1]]))[:2]
        return replace(self, to_frame=back @ np.vstack([self.to_frame, [0, 0, 1]]))

    def on_box(self, row: int, box_xyxy: Sequence[float]) -> np.ndarray:
        """The mask of an object at the points that are learned of a box, (points,) bool."""
        mask = self.masks[row]
        assert mask is not None
        low, high = np.reshape(box_xyxy, (2, 2))
        scale = LEARNED_SIDE / (REACH * np.maximum(high - low, 1e-6))
        to_grid = self.to_frame * scale[:, None]
        to_grid[:, 2] += LEARNED_SIDE / 2 - (low + high) / 2 * scale
        return on_grid(mask, to_grid, LEARNED_SIDE).reshape(-1)


def outlines_of(sample: Sample, placement: Placement) -> Outlines:
    """Of all its objects."""
    (scale_x, scale_y), (left, top) = placement.scale_xy, placement.offset_xy
    to_frame = np.array([[scale_x, 0, left], [0, scale_y, top]])
    return Outlines(tuple(each.mask for each in sample.known(Objects).instances), to_frame)


def without_masks(count: int) -> Outlines:
    """Of so many objects, none of which has a mask."""
    return Outlines((None,) * count, np.eye(2, 3))


def mask_loss(outputs: Outputs, found: Assigned, outlines: Sequence[Outlines]) -> Tensor:
    """The mean over the cells that learn a mask, in the whole batch: of each image the best, at most `MOST_CELLS`.

    outlines: of the objects that are learned, as `found` counts them. 0 where none of them has a mask.
    """
    weights, maps = outputs["mask_weights"], outputs["mask_maps"]
    points = box_grid(LEARNED_SIDE, reach=REACH, device=maps.device)
    size = points.new_tensor([maps.shape[3] * STRIDE, maps.shape[2] * STRIDE])
    logits, truth, within = [], [], []
    for row, each in enumerate(outlines):
        cells = _learning(found, row, each)
        if not len(cells):
            continue
        objects, boxes = found.objects[row][cells], found.boxes_xyxy[row][cells]
        logits.append(mask_logits(weights[row][cells], maps[row], boxes, points))
        truth.append(_truth_at(each, objects.tolist(), boxes.tolist()).to(maps.device))
        where = to_pixels(boxes, points)
        within.append(((where > 0) & (where < size)).all(dim=2))
    if not logits:
        return 0 * (weights.float().sum() + maps.float().sum())
    return MASK_WEIGHT * mask_dice_loss(torch.cat(logits), torch.cat(truth), within=torch.cat(within))


def _learning(found: Assigned, row: int, outlines: Outlines) -> Tensor:
    """The cells of an image that learn a mask."""
    drawn = torch.tensor([mask is not None for mask in outlines.masks], dtype=torch.bool, device=found.objects.device)
    cells = found.has_object[row].nonzero()[:, 0]
    cells = cells[drawn[found.objects[row][cells]]]
    fits = found.quality[row][cells].sum(dim=1)
    return cells[best_cells(fits, found.objects[row][cells], MOST_CELLS)]


def _truth_at(outlines: Outlines, objects: list[int], boxes: list[list[float]]) -> Tensor:
    """(K, points) bool: each object is made into pixels once, however many cells learn it."""
    made = {
        row: torch.from_numpy(outlines.on_box(row, box)) for row, box in dict(zip(objects, boxes, strict=True)).items()
    }
    return torch.stack([made[row] for row in objects])


def with_drawn_masks(truth: GroundTruth, sample: Sample) -> GroundTruth:
    """The objects with their masks, None where nobody drew one."""
    size_hw = sample.size_hw
    assert size_hw is not None
    masks = (
        None if each.mask is None else as_run_lengths(each.mask, size_hw) for each in sample.known(Objects).instances
    )
    return replace(truth, masks=tuple(masks))

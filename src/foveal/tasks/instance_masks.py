"""The masks of a detector's objects: what is learned of them and what is told. B batch, N cells, M objects, K chosen.

The head in `networks/mask_head.py`. Masks stay what the annotation says, outlines or run lengths, with the way from
their image to what the network reads; only those of the cells that learn one are made into pixels, and in no more of
them than are looked at. So 500 objects in an image cost what the few dozen chosen ones do.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any, Self

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from foveal.annotations import Objects, Polygons, RunLengths
from foveal.losses.assignment import Assigned
from foveal.losses.masks import best_cells, mask_dice_loss
from foveal.metrics.detection import Found, Truth
from foveal.networks.mask_head import STRIDE, box_grid, mask_logits, to_pixels
from foveal.ops.masks import areas, as_run_lengths, on_grid, rasterised, run_lengths_within, to_json
from foveal.preprocess import Placement
from foveal.tasks.task import Outputs
from foveal.types import Sample

MASK_WEIGHT = 2.0
MOST_CELLS = 64
"""Of an image, that learn a mask in a step."""
LEARNED_SIDE, REACH = 28, 1.2
"""Points along a side of an object's box, and how far they reach in halves of it: a little beside the object."""
TOLD_SIDE = 56
"""Points along a side of a found box; between them it is bilinear."""


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


def with_masks(outputs: Outputs, found: Sequence[Found], placements: Sequence[Placement]) -> list[Found]:
    """The detections with their masks, at the size of their image and within their boxes."""
    weights, maps = outputs["mask_weights"], outputs["mask_maps"]
    points = box_grid(TOLD_SIDE, reach=1.0, device=maps.device)
    made = []
    for row, (each, placement) in enumerate(zip(found, placements, strict=True)):
        assert each.cells is not None
        boxes = torch.from_numpy(placement.to_input(each.boxes_xyxy)).float().to(maps.device)
        cells = torch.from_numpy(each.cells).to(maps.device)
        logits = mask_logits(weights[row][cells], maps[row], boxes, points).cpu().unflatten(1, (TOLD_SIDE, TOLD_SIDE))
        masks = (_told(*one, placement.image_hw) for one in zip(logits, each.boxes_xyxy.tolist(), strict=True))
        made.append(replace(each, masks=tuple(masks)))
    return made


def with_drawn_masks(truth: Truth, sample: Sample) -> Truth:
    """The objects with their masks, None where nobody drew one."""
    size_hw = sample.size_hw
    assert size_hw is not None
    masks = (
        None if each.mask is None else as_run_lengths(each.mask, size_hw) for each in sample.known(Objects).instances
    )
    return replace(truth, masks=tuple(masks))


def in_whole_image(found: Found, corner_xy: tuple[int, int], image_hw: tuple[int, int]) -> Found:
    """The detections of a tile, whose upper left corner is there in an image of that size, in the image's pixels."""
    masks = None
    if found.masks is not None:
        pixels = (rasterised(mask, mask.size_hw) for mask in found.masks)
        masks = tuple(run_lengths_within(each, corner_xy, image_hw) for each in pixels)
    return replace(found, boxes_xyxy=found.boxes_xyxy + np.tile(corner_xy, 2), masks=masks)


def in_words(found: Found) -> list[dict[str, Any]]:
    """{"mask", "area"} of each detection in plain values, {} where masks are not told."""
    if found.masks is None:
        return [{} for _ in found.labels]
    return [
        {"mask": to_json(mask), "area": int(area)} for mask, area in zip(found.masks, areas(found.masks), strict=True)
    ]


def _told(logits: Tensor, box_xyxy: list[float], size_hw: tuple[int, int]) -> RunLengths:
    """Of a box's points (side, side) -> the mask in the image; it has a pixel at least."""
    starts, axes = [], []
    for low, high, length in zip(box_xyxy[:2], box_xyxy[2:], reversed(size_hw), strict=True):
        start = min(int(low), length - 1)
        end = max(start + 1, int(np.ceil(high)))
        starts.append(start)
        centres = torch.arange(start, end) + 0.5
        axes.append((centres - low) / max(high - low, 1e-6) * 2 - 1)
    grid = torch.stack([axes[0].expand(len(axes[1]), -1), axes[1][:, None].expand(-1, len(axes[0]))], dim=2)
    read = F.grid_sample(logits[None, None], grid[None], padding_mode="border", align_corners=False)[0, 0]
    mask = (read >= read.max().clamp(max=0)).numpy()
    return run_lengths_within(mask, (starts[0], starts[1]), size_hw)

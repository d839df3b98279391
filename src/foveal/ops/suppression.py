"""Non-maximum suppression: of boxes that mean the same object, the one with the highest score."""

import torch
from torch import Tensor

from foveal.ops.boxes import box_areas, pairwise_common, pairwise_iou

NEAR = 1 / 64
"""Of a tile's side: a box that ends so near to a border within the image may be cut by it."""
CONTAINED = 0.7
"""Share of a cut box that has to lie in another tile's box to be a part of it."""


def suppress(boxes_xyxy: Tensor, labels: Tensor, *, threshold: float) -> Tensor:
    """(..., N) bool: which are kept, of boxes (..., N, 4) and labels (..., N) that stand by falling score.

    A box goes where its IoU with a kept one before it is above `threshold`; boxes of different labels leave each other
    alone. Quadratic in N: take the best thousand or so before.

    All boxes are decided at once: from "all are kept" on, whoever overlaps a kept better one goes, until nothing
    changes. What is decided rightly stays so, and each round decides at least one more, mostly all in a few.
    """
    rivals = (pairwise_iou(boxes_xyxy, boxes_xyxy) > threshold) & (labels[..., :, None] == labels[..., None, :])
    better = rivals.tril(diagonal=-1).to(boxes_xyxy.dtype)  # [i, j]: 1 where j is better than i, and too near
    kept = torch.ones_like(labels, dtype=torch.bool)
    while True:
        decided = (better @ kept.to(better.dtype)[..., None])[..., 0] == 0  # sums of zeros and ones are exact
        if torch.equal(decided, kept):
            return kept
        kept = decided


def suppress_tiles(
    boxes_xyxy: Tensor,
    scores: Tensor,
    labels: Tensor,
    tiles_xyxy: Tensor,
    *,
    image_hw: tuple[int, int],
    threshold: float,
) -> Tensor:
    """The kept ones' indices, by falling score: as `suppress`, for what was found in overlapping tiles of one image.

    boxes_xyxy: (N, 4) in the image; tiles_xyxy: (N, 4), the tile of each, which holds it. A box that ends at a border
    of its tile within the image may be a part of an object. Such a box goes where `CONTAINED` of it lies in a kept box
    of its class from another tile, which sees more of the object. So that the whole object stays, whatever the scores,
    boxes that are cut come after all others, the largest first. An object that no tile holds whole, because it is
    larger than their overlap, may stay in parts.

    Akyon et al. 2022, arXiv:2202.06934 (SAHI), section 3, suppress over all tiles by IoU alone. Differs: a part is told
    by how much of it is covered, which is asked only at a border, as whole objects may well lie in each other. Row by
    row: N × N values are never held.
    """
    cut = _cut(boxes_xyxy, tiles_xyxy, image_hw)
    areas = box_areas(boxes_xyxy)
    order = torch.where(cut, areas / (areas.sum() + 1) - 1, scores).argsort(descending=True, stable=True)
    boxes, tiles, kinds, areas, cut = (each[order] for each in (boxes_xyxy, tiles_xyxy, labels, areas, cut))
    kept = torch.ones_like(cut)
    for row in range(len(order)):
        if not kept[row]:
            continue
        mine, rest = slice(row, row + 1), slice(row + 1, None)
        same = pairwise_iou(boxes[mine], boxes[rest])[0] > threshold
        part = pairwise_common(boxes[mine], boxes[rest])[0] > CONTAINED * areas[rest]
        elsewhere = (tiles[rest] != tiles[row]).any(dim=1)
        kept[rest] &= ~((kinds[rest] == kinds[row]) & (same | (part & cut[rest] & elsewhere)))
    left = order[kept]
    return left[scores[left].argsort(descending=True, stable=True)]


def _cut(boxes_xyxy: Tensor, tiles_xyxy: Tensor, image_hw: tuple[int, int]) -> Tensor:
    """(N,) bool: whether a box ends at a border of its tile that is none of the image's."""
    height, width = image_hw
    ends = torch.tensor([0, 0, width, height], dtype=tiles_xyxy.dtype)
    near = NEAR * (tiles_xyxy[:, 2:] - tiles_xyxy[:, :2]).repeat(1, 2)
    return (((boxes_xyxy - tiles_xyxy).abs() <= near) & (tiles_xyxy != ends)).any(dim=1)

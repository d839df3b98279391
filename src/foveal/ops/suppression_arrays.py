"""Non-maximum suppression in NumPy: of boxes that mean the same object, the one with the highest score."""

import numpy as np

from foveal.ops.box_arrays import box_areas, pairwise_common, pairwise_iou

NEAR = 1 / 64
"""Of a tile's side: a box that ends so near to a border within the image may be cut by it."""
CONTAINED = 0.7
"""Share of a cut box that has to lie in another tile's box to be a part of it."""


def suppress(boxes_xyxy: np.ndarray, labels: np.ndarray, *, threshold: float) -> np.ndarray:
    """(N,) bool: which are kept, of the boxes (N, 4) and labels (N,) of one image, by falling score.

    As `foveal.ops.suppression.suppress` for batches on any device; here label by label.
    """
    kept = np.empty(len(labels), bool)
    for label in np.unique(labels):
        rows = np.flatnonzero(labels == label)
        kept[rows] = _survivors(boxes_xyxy[rows], threshold)
    return kept


def _survivors(boxes_xyxy: np.ndarray, threshold: float) -> np.ndarray:
    """Starting from all boxes, those that overlap a kept better one are removed, until nothing changes."""
    better = np.tril(pairwise_iou(boxes_xyxy, boxes_xyxy) > threshold, -1).astype(np.float32)
    kept = np.ones(len(better), bool)
    while True:
        decided = better @ kept.astype(np.float32) == 0  # sums of zeros and ones are exact
        if np.array_equal(decided, kept):
            return kept
        kept = decided


def suppress_tiles(
    boxes_xyxy: np.ndarray,
    scores: np.ndarray,
    labels: np.ndarray,
    tiles_xyxy: np.ndarray,
    *,
    image_hw: tuple[int, int],
    threshold: float,
) -> np.ndarray:
    """The kept ones' indices, by falling score: as `suppress`, for what was found in overlapping tiles of one image.

    boxes_xyxy: (N, 4) in the image; tiles_xyxy: (N, 4), the tile of each. A box that ends at a border of its tile
    within the image may be a part of an object. It is removed where `CONTAINED` of it lies in a kept box of its class
    from another tile, which sees more of the object. So that the whole object stays, for any scores, boxes
    that are cut come after all others, the largest first. An object that no tile holds whole, because it is
    larger than their overlap, may stay in parts.

    Akyon et al. 2022, arXiv:2202.06934 (SAHI), section 3, suppress over all tiles by IoU alone. Differs: a part is
    recognised by how much of it is covered, but only at a border, as whole objects may well lie in each other. Row by
    row: N × N values are never held.
    """
    cut = _cut(boxes_xyxy, tiles_xyxy, image_hw)
    areas = box_areas(boxes_xyxy)
    order = np.argsort(-np.where(cut, areas / (areas.sum() + 1) - 1, scores), kind="stable")
    boxes, tiles, kinds, areas, cut = (each[order] for each in (boxes_xyxy, tiles_xyxy, labels, areas, cut))
    kept = np.ones(len(cut), bool)
    for row in range(len(order)):
        if not kept[row]:
            continue
        mine, rest = slice(row, row + 1), slice(row + 1, None)
        same = pairwise_iou(boxes[mine], boxes[rest])[0] > threshold
        part = pairwise_common(boxes[mine], boxes[rest])[0] > CONTAINED * areas[rest]
        elsewhere = (tiles[rest] != tiles[row]).any(axis=1)
        kept[rest] &= ~((kinds[rest] == kinds[row]) & (same | (part & cut[rest] & elsewhere)))
    left = order[kept]
    found: np.ndarray = left[np.argsort(-scores[left], kind="stable")]
    return found


def _cut(boxes_xyxy: np.ndarray, tiles_xyxy: np.ndarray, image_hw: tuple[int, int]) -> np.ndarray:
    """(N,) bool: whether a box ends at a border of its tile that is none of the image's."""
    height, width = image_hw
    near = NEAR * np.tile(tiles_xyxy[:, 2:] - tiles_xyxy[:, :2], 2)
    cut: np.ndarray = ((np.abs(boxes_xyxy - tiles_xyxy) <= near) & (tiles_xyxy != [0, 0, width, height])).any(axis=1)
    return cut

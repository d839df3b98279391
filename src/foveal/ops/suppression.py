"""Non-maximum suppression: of boxes that mean the same object, the one with the highest score."""

import torch
from torch import Tensor

from foveal.ops.boxes import pairwise_iou


def suppress(boxes_xyxy: Tensor, labels: Tensor, *, threshold: float) -> Tensor:
    """(..., N) bool: which are kept, of boxes (..., N, 4) and labels (..., N) that stand by falling score.

    A box is removed where its IoU with a kept one before it is above `threshold`; boxes of different labels leave
    each other alone. Quadratic in N: take the best thousand or so before.

    All boxes are decided at once: starting from all, those that overlap a kept better one are removed, until nothing
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

"""Non-maximum suppression: of boxes that mean the same object, the one with the highest score."""

import torch
from torch import Tensor

from foveal.ops.boxes import pairwise_iou


def suppress(boxes_xyxy: Tensor, scores: Tensor, labels: Tensor, *, threshold: float) -> Tensor:
    """The kept ones' indices, from the highest score on; boxes of different labels leave each other alone.

    boxes_xyxy: (N, 4), scores: (N,), labels: (N,) int. A box goes where its IoU with a kept one of a higher score is
    above `threshold`; of equal scores the first stays. Quadratic in N: take the best thousand or so before.

    All boxes are decided at once: from "all are kept" on, whoever overlaps a kept better one goes, until nothing
    changes. What is decided rightly stays so, and each round decides at least one more, mostly all in a few.
    """
    order = scores.argsort(descending=True, stable=True)
    boxes, kinds = boxes_xyxy[order], labels[order]
    rivals = (pairwise_iou(boxes, boxes) > threshold) & (kinds[:, None] == kinds[None])
    better = rivals.triu(diagonal=1)  # [i, j]: i is better than j, and too near
    kept = torch.ones_like(kinds, dtype=torch.bool)
    while True:
        decided = ~(better & kept[:, None]).any(dim=0)
        if torch.equal(decided, kept):
            return order[kept]
        kept = decided

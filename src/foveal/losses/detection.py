"""Losses of a detector: pure functions. P points with an object; weights, 0 to 1: how well each box fits it."""

import torch.nn.functional as F
from torch import Tensor

from foveal.ops.boxes import generalised_iou


def quality_loss(logits: Tensor, quality: Tensor, *, ignored: Tensor | None = None) -> Tensor:
    """Binary cross-entropy of each class at each point against the fit of its box to an object of the class, summed.

    logits and quality: (..., K); ignored: (...) bool, points that are left out. Weighted by the squared difference,
    so that the many points without an object hardly count once they are predicted: Li et al. 2020, arXiv:2006.04388,
    equation 2, with beta = 2.
    """
    difference = logits.sigmoid() - quality
    losses = difference.square() * F.binary_cross_entropy_with_logits(logits, quality, reduction="none")
    return losses.sum() if ignored is None else (losses * ~ignored[..., None]).sum()


def box_loss(boxes_xyxy: Tensor, targets_xyxy: Tensor, weights: Tensor) -> Tensor:
    """1 - generalised IoU, weighted and summed: (P, 4), (P, 4), (P,) -> scalar (arXiv:1902.09630)."""
    return ((1 - generalised_iou(boxes_xyxy, targets_xyxy)) * weights).sum()


def distribution_loss(distances: Tensor, targets: Tensor, weights: Tensor) -> Tensor:
    """Cross-entropy against the two whole strides beside each target distance, weighted and summed.

    distances: logits (P, 4, R); targets: (P, 4) in strides, from 0 to R - 1, cut to it; weights: (P,). The mean over
    the four sides: Li et al. 2020, arXiv:2006.04388, equation 6.
    """
    bins = distances.shape[-1]
    targets = targets.clamp(0, bins - 1 - 1e-3)
    below = targets.floor()
    share = targets - below
    logs = distances.float().log_softmax(dim=-1)
    left = logs.gather(-1, below.long()[..., None])[..., 0]
    right = logs.gather(-1, below.long()[..., None] + 1)[..., 0]
    return -((left * (1 - share) + right * share).mean(dim=-1) * weights).sum()

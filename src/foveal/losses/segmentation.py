"""Losses of a segmentation. logits (B, K, H, W) in any float dtype; labels (B, H, W) int.

Pixels of `ignore_index` are left out.
"""

from collections.abc import Callable

import torch
import torch.nn.functional as F
from torch import Tensor

from foveal.losses.focal import focal_terms


def pixel_cross_entropy(
    logits: Tensor, labels: Tensor, *, ignore_index: int, class_weights: Tensor | None = None
) -> Tensor:
    """-log softmax of the right class, the mean over pixels; with weights, positive (K,), the weighted one.

    0 where every pixel is ignored.
    """
    weights = None if class_weights is None else class_weights.to(logits.device)
    losses = F.cross_entropy(logits.float(), labels, weight=weights, ignore_index=ignore_index, reduction="none")
    valid = labels != ignore_index
    counts = valid.float() if weights is None else weights[labels.clamp(max=logits.shape[1] - 1)] * valid
    return losses.sum() / counts.sum().clamp(min=1e-6)


def focal_loss(logits: Tensor, labels: Tensor, *, ignore_index: int, class_weights: Tensor | None = None) -> Tensor:
    """Cross-entropy in which a pixel with probability p of its class counts (1 - p)²: arXiv:1708.02002, equation 4."""
    logs = logits.float().log_softmax(dim=1)
    valid = labels != ignore_index
    known = torch.where(valid, labels, 0)
    right = logs.gather(1, known[:, None])[:, 0]
    weights = torch.ones_like(right) if class_weights is None else class_weights.to(logits.device)[known]
    losses = focal_terms(right) * weights * valid
    return losses.sum() / (weights * valid).sum().clamp(min=1e-6)


def dice_loss(logits: Tensor, labels: Tensor, *, ignore_index: int, class_weights: Tensor | None = None) -> Tensor:
    """1 - Dice of the probabilities, the mean over the batch's classes (Milletari et al. 2016, arXiv:1606.04797)."""
    probs = logits.float().softmax(dim=1)
    valid = (labels != ignore_index)[:, None]
    targets = F.one_hot(torch.where(labels != ignore_index, labels, 0), logits.shape[1]).permute(0, 3, 1, 2) * valid
    probs = probs * valid
    common = (probs * targets).sum(dim=(0, 2, 3))
    both = probs.sum(dim=(0, 2, 3)) + targets.sum(dim=(0, 2, 3))
    present = targets.sum(dim=(0, 2, 3)) > 0
    weights = present.float() if class_weights is None else present * class_weights.to(logits.device)
    losses = 1 - (2 * common + 1e-6) / (both + 1e-6)
    return (losses * weights).sum() / weights.sum().clamp(min=1e-6)


def cross_entropy_and_dice(
    logits: Tensor, labels: Tensor, *, ignore_index: int, class_weights: Tensor | None = None
) -> Tensor:
    """Their sum: the one measures pixels, the other regions."""
    return pixel_cross_entropy(logits, labels, ignore_index=ignore_index, class_weights=class_weights) + dice_loss(
        logits, labels, ignore_index=ignore_index, class_weights=class_weights
    )


PIXEL_LOSSES: dict[str, Callable[..., Tensor]] = {
    "cross_entropy": pixel_cross_entropy,
    "dice": dice_loss,
    "focal": focal_loss,
    "cross_entropy_dice": cross_entropy_and_dice,
}

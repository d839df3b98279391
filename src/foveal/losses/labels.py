"""Losses of several labels an image. logits and targets, 0 to 1: (B, K). In float32.

Each is summed over the labels and averaged over the batch, so that the gradient of one label doesn't shrink as labels
are added.
"""

from collections.abc import Callable

from torch import Tensor
from torch.nn import functional as F

FOCUS = 2.0
"""The focal loss's gamma (Lin et al. 2017, arXiv:1708.02002)."""


def binary_cross_entropy(logits: Tensor, targets: Tensor) -> Tensor:
    """-t·log p - (1 - t)·log(1 - p), p = sigmoid(logits)."""
    return _each(logits, targets).sum(dim=1).mean()


def focal(logits: Tensor, targets: Tensor) -> Tensor:
    """The same, counting (1 - p)² where t is 1 and p² where it is 0: arXiv:1708.02002, equation 4, without its weights.

    What is predicted well already hardly counts; of many labels that is most. Differs: a soft target, of MixUp, takes
    the factor |t - p|².
    """
    factors = (targets.float() - logits.float().sigmoid()).abs() ** FOCUS
    return (factors * _each(logits, targets)).sum(dim=1).mean()


def _each(logits: Tensor, targets: Tensor) -> Tensor:
    return F.binary_cross_entropy_with_logits(logits.float(), targets.float(), reduction="none")


LABEL_LOSSES: dict[str, Callable[[Tensor, Tensor], Tensor]] = {
    "binary_cross_entropy": binary_cross_entropy,
    "focal": focal,
}

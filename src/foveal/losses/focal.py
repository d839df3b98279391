"""The focal loss's formula, which classes of images and of pixels share."""

from torch import Tensor

FOCUS = 2.0
"""Gamma: the paper's best of 0 to 5."""


def focal_terms(log_probs: Tensor) -> Tensor:
    """-(1 - p)²·log p of each log p, in the shape given: what is predicted well already hardly counts.

    Lin et al. 2017, arXiv:1708.02002, equation 4. Differs: p is a softmax's, not a sigmoid's.
    """
    return -((1 - log_probs.exp()) ** FOCUS) * log_probs

"""Penalties on weights, as terms of the loss beside the task's own."""

from collections.abc import Callable, Mapping, Sequence

import torch
from torch import Tensor

PENALTIES: dict[str, Callable[[Tensor], Tensor]] = {
    "l1": lambda weights: weights.abs().sum(),
    "l2": lambda weights: weights.square().sum() / 2,
}
"""Σ|w|, and ½Σw², whose gradient is w (Goodfellow et al. 2016, "Deep Learning", section 7.1)."""


def penalty_terms(weights: Sequence[Tensor], strengths: Mapping[str, float]) -> dict[str, Tensor]:
    """Each penalty of `strengths`, times its strength, as a scalar by its name: over all values of all `weights`."""
    return {
        name: strength * torch.stack([PENALTIES[name](each) for each in weights]).sum()
        for name, strength in strengths.items()
    }

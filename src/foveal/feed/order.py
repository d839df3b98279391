"""Which samples a step sees: keyed by seed and epoch alone, so that a resumed run sees what it would have seen."""

import torch
from torch import Tensor


def steps_per_epoch(num_samples: int, images_per_step: int) -> int:
    """Steps that take each image at most once; the few images left over stand out of this epoch, others of the next.

    At least 1: a set smaller than a step is taken whole.
    """
    return max(1, num_samples // images_per_step)


def epoch_order(num_samples: int, *, seed: int, epoch: int) -> Tensor:
    """A permutation (num_samples,) of the samples, the same on every machine for the same seed and epoch."""
    generator = torch.Generator().manual_seed((seed * 1_000_003 + epoch) % 2**63)
    return torch.randperm(num_samples, generator=generator)


def step_indices(order: Tensor, step_in_epoch: int, images_per_step: int) -> Tensor:
    """The samples of one step: (B,), B = images_per_step or all there are."""
    return order[step_in_epoch * images_per_step : (step_in_epoch + 1) * images_per_step]

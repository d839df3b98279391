"""Which samples a step sees: keyed by seed and epoch alone, so that a resumed run sees what it would have seen.

An order is one of draws: draw d is of sample d % N, for the d // N + 1-st time this epoch. Legend: N samples.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor


def steps_per_epoch(num_samples: int, images_per_step: int) -> int:
    """Steps that take each image at most once; the few images left over stand out of this epoch, others of the next.

    At least 1: a set smaller than a step is taken whole.
    """
    return max(1, num_samples // images_per_step)


def epoch_order(num_samples: int, *, seed: int, epoch: int) -> Tensor:
    """A permutation (N,) of the samples, the same on every machine for the same seed and epoch."""
    generator = torch.Generator().manual_seed((seed * 1_000_003 + epoch) % 2**63)
    return torch.randperm(num_samples, generator=generator)


def balanced_order(labels: Sequence[int], *, seed: int, epoch: int) -> Tensor:
    """N draws (N,) that take every class of the N `labels` equally often, to one, over all epochs together too.

    Of each class every sample is drawn before one is drawn again, within an epoch and from one to the next: the samples
    of a rare class come several times an epoch, those of a common one every few epochs.
    """
    by_label = np.array(labels)
    present = np.unique(by_label)
    count = len(by_label)
    draws = [
        _of_class(
            np.flatnonzero(by_label == label),
            # The classes take turns without an end; of these turns each epoch has the next N.
            first=-((place - epoch * count) // len(present)),
            end=-((place - (epoch + 1) * count) // len(present)),
            num_samples=count,
            key=(seed, int(label)),
        )
        for place, label in enumerate(present)
    ]
    return torch.from_numpy(np.concatenate(draws))[epoch_order(count, seed=seed, epoch=epoch)]


def step_indices(order: Tensor, step_in_epoch: int, images_per_step: int) -> Tensor:
    """The draws of one step: (B,), B = images_per_step or all there are."""
    return order[step_in_epoch * images_per_step : (step_in_epoch + 1) * images_per_step]


def _of_class(members: np.ndarray, *, first: int, end: int, num_samples: int, key: tuple[int, int]) -> np.ndarray:
    """Draws `first` to `end` of a class, counted over the whole run, which goes through its members again and again."""
    rounds = range(first // len(members), -(-end // len(members)))
    order = [np.random.default_rng((*key, each)).permutation(members) for each in rounds]
    taken = np.concatenate([members[:0], *order])[first - rounds.start * len(members) :][: end - first]
    return taken + num_samples * _times_before(taken)


def _times_before(values: np.ndarray) -> np.ndarray:
    """How often each value stands before its place."""
    by_value = np.argsort(values, kind="stable")
    ordered = values[by_value]
    times = np.arange(len(values)) - np.searchsorted(ordered, ordered)
    found = np.empty_like(values)
    found[by_value] = times
    return found

"""The loss of a detector's masks. K chosen cells, each for one object; S points of its box."""

import torch
from torch import Tensor


def mask_dice_loss(logits: Tensor, targets: Tensor, *, within: Tensor) -> Tensor:
    """1 - Dice of each object, the mean over them: logits (K, S), targets and `within` (K, S) bool; 0 where K is 0.

    Points not `within` the image are left out. Tian et al. 2020, arXiv:2003.05664, section 3.3, with the squares
    of Milletari et al. 2016, arXiv:1606.04797.
    """
    probs, positive = logits.float().sigmoid() * within, (targets & within).float()
    common = (probs * positive).sum(dim=1)
    both = (probs.square() + positive).sum(dim=1)
    return (1 - (2 * common + 1e-3) / (both + 1e-3)).sum() / max(1, len(logits))


def best_cells(fits: Tensor, objects: Tensor, most: int) -> Tensor:
    """The indices of at most `most` cells: each object's best fitting one first, then each object's second …

    fits: (N,) how well a cell fits its object; objects: (N,) int, which one that is. Of equals the first.
    """
    order = fits.argsort(descending=True, stable=True)
    theirs = objects[order]
    grouped = theirs.argsort(stable=True)
    counts = theirs.bincount()
    starts = counts.cumsum(0) - counts
    turn = torch.empty_like(grouped)
    turn[grouped] = torch.arange(len(grouped), device=grouped.device) - starts[theirs[grouped]]
    return order[turn.argsort(stable=True)[:most]]

"""What a detector's masks learn from. K chosen cells, each of which stands for an object; S points of its box."""

import torch
from torch import Tensor


def mask_dice_loss(logits: Tensor, truth: Tensor, *, within: Tensor) -> Tensor:
    """1 - Dice of each object, the mean over them: logits (K, S), truth and `within` (K, S) bool; 0 where K is 0.

    Of points not `within` the image nothing is asked. Tian et al. 2020, arXiv:2003.05664, section 3.3, with the squares
    of Milletari et al. 2016, arXiv:1606.04797.
    """
    probs, there = logits.float().sigmoid() * within, (truth & within).float()
    common = (probs * there).sum(dim=1)
    both = (probs.square() + there).sum(dim=1)
    return (1 - (2 * common + 1e-3) / (both + 1e-3)).sum() / max(1, len(logits))


def best_cells(fits: Tensor, objects: Tensor, most: int) -> Tensor:
    """At most so many of the cells, as indices: of each object the one that fits it best, then each second one …

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

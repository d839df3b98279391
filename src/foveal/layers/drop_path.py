"""Stochastic depth: a residual branch that is left out of some images in training."""

import torch
from torch import Tensor, nn


def drop_path(maps: Tensor, rate: float) -> Tensor:
    """Each image's maps at 0 with probability `rate`, else over 1 - `rate`: (B, ...) -> (B, ...), rate in [0, 1).

    Huang et al. 2016, arXiv:1603.09382, equations 2 and 5. Differs: drawn for each image, where the authors draw for
    the batch; and scaled in training, so that prediction takes the network as it is. The draws are those of torch's
    generator, as dropout's are. A branch that is left out is computed all the same.
    """
    kept = torch.empty(len(maps), *(1,) * (maps.ndim - 1), dtype=maps.dtype, device=maps.device)
    return maps * kept.bernoulli_(1 - rate).div_(1 - rate)


class DropPath(nn.Module):
    """`drop_path` in training, nothing in prediction."""

    def __init__(self, rate: float) -> None:
        super().__init__()
        self.rate = rate

    def forward(self, maps: Tensor) -> Tensor:
        return drop_path(maps, self.rate) if self.training else maps

    def extra_repr(self) -> str:
        return f"{self.rate:.4g}"

"""LeNet-5's trainable subsampling, layers S2 and S4."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foveal.layers.initialisation import lecun_uniform_


class Subsampling(nn.Module):
    """Half-size maps: the sum of each 2×2, times a coefficient, plus a bias, one pair a map.

    (B, C, H, W) -> (B, C, H // 2, W // 2). LeCun et al. 1998, section II.B, layer S2. The squashing that
    follows in the paper is a layer of its own.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.coefficient = nn.Parameter(torch.empty(channels))
        self.bias = nn.Parameter(torch.empty(channels))
        lecun_uniform_(self.coefficient, fan_in=4)
        lecun_uniform_(self.bias, fan_in=4)

    def forward(self, maps: Tensor) -> Tensor:
        # As a convolution of each map by itself, whose kernel is four times the coefficient: one pass in the place of
        # pooling's and two more.
        kernels = self.coefficient[:, None, None, None].expand(-1, 1, 2, 2)
        maps = maps.contiguous(memory_format=torch.channels_last)
        return F.conv2d(maps, kernels, self.bias, stride=2, groups=len(kernels))

    def extra_repr(self) -> str:
        return f"{self.bias.numel()}"

"""The residual shortcut without parameters: option A."""

import torch.nn.functional as F
from torch import Tensor, nn


def pad_shortcut(maps: Tensor, *, out_channels: int, stride: int) -> Tensor:
    """Every `stride`-th value, with zero maps appended: (B, C, H, W) -> (B, out_channels, ⌈H/s⌉, ⌈W/s⌉).

    He et al. 2015, arXiv:1512.03385, section 3.3, option A.
    """
    return F.pad(maps[:, :, ::stride, ::stride], (0, 0, 0, 0, 0, out_channels - maps.shape[1]))


class PadShortcut(nn.Module):
    """`pad_shortcut` as a module."""

    def __init__(self, out_channels: int, *, stride: int) -> None:
        super().__init__()
        self.out_channels = out_channels
        self.stride = stride

    def forward(self, maps: Tensor) -> Tensor:
        return pad_shortcut(maps, out_channels=self.out_channels, stride=self.stride)

    def extra_repr(self) -> str:
        return f"{self.out_channels}, stride={self.stride}"

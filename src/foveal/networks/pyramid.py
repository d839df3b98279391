"""A feature pyramid: maps of several strides, each of which knows the others.

Top down after Lin et al. 2016, arXiv:1612.03144, then bottom up after Liu et al. 2018, arXiv:1803.01534. Differs: maps
are normalised, and rectified where they are joined.
"""

from collections.abc import Sequence

import torch.nn.functional as F
from torch import Tensor, nn

from foveal.networks.resnet import conv_bn
from foveal.networks.spec import StageSpec


class Pyramid(nn.Module):
    """Features of the stages, the finest first, (B, C_i, H_i, W_i) -> a map of each, (B, `channels`, H_i, W_i)."""

    def __init__(self, stages: Sequence[StageSpec], channels: int) -> None:
        super().__init__()
        self.names = tuple(stage.name for stage in stages)
        self.strides = tuple(stage.stride for stage in stages)
        self.channels = channels
        self.lateral = nn.ModuleList(nn.Sequential(*conv_bn(stage.channels, channels, 1)) for stage in stages)
        self.down = nn.ModuleList(_joined(channels) for _ in stages[:-1])
        self.reduce = nn.ModuleList(nn.Sequential(*conv_bn(channels, channels, 3, stride=2)) for _ in stages[:-1])
        self.up = nn.ModuleList(_joined(channels) for _ in stages[:-1])

    def forward(self, features: dict[str, Tensor]) -> list[Tensor]:
        maps = [lateral(features[name]) for lateral, name in zip(self.lateral, self.names, strict=True)]
        for level in range(len(maps) - 2, -1, -1):
            maps[level] = self.down[level](maps[level] + _fitted(maps[level + 1], maps[level]))
        for level in range(1, len(maps)):
            finer = self.reduce[level - 1](maps[level - 1])
            maps[level] = self.up[level - 1](maps[level] + _fitted(finer, maps[level]))
        return maps


def _fitted(maps: Tensor, like: Tensor) -> Tensor:
    """At the size of the others. Backbones that pool leave out half a cell at an odd side, where a convolution counts
    it."""
    size = like.shape[2:]
    return maps if maps.shape[2:] == size else F.interpolate(maps, size=size, mode="nearest")


def _joined(channels: int) -> nn.Module:
    """What follows a sum of two maps."""
    return nn.Sequential(nn.ReLU(), *conv_bn(channels, channels, 3), nn.ReLU())

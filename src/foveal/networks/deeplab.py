"""DeepLabV3+: Chen et al. 2018, arXiv:1802.02611, section 3.1 and Figure 2.

The coarsest map is read at several rates at once (atrous spatial pyramid pooling), then joined with a fine one.
Differs: plain convolutions where the paper separates them by channel.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foveal.networks.resnet import conv_bn
from foveal.networks.spec import StageSpec

RATES = (6, 12, 18)
"""Of the 3×3 convolutions, at a stride of 16."""
FINE_STRIDE, FINE_CHANNELS = 4, 48
"""Of the fine map that is joined, and its channels then."""


class DeepLabV3PlusDecoder(nn.Module):
    """Maps of the stages -> K maps of the one with stride 4 (the finest where there is none)."""

    def __init__(self, stages: Sequence[StageSpec], num_classes: int, *, channels: int) -> None:
        super().__init__()
        coarse = stages[-1]
        fine = next((stage for stage in stages if stage.stride == FINE_STRIDE), stages[0])
        self.coarse, self.fine = coarse.name, fine.name
        rates = [max(1, rate * 16 // coarse.stride) for rate in RATES]
        self.pyramid = AtrousPyramid(coarse.channels, channels, rates)
        self.reduce = nn.Sequential(*conv_bn(fine.channels, FINE_CHANNELS, 1), nn.ReLU())
        first, second = conv_bn(channels + FINE_CHANNELS, channels, 3), conv_bn(channels, channels, 3)
        self.join = nn.Sequential(*first, nn.ReLU(), *second, nn.ReLU())
        self.last = nn.Conv2d(channels, num_classes, 1)

    def forward(self, features: dict[str, Tensor]) -> Tensor:
        fine = self.reduce(features[self.fine])
        coarse = self.pyramid(features[self.coarse])
        coarse = F.interpolate(coarse, size=fine.shape[2:], mode="bilinear", align_corners=False)
        logits: Tensor = self.last(self.join(torch.cat([coarse, fine], dim=1)))
        return logits


class AtrousPyramid(nn.Module):
    """(B, C, H, W) -> (B, `channels`, H, W): a 1×1 convolution, 3×3 ones of each rate, and the mean of the map, joined.

    The mean's convolution has no norm: in a batch of one there is a single value to a channel.
    """

    def __init__(self, in_channels: int, channels: int, rates: Sequence[int]) -> None:
        super().__init__()
        self.branches = nn.ModuleList([nn.Sequential(*conv_bn(in_channels, channels, 1), nn.ReLU())])
        for rate in rates:
            conv, norm = conv_bn(in_channels, channels, 3)
            conv.dilation, conv.padding = (rate, rate), (rate, rate)
            self.branches.append(nn.Sequential(conv, norm, nn.ReLU()))
        self.mean = nn.Sequential(nn.AdaptiveAvgPool2d(1), nn.Conv2d(in_channels, channels, 1), nn.ReLU())
        self.project = nn.Sequential(*conv_bn((len(rates) + 2) * channels, channels, 1), nn.ReLU())

    def forward(self, maps: Tensor) -> Tensor:
        mean = self.mean(maps).expand(-1, -1, *maps.shape[2:])
        joined: Tensor = self.project(torch.cat([*(branch(maps) for branch in self.branches), mean], dim=1))
        return joined

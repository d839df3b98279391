"""An anchor-free detection head: at every cell of every map the classes' scores and the distances of a box's sides.

Tian et al. 2019, arXiv:1904.01355 (FCOS), with each distance as a distribution over whole strides (Li et al. 2020,
arXiv:2006.04388, section 3.2). Legend: B batch, N cells of all maps, K classes, R bins.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from foveal.networks.resnet import conv_bn

BINS = 16
"""A side is 0 to 15 strides away from its cell's centre."""
PRIOR = 0.01
"""Of every class at every cell before training (Lin et al. 2017, arXiv:1708.02002, section 3.3)."""


class DetectorHead(nn.Module):
    """Maps (B, C, H_i, W_i) of the strides -> "logits" (B, N, K), "distances" (B, N, 4, R), "points" and "strides".

    "points" (N, 2) are the cells' centres (x, y) in pixels of the network's input, "strides" (N,) their sides. Each map
    has layers of its own.
    """

    def __init__(self, strides: Sequence[int], channels: int, num_classes: int, *, depth: int = 2) -> None:
        super().__init__()
        self.strides = tuple(strides)
        self.num_classes = num_classes
        self.classify = nn.ModuleList(head_branch(channels, num_classes, depth) for _ in strides)
        self.locate = nn.ModuleList(head_branch(channels, 4 * BINS, depth) for _ in strides)
        for branch in self.classify:
            nn.init.constant_(branch[-1].bias, -math.log((1 - PRIOR) / PRIOR))  # type: ignore[index]

    def forward(self, maps: Sequence[Tensor]) -> dict[str, Tensor]:
        logits = torch.cat([by_cell(branch(each)) for branch, each in zip(self.classify, maps, strict=True)], dim=1)
        distances = torch.cat([by_cell(branch(each)) for branch, each in zip(self.locate, maps, strict=True)], dim=1)
        points, strides = zip(
            *(cell_centres(each.shape[2:], stride, each) for each, stride in zip(maps, self.strides, strict=True)),
            strict=True,
        )
        return {
            "logits": logits,
            "distances": distances.unflatten(2, (4, BINS)),
            "points": torch.cat(points),
            "strides": torch.cat(strides),
        }


def cell_centres(size_hw: Sequence[int], stride: int, like: Tensor) -> tuple[Tensor, Tensor]:
    """Row by row, (x, y) of the cells' centres in pixels, (H·W, 2), and their stride, (H·W,); float32."""
    height, width = size_hw
    y = (torch.arange(height, device=like.device, dtype=torch.float32) + 0.5) * stride
    x = (torch.arange(width, device=like.device, dtype=torch.float32) + 0.5) * stride
    points = torch.stack([x.repeat(height), y.repeat_interleave(width)], dim=1)
    return points, torch.full((len(points),), float(stride), device=like.device)


def expected_distances(distances: Tensor) -> Tensor:
    """The mean of each distribution, in strides: logits (..., 4, R) -> (..., 4) float32."""
    return distances.float().softmax(dim=-1) @ torch.arange(float(distances.shape[-1]), device=distances.device)


def head_branch(channels: int, outputs: int, depth: int) -> nn.Sequential:
    """`depth` convolutions, and one to the outputs: what looks at one map."""
    layers: list[nn.Module] = []
    for _ in range(depth):
        layers += [*conv_bn(channels, channels, 3), nn.ReLU()]
    last = nn.Conv2d(channels, outputs, 1)
    nn.init.normal_(last.weight, std=0.01)
    nn.init.zeros_(last.bias)  # type: ignore[arg-type]
    return nn.Sequential(*layers, last)


def by_cell(maps: Tensor) -> Tensor:
    """(B, C, H, W) -> (B, H·W, C)."""
    return maps.permute(0, 2, 3, 1).flatten(1, 2)

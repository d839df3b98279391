"""A mask for each object: maps that all share, and for each cell the weights of a small network that reads them.

Tian et al. 2020, arXiv:2003.05664 (CondInst). Differs: the small network looks at points spread over the object's box
and not at the whole map, so a small object has as many as a large one; where a point lies is given in halves of that
box; and the shared maps are made of the pyramid's finest, which knows the others, and the backbone's of stride 4.
Legend: B batch, N cells, K chosen cells, P weights, S points of an object, C maps.
"""

from collections.abc import Sequence

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from foveal.networks.detector_head import by_cell, head_branch
from foveal.networks.resnet import conv_bn
from foveal.networks.spec import StageSpec
from foveal.ops.mask_points import MAPS, SHAPES, STRIDE

_COUNTS = [torch.Size(shape).numel() for shape in SHAPES]
WEIGHTS = sum(_COUNTS)
"""Of an object's network, 169: kernel and bias of each of its three layers in turn."""
_SPREAD = 0.05
"""Of the last layer's weights. Smaller ones, multiplied over three layers, would begin with hardly a slope."""


class MaskHead(nn.Module):
    """The pyramid's maps (B, `channels`, H_i, W_i) and the backbone's features -> "mask_maps" (B, C, H, W) of stride 4,
    and "mask_weights" (B, N, P), cell by cell as the detection head counts them."""

    def __init__(self, strides: Sequence[int], channels: int, finest: StageSpec) -> None:
        super().__init__()
        width = channels // 2
        self.name = finest.name
        self.coarse = nn.Sequential(*conv_bn(channels, width, 3))
        self.fine = nn.Sequential(*conv_bn(finest.channels, width, 1))
        self.last = nn.Sequential(nn.ReLU(), *conv_bn(width, width, 3), nn.ReLU(), nn.Conv2d(width, MAPS, 1))
        self.control = nn.ModuleList(head_branch(channels, WEIGHTS, 1) for _ in strides)
        for each in self.control:
            nn.init.normal_(each[-1].weight, std=_SPREAD)  # type: ignore[index]

    def forward(self, maps: Sequence[Tensor], features: dict[str, Tensor]) -> dict[str, Tensor]:
        fine = self.fine(features[self.name])
        coarse = F.interpolate(self.coarse(maps[0]), size=fine.shape[2:], mode="nearest")
        weights = [by_cell(branch(each)) for branch, each in zip(self.control, maps, strict=True)]
        return {"mask_maps": self.last(fine + coarse), "mask_weights": torch.cat(weights, dim=1)}


def mask_logits(weights: Tensor, maps: Tensor, boxes_xyxy: Tensor, points: Tensor) -> Tensor:
    """Of each chosen cell of one image at the points of its box: weights (K, P), maps (C, H, W) -> (K, S) float32.

    boxes_xyxy: (K, 4) in pixels of the network's input; points: (S, 2) in halves of a box, (-1, -1) to (1, 1) over it.
    What lies outside the maps is read as 0.
    """
    where = to_pixels(boxes_xyxy.float(), points)  # (K, S, 2)
    height, width = maps.shape[1:]
    grid = where / where.new_tensor([width * STRIDE / 2, height * STRIDE / 2]) - 1
    read = F.grid_sample(maps.float()[None], grid[None], align_corners=False)[0].transpose(0, 1)  # (K, C, S)
    return dynamic(weights.float(), torch.cat([read, points.T.expand(len(read), -1, -1)], dim=1))


def dynamic(weights: Tensor, inputs: Tensor) -> Tensor:
    """Each object's network: (K, P), (K, C + 2, S) -> logits (K, S); three layers, rectified between them."""
    first, first_bias, second, second_bias, third, third_bias = (
        part.unflatten(1, shape) for part, shape in zip(weights.split(_COUNTS, dim=1), SHAPES, strict=True)
    )
    hidden = torch.baddbmm(first_bias[:, :, None], first, inputs).relu()
    hidden = torch.baddbmm(second_bias[:, :, None], second, hidden).relu()
    return torch.baddbmm(third_bias[:, :, None], third, hidden)[:, 0]


def to_pixels(boxes_xyxy: Tensor, points: Tensor) -> Tensor:
    """Where the points of each box lie: (K, 4), (S, 2) in halves of a box -> (K, S, 2) in the boxes' pixels."""
    low, high = boxes_xyxy[:, None, :2], boxes_xyxy[:, None, 2:]
    return (low + high) / 2 + points * (high - low) / 2


def box_grid(side: int, *, reach: float, device: torch.device) -> Tensor:
    """The centres of side × side equal parts, row by row, (side², 2) as (x, y) from -`reach` to `reach`."""
    line = ((torch.arange(side, device=device, dtype=torch.float32) + 0.5) / side * 2 - 1) * reach
    return torch.stack([line.repeat(side), line.repeat_interleave(side)], dim=1)

"""Random erasing (Zhong et al. 2017, arXiv:1708.04896, Algorithm 1).

Differs: the rectangle is filled with the image's own mean colour (the paper: random values, or the data
set's mean), which draws no numbers per pixel and keeps the image's mean; its area is 2 to 33 % (the paper:
to 40 %); and the ratio's logarithm is drawn evenly rather than the ratio, so that wide and tall are equally
likely.
"""

from __future__ import annotations

import torch
from torch import Tensor

from foveal.augment.draws import Draws
from foveal.augment.rectangles import inside_rectangles, random_rectangles
from foveal.augment.settings import AugmentSettings
from foveal.device import sent

AREA = (0.02, 0.33)
RATIO = (0.3, 1 / 0.3)


def draw_erased(settings: AugmentSettings, draws: Draws, *, size_hw: tuple[int, int]) -> Tensor | None:
    """Each sample's rectangle in whole output pixels, (B, 4) int64 xyxy, or empty; None where all are."""
    erased = draws.bernoulli("erase", settings.erase)
    if not erased.any():
        return None
    boxes = random_rectangles(draws, "erase", area=AREA, ratio=RATIO, size_hw=size_hw).round().long()
    return torch.where(erased[:, None], boxes, 0)


def erase(images: Tensor, boxes_xyxy: Tensor) -> Tensor:
    """Images with each rectangle filled with the image's mean colour: (B, C, H, W) float32."""
    inside = inside_rectangles(sent(boxes_xyxy, images.device), (images.shape[2], images.shape[3]))
    return torch.where(inside, images.mean((2, 3), keepdim=True), images)

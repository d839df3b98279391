"""Random rectangles, and which pixels lie in them: for crops, erasing and CutMix."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from foveal.augment.draws import Draws


def random_rectangles(
    draws: Draws,
    name: str,
    *,
    area: tuple[float, float],
    ratio: tuple[float, float],
    size_hw: tuple[int, int],
) -> Tensor:
    """Rectangles inside an image of `size_hw`, (B, 4) float64 xyxy: random area, ratio and place.

    `area` is a share of the image, drawn evenly; `ratio` is width / height, drawn evenly in its logarithm
    among the ratios at which that area fits. Where none in the range fits, the nearest ratio that does is
    taken: the area is kept, so it stays even on images of any shape. (The common way, to draw both until
    they fit, favours small areas.)
    """
    height, width = size_hw
    parts = (draws.uniform(f"{name}_{part}") for part in ("area", "ratio", "x", "y"))
    area_u, ratio_u, x_u, y_u = (part.numpy().astype(np.float64) for part in parts)
    pixels = (area[0] + (area[1] - area[0]) * area_u) * (height * width)
    narrowest, widest = pixels / height**2, width**2 / pixels
    low, high = np.log(np.clip(ratio[0], narrowest, widest)), np.log(np.clip(ratio[1], narrowest, widest))
    ratios = np.exp(low + (high - low) * ratio_u)
    w, h = np.minimum(np.sqrt(pixels * ratios), width), np.minimum(np.sqrt(pixels / ratios), height)
    x, y = x_u * (width - w), y_u * (height - h)
    return torch.from_numpy(np.stack([x, y, x + w, y + h], axis=1))


def inside_rectangles(boxes_xyxy: Tensor, size_hw: tuple[int, int]) -> Tensor:
    """True on the pixels that each whole-pixel rectangle covers: (B, 4) int -> (B, 1, H, W) bool."""
    x1, y1, x2, y2 = boxes_xyxy[:, :, None].unbind(1)  # (B, 1) each
    rows = torch.arange(size_hw[0], device=boxes_xyxy.device)
    columns = torch.arange(size_hw[1], device=boxes_xyxy.device)
    in_rows = (rows >= y1) & (rows < y2)  # (B, H)
    in_columns = (columns >= x1) & (columns < x2)  # (B, W)
    return (in_rows[:, :, None] & in_columns[:, None, :])[:, None]

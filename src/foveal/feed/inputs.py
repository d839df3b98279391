"""Decoded images to what the network reads: the half of `foveal.preprocess` that is arithmetic on the device.

B batch, C channels.
"""

import numpy as np
import torch
from torch import Tensor

from foveal.device import constant
from foveal.preprocess import Preprocess


def to_input(preprocess: Preprocess, images: Tensor) -> Tensor:
    """(B, C, H, W) of the preprocessing's depth -> the same shape in float32, standardised by `mean` and `std`."""
    return standardise(preprocess, images.to(torch.float32).div_(preprocess.white))


def standardise(preprocess: Preprocess, images: Tensor) -> Tensor:
    """(B, C, H, W) in 0..1 -> the same shape, standardised by `mean` and `std`.

    For channels-last images the two are a whole row of pixels, (1, C, 1, W) in the same layout: against a single pixel
    torch would compute in runs of C values, several times slower.
    """
    last = images.is_contiguous(memory_format=torch.channels_last)
    width = images.shape[3] if last else 1
    pixels = (constant(each, images.device).repeat(width) for each in (preprocess.mean, preprocess.std))
    mean, std = (each.view(1, 1, width, -1).permute(0, 3, 1, 2) for each in pixels)
    return standardised(images, mean, std)


def standardised(images: Tensor, mean: Tensor, std: Tensor) -> Tensor:
    """(images - mean) / std; images: (B, C, H, W) in 0..1, the constants (1, C, 1, 1) or (1, C, 1, W)."""
    return (images - mean).div_(std)


def as_batch(images: np.ndarray) -> Tensor:
    """(B, H, W, C) integers -> a (B, C, H, W) tensor over the same memory, which is channels-last already."""
    return torch.from_numpy(images).permute(0, 3, 1, 2)

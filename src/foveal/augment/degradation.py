"""Gaussian blur and Gaussian noise, of a strength drawn for each image. B batch."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache

import torch
import torch.nn.functional as F
from torch import Tensor

from foveal.augment.draws import Draws
from foveal.augment.settings import AugmentSettings
from foveal.device import sent

TAILS = 3
"""Standard deviations that a blur reaches."""
PLACES = 2**18
"""In the table of normal numbers, at which an image's noise can begin."""


@dataclass(frozen=True, kw_only=True)
class Degradation:
    """Per image, (B,) on the CPU."""

    blur_px: Tensor
    """Standard deviation, 0 or more; float32."""
    reach_px: int
    """How far the widest blur of the settings reaches; 0 is off."""
    noise: Tensor
    """Standard deviation as a share of the range of values; float32."""
    places: Tensor
    """Int64: where in the table its noise begins."""

    def rows(self, rows: slice) -> Degradation:
        """That of some of the images."""
        return Degradation(
            blur_px=self.blur_px[rows], reach_px=self.reach_px, noise=self.noise[rows], places=self.places[rows]
        )


def draw_degradation(settings: AugmentSettings, draws: Draws) -> Degradation | None:
    """Each sample's, even from 0 to the largest; None where both are off."""
    if settings.blur_px == 0 and settings.noise == 0:
        return None
    return Degradation(
        blur_px=draws.uniform("blur", 0, settings.blur_px),
        reach_px=math.ceil(TAILS * settings.blur_px),
        noise=draws.uniform("noise", 0, settings.noise),
        places=(draws.uniform("noise_place") * PLACES).long(),
    )


def degrade(images: Tensor, degradation: Degradation) -> Tensor:
    """Images in 0 to 1 blurred, then with noise: (B, C, H, W) float32."""
    if degradation.reach_px:
        images = blur(images, degradation.blur_px, reach_px=degradation.reach_px)
    if (degradation.noise > 0).any():
        images = add_noise(images, degradation.noise, degradation.places)
    return images


def blur(images: Tensor, sigma_px: Tensor, *, reach_px: int) -> Tensor:
    """Convolved with a Gaussian along both axes, the border's pixels repeated: (B, C, H, W), sigma_px (B,)."""
    offsets = torch.arange(-reach_px, reach_px + 1)
    kernels = torch.exp(-0.5 * (offsets / sigma_px[:, None].clamp(min=1e-3)) ** 2)  # (B, taps)
    kernels = sent((kernels / kernels.sum(1, keepdim=True)).to(images.dtype), images.device)
    kernels = kernels.repeat_interleave(images.shape[1], dim=0)
    planes = F.pad(images, (reach_px,) * 4, mode="replicate").flatten(0, 1)[None]  # (1, B*C, H+, W+)
    for kernel in (kernels[:, None, None, :], kernels[:, None, :, None]):
        planes = F.conv2d(planes, kernel, groups=len(kernels))
    return planes.view_as(images)


def add_noise(images: Tensor, strength: Tensor, places: Tensor) -> Tensor:
    """Images plus strength · normal numbers, clamped to 0 to 1: (B, C, H, W), strength and places (B,).

    An image's numbers are a part of one long table, from a place of its own on: a hash for each pixel, as all other
    draws are made, would take longer than the rest of augmentation together.
    """
    length = images[0].numel()
    table = _normal_table(PLACES + length, images.device)
    numbers = table.unfold(0, length, 1)[sent(places, images.device)].view_as(images)
    return torch.addcmul(images, numbers, sent(strength, images.device)[:, None, None, None]).clamp_(0, 1)


@lru_cache(maxsize=8)
def _normal_table(length: int, device: torch.device) -> Tensor:
    return torch.randn(length, generator=torch.Generator().manual_seed(0)).to(device)

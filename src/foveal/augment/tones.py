"""Sharpness, autocontrast, equalising, solarising and posterising, each on the images of a batch that take it.

The formulas are Pillow's, on values that stand between its whole ones: only equalising and posterising, which count
values, round them first. B batch, n images that take an operation.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields

import torch
import torch.nn.functional as F
from torch import Tensor

from foveal.augment.operations import BITS_LOST, Operations
from foveal.device import constant, sent

SMOOTH = (1, 1, 1, 1, 5, 1, 1, 1, 1)
"""Over 13: what sharpness moves away from (Pillow's `ImageFilter.SMOOTH`)."""


@dataclass(frozen=True, kw_only=True)
class Tones:
    """Per image, (B,) on the CPU, in the order in which they are done."""

    sharpness: Tensor
    """Float32 factor; 1 changes nothing, 0 is smooth."""
    autocontrast: Tensor
    """Bool."""
    equalise: Tensor
    """Bool."""
    solarise: Tensor
    """Float32, 0 to 1: values from 1 minus this on are turned over; 0 changes nothing."""
    posterise: Tensor
    """Int64: lowest of the 8 bits that are lost."""

    def rows(self, rows: slice) -> Tones:
        """Those of some of the images."""
        return Tones(**{each.name: getattr(self, each.name)[rows] for each in fields(self)})


def draw_tones(operations: Operations | None) -> Tones | None:
    """Each sample's; None where operations are off."""
    if operations is None:
        return None
    return Tones(
        sharpness=operations.factors("sharpness"),
        autocontrast=operations.chosen["autocontrast"],
        equalise=operations.chosen["equalise"],
        solarise=operations.amount("solarise"),
        posterise=(BITS_LOST * operations.amount("posterise")).round().long(),
    )


def adjust_tones(images: Tensor, tones: Tones) -> Tensor:
    """Images in 0 to 1, changed in place: (B, C, H, W) float32."""
    _change(images, tones.sharpness != 1, lambda some, rows: sharpen(some, tones.sharpness[rows]))
    _change(images, tones.autocontrast, lambda some, _: autocontrast(some))
    _change(images, tones.equalise, lambda some, _: equalise(some))
    _change(images, tones.solarise > 0, lambda some, rows: solarise(some, 1 - tones.solarise[rows]))
    _change(images, tones.posterise > 0, lambda some, rows: posterise(some, tones.posterise[rows]))
    return images


def sharpen(images: Tensor, factors: Tensor) -> Tensor:
    """smooth + factor · (image - smooth), the outermost pixels as they were: (n, C, H, W), factors (n,)."""
    channels = images.shape[1]
    kernel = (constant(SMOOTH, images.device) / 13).view(3, 3)
    smooth = F.conv2d(images, kernel.expand(channels, 1, 3, 3), groups=channels)
    inner = images[:, :, 1:-1, 1:-1]
    changed = images.clone()
    changed[:, :, 1:-1, 1:-1] = torch.lerp(smooth, inner, _per_image(factors, images))
    return changed.clamp_(0, 1)


def autocontrast(images: Tensor) -> Tensor:
    """Each channel stretched from 0 to 1, one of a single value as it was: (n, C, H, W)."""
    low, high = images.amin((2, 3), keepdim=True), images.amax((2, 3), keepdim=True)
    return torch.where(high > low, (images - low) / (high - low).clamp(min=1e-6), images)


def equalise(images: Tensor) -> Tensor:
    """Each channel's values made equally frequent, in 256 steps: (n, C, H, W)."""
    values = (images * 255).round_().long().flatten(2)  # (n, C, H*W)
    counts = torch.zeros(*values.shape[:2], 256, dtype=torch.long, device=images.device)
    counts.scatter_add_(2, values, torch.ones_like(values))
    brightest = values.amax(2, keepdim=True)
    step = (values.shape[2] - counts.gather(2, brightest)) // 255
    below = counts.cumsum(2) - counts
    table = ((below + step // 2) // step.clamp(min=1)).clamp_(max=255)
    table = torch.where(step > 0, table, torch.arange(256, device=images.device))
    return (table.gather(2, values).unflatten(2, images.shape[2:]) / 255).to(images.dtype)


def solarise(images: Tensor, thresholds: Tensor) -> Tensor:
    """Values from the threshold on turned over: (n, C, H, W), thresholds (n,)."""
    return torch.where(images >= _per_image(thresholds, images), 1 - images, images)


def posterise(images: Tensor, bits_lost: Tensor) -> Tensor:
    """Values without their lowest bits, of 8: (n, C, H, W), bits_lost (n,)."""
    step = _per_image(2.0**bits_lost, images)
    return (images * 255).round_().div_(step).floor_().mul_(step).div_(255)


def _change(images: Tensor, taken: Tensor, change: Callable[[Tensor, Tensor], Tensor]) -> None:
    """Puts `change` of the images that are taken, (B,) bool, in their places."""
    rows = taken.nonzero().flatten()
    if len(rows):
        there = sent(rows, images.device)
        images[there] = change(images[there], rows)


def _per_image(values: Tensor, images: Tensor) -> Tensor:
    """(n,) -> (n, 1, 1, 1), as the images are."""
    return sent(values.to(images.dtype), images.device)[:, None, None, None]

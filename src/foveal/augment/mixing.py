"""MixUp (Zhang et al. 2017, arXiv:1710.09412) and CutMix (Yun et al. 2019, arXiv:1905.04899).

Each image is mixed with the one before it in the batch, by a weight of its own that is keyed like all
draws; only the partner depends on the batch. With both on, each sample takes one of the two with equal
chance. Differs: the authors' programs draw one weight per batch and a random partner.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from foveal.augment.draws import Draws
from foveal.augment.rectangles import inside_rectangles
from foveal.augment.settings import AugmentSettings
from foveal.device import sent
from foveal.errors import UsageError


@dataclass(frozen=True, kw_only=True)
class Mixing:
    """How much of itself each sample keeps, on the CPU."""

    own: Tensor
    """(B,) float32, 0 to 1: the weight of a sample's own target. The rest is its partner's."""
    is_cutmix: Tensor
    """(B,) bool: CutMix, else MixUp."""
    pasted_xyxy: Tensor
    """(B, 4) int64: CutMix's rectangle of the partner's pixels; empty for MixUp."""


def draw_mixing(settings: AugmentSettings, draws: Draws, *, size_hw: tuple[int, int]) -> Mixing | None:
    """The mixing of each sample; None where both are off."""
    if settings.mixup == 0 and settings.cutmix == 0:
        return None
    pasted = torch.zeros(len(draws.samples), 4, dtype=torch.int64)
    if settings.cutmix == 0:
        own = draws.beta("mixup", settings.mixup)
        return Mixing(own=own, is_cutmix=torch.zeros_like(own, dtype=torch.bool), pasted_xyxy=pasted)
    pasted = _draw_pasted(draws, settings.cutmix, size_hw)
    kept = 1 - (pasted[:, 2:] - pasted[:, :2]).prod(1) / (size_hw[0] * size_hw[1])
    if settings.mixup == 0:
        return Mixing(own=kept, is_cutmix=torch.ones_like(kept, dtype=torch.bool), pasted_xyxy=pasted)
    is_cutmix = draws.bernoulli("mixup_or_cutmix", 0.5)
    own = torch.where(is_cutmix, kept, draws.beta("mixup", settings.mixup))
    return Mixing(own=own, is_cutmix=is_cutmix, pasted_xyxy=torch.where(is_cutmix[:, None], pasted, 0))


def mix_batch(images: Tensor, targets: Tensor, mixing: Mixing) -> tuple[Tensor, Tensor]:
    """Images and soft targets, each mixed with the batch's previous one: (B, C, H, W) and (B, K), both float.

    A MixUp image is own * itself + (1 - own) * partner; a CutMix image shows its partner inside the
    rectangle. Targets are own * itself + (1 - own) * partner for both, CutMix's `own` being the exact share
    of pixels that stayed.
    """
    if targets.ndim != 2 or not targets.is_floating_point():
        raise UsageError(
            "mixing needs soft targets: expected floating-point of shape (B, K), "
            f"got {targets.dtype} of shape {tuple(targets.shape)}; one-hot encode class indices first"
        )
    weights = sent(torch.where(mixing.is_cutmix, 1.0, mixing.own), images.device)[:, None, None, None]
    if mixing.is_cutmix.any():
        pasted = inside_rectangles(sent(mixing.pasted_xyxy, images.device), (images.shape[2], images.shape[3]))
        weights = torch.where(pasted, 0.0, weights)
    return _mixed_with_previous(images, weights), _mixed_with_previous(targets, mixing.own[:, None])


def _draw_pasted(draws: Draws, alpha: float, size_hw: tuple[int, int]) -> Tensor:
    """Rectangles of area 1 - λ, λ from Beta(alpha, alpha), about an even centre, clipped (§3.1)."""
    side = torch.from_numpy(np.sqrt(1 - draws.beta("cutmix", alpha).numpy().astype(np.float64)))[:, None]
    size = torch.tensor([size_hw[1], size_hw[0]], dtype=torch.float64)
    centre = torch.stack([draws.uniform("cutmix_x"), draws.uniform("cutmix_y")], dim=1).double() * size
    corners = [centre - side * size / 2, centre + side * size / 2]
    return torch.cat([corner.round().clamp(min=0).minimum(size) for corner in corners], dim=1).long()


def _mixed_with_previous(values: Tensor, weights: Tensor) -> Tensor:
    """weights * values + (1 - weights) * previous row's values, the last row before the first: (B, ...)."""
    own, weights = values.float(), sent(weights, values.device)
    mixed = torch.empty_like(own)  # written in two parts: a rolled copy of the batch would be one more pass
    torch.lerp(own[:-1], own[1:], weights[1:], out=mixed[1:])
    torch.lerp(own[-1:], own[:1], weights[:1], out=mixed[:1])
    return mixed.to(values.dtype)

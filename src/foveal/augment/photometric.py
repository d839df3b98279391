"""Brightness, contrast, saturation, grey and hue: one colour matrix and offset per image, applied in one pass."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from foveal.augment.draws import Draws
from foveal.augment.operations import draw_operations
from foveal.augment.settings import AugmentSettings
from foveal.device import constant, sent

LUMA = (0.299, 0.587, 0.114)
"""Red, green and blue in grey (ITU-R BT.601-7, §2.5.1), as Pillow's `convert("L")` weighs them."""
IN_PHASE, QUADRATURE = (0.5959, -0.2746, -0.3213), (0.2115, -0.5227, 0.3112)
"""The same in I and Q, the two axes of colour of NTSC (1953)."""


@dataclass(frozen=True, kw_only=True)
class Colour:
    """Factors per image, (B,) float32 on the CPU; 1 changes nothing."""

    brightness: Tensor
    contrast: Tensor
    saturation: Tensor | None
    """0 is grey; None leaves saturation alone."""
    hue_deg: Tensor | None = None
    """Turn of the colours; None leaves them."""

    def rows(self, rows: slice) -> Colour:
        """The factors of some of the images."""
        return Colour(
            brightness=self.brightness[rows],
            contrast=self.contrast[rows],
            saturation=None if self.saturation is None else self.saturation[rows],
            hue_deg=None if self.hue_deg is None else self.hue_deg[rows],
        )


def draw_colour(settings: AugmentSettings, draws: Draws, *, channels: int) -> Colour | None:
    """The factors of each sample; None where nothing changes.

    Saturation, grey and hue are properties of RGB: images of any other number of channels are drawn without
    them.
    """
    operations = draw_operations(settings, draws)
    coloured = channels == 3 and (settings.saturation > 0 or settings.grey > 0 or operations is not None)
    turned = channels == 3 and settings.hue_deg > 0
    if not (settings.brightness or settings.contrast or coloured or turned or operations is not None):
        return None
    factors = {
        "brightness": _draw_factors(draws, "brightness", settings.brightness),
        "contrast": _draw_factors(draws, "contrast", settings.contrast),
        **({"saturation": _draw_saturation(settings, draws)} if coloured else {}),
    }
    if operations is not None:
        factors = {name: values * operations.factors(name) for name, values in factors.items()}
    return Colour(
        brightness=factors["brightness"],
        contrast=factors["contrast"],
        saturation=factors.get("saturation"),
        hue_deg=draws.uniform("hue", -settings.hue_deg, settings.hue_deg) if turned else None,
    )


def adjust_colour(images: Tensor, colour: Colour) -> Tensor:
    """Images with brightness b, contrast c and saturation s changed, clamped to 0 to 1: (B, C, H, W) float32.

    With grey(x) an RGB pixel's luma and m the image's mean luma (its mean value, if not of 3 channels)
        y = c b (s x + (1 - s) grey(x)) + (1 - c) b m
    which is brightness, then contrast about the mean, then saturation, as one affine map of a pixel's
    colour. Differs from doing them in turn: values are clamped once, at the end, and not in between. Before, hue turns
    the colours and leaves their luma.
    """
    if colour.hue_deg is not None:
        images = turn_hue(images, colour.hue_deg)
    weights = LUMA if images.shape[1] == 3 else (1 / images.shape[1],) * images.shape[1]
    mean = (images.mean((2, 3)) * constant(weights, images.device)).sum(1)  # (B,)
    brightness, contrast = (sent(each, images.device) for each in (colour.brightness, colour.contrast))
    gain, offset = _per_image(brightness * contrast), _per_image(brightness * (1 - contrast) * mean)
    if colour.saturation is None:
        return torch.addcmul(offset, images, gain).clamp_(0, 1)
    saturation = _per_image(sent(colour.saturation, images.device))
    # The colour matrix gain (s I + (1 - s) 1 LUMAᵀ) is a scaling and one plane that all channels share.
    grey = (images[:, :1] * LUMA[0]).add_(images[:, 1:2], alpha=LUMA[1]).add_(images[:, 2:], alpha=LUMA[2])
    shared = grey.mul_(gain * (1 - saturation)).add_(offset)  # (B, 1, H, W)
    return torch.addcmul(shared, images, gain * saturation).clamp_(0, 1)


def turn_hue(images: Tensor, angle_deg: Tensor) -> Tensor:
    """Colours turned about grey in the I-Q plane of YIQ, their luma kept: (B, 3, H, W), angle_deg (B,).

    Differs: a shift of HSV's hue, the common way, keeps the largest channel and not the luma, and asks of every pixel
    which channel that is. Not clamped.
    """
    angle = torch.deg2rad(angle_deg.double())
    to_yiq = torch.tensor([LUMA, IN_PHASE, QUADRATURE], dtype=torch.float64)
    turn = torch.eye(3, dtype=torch.float64).repeat(len(angle), 1, 1)
    turn[:, 1, 1], turn[:, 1, 2] = angle.cos(), -angle.sin()
    turn[:, 2, 1], turn[:, 2, 2] = angle.sin(), angle.cos()
    matrices = torch.linalg.inv(to_yiq) @ turn @ to_yiq
    return (sent(matrices.to(images.dtype), images.device) @ images.flatten(2)).view_as(images)


def _draw_factors(draws: Draws, name: str, largest: float) -> Tensor:
    return draws.uniform(name, 1 - largest, 1 + largest)


def _draw_saturation(settings: AugmentSettings, draws: Draws) -> Tensor:
    factors = _draw_factors(draws, "saturation", settings.saturation)
    return factors.masked_fill(draws.bernoulli("grey", settings.grey), 0.0)


def _per_image(values: Tensor) -> Tensor:
    """(B,) -> (B, 1, 1, 1)."""
    return values[:, None, None, None]

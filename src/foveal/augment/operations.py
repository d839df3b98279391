"""A few operations drawn for each image out of fourteen, at a strength: TrivialAugment and RandAugment.

Müller & Hutter 2021, arXiv:2103.10158, take one at an even strength; Cubuk et al. 2019, arXiv:1909.13719, take N at one
strength M of 10. Ranges are those of RandAugment for both (TrivialAugment's "RA" ones; its "Wide" ones turn things on
their heads). Differs: an image's operations are done in one order, so that those of geometry are one resampling and
those of colour one pass; one that is drawn twice is done once; colour, contrast, brightness and sharpness go either way
from the image, where RandAugment's scale has the image at its half; shifts repeat the border where theirs are grey.
B batch.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from foveal.augment.draws import Draws
from foveal.augment.settings import AugmentSettings

OPERATIONS = (
    *("identity", "rotate", "shear_x", "shear_y", "translate_x", "translate_y"),
    *("brightness", "contrast", "saturation", "sharpness"),
    *("autocontrast", "equalise", "solarise", "posterise"),
)
ROTATE_DEG, SHEAR, TRANSLATE = 30.0, 0.3, 0.45
"""At full strength: degrees, lean as a tangent, share of the side (150 of 331 pixels)."""
FACTOR = 0.9
"""Full change of brightness, contrast, saturation and sharpness."""
BITS_LOST = 4
"""Of posterising, at full strength."""


@dataclass(frozen=True, kw_only=True)
class Operations:
    """What was drawn for a batch, on the CPU."""

    chosen: dict[str, Tensor]
    """By operation, (B,) bool."""
    strength: Tensor
    """(B,) float32, 0 to 1."""
    sign: Tensor
    """(B,) float32: -1 or 1, of operations that go two ways."""

    def amount(self, name: str) -> Tensor:
        """(B,) float32: the strength where this operation was drawn, else 0."""
        return torch.where(self.chosen[name], self.strength, 0.0)

    def signed(self, name: str) -> Tensor:
        """(B,) float32: `amount` either way."""
        return self.amount(name) * self.sign

    def factors(self, name: str) -> Tensor:
        """(B,) float32: what brightness and its like multiply by, exactly 1 where it was not drawn."""
        return 1 + FACTOR * self.signed(name)

    def linear(self) -> Tensor:
        """Rotation and shears, output to input: (B, 2, 2) float64, exactly the identity where none was drawn."""
        angle = torch.deg2rad(ROTATE_DEG * self.signed("rotate").double())
        cos, sin, one = angle.cos(), angle.sin(), torch.ones(len(angle), dtype=torch.float64)
        lean_x, lean_y = (SHEAR * self.signed(f"shear_{axis}").double() for axis in "xy")
        turn = torch.stack([cos, -sin, sin, cos], dim=1).unflatten(1, (2, 2))
        across = torch.stack([one, lean_x, one * 0, one], dim=1).unflatten(1, (2, 2))
        down = torch.stack([one, one * 0, lean_y, one], dim=1).unflatten(1, (2, 2))
        return across @ down @ turn

    def shift(self, size_hw: tuple[int, int]) -> Tensor:
        """(B, 2) float64 xy: shifts in whole pixels of an image of that size."""
        sides = ((size_hw[1], "translate_x"), (size_hw[0], "translate_y"))
        return torch.stack([TRANSLATE * side * self.signed(name).double() for side, name in sides], dim=1).round()


def draw_operations(settings: AugmentSettings, draws: Draws) -> Operations | None:
    """Each sample's operations, `settings.operations` of them, all equally likely; None where they are off."""
    if settings.operations == 0:
        return None
    units = [draws.uniform(f"operation_{number}").numpy() for number in range(settings.operations)]
    taken = np.stack([(unit * len(OPERATIONS)).astype(np.int64) for unit in units])  # (operations, B)
    chosen = {name: torch.from_numpy((taken == index).any(axis=0)) for index, name in enumerate(OPERATIONS)}
    sign = 1 - 2 * draws.bernoulli("operation_sign", 0.5).float()
    return Operations(chosen=chosen, strength=draws.uniform("operation_strength", *settings.magnitude), sign=sign)

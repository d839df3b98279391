"""Pixels of any depth → the depth that is wanted, and an array from Python → (H, W, C)."""

from dataclasses import dataclass

import numpy as np

from foveal.errors import ImageError
from foveal.types import Depth

MAX_CHANNELS = 16
WHITE: dict[Depth, int] = {"uint8": 255, "uint16": 65535}
"""The level of white at each depth; black is 0."""


@dataclass(frozen=True, slots=True)
class Pixels:
    """Pixels as a source holds them: integers or floats of which `white` is the brightest, in (H, W) or (H, W, C)."""

    values: np.ndarray
    white: int = 255

    @property
    def depth(self) -> Depth:
        """The least depth that keeps them: 16 bits for integers above 255. Floats count as 8 bits."""
        return "uint16" if self.white > 255 else "uint8"

    def at(self, depth: Depth) -> np.ndarray:
        """The same picture with the white of `depth`: the nearest of its levels. Itself where nothing changes."""
        if self.values.dtype.kind == "f":
            return _rounded(self.values, WHITE[depth])
        if self.white == WHITE[depth] and self.values.dtype == np.dtype(depth):
            return self.values
        return _levels(self.values, self.white, WHITE[depth]).astype(depth)


def from_array(image: np.ndarray, name: str) -> Pixels:
    """The array as (H, W, C); (H, W) becomes (H, W, 1). Raises ImageError under `name`."""
    if image.ndim not in (2, 3) or (image.ndim == 3 and not 1 <= image.shape[2] <= MAX_CHANNELS):
        hint = ""
        if image.ndim == 3 and image.shape[0] <= MAX_CHANNELS:
            hint = "; if this is (C, H, W), move the channels last"
        raise ImageError(
            name, f"expected (H, W) or (H, W, C) with 1 to {MAX_CHANNELS} channels, got {image.shape}{hint}"
        )
    if image.size == 0:
        raise ImageError(name, f"has no pixels: shape {image.shape}")
    values = image if image.ndim == 3 else image[:, :, None]
    kind, size_bytes = values.dtype.kind, values.dtype.itemsize
    if kind == "b":
        return Pixels(values.astype(np.uint8) * np.uint8(255))
    if kind == "u" and size_bytes <= 2:
        return Pixels(values, 255 if size_bytes == 1 else 65535)
    if kind == "f":
        return unit(values, name)
    raise ImageError(name, f"expected bool, uint8, uint16 or float in [0, 1], got dtype {image.dtype}")


def unit(image: np.ndarray, name: str) -> Pixels:
    """Floats in [0, 1]. Raises ImageError that says what came otherwise."""
    with np.errstate(invalid="ignore"):
        low, high = float(image.min()), float(image.max())  # NaN where there is one
    if not (low >= 0.0 and high <= 1.0):
        found = "NaN" if np.isnan(low) or np.isnan(high) else f"values from {low:g} to {high:g}"
        raise ImageError(name, f"a float image has to lie in [0, 1], got {found}; scale it first")
    return Pixels(image, 1)


def _rounded(image: np.ndarray, white: int) -> np.ndarray:
    scaled = np.multiply(image, float(white), dtype=np.float64 if image.dtype.itemsize > 4 else np.float32)
    return np.rint(scaled, out=scaled).astype(np.uint8 if white == 255 else np.uint16)


def _levels(image: np.ndarray, white: int, wanted: int) -> np.ndarray:
    """Integers in [0, white] → uint32 in [0, wanted], the nearest; above white is white."""
    scaled = image.astype(np.uint32)
    np.minimum(scaled, white, out=scaled)
    if (white, wanted) == (65535, 255):  # the general way takes twice as long
        scaled += 128
        scaled //= 257
        return scaled
    scaled *= wanted
    scaled += white // 2
    scaled //= white
    return scaled

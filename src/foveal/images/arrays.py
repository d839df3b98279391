"""An array from Python → uint8 (H, W, C)."""

import numpy as np

from foveal.errors import ImageError

MAX_CHANNELS = 16


def from_array(image: np.ndarray, name: str) -> np.ndarray:
    """The array as uint8 (H, W, C); (H, W) becomes (H, W, 1). Raises ImageError under `name`."""
    if image.ndim not in (2, 3) or (image.ndim == 3 and not 1 <= image.shape[2] <= MAX_CHANNELS):
        hint = ""
        if image.ndim == 3 and image.shape[0] <= MAX_CHANNELS:
            hint = "; if this is (C, H, W), move the channels last"
        raise ImageError(
            name, f"expected (H, W) or (H, W, C) with 1 to {MAX_CHANNELS} channels, got {image.shape}{hint}"
        )
    if image.size == 0:
        raise ImageError(name, f"has no pixels: shape {image.shape}")
    pixels = image if image.ndim == 3 else image[:, :, None]
    return np.require(_to_u8(pixels, name), requirements=["C", "W"])


def u16_to_u8(image: np.ndarray, *, maximum: int = 65535) -> np.ndarray:
    """Integers in [0, maximum] → uint8, the nearest of 256 equal steps: for 16 bits ÷257, rounded."""
    scaled = image.astype(np.uint32)
    np.minimum(scaled, maximum, out=scaled)
    if maximum == 65535:
        scaled += 128
        scaled //= 257
    else:
        scaled *= 255
        scaled += maximum // 2
        scaled //= maximum
    return scaled.astype(np.uint8)


def unit_to_u8(image: np.ndarray, name: str) -> np.ndarray:
    """Floats in [0, 1] → uint8, ×255 and rounded. Raises ImageError that says what came otherwise."""
    with np.errstate(invalid="ignore"):
        low, high = float(image.min()), float(image.max())  # NaN where there is one
    if not (low >= 0.0 and high <= 1.0):
        found = "NaN" if np.isnan(low) or np.isnan(high) else f"values from {low:g} to {high:g}"
        raise ImageError(name, f"a float image has to lie in [0, 1], got {found}; scale it first")
    scaled = np.multiply(image, 255.0, dtype=np.float64 if image.dtype.itemsize > 4 else np.float32)
    return np.rint(scaled, out=scaled).astype(np.uint8)


def _to_u8(image: np.ndarray, name: str) -> np.ndarray:
    kind, size_bytes = image.dtype.kind, image.dtype.itemsize
    if kind == "b":
        return image.astype(np.uint8) * np.uint8(255)
    if kind == "u" and size_bytes == 1:
        return image
    if kind == "u" and size_bytes == 2:
        return u16_to_u8(image)
    if kind == "f":
        return unit_to_u8(image, name)
    raise ImageError(name, f"expected bool, uint8, uint16 or float in [0, 1], got dtype {image.dtype}")

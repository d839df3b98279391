"""A decoded image in the shape and channels that a network reads. No torch: processes that decode do without it."""

from pathlib import Path

import numpy as np
from PIL import Image

from foveal.errors import ImageError
from foveal.images.decode import decode_sized
from foveal.images.resize import resize
from foveal.types import Fit

ImageSource = Path | str | bytes | np.ndarray | Image.Image


def load_fitted(
    source: ImageSource, *, size_hw: tuple[int, int], channels: int, fit: Fit, name: str | None = None
) -> tuple[np.ndarray, tuple[int, int]]:
    """The image as uint8 (H, W, C) of exactly `size_hw` and `channels`; and the whole one's (height, width) as shown.

    Raises ImageError.
    """
    image, shown_hw = decode_sized(source, name=name, min_hw=None if fit == "pad" else size_hw)
    image = _with_channels(image, channels, name or (str(source) if isinstance(source, str | Path) else "image"))
    return _FITS[fit](image, size_hw), shown_hw


def covering(image_hw: tuple[int, int], size_hw: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """The size to which an image is resized to cover `size_hw`, and the (top, left) of the part that is cut out."""
    scale = max(size_hw[0] / image_hw[0], size_hw[1] / image_hw[1])
    covered = (max(size_hw[0], round(image_hw[0] * scale)), max(size_hw[1], round(image_hw[1] * scale)))
    return covered, ((covered[0] - size_hw[0]) // 2, (covered[1] - size_hw[1]) // 2)


def inside(image_hw: tuple[int, int], size_hw: tuple[int, int]) -> tuple[tuple[int, int], tuple[int, int]]:
    """The size to which an image is shrunk to fit `size_hw`, never enlarged, and its (top, left) in it."""
    scale = min(1.0, size_hw[0] / image_hw[0], size_hw[1] / image_hw[1])
    inner = image_hw if scale == 1 else (max(1, round(image_hw[0] * scale)), max(1, round(image_hw[1] * scale)))
    return inner, ((size_hw[0] - inner[0]) // 2, (size_hw[1] - inner[1]) // 2)


def _with_channels(image: np.ndarray, channels: int, name: str) -> np.ndarray:
    if image.shape[2] == channels:
        return image
    if image.shape[2] == 1 and channels == 3:
        return np.repeat(image, 3, axis=2)
    if image.shape[2] == 3 and channels == 1:
        return np.asarray(Image.fromarray(image).convert("L"))[:, :, None]  # ITU-R 601 luma
    raise ImageError(name, f"has {image.shape[2]} channels, but the network reads {channels}")


def _squash(image: np.ndarray, size_hw: tuple[int, int]) -> np.ndarray:
    return resize(image, size_hw)


def _crop(image: np.ndarray, size_hw: tuple[int, int]) -> np.ndarray:
    covered, (top, left) = covering(_size(image), size_hw)
    image = resize(image, covered)
    return np.ascontiguousarray(image[top : top + size_hw[0], left : left + size_hw[1]])


def _pad(image: np.ndarray, size_hw: tuple[int, int]) -> np.ndarray:
    inner, (top, left) = inside(_size(image), size_hw)
    padded = np.zeros((*size_hw, image.shape[2]), np.uint8)
    padded[top : top + inner[0], left : left + inner[1]] = image if inner == _size(image) else resize(image, inner)
    return padded


def _size(image: np.ndarray) -> tuple[int, int]:
    return image.shape[0], image.shape[1]


_FITS = {"squash": _squash, "crop": _crop, "pad": _pad}

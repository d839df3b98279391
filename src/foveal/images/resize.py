"""One image in another size."""

import numpy as np
from PIL import Image


def resize(image: np.ndarray, size_hw: tuple[int, int]) -> np.ndarray:
    """The uint8 or uint16 image (H, W, C), any C ≥ 1, at `size_hw`: antialiased bilinear; itself where nothing changes.

    Channels are independent: a fourth one is not taken for alpha. Reductions beyond 3 times go through a box
    average first, at most 1 or 2 levels of 256 from the direct way and several times faster. Deterministic.
    """
    if image.ndim != 3 or image.dtype not in (np.uint8, np.uint16):
        raise ValueError(f"expected a uint8 or uint16 image (H, W, C), got {image.dtype} {image.shape}")
    height, width = size_hw
    if height < 1 or width < 1:
        raise ValueError(f"size_hw has to be at least (1, 1), got {size_hw}")
    if image.shape[:2] == (height, width):
        return image
    if image.shape[2] == 3 and image.dtype == np.uint8:
        return _resize_plane(image, height, width)
    channels = [_resize_plane(image[:, :, c], height, width) for c in range(image.shape[2])]
    return np.stack(channels, axis=2)


def _resize_plane(plane: np.ndarray, height: int, width: int) -> np.ndarray:
    """(H, W) or (H, W, 3) → (height, width) or (height, width, 3)."""
    # Pillow has no box average of 16-bit integers, and float32 holds them exactly.
    values = np.ascontiguousarray(plane, np.float32 if plane.dtype == np.uint16 else None)
    resized = np.array(Image.fromarray(values).resize((width, height), Image.Resampling.BILINEAR, reducing_gap=3.0))
    return resized if plane.dtype == np.uint8 else np.rint(resized).astype(np.uint16)

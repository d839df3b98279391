"""One image in another size."""

import numpy as np
from PIL import Image


def resize(image: np.ndarray, size_hw: tuple[int, int]) -> np.ndarray:
    """The uint8 image (H, W, C), any C ≥ 1, at `size_hw`: antialiased bilinear; itself where nothing changes.

    Channels are independent: a fourth one is not taken for alpha. Reductions beyond 3 times go through a box
    average first, at most 1 or 2 grey levels from the direct way and several times faster. Deterministic.
    """
    if image.ndim != 3 or image.dtype != np.uint8:
        raise ValueError(f"expected a uint8 image (H, W, C), got {image.dtype} {image.shape}")
    height, width = size_hw
    if height < 1 or width < 1:
        raise ValueError(f"size_hw has to be at least (1, 1), got {size_hw}")
    if image.shape[:2] == (height, width):
        return image
    if image.shape[2] == 3:
        return _resize_plane(image, height, width)
    channels = [_resize_plane(image[:, :, c], height, width) for c in range(image.shape[2])]
    return np.stack(channels, axis=2)


def _resize_plane(plane: np.ndarray, height: int, width: int) -> np.ndarray:
    """(H, W) or (H, W, 3) → (height, width) or (height, width, 3)."""
    source = Image.fromarray(np.ascontiguousarray(plane))
    return np.array(source.resize((width, height), Image.Resampling.BILINEAR, reducing_gap=3.0))

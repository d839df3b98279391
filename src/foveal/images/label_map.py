"""Label maps: PNG files whose pixels are class indices, plain grey or by a palette."""

from pathlib import Path

import numpy as np
from PIL import Image, PngImagePlugin

from foveal.errors import ImageError
from foveal.images.decode import MAX_PIXELS, check_size
from foveal.images.pil import SPREAD, rawmode_of

VOID = 255
"""The index of pixels that belong to no class and do not count."""


def read_label_map(path: Path) -> np.ndarray:
    """The indices, (H, W) uint8. Raises ImageError for what is no PNG of indices up to 255, or is over `MAX_PIXELS`."""
    try:
        with path.open("rb") as file, PngImagePlugin.PngImageFile(file) as image:
            check_size(image, path, MAX_PIXELS)
            mode, rawmode = image.mode, rawmode_of(image)
            image.load()
            pixels = np.asarray(image)
    except ImageError:
        raise
    except Exception as error:  # Pillow answers broken bytes with whatever its parsing ran into
        raise ImageError(path, f"is no PNG that can be read: {' '.join(str(error).split())}") from None
    if mode == "1":
        return pixels.astype(np.uint8)
    if mode not in ("L", "P"):
        raise ImageError(path, f"holds {mode} pixels; a label map is a PNG of class indices, grey or with a palette")
    return pixels // SPREAD[rawmode] if rawmode in SPREAD else pixels


def write_label_map(labels: np.ndarray, path: Path) -> None:
    """Indices (H, W) uint8 as a PNG whose palette shows each class in a colour of its own, and `VOID` in white."""
    image = Image.fromarray(labels)  # mode L; a palette makes it P
    image.putpalette(palette().flatten().tolist())
    image.save(path, format="PNG")


def palette() -> np.ndarray:
    """(256, 3) uint8: Pascal VOC's colours, which spread an index's bits over red, green and blue; white for `VOID`."""
    index = np.arange(256)
    colours = np.zeros((256, 3), np.uint8)
    for bit in range(8):
        for channel in range(3):
            colours[:, channel] |= (((index >> channel) & 1) << (7 - bit)).astype(np.uint8)
        index >>= 3
    colours[VOID] = 255
    return colours

"""A loaded PIL image of any mode → (H, W, 1) where it is natively grey, else (H, W, 3) RGB, at its own depth."""

import math
from collections.abc import Callable
from io import BytesIO

import numpy as np
from PIL import ExifTags, Image, ImageCms, PpmImagePlugin

from foveal.errors import ImageError
from foveal.images.arrays import Pixels, unit

# EXIF 2.32, tag 0x0112: how the stored pixels (H, W, C) are turned to stand upright.
_UPRIGHT: dict[int, Callable[[np.ndarray], np.ndarray]] = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.transpose(1, 0, 2),
    6: lambda stored: stored.transpose(1, 0, 2)[:, ::-1],
    7: lambda stored: stored.transpose(1, 0, 2)[::-1, ::-1],
    8: lambda stored: stored.transpose(1, 0, 2)[::-1],
}


SPREAD = {"L;2": 85, "L;4": 17}
"""By how much Pillow multiplies a PNG's grey values of 2 and 4 bits, to spread them over 0 to 255; by its raw mode."""


def orientation_of(image: Image.Image) -> int:
    """EXIF (or XMP) orientation, 1 to 8; 1 where there is none or where the block can't be read."""
    try:
        # Not a PNG's own method, which loads all pixels to look behind them for a block that is written before them.
        found = Image.Image.getexif(image).get(ExifTags.Base.Orientation, 1)
    except Exception:  # a broken EXIF block raises whatever its parsing ran into; the pixels are still good
        return 1
    return int(found) if isinstance(found, int) and found in _UPRIGHT else 1


def oriented(image: np.ndarray, orientation: int) -> np.ndarray:
    """The image stood upright: (H, W, C), a view, with H and W swapped for orientations 5 to 8."""
    return _UPRIGHT[orientation](image)


def rawmode_of(image: Image.Image) -> str:
    """How a PNG not yet loaded stores its pixels ("L;2", "RGB;16B", …); "" for any other image."""
    tiles = getattr(image, "tile", None)
    return tiles[0][3] if tiles and isinstance(tiles[0][3], str) else ""


def from_pil(image: Image.Image, *, rawmode: str = "") -> Pixels:
    """The stored pixels (H, W, 1 or 3). Raises ImageError, without a name, for unruly values.

    Greys of up to 16 bits and floats are kept whole; of colours Pillow keeps the upper 8 bits.
    """
    mode = image.mode
    if mode.startswith("I;16"):
        return _from_16_bit(image)
    if mode == "I":
        return _from_32_bit_integers(image)
    if mode == "F":
        return unit(np.asarray(image)[:, :, None], "")
    return Pixels(_from_8_bit(image, rawmode))


def _from_8_bit(image: Image.Image, rawmode: str) -> np.ndarray:
    mode = image.mode
    if mode in ("1", "L"):
        return _key_to_white(np.array(image.convert("L")), _grey_key(image, rawmode))[:, :, None]
    if mode == "RGB":
        return _key_to_white(np.array(image), _colour_key(image, rawmode))
    if mode in ("LA", "La"):
        image = image.convert("LA")
        return np.array(_over_white(image.getchannel("L"), image.getchannel("A")))[:, :, None]
    if mode in ("RGBA", "RGBa", "PA") or (mode == "P" and "transparency" in image.info):
        pixels = _from_alpha(image.convert("RGBA"))
        # Pillow has no 16-bit grey with alpha and decodes it as RGBA with three equal channels.
        return pixels[:, :, :1] if rawmode == "LA;16B" else pixels
    if mode == "LAB":
        return np.array(_lab_to_rgb(image))
    # Palette, CMYK (a JPEG's, which Adobe stores inverted, was turned by Pillow), YCbCr, HSV, RGBX.
    return np.array(image.convert("RGB"))


def from_scaled_pnm(image: Image.Image) -> Pixels | None:
    """A binary PGM or PPM in memory whose white is neither 255 nor a grey 65535; None for any other image.

    Pillow decodes these pixel by pixel in Python, seconds for a megapixel; equal to it but for ties.
    """
    tiles = getattr(image, "tile", None)
    if not isinstance(image, PpmImagePlugin.PpmImageFile) or not tiles or tiles[0][0] != "ppm":
        return None
    if not isinstance(image.fp, BytesIO):
        return None
    _, _, offset, (_, maximum) = tiles[0]
    shape = (image.height, image.width, len(image.getbands()))
    stored = np.dtype(">u2" if maximum > 255 else "u1")
    # ValueError where the file is shorter than its header says.
    values = np.frombuffer(image.fp.getbuffer(), stored, count=math.prod(shape), offset=offset)
    return Pixels(values.reshape(shape), maximum)


def _grey_key(image: Image.Image, rawmode: str) -> int | None:
    """The one grey value that a PNG or GIF declares transparent, in the values that Pillow gives."""
    key = image.info.get("transparency")
    # Pillow spreads the pixels, but not the key (PNG, third edition, section 11.3.1.1).
    return key * SPREAD.get(rawmode, 1) if isinstance(key, int) else None


def _colour_key(image: Image.Image, rawmode: str) -> tuple[int, ...] | None:
    key = image.info.get("transparency")
    if not isinstance(key, tuple) or len(key) != 3:
        return None
    # Pillow keeps the upper 8 of 16 bits, but the key whole.
    return tuple(value >> 8 for value in key) if rawmode == "RGB;16B" else key


def _key_to_white(pixels: np.ndarray, key: int | tuple[int, ...] | None) -> np.ndarray:
    """(H, W) or (H, W, 3) with the pixels of the transparent colour made white, in place."""
    if key is not None:
        transparent = pixels == np.asarray(key)
        pixels[transparent if pixels.ndim == 2 else transparent.all(axis=2)] = np.iinfo(pixels.dtype).max
    return pixels


def _from_alpha(rgba: Image.Image) -> np.ndarray:
    return np.array(_over_white(rgba.convert("RGB"), rgba.getchannel("A")))


def _over_white(image: Image.Image, alpha: Image.Image) -> Image.Image:
    white = Image.new(image.mode, image.size, "white")
    white.paste(image, mask=alpha)
    return white


def _from_16_bit(image: Image.Image) -> Pixels:
    # Twelve-bit TIFF comes in the same mode with its own values: tag 258 is BitsPerSample.
    bits = getattr(image, "tag_v2", {}).get(258, (16,))
    values = _key_to_white(np.array(image), _grey_key(image, ""))
    return Pixels(values[:, :, None], 4095 if bits == (12,) else 65535)


def _from_32_bit_integers(image: Image.Image) -> Pixels:
    """Pillow's mode I: 16-bit PGM in a wider type. A TIFF of 32-bit or signed values has no known white."""
    if image.format == "TIFF":
        raise ImageError("", "holds 32-bit or signed integers, whose white is not known; save it as 8 or 16 bits")
    values = np.asarray(image)
    low, high = int(values.min()), int(values.max())
    if low < 0 or high > 65535:
        raise ImageError("", f"holds integers from {low} to {high}; save it as 8 bits, or as 16 (0 to 65535)")
    return Pixels(values[:, :, None], 65535)


def _lab_to_rgb(image: Image.Image) -> Image.Image:
    transform = ImageCms.buildTransform(ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB"), "LAB", "RGB")
    converted = ImageCms.applyTransform(image, transform)
    assert converted is not None  # None only for in-place work
    return converted

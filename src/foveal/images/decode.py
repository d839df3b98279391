"""Any source of one image → (H, W, C) of 8 or 16 bits. Every failure is one ImageError that names the source."""

from __future__ import annotations

import stat
import warnings
from dataclasses import dataclass, replace
from io import BytesIO
from pathlib import Path

import numpy as np
from PIL import (
    BmpImagePlugin,
    GifImagePlugin,
    Image,
    ImageFile,
    JpegImagePlugin,
    PngImagePlugin,
    PpmImagePlugin,
    TiffImagePlugin,
    WebPImagePlugin,
)

from foveal.errors import ImageError
from foveal.images.arrays import Pixels, from_array
from foveal.images.formats import READABLE, describe, sniff
from foveal.images.pil import from_pil, from_scaled_pnm, orientation_of, oriented, rawmode_of
from foveal.types import Depth

MAX_PIXELS = 50_000_000
"""The default cap on width times height, checked on a file's header before its pixels are decoded."""

# The plugins themselves and not Image.open: with one format allowed it does the same, but it warns (and does
# so by Python's global, not thread-safe filters) where we refuse, and it fails a good JPEG for a malformed
# index of further pictures behind it.
_PLUGINS: dict[str, type[ImageFile.ImageFile]] = {
    "JPEG": JpegImagePlugin.JpegImageFile,
    "PNG": PngImagePlugin.PngImageFile,
    "WEBP": WebPImagePlugin.WebPImageFile,
    "GIF": GifImagePlugin.GifImageFile,
    "BMP": BmpImagePlugin.BmpImageFile,
    "TIFF": TiffImagePlugin.TiffImageFile,
    "PPM": PpmImagePlugin.PpmImageFile,
}


def decode(
    source: Path | str | bytes | np.ndarray | Image.Image,
    *,
    name: str | None = None,
    min_hw: tuple[int, int] | None = None,
    max_pixels: int = MAX_PIXELS,
    depth: Depth | None = "uint8",
) -> np.ndarray:
    """The image (H, W, C), C-contiguous and writable: C is 1 where it is natively grey, else 3, RGB.

    A file's format is recognised by its bytes: JPEG, PNG, WebP, GIF (first frame), BMP, TIFF (first page), PBM,
    PGM, PPM. EXIF orientation is applied, transparency is composited over white. Colour profiles are not applied. An
    array is (H, W) or (H, W, C) with 1 to 16 channels, which it keeps: bool, uint8, uint16 or float in [0, 1]; one of
    the wanted depth may be given back without a copy.

    `depth` is the dtype of the pixels, whose white is 255 or 65,535: 16 bits become 8 by ÷257, 8 become 16 by ×257.
    None keeps what the source has: uint16 for greys, arrays and PPM of more than 8 bits, else uint8.

    `name` stands in errors in place of the source's own. `min_hw` is the least height and width the caller
    needs: a larger JPEG may then be decoded at 1/2, 1/4 or 1/8, never below it. `max_pixels` applies to all
    but arrays; above 89 million `PIL.Image.MAX_IMAGE_PIXELS` has to be raised too. The same source gives the
    same pixels on every call; any number of threads may decode at once.

    Raises ImageError, and nothing else for whatever bytes.
    """
    return decode_sized(source, name=name, min_hw=min_hw, max_pixels=max_pixels, depth=depth)[0]


def decode_sized(
    source: Path | str | bytes | np.ndarray | Image.Image,
    *,
    name: str | None = None,
    min_hw: tuple[int, int] | None = None,
    max_pixels: int = MAX_PIXELS,
    depth: Depth | None = "uint8",
) -> tuple[np.ndarray, tuple[int, int]]:
    """As `decode`, and the (height, width) of the whole image as it is shown, also where it was decoded smaller."""
    if isinstance(source, np.ndarray):
        pixels = _finished(from_array(source, name or "image array"), depth)
        return pixels, (pixels.shape[0], pixels.shape[1])
    if isinstance(source, Image.Image):
        return _pixels(source, name or getattr(source, "filename", "") or "PIL image", None, max_pixels, depth)
    if isinstance(source, bytes):
        return _from_bytes(source, name or "image bytes", min_hw, max_pixels, depth)
    return _from_bytes(read_bytes(source), name or source, min_hw, max_pixels, depth)


def read_bytes(path: Path | str) -> bytes:
    """The file's bytes. Raises ImageError where it is missing, is no regular file or can't be read."""
    path = Path(path) if isinstance(path, str) else path  # an archive's member stays one
    try:
        # A folder, and a pipe, whose reading would wait for ever, are refused before they are opened.
        mode = path.stat().st_mode
        if stat.S_ISDIR(mode):
            raise ImageError(path, "is a folder, not an image file")
        if not stat.S_ISREG(mode):
            raise ImageError(path, "is no regular file")
        return path.read_bytes()
    except FileNotFoundError:
        raise ImageError(path, "no such file") from None
    except PermissionError:
        raise ImageError(path, "no permission to read it") from None
    except (OSError, ValueError) as error:  # ValueError: a null character in the path
        raise ImageError(path, f"can't be read: {error}") from None


@dataclass(frozen=True, slots=True)
class Header:
    """What an image file says of itself before its pixels."""

    size_hw: tuple[int, int]
    """As the image is shown."""
    turned: bool
    """Whether its EXIF orientation swaps width and height."""


def read_header(path: Path) -> Header:
    """The header of the file at `path`. Raises ImageError, and nothing else for whatever bytes."""
    try:
        with path.open("rb") as file:
            start = file.read(32)
            plugin = sniff(start)
            if plugin is None:
                raise ImageError(path, f"is {describe(start)}; {READABLE}")
            file.seek(0)
            _ignore_metadata_warnings()
            with _PLUGINS[plugin](file) as image:
                width, height = _stored_size(image)
                turned = orientation_of(image) >= 5
    except ImageError:
        raise
    except Exception as error:  # see _pixels
        raise ImageError(path, f"can't be read: {_words(error)}") from None
    return Header((width, height) if turned else (height, width), turned)


def _from_bytes(
    data: bytes, name: Path | str, min_hw: tuple[int, int] | None, max_pixels: int, depth: Depth | None
) -> tuple[np.ndarray, tuple[int, int]]:
    plugin = sniff(data)
    if plugin is None:
        raise ImageError(name, f"is {describe(data)}; {READABLE}")
    _ignore_metadata_warnings()
    try:
        image = _PLUGINS[plugin](BytesIO(data))
    except Exception as error:  # see _pixels
        raise ImageError(name, f"broken {plugin} header: {_words(error)}") from None
    with image:
        return _pixels(image, name, min_hw, max_pixels, depth)


def _pixels(
    image: Image.Image, name: Path | str, min_hw: tuple[int, int] | None, max_pixels: int, depth: Depth | None
) -> tuple[np.ndarray, tuple[int, int]]:
    check_size(image, name, max_pixels)
    width, height = image.size
    try:
        if min_hw is not None and isinstance(image, JpegImagePlugin.JpegImageFile):
            _draft(image, min_hw)
        pixels = _loaded(image, depth)
    except ImageError as error:
        raise ImageError(name, error.reason) from None
    except MemoryError:
        raise ImageError(name, f"not enough memory for {width}×{height} pixels") from None
    except Exception as error:
        # Pillow's plugins answer broken bytes with whatever their parsing ran into: SyntaxError, OSError,
        # ValueError, struct.error, ZeroDivisionError, OverflowError, AttributeError and more. All of them say
        # the same: this file can't be decoded.
        kind = image.format or "image"
        raise ImageError(name, f"broken or truncated {kind}: {_words(error)}") from None
    size_hw = (pixels.shape[0], pixels.shape[1])
    if isinstance(image, JpegImagePlugin.JpegImageFile):  # of all formats it alone is decoded smaller
        size_hw = (width, height) if orientation_of(image) >= 5 else (height, width)
    return pixels, size_hw


def _loaded(image: Image.Image, depth: Depth | None) -> np.ndarray:
    if (pixels := from_scaled_pnm(image)) is not None:
        return _finished(pixels, depth)
    rawmode = rawmode_of(image)
    image.load()
    # Orientation only now: Pillow turns a TIFF itself while loading it, and forgets its tag.
    stored = from_pil(image, rawmode=rawmode)
    return _finished(replace(stored, values=oriented(stored.values, orientation_of(image))), depth)


def _finished(pixels: Pixels, depth: Depth | None) -> np.ndarray:
    return np.require(pixels.at(depth or pixels.depth), requirements=["C", "W"])


def check_size(image: Image.Image, name: Path | str, max_pixels: int) -> None:
    """Raises ImageError where an image, not yet loaded, has no pixels or more than `max_pixels` or Pillow's limit."""
    width, height = image.size
    own_limit = Image.MAX_IMAGE_PIXELS
    if width < 1 or height < 1:
        raise ImageError(name, f"has no pixels ({width}×{height})")
    if width * height > max_pixels:
        raise ImageError(name, f"{width}×{height} is {width * height:,} pixels; at most {max_pixels:,} are decoded")
    if own_limit is not None and width * height > own_limit:
        # Pillow warns from here on and refuses at twice as many.
        raise ImageError(
            name,
            f"{width}×{height} is {width * height:,} pixels; Pillow's own limit is {own_limit:,}: "
            "raise PIL.Image.MAX_IMAGE_PIXELS too",
        )


def _stored_size(image: ImageFile.ImageFile) -> tuple[int, int]:
    """(width, height) before any turning, which some versions of Pillow apply to a TIFF's `size` at opening."""
    if isinstance(image, TiffImagePlugin.TiffImageFile):
        return image.tag_v2[TiffImagePlugin.IMAGEWIDTH], image.tag_v2[TiffImagePlugin.IMAGELENGTH]
    return image.size


def _draft(image: JpegImagePlugin.JpegImageFile, min_hw: tuple[int, int]) -> None:
    """Has libjpeg decode at 1/2, 1/4 or 1/8 where both sides stay at least `min_hw` once turned upright."""
    min_height, min_width = (max(1, side) for side in min_hw)
    turned = orientation_of(image) >= 5
    image.draft(None, (min_height, min_width) if turned else (min_width, min_height))


def _ignore_metadata_warnings() -> None:
    """Keeps Pillow's warnings about metadata tags, which change no pixel, off the user's screen.

    Python's warning filters are global: `catch_warnings` in one thread resets those of all others. So these
    two filters, for two modules and one category, are set and stay set, and are set again where someone else
    has restored an older list. Pillow's decompression-bomb warnings are not touched.
    """
    for module in (r"PIL\.TiffImagePlugin", r"PIL\.PngImagePlugin"):
        if not any(f[2] is UserWarning and getattr(f[3], "pattern", "") == module for f in warnings.filters):
            warnings.filterwarnings("ignore", category=UserWarning, module=module)


def _words(error: Exception) -> str:
    text = " ".join(str(error).split())
    return text[:200] if text else type(error).__name__

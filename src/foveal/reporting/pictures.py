"""Pictures as data URIs: grids of predictions, the augmented sheet, first-layer filters."""

import base64
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image

from foveal.reporting.markup import Html, join, tag
from foveal.reporting.page import note

THUMBNAIL = 160
"""Longest side of a picture in the file, in pixels."""
SMALL = 64
"""Longest side up to which a picture is shown pixel by pixel and stored without loss."""
MOST_PICTURES = 48
"""Of one grid; bounds the file."""
FEW_FILTERS, MOST_FILTERS = 24, 96
"""Up to which they are drawn larger, and up to which they are drawn."""
MOST_SLICES = 16
"""Of one filter, where its inputs are not grey or RGB."""


@dataclass(frozen=True, kw_only=True)
class Shown:
    """One picture with its prediction."""

    image: np.ndarray
    """uint8 (H, W, C) of 1 to 16 channels: 1 is grey, 3 RGB; of others the first is shown."""
    path: str
    ground_truth: str
    label: str
    """The predicted class."""
    score: float
    """Its probability."""


def predictions(shown: Sequence[Shown], *, right: bool) -> Html:
    """A grid of pictures, each with its ground truth, the prediction (where that differs) and the score."""
    cards = [_card(each, right=right) for each in shown[:MOST_PICTURES]]
    return join(_channels_note([each.image for each in shown]), tag("div", {"class": "pictures"}, *cards))


def sheet(images: Sequence[np.ndarray]) -> Html:
    """A tight grid of pictures without words."""
    pictures = [picture(image, "A training image as augmented") for image in images[:MOST_PICTURES]]
    return join(_channels_note(images), tag("div", {"class": "sheet"}, *pictures))


def filters(weights: np.ndarray) -> Html:
    """First-layer filters (out, in, kh, kw), each scaled for itself with zero in the middle of its range."""
    tiles = [
        tag("img", {"class": "pixels", "src": png_uri(_filter_tile(each)), "alt": f"Filter {index + 1}"})
        for index, each in enumerate(weights[:MOST_FILTERS])
    ]
    return tag("div", {"class": "filters few" if len(tiles) <= FEW_FILTERS else "filters"}, *tiles)


def picture(image_u8: np.ndarray, description: str, *, longest: int = THUMBNAIL) -> Html:
    """The image (H, W, C), at most `longest` pixels a side, as an element."""
    visible = image_u8 if image_u8.shape[2] == 3 else image_u8[:, :, 0]
    small = max(visible.shape[:2]) <= SMALL
    uri = png_uri(visible) if small else _jpeg_uri(visible, longest)
    return tag("img", {"class": "pixels" if small else "photo", "src": uri, "alt": description})


def png_uri(pixels: np.ndarray) -> str:
    """A data URI of uint8 (H, W), (H, W, 3) or (H, W, 4), without loss."""
    buffer = io.BytesIO()
    Image.fromarray(np.ascontiguousarray(pixels)).save(buffer, "PNG", optimize=True)
    return "data:image/png;base64," + base64.b64encode(buffer.getvalue()).decode()


def _jpeg_uri(pixels: np.ndarray, longest: int) -> str:
    image = Image.fromarray(np.ascontiguousarray(pixels))
    image.thumbnail((longest, longest), Image.Resampling.LANCZOS, reducing_gap=3.0)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=85)
    return "data:image/jpeg;base64," + base64.b64encode(buffer.getvalue()).decode()


def _card(shown: Shown, *, right: bool) -> Html:
    words = shown.ground_truth if right else f"{shown.ground_truth} → {shown.label}"
    prediction = Html("") if right else join(tag("span", {"class": "arrow"}, " → "), tag("em", None, shown.label))
    caption = tag(
        "figcaption",
        None,
        tag("span", {"class": "words", "title": words}, shown.ground_truth, prediction),
        tag("span", {"class": "path", "title": shown.path}, shown.path.replace("\\", "/").rsplit("/", 1)[-1]),
        tag("span", {"class": "score"}, f"{shown.score:.3f}"),
    )
    return tag("figure", None, picture(shown.image, f"{words}, {shown.path}"), caption)


def _channels_note(images: Sequence[np.ndarray]) -> Html:
    channels = sorted({image.shape[2] for image in images} - {1, 3})
    if not channels:
        return Html("")
    return note(f"These images have {' or '.join(map(str, channels))} channels; their first is shown, in grey.")


def _filter_tile(weights: np.ndarray) -> np.ndarray:
    """(in, kh, kw) -> uint8 (kh, kw, 3) for RGB, else (rows, columns): the slices, a pixel apart."""
    weights = np.nan_to_num(weights.astype(np.float64), posinf=0.0, neginf=0.0)
    scaled = 0.5 + 0.5 * weights / max(float(np.abs(weights).max()), 1e-12)
    pixels = np.round(255 * scaled).astype(np.uint8)
    if len(pixels) == 3:
        return pixels.transpose(1, 2, 0)
    pixels = pixels[:MOST_SLICES]
    columns = math.ceil(math.sqrt(len(pixels)))
    rows = math.ceil(len(pixels) / columns)
    _, height, width = pixels.shape
    tile = np.full((rows * (height + 1) - 1, columns * (width + 1) - 1), 128, np.uint8)
    for index, one in enumerate(pixels):
        top, left = index // columns * (height + 1), index % columns * (width + 1)
        tile[top : top + height, left : left + width] = one
    return tile

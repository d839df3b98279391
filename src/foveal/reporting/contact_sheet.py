"""Rows of pictures with words at them, as one picture."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from PIL import Image, ImageDraw, ImageFont

LEAST_SIDE = 112
"""Pixels, to which smaller pictures are enlarged by a whole factor."""
GAP, LINE = 6, 14
"""Pixels between pictures, and of a line of words."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """Pictures of one image."""

    title: str
    pictures: Sequence[np.ndarray]
    """uint8 (H, W, C) of one size; 1 channel is grey, 3 RGB, of others the first is shown."""
    words: Sequence[str]
    """At each picture."""


def contact_sheet(rows: Sequence[Row]) -> np.ndarray:
    """The rows below each other: uint8 (H, W, 3)."""
    made = [_drawn(row) for row in rows]
    width = max(each.shape[1] for each in made)
    padded = [np.pad(each, ((0, 0), (0, width - each.shape[1]), (0, 0)), constant_values=255) for each in made]
    return np.concatenate(padded)


def _drawn(row: Row) -> np.ndarray:
    pictures = [_enlarged(each) for each in row.pictures]
    height, width = pictures[0].shape[:2]
    size = (GAP + len(pictures) * (width + GAP), 2 * LINE + height + GAP)
    canvas = Image.new("RGB", size, "white")
    words, font = ImageDraw.Draw(canvas), ImageFont.load_default(size=11)
    words.text((GAP, 0), row.title, font=font, fill="black")
    for column, (picture, text) in enumerate(zip(pictures, row.words, strict=True)):
        left = GAP + column * (width + GAP)
        words.text((left, LINE), text, font=font, fill="black")
        canvas.paste(Image.fromarray(picture), (left, 2 * LINE))
    return np.array(canvas)


def _enlarged(picture: np.ndarray) -> np.ndarray:
    factor = max(1, -(-LEAST_SIDE // max(picture.shape[:2])))
    colour = picture if picture.shape[2] == 3 else picture[:, :, :1].repeat(3, axis=2)
    return colour.repeat(factor, axis=0).repeat(factor, axis=1)

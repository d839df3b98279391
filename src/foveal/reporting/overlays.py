"""Boxes, and the classes of pixels, drawn on a copy of an image."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from foveal.images.label_map import palette


def draw_boxes(image_u8: np.ndarray, boxes_xyxy: np.ndarray, labels: Sequence[int], words: Sequence[str]) -> np.ndarray:
    """The image (H, W, 1 or 3) in colour, with a line around each box (N, 4) in its class's colour and words at it."""
    image = Image.fromarray(_in_colour(image_u8))
    canvas = ImageDraw.Draw(image)
    width = max(1, round(max(image.size) / 300))
    font = ImageFont.load_default(size=max(10, round(max(image.size) / 40)))
    colours = palette()[1:]
    for (x1, y1, x2, y2), label, text in zip(boxes_xyxy.tolist(), labels, words, strict=True):
        red, green, blue = colours[label % len(colours)].tolist()
        colour = (red, green, blue)
        canvas.rectangle((x1, y1, max(x1, x2 - 1), max(y1, y2 - 1)), outline=colour, width=width)
        if text:
            left, top, right, bottom = canvas.textbbox((x1, y1), text, font=font)
            canvas.rectangle((left, top, right + 2, bottom + 2), fill=colour)
            canvas.text((x1, y1), text, font=font, fill="black" if sum(colour) > 300 else "white")
    return np.array(image)


def colour_pixels(image_u8: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The image (H, W, 1 or 3), half of it the colour of each pixel's class (H, W)."""
    blended: np.ndarray = (_in_colour(image_u8).astype(np.uint16) + palette()[labels]) // 2
    return blended.astype(np.uint8)


def _in_colour(image_u8: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.repeat(image_u8, 3, axis=2) if image_u8.shape[2] == 1 else image_u8)

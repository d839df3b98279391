"""Boxes, masks, and the classes of pixels, drawn on a copy of an image; boxes also with only their surroundings."""

from collections.abc import Sequence

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from foveal.annotations import RunLengths
from foveal.answers.answer import Overlay
from foveal.images.label_map import palette
from foveal.ops.masks import rasterised

CUT = 240
"""Pixels of the longer side of a box with its surroundings."""
CONTEXT, LEAST_CONTEXT = 0.5, 12.0
"""On each side of a box: the share of its longer side, and pixels at least."""


def draw_objects(
    image_u8: np.ndarray,
    boxes_xyxy: np.ndarray,
    labels: Sequence[int],
    words: Sequence[str],
    masks: Sequence[RunLengths | None] | None,
) -> np.ndarray:
    """The image (H, W, 1 or 3) in colour with the masks that there are, then the boxes (N, 4) and words at them."""
    painted = image_u8 if masks is None else paint_masks(image_u8, masks, labels)
    return draw_boxes(painted, boxes_xyxy, labels, words)


def draw_overlay(image_u8: np.ndarray, overlay: Overlay) -> np.ndarray:
    """The image (H, W, 1 or 3) in colour, with the spatial part of an answer on it."""
    if overlay.label_map is not None:
        image_u8 = colour_pixels(image_u8, overlay.label_map)
    return draw_objects(image_u8, overlay.boxes_xyxy, overlay.labels, overlay.words, overlay.masks)


def draw_boxes(image_u8: np.ndarray, boxes_xyxy: np.ndarray, labels: Sequence[int], words: Sequence[str]) -> np.ndarray:
    """The image (H, W, 1 or 3) in colour, with a line around each box (N, 4) in its class's colour and words at it."""
    image = Image.fromarray(_in_colour(image_u8))
    canvas = ImageDraw.Draw(image)
    width = max(1, round(max(image.size) / 300))
    heights = boxes_xyxy[:, 3] - boxes_xyxy[:, 1]
    room = np.median(heights) / 4 if len(heights) else np.inf  # many small objects of a large image stay to be seen
    font = ImageFont.load_default(size=max(10, round(min(max(image.size) / 40, room))))
    for (x1, y1, x2, y2), label, text in zip(boxes_xyxy.tolist(), labels, words, strict=True):
        colour = _colour_of(label)
        canvas.rectangle((x1, y1, max(x1, x2 - 1), max(y1, y2 - 1)), outline=colour, width=width)
        if text:
            start = max(0, min(x1, image.width - font.getlength(text) - 2))  # the whole word in the image
            left, top, right, bottom = canvas.textbbox((start, y1), text, font=font)
            canvas.rectangle((left, top, right + 2, bottom + 2), fill=colour)
            canvas.text((start, y1), text, font=font, fill="black" if sum(colour) > 300 else "white")
    return np.array(image)


def cut_out(image_u8: np.ndarray, box_xyxy: np.ndarray, label: int) -> np.ndarray:
    """The box and what is around it, with a line in its class's colour: uint8 (H, W, 3), at most `CUT` a side.

    image_u8: (H, W, 1 or 3). box_xyxy: (4,), at least partly in the image.
    """
    x1, y1, x2, y2 = box_xyxy.tolist()
    height, width = image_u8.shape[:2]
    margin = max(CONTEXT * max(x2 - x1, y2 - y1), LEAST_CONTEXT)
    left, top = max(0, int(x1 - margin)), max(0, int(y1 - margin))
    right, bottom = min(width, int(x2 + margin) + 1), min(height, int(y2 + margin) + 1)
    piece = Image.fromarray(_in_colour(image_u8[top:bottom, left:right]))
    scale = CUT / max(piece.size)
    size = (max(1, round(piece.width * scale)), max(1, round(piece.height * scale)))
    enlarged = piece.resize(size, Image.Resampling.BICUBIC)
    x1, y1, x2, y2 = ((box_xyxy - (left, top, left, top)) * scale).tolist()
    x2, y2 = max(x1, x2 - 1), max(y1, y2 - 1)
    canvas = ImageDraw.Draw(enlarged)
    for grown, colour, width in ((1, (255, 255, 255), 4), (0, _colour_of(label), 2)):  # on dark and bright alike
        canvas.rectangle((x1 - grown, y1 - grown, x2 + grown, y2 + grown), outline=colour, width=width)
    return np.array(enlarged)


def paint_masks(image_u8: np.ndarray, masks: Sequence[RunLengths | None], labels: Sequence[int]) -> np.ndarray:
    """The image (H, W, 1 or 3), half of each mask in its class's colour and its edge all of it; the first lies on top.

    None is an object without a mask.
    """
    painted = _in_colour(image_u8).copy()
    for mask, label in reversed(list(zip(masks, labels, strict=True))):
        if mask is None:
            continue
        pixels, colour = rasterised(mask, mask.size_hw), np.array(_colour_of(label))
        painted[pixels] = (painted[pixels].astype(np.uint16) + colour) // 2
        painted[pixels & ~_inner(pixels)] = colour
    return painted


def colour_pixels(image_u8: np.ndarray, labels: np.ndarray) -> np.ndarray:
    """The image (H, W, 1 or 3), half of it the colour of each pixel's class (H, W)."""
    blended: np.ndarray = (_in_colour(image_u8).astype(np.uint16) + palette()[labels]) // 2
    return blended.astype(np.uint8)


def _colour_of(label: int) -> tuple[int, int, int]:
    colours = palette()[1:]
    red, green, blue = colours[label % len(colours)].tolist()
    return red, green, blue


def _inner(mask: np.ndarray) -> np.ndarray:
    """Its pixels whose four neighbours are its own; beyond the image there is none."""
    padded = np.pad(mask, 1)
    inner: np.ndarray = padded[:-2, 1:-1] & padded[2:, 1:-1] & padded[1:-1, :-2] & padded[1:-1, 2:]
    return inner


def _in_colour(image_u8: np.ndarray) -> np.ndarray:
    return np.ascontiguousarray(np.repeat(image_u8, 3, axis=2) if image_u8.shape[2] == 1 else image_u8)

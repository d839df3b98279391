"""The regions of a label map, and the outline of one along the borders of its pixels."""

from collections.abc import Iterator

import numpy as np
from scipy import ndimage

_RIGHT = 0  # and then clockwise: down, left, up
_TURNS = (1, 0, 3)
"""In the order in which they are tried: to the right, straight on, to the left; quarters of a turn."""
_NEXT = [
    [next(((way + turn) % 4 for turn in _TURNS if ways >> (way + turn) % 4 & 1), way) for ways in range(16)]
    for way in range(4)
]
"""The way on, by the way a corner was reached and the ways that leave it, a bit each."""


def regions(labels: np.ndarray) -> Iterator[tuple[int, tuple[int, int], np.ndarray]]:
    """(label, its box's (left, top), mask of the box) of each connected region of a label map (H, W) uint8.

    Pixels that share a side are connected. Label by label, each one's regions in the order of their first pixels.
    """
    for label in np.unique(labels).tolist():
        numbered, _ = ndimage.label(labels == label)
        for number, (rows, columns) in enumerate(ndimage.find_objects(numbered), start=1):
            yield label, (columns.start, rows.start), numbered[rows, columns] == number


def outline(mask: np.ndarray) -> np.ndarray | None:
    """The corners (N, 2), x and y, of a connected region (h, w) bool, clockwise; None for one with holes.

    They lie on the borders of pixels, so the ring holds exactly the region's pixels, for COCO's rasteriser too. Where
    the region touches itself at a corner the ring does as well.
    """
    padded = np.pad(mask, 1)
    corner_ways = _ways(padded[:-1, :-1], padded[:-1, 1:], padded[1:, :-1], padded[1:, 1:])
    width = corner_ways.shape[1]
    steps = (1, width, -1, -width)
    ways = corner_ways.tobytes()
    start = place = int(np.flatnonzero(corner_ways & 1)[0])  # the upper left corner of the first pixel
    corners: list[int] = []
    way, walked = _RIGHT, 0
    while not corners or (place, way) != (start, _RIGHT):
        place += steps[way]
        walked += 1
        onward = _NEXT[way][ways[place]]
        if onward != way:
            corners.append(place)
            way = onward
    if walked < int(np.bitwise_count(corner_ways).sum()):
        return None  # the rest of the border goes around holes
    return np.stack([np.array(corners) % width, np.array(corners) // width], axis=1)


def _ways(above_left: np.ndarray, above: np.ndarray, left: np.ndarray, here: np.ndarray) -> np.ndarray:
    """The ways along the border that leave each corner of a pixel, with the region on the right, a bit each: uint8.

    Given are the four pixels around the corner, `here` the one to its lower right.
    """
    ways = (here & ~above, left & ~here, above_left & ~left, above & ~above_left)
    bits = [each.astype(np.uint8) << way for way, each in enumerate(ways)]  # right, down, left, up
    return np.bitwise_or.reduce(bits)

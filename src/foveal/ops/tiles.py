"""How a large image is taken apart: overlapping tiles of one size, evenly spaced."""

from math import ceil

OVERLAP = 0.2
"""The share of a side that neighbours have in common by default."""


def tile_corners(image_hw: tuple[int, int], tile_hw: tuple[int, int], *, overlap: float) -> list[tuple[int, int]]:
    """(left, top) of each tile, row by row: they cover the image, and neighbours share at least `overlap` of a side.

    Along a side that is no longer than the tile's there is one. overlap: 0 to 1, less than 1.
    """
    tops, lefts = (_starts(*sides, overlap) for sides in zip(image_hw, tile_hw, strict=True))
    return [(left, top) for top in tops for left in lefts]


def _starts(length: int, tile: int, overlap: float) -> list[int]:
    if length <= tile:
        return [0]
    farthest = max(1, int(tile * (1 - overlap)))  # from one start to the next
    steps = ceil((length - tile) / farthest)
    return [step * (length - tile) // steps for step in range(steps + 1)]

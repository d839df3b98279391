"""Bilinear reading of maps, in NumPy: first along rows, then down columns. K maps, (h, w) given, (H, W) wanted.

As `torch.nn.functional.interpolate` and `grid_sample` read them (`align_corners=False`): a pixel's value is that at its
centre, and beyond the outermost centres the edge value holds.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np

_BLOCK = 2**16  # pixels worked on at once: so many stay in the processor's cache


@dataclass(frozen=True, slots=True)
class Side:
    """Where to read along one side of a map: two pixels for each position, and their weights."""

    low: np.ndarray
    """(N,) int: the pixel before the position."""
    high: np.ndarray
    """(N,) int: the one after it."""
    of_low: np.ndarray
    """(N,) float32, 1 less `of_high`."""
    of_high: np.ndarray
    """(N,) float32."""

    @classmethod
    def at(cls, positions: np.ndarray, length: int) -> Self:
        """For `positions` (N,) float32, in pixels from the first one's centre, on a side of `length` pixels."""
        positions = positions.clip(0, length - 1).astype(np.float32)
        low = positions.astype(np.intp)
        of_high = positions - low.astype(np.float32)
        return cls(low, np.minimum(low + 1, length - 1), 1 - of_high, of_high)

    @classmethod
    def resized(cls, length: int, wanted: int) -> Self:
        """For the centres of so many equal parts of the side."""
        centres = np.arange(wanted, dtype=np.float32) + np.float32(0.5)
        return cls.at(centres * (np.float32(length) / np.float32(wanted)) - np.float32(0.5), length)

    def some(self, positions: slice) -> "Side":
        """For some of the positions."""
        return Side(self.low[positions], self.high[positions], self.of_low[positions], self.of_high[positions])


def read(image: np.ndarray, y: Side, x: Side) -> np.ndarray:
    """A map (h, w) float32 at each y and x -> (H, W)."""
    first, last = int(y.low[0]), int(y.high[-1]) + 1
    wide = _mixed(image[first:last], x.low, x.high, x.of_low, x.of_high, axis=1)
    return _mixed(wide, y.low - first, y.high - first, y.of_low[:, None], y.of_high[:, None], axis=0)


def _mixed(
    image: np.ndarray, low: np.ndarray, high: np.ndarray, of_low: np.ndarray, of_high: np.ndarray, *, axis: int
) -> np.ndarray:
    if not of_high.any():  # every position is a pixel's centre
        return image.take(low, axis=axis)
    found = image.take(low, axis=axis)
    found *= of_low
    beside = image.take(high, axis=axis)
    beside *= of_high
    found += beside
    return found


def resized(maps: np.ndarray, size_hw: tuple[int, int]) -> np.ndarray:
    """(K, h, w) float32 -> (K, H, W)."""
    y, x = (Side.resized(*sides) for sides in zip(maps.shape[1:], size_hw, strict=True))
    return np.stack([read(each, y, x) for each in maps])


def highest(maps: np.ndarray, size_hw: tuple[int, int]) -> np.ndarray:
    """The index of the highest of the maps at each pixel, the first of equal ones: (K, h, w) float32 -> (H, W) uint8.

    Some rows at a time, and map by map, so that pixels beside each other in memory are compared at once, and without a
    branch for each: `argmax` over the first dimension takes many times as long. K is at most 255.
    """
    assert len(maps) <= 255
    height, width = size_hw
    labels = np.zeros(size_hw, np.uint8)
    y, x = (Side.resized(*sides) for sides in zip(maps.shape[1:], size_hw, strict=True))
    rows = max(1, _BLOCK // width)
    for top in range(0, height, rows):
        block = slice(top, top + rows)
        part, own = y.some(block), labels[block]
        best = read(maps[0], part, x)
        for index, each in enumerate(maps[1:], start=1):
            mine = read(each, part, x)
            higher = (mine > best).view(np.uint8)
            higher *= np.uint8(index)  # above all labels so far, or 0
            np.maximum(own, higher, out=own)
            np.maximum(best, mine, out=best)
    return labels

"""Decoded image to network input: the only one there is. Training's evaluation, prediction and export call it.

It has two halves. `load` ends in integers and is what the store keeps; `foveal.feed.inputs` is the arithmetic on the
device. No torch here.
"""

from dataclasses import asdict, dataclass
from typing import Any

import numpy as np

from foveal.errors import UsageError
from foveal.images.arrays import WHITE
from foveal.images.fit import ImageSource, covering, inside, load_fitted
from foveal.images.label_map import VOID
from foveal.types import Depth, Fit

CELL = 32
"""Pixels of the coarsest cells of most networks."""


@dataclass(frozen=True, slots=True)
class Placement:
    """Where an image lies in what the network reads: a point (x, y) of it is at scale × point + offset there, in pixels
    counted from the upper left corner of the first one."""

    image_hw: tuple[int, int]
    """Of the image as it is shown."""
    scale_xy: tuple[float, float]
    offset_xy: tuple[float, float]
    corner_xy: tuple[int, int] = (0, 0)
    """Of a tile, which is an image of its own here, its upper left corner in the image that it was cut from."""

    def to_input(self, boxes_xyxy: np.ndarray) -> np.ndarray:
        """Boxes in the image (N, 4) -> in what the network reads; not cut to it."""
        return boxes_xyxy * np.tile(self.scale_xy, 2) + np.tile(self.offset_xy, 2)

    def to_image(self, boxes_xyxy: np.ndarray) -> np.ndarray:
        """The inverse, cut to the image."""
        boxes = (boxes_xyxy - np.tile(self.offset_xy, 2)) / np.tile(self.scale_xy, 2)
        return boxes.clip(0, np.tile(self.image_hw[::-1], 2))


@dataclass(frozen=True, kw_only=True)
class Preprocess:
    """How any image becomes what the network reads; saved in the model file.

    `fit` says what happens to the shape. squash: the whole image is resized to `size_hw`, its aspect given up.
    crop: resized until it covers `size_hw`, then cut to its centre. pad: shrunk where it is larger (never enlarged)
    and centred on black.
    `mean` and `std` are a channel's, of pixels scaled to 0..1.
    """

    size_hw: tuple[int, int]
    channels: int
    fit: Fit
    mean: tuple[float, ...]
    std: tuple[float, ...]
    depth: Depth = "uint8"
    """Of the pixels that are loaded: uint16 where training images hold more than 8 bits."""

    @property
    def white(self) -> int:
        """The level of white in the pixels that are loaded; black is 0."""
        return WHITE[self.depth]

    def __post_init__(self) -> None:
        if min(self.size_hw) < 1:
            raise UsageError(f"an image size of {self.size_hw[0]}×{self.size_hw[1]} pixels: expected at least 1×1")
        if self.depth not in WHITE:
            raise UsageError(f"pixels of {self.depth}: expected {' or '.join(WHITE)}")
        if not 1 <= self.channels <= 16:
            raise UsageError(f"{self.channels} channels: expected 1 to 16")
        if len(self.mean) != self.channels or len(self.std) != self.channels or min(self.std) <= 0:
            raise UsageError(f"mean {self.mean} and std {self.std}: expected {self.channels} values each, std above 0")

    def load(self, source: ImageSource, *, name: str | None = None) -> np.ndarray:
        """The image (H, W, C) of exactly `size_hw`, `channels` and `depth`. Raises ImageError."""
        return self.load_placed(source, name=name)[0]

    def load_placed(self, source: ImageSource, *, name: str | None = None) -> tuple[np.ndarray, "Placement"]:
        """As `load`, and where the image came to lie."""
        image, shown_hw = load_fitted(
            source, size_hw=self.size_hw, channels=self.channels, fit=self.fit, depth=self.depth, name=name
        )
        return image, self.placement(shown_hw)

    def place_labels(self, labels: np.ndarray) -> np.ndarray:
        """An image's label map (H, W) uint8 as the network's input shows the image, (h, w): the nearest pixel's class,
        `VOID` outside it."""
        placement = self.placement((labels.shape[0], labels.shape[1]))
        indices, inside = [], []
        sides = zip(self.size_hw, labels.shape, placement.scale_xy[::-1], placement.offset_xy[::-1], strict=True)
        for length, there, scale, offset in sides:
            source = np.floor((np.arange(length) + 0.5 - offset) / scale).astype(np.int64)
            indices.append(source.clip(0, there - 1))
            inside.append((source >= 0) & (source < there))
        taken = labels[indices[0][:, None], indices[1][None]]
        return np.where(inside[0][:, None] & inside[1][None], taken, np.uint8(VOID))

    def placement(self, image_hw: tuple[int, int]) -> "Placement":
        """Where an image of that size, as it is shown, comes to lie."""
        return _PLACEMENTS[self.fit](image_hw, self.size_hw)

    def to_json(self) -> dict[str, Any]:
        """Plain values for the model file."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Preprocess":
        """The record that `to_json` wrote."""
        pairs: dict[str, Any] = {key: tuple(item) if isinstance(item, list) else item for key, item in value.items()}
        return cls(**pairs)


def input_hw(side: int, aspect: float) -> tuple[int, int]:
    """(height, width) of an input whose longer side is `side`, and whose width over its height is nearest to `aspect`.

    A square is exact; else the shorter side is a multiple of 32, as the coarsest cells are, and at least that.
    """
    if aspect == 1:
        return side, side
    shorter = min(side, max(CELL, CELL * round(side * min(aspect, 1 / aspect) / CELL)))
    return (shorter, side) if aspect > 1 else (side, shorter)


def _squashed(image_hw: tuple[int, int], size_hw: tuple[int, int]) -> Placement:
    return Placement(image_hw, (size_hw[1] / image_hw[1], size_hw[0] / image_hw[0]), (0.0, 0.0))


def _cropped(image_hw: tuple[int, int], size_hw: tuple[int, int]) -> Placement:
    covered, offset = covering(image_hw, size_hw)
    placed = _squashed(image_hw, covered)
    return Placement(image_hw, placed.scale_xy, (-float(offset[1]), -float(offset[0])))


def _padded(image_hw: tuple[int, int], size_hw: tuple[int, int]) -> Placement:
    inner, offset = inside(image_hw, size_hw)
    return Placement(image_hw, _squashed(image_hw, inner).scale_xy, (float(offset[1]), float(offset[0])))


_PLACEMENTS = {"squash": _squashed, "crop": _cropped, "pad": _padded}

"""The mask of a detected object, in NumPy: at a grid of points over its box, and from these at the image's pixels.

What `foveal.networks.mask_head` learns is read here. K chosen cells, P weights, C maps.
"""

from math import prod

import numpy as np

from foveal.annotations import RunLengths
from foveal.ops.bilinear import Side, read
from foveal.ops.masks import run_lengths_within

STRIDE = 4
"""Of the shared maps, in pixels of the network's input."""
MAPS, HIDDEN = 8, 8
"""The shared maps, and the width of the two hidden layers (Tian et al. 2020, arXiv:2003.05664, section 3.1)."""
SHAPES = ((HIDDEN, MAPS + 2), (HIDDEN,), (HIDDEN, HIDDEN), (HIDDEN,), (1, HIDDEN), (1,))
"""Of an object's own network: kernel and bias of each of its three layers in turn."""


def mask_logits(weights: np.ndarray, maps: np.ndarray, boxes_xyxy: np.ndarray, side: int) -> np.ndarray:
    """Of each chosen cell of one image at the centres of side × side equal parts of its box, (K, side, side) float32.

    weights: (K, P); maps: (C, H, W); boxes_xyxy: (K, 4) in pixels of the network's input. What lies outside the maps is
    read as 0.
    """
    within = (np.arange(side, dtype=np.float32) + np.float32(0.5)) / side * 2 - 1
    inputs = np.empty((len(weights), len(maps) + 2, side, side), np.float32)
    for own, box in zip(inputs, boxes_xyxy.astype(np.float32), strict=True):
        own[:-2] = _at_box(maps, box, within)
        own[-2], own[-1] = within, within[:, None]
    flat = inputs.reshape(*inputs.shape[:2], side * side)
    return _of_own_networks(weights.astype(np.float32), flat).reshape(-1, side, side)


def _at_box(maps: np.ndarray, box_xyxy: np.ndarray, within: np.ndarray) -> np.ndarray:
    """(C, H, W) -> (C, side, side) at `within` (side,), in halves of the box along both its sides."""
    low, high = box_xyxy[:2], box_xyxy[2:]
    positions = ((low + high) / 2)[:, None] + within * ((high - low) / 2)[:, None]  # x and y of each
    x, y = positions / STRIDE - np.float32(0.5)
    rows, columns = _zero_outside(y, maps.shape[1]), _zero_outside(x, maps.shape[2])
    tall = maps.take(rows.low, axis=1) * rows.of_low[:, None] + maps.take(rows.high, axis=1) * rows.of_high[:, None]
    found: np.ndarray = tall.take(columns.low, axis=2) * columns.of_low
    found += tall.take(columns.high, axis=2) * columns.of_high
    return found


def _zero_outside(positions: np.ndarray, length: int) -> Side:
    """As `Side.at`, but for what lies beyond the outermost centres, which goes to 0 within a pixel."""
    low = np.floor(positions).astype(np.intp)
    of_high = positions - low.astype(np.float32)
    high = low + 1
    of_low = np.where((low >= 0) & (low < length), 1 - of_high, np.float32(0))
    of_high = np.where((high >= 0) & (high < length), of_high, np.float32(0))
    return Side(low.clip(0, length - 1), high.clip(0, length - 1), of_low, of_high)


def _of_own_networks(weights: np.ndarray, inputs: np.ndarray) -> np.ndarray:
    """Each object's network: (K, P), (K, C + 2, S) -> logits (K, S); three layers, rectified between them."""
    ends = np.cumsum([prod(shape) for shape in SHAPES])
    parts = [part.reshape(-1, *shape) for part, shape in zip(np.split(weights, ends[:-1], axis=1), SHAPES, strict=True)]
    hidden = inputs
    for kernel, bias in zip(parts[::2], parts[1::2], strict=True):
        hidden = kernel @ (hidden if hidden is inputs else np.maximum(hidden, 0, out=hidden))
        hidden += bias[:, :, None]
    return hidden[:, 0]


def mask_in_image(logits: np.ndarray, box_xyxy: list[float], size_hw: tuple[int, int]) -> RunLengths:
    """The mask in an image of that size, of logits (side, side) at a box's points; it has a pixel at least."""
    starts, sides = [], []
    for low, high, length in zip(box_xyxy[:2], box_xyxy[2:], reversed(size_hw), strict=True):
        start = min(int(low), length - 1)
        end = max(start + 1, int(np.ceil(high)))
        starts.append(start)
        centres = np.arange(start, end) + 0.5
        sides.append(Side.at((centres - low) / max(high - low, 1e-6) * len(logits) - 0.5, len(logits)))
    values = read(logits, sides[1], sides[0])
    return run_lengths_within(values >= min(values.max(), 0), (starts[0], starts[1]), size_hw)

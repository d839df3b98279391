"""Mosaic: four images of a batch in one (Bochkovskiy et al. 2020, arXiv:2004.10934, section 3.1), as a batch operation.

Image i keeps the lower right part of its mosaic; the lower left, upper right and upper left ones are of the images
one, two and three before it in the batch, each laid with its own corner on the point where the four meet. Nothing is
resized: what was drawn for an image, its scale among it, was applied before. B batch, N boxes of an image, (H, W) size.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from foveal.augment.draws import Draws
from foveal.augment.settings import AugmentSettings
from foveal.ops.boxes import box_areas

IMAGES_BEFORE = 3
"""Of the batch, that an image's mosaic shows beside it."""
NEAREST = 0.25
"""Share of a side that the meeting point keeps from the edges, at least."""


@dataclass(frozen=True, kw_only=True)
class Mosaic:
    """Where the parts meet."""

    centres_xy: Tensor
    """(B, 2) int64 in pixels of the output, on the CPU; (0, 0) leaves an image whole."""


def draw_mosaic(settings: AugmentSettings, draws: Draws, *, size_hw: tuple[int, int]) -> Mosaic | None:
    """Each sample's mosaic, keyed by itself; None where it is off."""
    if settings.mosaic == 0:
        return None
    taken = draws.bernoulli("mosaic", settings.mosaic)
    places = torch.stack([draws.uniform(f"mosaic_{axis}", NEAREST, 1 - NEAREST) for axis in "xy"], dim=1)
    centres = (places * torch.tensor([size_hw[1], size_hw[0]])).round().long()
    return Mosaic(centres_xy=centres * taken[:, None])


def mosaic_pixels(pixels: Tensor, mosaic: Mosaic) -> Tensor:
    """Images (B, C, H, W) or label maps (B, H, W), in a new tensor of the same kind."""
    height, width = pixels.shape[-2:]
    made = torch.empty_like(pixels)
    for row, source, (dx, dy), (x1, y1, x2, y2) in _parts(mosaic, (height, width)):
        made[row, ..., y1:y2, x1:x2] = pixels[source, ..., y1 - dy : y2 - dy, x1 - dx : x2 - dx]
    return made


def mosaic_boxes(
    boxes_xyxy: Sequence[Tensor], mosaic: Mosaic, *, size_hw: tuple[int, int]
) -> tuple[list[Tensor], list[Tensor], list[Tensor]]:
    """Per image the boxes (N, 4) of its parts, cut to them; the share of each that is left (N,); and which it was,
    (N,) int64, counted through the batch.

    No box is dropped.
    """
    counts = [len(each) for each in boxes_xyxy]
    firsts = [sum(counts[:row]) for row in range(len(counts))]
    boxes: list[list[Tensor]] = [[] for _ in counts]
    origins: list[list[Tensor]] = [[] for _ in counts]
    left: list[list[Tensor]] = [[] for _ in counts]
    for row, source, shift, part in _parts(mosaic, size_hw):
        whole = boxes_xyxy[source] + boxes_xyxy[source].new_tensor(shift * 2)
        low, high = whole.new_tensor(part[:2]).repeat(2), whole.new_tensor(part[2:]).repeat(2)
        cut = whole.maximum(low).minimum(high)
        areas, there = box_areas(cut), box_areas(whole)
        boxes[row].append(cut)
        left[row].append(torch.where(there > 0, areas / there, 0.0))
        origins[row].append(torch.arange(counts[source]) + firsts[source])
    return (
        [torch.cat(each) for each in boxes],
        [torch.cat(each) for each in left],
        [torch.cat(each) for each in origins],
    )


def _parts(
    mosaic: Mosaic, size_hw: tuple[int, int]
) -> Iterator[tuple[int, int, tuple[int, int], tuple[int, int, int, int]]]:
    """(image of the output, image of the input, shift (x, y) from it, rectangle (x1, y1, x2, y2) of the output) of each
    part that is not empty."""
    height, width = size_hw
    batch = len(mosaic.centres_xy)
    for row, (x, y) in enumerate(mosaic.centres_xy.tolist()):
        parts = (
            ((x, y), (x, y, width, height)),
            ((x - width, y), (0, y, x, height)),
            ((x, y - height), (x, 0, width, y)),
            ((x - width, y - height), (0, 0, x, y)),
        )
        for before, (shift, part) in enumerate(parts):
            if part[2] > part[0] and part[3] > part[1]:
                yield row, (row - before) % batch, shift, part

"""Instance masks in COCO's own forms, rasterised and compressed by its reference, so that all agree to the pixel."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from pycocotools import mask as reference

from foveal.annotations import Polygons, RunLengths


def compressed(counts: Sequence[int], size_hw: tuple[int, int]) -> RunLengths:
    """Run lengths of 0 and 1 in turns, column by column, in COCO's compressed form."""
    height, width = size_hw
    made: dict[str, Any] = reference.frPyObjects({"size": [height, width], "counts": list(counts)}, height, width)
    return RunLengths(size_hw, made["counts"])


def run_lengths(mask: np.ndarray) -> RunLengths:
    """Of a mask (H, W) bool."""
    made: dict[str, Any] = reference.encode(np.asfortranarray(mask, np.uint8))
    return RunLengths((mask.shape[0], mask.shape[1]), made["counts"])


def run_lengths_within(mask: np.ndarray, corner_xy: tuple[int, int], size_hw: tuple[int, int]) -> RunLengths:
    """Of an image of that size that holds the mask (h, w) bool with its upper left corner at `corner_xy`, nothing else.

    In the time of the mask, not of the image.
    """
    (left, top), (height, width) = corner_xy, size_hw
    padded = np.pad(mask, ((1, 1), (0, 0))).T  # column by column, each beginning and ending outside
    column, row = np.nonzero(padded[:, 1:] != padded[:, :-1])
    turns = (left + column) * height + top + row  # where a run begins and, in turns, where one ends
    met = turns[1:-1:2] == turns[2::2]  # one column's run ends where the next one's begins
    joined = np.concatenate([[True], np.repeat(~met, 2), [True]])
    counts = np.diff(turns[joined], prepend=0, append=height * width).tolist()
    return compressed(counts if counts[-1] else counts[:-1], size_hw)


def as_run_lengths(mask: Polygons | RunLengths, size_hw: tuple[int, int]) -> RunLengths:
    """The mask in an image of that size."""
    made: dict[str, Any] = reference.merge(_objects(mask, size_hw))
    return RunLengths(size_hw, made["counts"])


def rasterised(mask: Polygons | RunLengths, size_hw: tuple[int, int]) -> np.ndarray:
    """The mask's pixels, (H, W) bool, in an image of that size."""
    return np.asarray(reference.decode(reference.merge(_objects(mask, size_hw))), bool)


def pixels_of(mask: Mapping[str, Any]) -> np.ndarray:
    """The pixels (H, W) bool of a mask as predictions have it: {"size": [H, W], "counts": compressed run lengths}."""
    return rasterised(from_json(mask), (mask["size"][0], mask["size"][1]))


def from_json(mask: Mapping[str, Any]) -> RunLengths:
    """Of a mask as predictions and COCO's files have it."""
    height, width = mask["size"]
    return RunLengths((height, width), mask["counts"].encode("ascii"))


def to_json(mask: RunLengths) -> dict[str, Any]:
    """The inverse of `from_json`."""
    return {"size": list(mask.size_hw), "counts": mask.counts.decode("ascii")}


def areas(masks: Sequence[RunLengths]) -> np.ndarray:
    """Pixels of each, (N,)."""
    return np.asarray(reference.area([_coded(mask) for mask in masks]), np.float64).reshape(len(masks))


def mask_iou(masks: Sequence[RunLengths], others: Sequence[RunLengths], crowd: np.ndarray) -> np.ndarray:
    """D and G masks of one image -> (D, G). For a crowd, (G,) bool, the share of the first mask alone in it."""
    if not masks or not others:
        return np.zeros((len(masks), len(others)))
    found = reference.iou([_coded(each) for each in masks], [_coded(each) for each in others], crowd.tolist())
    return np.asarray(found, np.float64)


def on_grid(mask: Polygons | RunLengths, to_grid: np.ndarray, side: int) -> np.ndarray:
    """The mask at the cells of a square grid, (side, side) bool.

    to_grid: (2, 3), from a point (x, y, 1) of the image to one of the grid, whose first cell covers 0 to 1. Outlines
    are moved before they are rasterised, run lengths are looked up at the cells' centres: an outline costs what the
    grid costs, independent of the image's size.
    """
    if isinstance(mask, Polygons):
        rings = (np.reshape(ring, (-1, 2)) @ to_grid[:, :2].T + to_grid[:, 2] for ring in mask.rings)
        return rasterised(Polygons(tuple(tuple(ring.ravel().tolist()) for ring in rings)), (side, side))
    pixels = rasterised(mask, mask.size_hw)
    y, x = np.mgrid[:side, :side] + 0.5
    centres = np.stack([x, y], axis=2) - to_grid[:, 2]
    column, row = np.floor(centres @ np.linalg.inv(to_grid[:, :2]).T).astype(np.int64).transpose(2, 0, 1)
    height, width = mask.size_hw
    inside = (row >= 0) & (row < height) & (column >= 0) & (column < width)
    found: np.ndarray = pixels[row.clip(0, height - 1), column.clip(0, width - 1)] & inside
    return found


def _objects(mask: Polygons | RunLengths, size_hw: tuple[int, int]) -> list[dict[str, Any]]:
    """The parts of a mask in COCO's own form."""
    if isinstance(mask, RunLengths):
        return [_coded(mask)]
    parts: list[dict[str, Any]] = reference.frPyObjects([list(ring) for ring in mask.rings], *size_hw)
    return parts


def _coded(mask: RunLengths) -> dict[str, Any]:
    return {"size": list(mask.size_hw), "counts": mask.counts}

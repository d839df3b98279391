"""Instance masks in COCO's own forms, rasterised and compressed by its reference, so that all agree to the pixel."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from pycocotools import mask as reference

from foveal.types import Polygons, RunLengths


def compressed(counts: Sequence[int], size_hw: tuple[int, int]) -> RunLengths:
    """Run lengths of 0 and 1 in turns, column by column, in COCO's compressed form."""
    height, width = size_hw
    made: dict[str, Any] = reference.frPyObjects({"size": [height, width], "counts": list(counts)}, height, width)
    return RunLengths(size_hw, made["counts"])


def run_lengths(mask: np.ndarray) -> RunLengths:
    """Of a mask (H, W) bool."""
    made: dict[str, Any] = reference.encode(np.asfortranarray(mask, np.uint8))
    return RunLengths((mask.shape[0], mask.shape[1]), made["counts"])


def rasterised(mask: Polygons | RunLengths, size_hw: tuple[int, int]) -> np.ndarray:
    """The mask's pixels, (H, W) bool, in an image of that size."""
    height, width = size_hw
    if isinstance(mask, RunLengths):
        objects = [{"size": list(mask.size_hw), "counts": mask.counts}]
    else:
        objects = reference.frPyObjects([list(ring) for ring in mask.rings], height, width)
    return np.asarray(reference.decode(reference.merge(objects)), bool)

"""Samples to measure with: images of noise, with something to learn of each for whichever task."""

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from foveal.annotations import Instance, LabelSet, Numbers, Objects, PixelClasses, Polygons
from foveal.images.label_map import write_label_map
from foveal.read import LEARNED_FROM
from foveal.read.arrays import from_arrays
from foveal.types import Sample, TaskName

OBJECTS = 5
"""Of an image, for a detector."""


def noise_samples(
    task: TaskName, classes: Sequence[str], *, count: int, side: int, channels: int, folder: Path
) -> tuple[Sample, ...]:
    """Square images; objects have masks, and `folder` takes the label map that all images share."""
    random = np.random.default_rng(0)
    pixels = random.integers(0, 256, (count, side, side, channels), dtype=np.uint8)
    kind = LEARNED_FROM[task]
    if kind is Numbers:
        return from_arrays(pixels, random.random((count, len(classes))), classes=classes).samples
    if kind is LabelSet:
        return from_arrays(pixels, random.integers(0, 2, (count, len(classes))), classes=classes).samples
    samples = from_arrays(pixels, np.arange(count) % len(classes), classes=classes).samples
    if kind is Objects:
        return tuple(
            replace(each, size_hw=(side, side), annotation=Objects(_objects(random, len(classes), side)))
            for each in samples
        )
    if kind is PixelClasses:
        path = folder / "label-map.png"
        write_label_map(random.integers(0, len(classes), (side, side)).astype(np.uint8), path)
        return tuple(replace(each, size_hw=(side, side), annotation=PixelClasses(path)) for each in samples)
    return samples


def _objects(random: np.random.Generator, num_classes: int, side: int) -> tuple[Instance, ...]:
    """A quarter of a side long, anywhere."""
    length = side / 4
    made = []
    for left, top in random.uniform(0, side - length, (OBJECTS, 2)).tolist():
        box = (left, top, left + length, top + length)
        ring = (left, top, left + length, top, left + length, top + length, left, top + length)
        made.append(Instance(label=int(random.integers(num_classes)), box_xyxy=box, mask=Polygons((ring,))))
    return tuple(made)

"""The nouns: a sample, a data set and where a sample's pixels come from. Nothing here decodes an image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

if TYPE_CHECKING:
    import numpy as np

Depth = Literal["uint8", "uint16"]
"""How finely pixels are kept: 256 levels from black to white, or 65,536."""
DeviceName = Literal["auto", "cpu", "cuda", "mps"]
EngineName = Literal["auto", "eager", "onnxruntime", "openvino"]
Fit = Literal["squash", "crop", "pad"]
TaskName = Literal["classify", "regress", "multilabel", "detect", "segment"]
OnBadImage = Literal["error", "skip"]
Precision = Literal["auto", "float32", "bfloat16"]
Split = Literal["train", "val", "test", "unused"]
"""What a sample is for; "unused" where a run leaves it alone, which no data set says of itself."""
SPLITS: tuple[Split, ...] = ("train", "val", "test")


@dataclass(frozen=True, slots=True)
class ArrayImage:
    """Row `index` of pixels that `load` gives at first use: an array (N, H, W[, C]) or a list of (H, W[, C])."""

    load: Callable[[], Sequence[np.ndarray] | np.ndarray]
    index: int

    def pixels(self) -> np.ndarray:
        """The image, (H, W) or (H, W, C), as it was given; not a copy."""
        return self.load()[self.index]


@dataclass(frozen=True, slots=True)
class Polygons:
    """An instance's outline: the pixels inside any of the rings, each (x, y, x, y, …) in pixels."""

    rings: tuple[tuple[float, ...], ...]


@dataclass(frozen=True, slots=True)
class RunLengths:
    """An instance's mask as COCO's compressed run lengths, column by column."""

    size_hw: tuple[int, int]
    counts: bytes


@dataclass(frozen=True, slots=True, kw_only=True)
class Instance:
    """One thing in an image: its class and where it is.

    Pixels are those of the image as it is shown, turned by its EXIF orientation, counted from its upper left corner at
    (0, 0): a box around the first pixel alone is (0, 0, 1, 1).
    """

    label: int
    """Index into the data set's classes."""
    box_xyxy: tuple[float, float, float, float]
    mask: Polygons | RunLengths | None = None
    area: float | None = None
    """Pixels, where the annotation states them: COCO's small, medium and large go by it."""
    crowd: bool = False
    """The box or mask covers several of its kind: neither to be found nor an error where something in it is."""
    difficult: bool = False
    """Marked by Pascal VOC's annotators as hard to tell."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One image, not yet decoded, and what is known of it."""

    id: str
    """Unique in its data set: the path below the data folder with forward slashes, or `images[17]`."""
    image: Path | ArrayImage
    label: int | None = None
    """Index into the data set's classes; None where the label is unknown."""
    split: Split | None = None
    group: str | None = None
    """Samples of one group (a person, a video, a patient) never stand in two splits that Foveal makes."""
    instances: tuple[Instance, ...] | None = None
    """What a detection data set says is in the image, nothing for a background; None in any other data set."""
    targets: tuple[float, ...] | None = None
    """The numbers to be told of the image, finite, as many as the data set has names; None in any other data set."""
    label_set: tuple[int, ...] | None = None
    """Where an image may have several labels or none: theirs, ascending; None in any other data set."""
    label_map: Path | None = None
    """A PNG of the image's size that holds the class of every pixel, for segmentation."""
    size_hw: tuple[int, int] | None = None
    """Of the image as it is shown, where the reader had to look."""

    def labels(self) -> tuple[int | None, ...]:
        """Its label or labels, or those of its instances."""
        if self.label_set is not None:
            return self.label_set
        return (self.label,) if self.instances is None else tuple(each.label for each in self.instances)


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """What a reader found: samples in a fixed order, class names, and what it left alone."""

    name: str
    format: str
    """A key of `foveal.read.READERS`."""
    root: Path | None
    classes: tuple[str, ...]
    """Their names; where samples have targets, the names of those."""
    samples: tuple[Sample, ...]
    ignored: tuple[str, ...] = ()
    """Files below `root` that are no images by their name, or that the format has no place for: counted and named,
    never opened."""
    notes: tuple[str, ...] = ()
    """What else was left out at reading, and how much of it: a line each, with the file that it concerns."""

    def of_split(self, split: Split) -> tuple[Sample, ...]:
        """The samples of one split, in the data set's order."""
        return tuple(sample for sample in self.samples if sample.split == split)

    def counts(self) -> dict[str, dict[str, int]]:
        """Images by split and class, or instances where there are such: `{"train": {"cat": 12, …}, …}`; of label maps,
        which hold several classes each, and of targets `{"train": {"images": 12}, …}`. Samples without a split stand
        under "all"."""
        if any(sample.label_map is not None or sample.targets is not None for sample in self.samples):
            images = Counter[str](sample.split or "all" for sample in self.samples)
            return {split: {"images": images[split]} for split in ("all", *SPLITS, "unused") if images[split]}
        counted = Counter[tuple[str, int | None]](
            (sample.split or "all", label) for sample in self.samples for label in sample.labels()
        )
        splits = [split for split in ("all", *SPLITS, "unused") if any(key[0] == split for key in counted)]
        return {split: {name: counted[split, label] for label, name in enumerate(self.classes)} for split in splits}

"""What is known of an image: one record for each kind of it. Nothing here decodes an image, nor imports torch.

A new kind is a class here, and a line in `foveal.read.LEARNED_FROM` for each task that learns from it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import ClassVar


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


class Annotation:
    """What all kinds can be asked. The answers here are those of a kind that has nothing to say to a question."""

    __slots__ = ()

    NEEDED: ClassVar[str]
    """What an image without it lacks, in words."""
    HELD: ClassVar[str] = "labels"
    """What a format holds that holds this kind, in words."""
    LEAST_CLASSES: ClassVar[int] = 1
    """So many names a data set needs for there to be anything to learn."""
    OF_COLUMNS: ClassVar[bool] = False
    """Whether a table may hold it in several columns, chosen by their names."""
    PLACED: ClassVar[bool] = False
    """Whether it says where things are; else it says something of the whole image."""
    COUNTED: ClassVar[bool] = True
    """Whether a data set is counted by class; else by image."""

    def class_indices(self) -> tuple[int, ...]:
        """Indices into the data set's classes, as often as the image has each."""
        return ()

    def strata(self) -> tuple[int, ...]:
        """The classes that splits are to have equal shares of, as far as they concern this image."""
        return ()

    def quantity(self) -> float | None:
        """The number by whose quantiles splits are to be alike; None where there is none."""
        return None

    def words(self, names: Sequence[str]) -> str:
        """What is known of the image as a whole; `names`: those of the data set's classes or numbers."""
        return ""

    def fault(self, names: Sequence[str]) -> str:
        """What of it does not fit the data set's names, as the end of a line that the image begins; empty where all
        does."""
        wrong = next((index for index in self.class_indices() if not 0 <= index < len(names)), None)
        return "" if wrong is None else f" has the label {wrong} of {len(names)} classes"

    def relabelled(self, index: Mapping[int, int]) -> Annotation:
        """The same, where the data set's names have changed places; `index`: from the old place to the new one."""
        return self

    def fingerprint(self) -> object:
        """What tells it from others by its `repr`, in a data set's digest."""
        return None

    def content(self) -> bytes:
        """What tells it from others and lies in a file. Raises OSError where that is gone."""
        return b""


@dataclass(frozen=True, slots=True)
class ClassLabel(Annotation):
    """The image's one class."""

    NEEDED = "label"
    LEAST_CLASSES = 2

    index: int
    """Into the data set's classes."""

    def class_indices(self) -> tuple[int, ...]:
        return (self.index,)

    def strata(self) -> tuple[int, ...]:
        return (self.index,)

    def words(self, names: Sequence[str]) -> str:
        return names[self.index]

    def relabelled(self, index: Mapping[int, int]) -> ClassLabel:
        return ClassLabel(index[self.index])

    def fingerprint(self) -> object:
        return self.index


@dataclass(frozen=True, slots=True)
class LabelSet(Annotation):
    """The labels of an image that may have several or none."""

    NEEDED = "set of labels"
    OF_COLUMNS = True

    indices: tuple[int, ...]
    """Into the data set's classes, ascending."""

    def class_indices(self) -> tuple[int, ...]:
        return self.indices

    def strata(self) -> tuple[int, ...]:
        return self.indices

    def words(self, names: Sequence[str]) -> str:
        return ", ".join(names[label] for label in self.indices) or "no label"

    def relabelled(self, index: Mapping[int, int]) -> LabelSet:
        return LabelSet(tuple(sorted(index[label] for label in self.indices)))

    def fingerprint(self) -> object:
        return self.indices or None


@dataclass(frozen=True, slots=True)
class Numbers(Annotation):
    """Numbers that belong to the image: the targets of a regression."""

    NEEDED = "numbers"
    OF_COLUMNS = True
    COUNTED = False

    values: tuple[float, ...]
    """Finite, as many as the data set has names."""

    def quantity(self) -> float | None:
        return self.values[0]

    def words(self, names: Sequence[str]) -> str:
        return ", ".join(f"{name} {value:.9g}" for name, value in zip(names, self.values, strict=True))

    def fault(self, names: Sequence[str]) -> str:
        if len(self.values) != len(names):
            return f" has {len(self.values)} targets, but there are {len(names)} names"
        pairs = zip(names, self.values, strict=True)
        odd = next((f"{name} is {value}" for name, value in pairs if not math.isfinite(value)), None)
        return "" if odd is None else f": {odd}, expected a finite number"

    def relabelled(self, index: Mapping[int, int]) -> Numbers:
        return Numbers(tuple(self.values[old] for old, _ in sorted(index.items(), key=lambda pair: pair[1])))

    def fingerprint(self) -> object:
        return self.values or None


@dataclass(frozen=True, slots=True)
class Objects(Annotation):
    """The things in the image and where they are; none for a background."""

    NEEDED = "boxes"
    HELD = "instances"
    PLACED = True

    instances: tuple[Instance, ...]

    def class_indices(self) -> tuple[int, ...]:
        return tuple(each.label for each in self.instances)

    def relabelled(self, index: Mapping[int, int]) -> Objects:
        return Objects(tuple(replace(each, label=index[each.label]) for each in self.instances))

    def fingerprint(self) -> object:
        return self.instances or None


@dataclass(frozen=True, slots=True)
class PixelClasses(Annotation):
    """The class of every pixel."""

    NEEDED = "label map"
    HELD = "label-maps"
    LEAST_CLASSES = 2
    PLACED = True
    COUNTED = False

    label_map: Path
    """A PNG of the image's size that holds a class index for each pixel."""

    def content(self) -> bytes:
        return self.label_map.read_bytes()

"""The nouns: a sample, a data set and where a sample's pixels come from. Nothing here decodes an image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, Protocol, TypeAlias, TypeVar

from foveal.annotations import Annotation, Instance, Objects

if TYPE_CHECKING:
    import numpy as np
    from torch import nn

    Module: TypeAlias = nn.Module
else:
    Module = Any
"""A network of the user's own; whoever only names it loads no torch."""

Depth = Literal["uint8", "uint16"]
"""How finely pixels are kept: 256 levels from black to white, or 65,536."""
DeviceName = Literal["auto", "cpu", "cuda", "mps"]
EngineName = Literal["auto", "eager", "onnxruntime", "openvino"]
Fit = Literal["squash", "crop", "pad"]
TaskName: TypeAlias = str
"""A key of `foveal.tasks.TASKS`, and of the other floors' indexes."""
OnBadImage = Literal["error", "skip"]
Precision = Literal["auto", "float32", "bfloat16"]
Split = Literal["train", "val", "test", "unused"]
"""What a sample is for; "unused" where a run leaves it alone, which no data set says of itself."""
SPLITS: tuple[Split, ...] = ("train", "val", "test")


A = TypeVar("A", bound=Annotation)


class ImageRef(Protocol):
    """Where an image's pixels come from. `foveal.images.sources` has a file and a row of an array."""

    @property
    def name(self) -> str:
        """What a message calls it."""

    def read(self) -> bytes | np.ndarray:
        """What `foveal.images.decode` takes: a file's bytes, or pixels (H, W) or (H, W, C) as they were given.

        Raises ImageError where there is nothing to be read.
        """

    def key(self) -> bytes | None:
        """What tells these pixels from any others, later and in other processes too; None where nothing does.

        Raises OSError where they are gone.
        """


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One image, not yet decoded, and what is known of it."""

    id: str
    """Unique in its data set: the path below the data folder with forward slashes, or `images[17]`."""
    image: ImageRef
    annotation: Annotation | None = None
    """None where nothing is known of the image."""
    split: Split | None = None
    group: str | None = None
    """Samples of one group (a person, a video, a patient) never stand in two splits that Foveal makes."""
    size_hw: tuple[int, int] | None = None
    """Of the image as it is shown, where the reader had to look."""

    def known(self, kind: type[A]) -> A:
        """Its annotation, which is of this kind: `sample.known(ClassLabel).index`."""
        assert isinstance(self.annotation, kind), f"{self.id}: {self.annotation} is no {kind.__name__}"
        return self.annotation


def instances_in(samples: Iterable[Sample]) -> Iterator[Instance]:
    """The instances of all samples whose annotations are such."""
    for sample in samples:
        if isinstance(sample.annotation, Objects):
            yield from sample.annotation.instances


@dataclass(frozen=True, kw_only=True)
class Dataset:
    """What a reader found: samples in a fixed order, class names, and what it left alone."""

    name: str
    format: str
    """A key of `foveal.read.READERS`."""
    root: Path | None
    classes: tuple[str, ...]
    """Their names; of a data set of numbers, the names of those."""
    samples: tuple[Sample, ...]
    ignored: tuple[str, ...] = ()
    """Files below `root` that are no images by their name, or that the format has no place for: counted and named,
    never opened."""
    notes: tuple[str, ...] = ()
    """What else was left out at reading, and how much of it: a line each, with the file that it concerns."""

    @property
    def annotates(self) -> type[Annotation] | None:
        """The kind of annotation its samples have: one and the same (`foveal.read.checks`); None where none has any."""
        return next((type(each.annotation) for each in self.samples if each.annotation is not None), None)

    def of_split(self, split: Split) -> tuple[Sample, ...]:
        """The samples of one split, in the data set's order."""
        return tuple(sample for sample in self.samples if sample.split == split)

    def counts(self) -> dict[str, dict[str, int]]:
        """Images by split and class, or instances where there are such: `{"train": {"cat": 12, …}, …}`; of label maps,
        which hold several classes each, and of numbers `{"train": {"images": 12}, …}`. Samples without a split stand
        under "all"."""
        kind = self.annotates
        if kind is not None and not kind.COUNTED:
            images = Counter[str](sample.split or "all" for sample in self.samples)
            return {split: {"images": images[split]} for split in ("all", *SPLITS, "unused") if images[split]}
        counted = Counter[tuple[str, int | None]](
            (sample.split or "all", label)
            for sample in self.samples
            for label in ((None,) if sample.annotation is None else sample.annotation.class_indices())
        )
        splits = [split for split in ("all", *SPLITS, "unused") if any(key[0] == split for key in counted)]
        return {split: {name: counted[split, label] for label, name in enumerate(self.classes)} for split in splits}

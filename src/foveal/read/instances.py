"""What the formats of boxes share: images found by their names, their sizes, and faults listed all at once."""

import math
import os
import re
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path, PurePosixPath

from foveal.annotations import Instance
from foveal.errors import ImageError
from foveal.images import Header, read_header
from foveal.read.names import split_of
from foveal.read.walk import walk
from foveal.types import Split

SLACK = 1.0
"""Pixels by which a box may stand over the image's edge, as rounding makes it; it is cut there."""


class ImageIndex:
    """The image files below a folder, found by what an annotation calls them."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self.others: list[str] = []
        """Other files, below `root`."""
        self._by_name: dict[str, list[tuple[str, ...]]] = {}
        self._by_stem: dict[str, list[str]] | None = None
        for file in walk(root):
            if file.is_image:
                self._by_name.setdefault(file.parts[-1], []).append(file.parts)
            else:
                self.others.append("/".join(file.parts))

    def paths(self) -> list[str]:
        """All of them, below the root."""
        return ["/".join(parts) for found in self._by_name.values() for parts in found]

    def with_stem(self, stem: str) -> list[str]:
        """Those whose name without its suffix is `stem`."""
        if self._by_stem is None:
            self._by_stem = {}
            for path in self.paths():
                self._by_stem.setdefault(PurePosixPath(path).stem, []).append(path)
        return self._by_stem.get(stem, [])

    def find(self, name: str, *, split: Split | None) -> str:
        """The image's path below the root: the file whose path ends as `name` does; of several the split's.

        Raises LookupError with words that finish the sentence "NAME …".
        """
        parts = safe_parts(name)
        found = [each for each in self._by_name.get(parts[-1], []) if each[-len(parts) :] == parts]
        if len(found) > 1 and split is not None:
            found = [each for each in found if any(split_in(folder) == split for folder in each[:-1])] or found
        if not found:
            raise LookupError("is not there")
        if len(found) > 1:
            raise LookupError(f"is there {len(found)} times: {'/'.join(found[0])}, {'/'.join(found[1])}")
        return "/".join(found[0])


def safe_parts(name: str) -> tuple[str, ...]:
    """The parts of a relative path. Raises LookupError for one that leads, or could lead, out of the data folder."""
    path = PurePosixPath(name.replace("\\", "/"))
    if not path.parts or path.is_absolute() or ".." in path.parts or ":" in path.parts[0]:
        raise LookupError("leads out of the data folder")
    return path.parts


def split_in(name: str) -> Split | None:
    """The split that a word in a file's or folder's name stands for: "instances_val2017" is val."""
    found = {split for word in re.split(r"[\W\d_]+", name) if (split := split_of(word)) is not None}
    return found.pop() if len(found) == 1 else None


def read_headers(paths: Sequence[Path]) -> list[Header | None]:
    """Each image's header, None where the file can't be read: decoding will say why."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        return list(pool.map(_header, paths))


def size_fault(header: Header, stated_hw: tuple[int, int]) -> str:
    """What is wrong with the size that an annotation states, as the end of a sentence; empty where it is right."""
    if stated_hw == header.size_hw:
        return ""
    height, width = header.size_hw
    mismatch = f"is annotated as {stated_hw[1]}×{stated_hw[0]} pixels and is {width}×{height}"
    if header.turned and stated_hw == (width, height):
        return (
            f"{mismatch} when turned as its EXIF orientation says: annotate the turned image, or remove the orientation"
        )
    return mismatch


class InstanceCheck:
    """Takes the instances of one image; cuts boxes at its edges and words what can't be meant."""

    def __init__(self, size_hw: tuple[int, int] | None, problems: list[str]) -> None:
        self.size_hw = size_hw
        self.instances: list[Instance] = []
        self._problems = problems
        self._seen: set[tuple[int, tuple[float, ...], bool]] = set()

    def add(self, instance: Instance, where: str) -> None:
        """where: file and line, or what else finds it."""
        x1, y1, x2, y2 = box = instance.box_xyxy
        height, width = self.size_hw or (math.inf, math.inf)
        cut = (max(0.0, x1), max(0.0, y1), min(float(width), x2), min(float(height), y2))
        outside = min(x1, y1) < -SLACK or x2 > width + SLACK or y2 > height + SLACK
        key = (instance.label, tuple(round(value, 2) for value in box), instance.crowd)
        if not all(map(math.isfinite, box)):
            self._problems.append(f"{where}: the box {_shown(box)} is no box")
        elif x2 <= x1 or y2 <= y1:
            self._problems.append(f"{where}: the box {_shown(box)} is empty or inverted")
        elif outside or cut[2] <= cut[0] or cut[3] <= cut[1]:
            self._problems.append(f"{where}: the box {_shown(box)} leaves the image of {width:g}×{height:g} pixels")
        elif key in self._seen:
            self._problems.append(f"{where}: the box {_shown(box)} is there twice for the same class")
        else:
            self._seen.add(key)
            self.instances.append(replace(instance, box_xyxy=cut))


def _header(path: Path) -> Header | None:
    try:
        return read_header(path)
    except ImageError:
        return None


def _shown(box_xyxy: Sequence[float]) -> str:
    return f"({', '.join(f'{value:g}' for value in box_xyxy)})"

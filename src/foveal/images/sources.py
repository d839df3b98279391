"""Where images come from: a file, or a row of an array. Each is a `foveal.types.ImageRef`; another is a class more."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from foveal.images.decode import read_bytes
from foveal.types import ImageRef

if TYPE_CHECKING:
    import numpy as np


@dataclass(frozen=True, slots=True)
class FileImage:
    """The image in a file, which may be a member of an archive."""

    path: Path

    @property
    def name(self) -> str:
        return str(self.path)

    def read(self) -> bytes:
        return read_bytes(self.path)

    def key(self) -> bytes:
        """By the file as it is now: path, size and time."""
        status = self.path.stat()
        return os.fsencode(self.path.absolute()) + f"\0{status.st_size}\0{status.st_mtime_ns}\n".encode()


@dataclass(frozen=True, slots=True)
class ArrayImage:
    """Row `index` of pixels that `load` gives at first use: an array (N, H, W[, C]) or a list of (H, W[, C])."""

    load: Callable[[], Sequence[np.ndarray] | np.ndarray]
    index: int
    name: str

    def read(self) -> np.ndarray:
        """The image, (H, W) or (H, W, C), as it was given; not a copy."""
        return self.load()[self.index]

    def key(self) -> None:
        """Memory may change."""


def file_of(image: ImageRef) -> Path | None:
    """The file that the image is the whole of; None where there is none."""
    return image.path if isinstance(image, FileImage) else None

"""What a dataset format is: four functions and the words that describe it."""

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from foveal.annotations import Annotation, ClassLabel
from foveal.types import Dataset

Unsupported = Literal["outline", "rings", "crowd", "difficult"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Reader:
    """One dataset format."""

    name: str
    """Its key in `READERS` and a data set's `format`."""
    title: str
    """What it looks like, in one line: what `read` says it expects."""
    recognises: Callable[[Path], bool]
    """Whether a path that exists looks like this format. Opens no image, raises nothing for any folder."""
    gives: tuple[type[Annotation], ...] = (ClassLabel,)
    """The kinds of annotation it reads and writes. Files that say where things are make a folder their format's, though
    folders of images alone would be classes."""
    unsupported: tuple[Unsupported, ...] = ()
    """What of an instance it can't hold, though it writes the rest."""
    read: Callable[[Path], Dataset]
    """The data set at a path. Raises DataError that lists what is wrong."""
    write: Callable[[Dataset, Path], None]
    """Writes a data set to a path that doesn't exist yet (or is an empty folder), whole or not at all."""

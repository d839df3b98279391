"""The files below a folder, as reading and prediction see them: without hidden ones, and in no circles."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from foveal.images import IMAGE_SUFFIXES
from foveal.read.archive_path import ArchivePath
from foveal.read.names import JUNK

_SUFFIXES = tuple(sorted(IMAGE_SUFFIXES))


@dataclass(frozen=True, slots=True)
class File:
    parts: tuple[str, ...]
    """Names below the data folder, the last one the file's."""
    is_image: bool


def walk(folder: Path, *, chain: tuple[str, ...] | None = None) -> Iterator[File]:
    """Every file below `folder` that isn't hidden, `JUNK` or inside such a folder, in no order.

    A link is followed where it leads to something below the folder that it doesn't lie in itself; any other is a file
    that is no image. `chain` holds the real folders from the outermost one to `folder`, where links may lead as well.
    """
    if isinstance(folder, ArchivePath):
        return _walk_archive(folder, ())
    return _walk(folder, (), chain or (os.path.realpath(folder),))


def image_files(folder: Path) -> list[Path]:
    """The images below `folder`, by their names, sorted."""
    return sorted(folder.joinpath(*file.parts) for file in walk(folder) if file.is_image)


def _walk(folder: Path, below: tuple[str, ...], chain: tuple[str, ...]) -> Iterator[File]:
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.name.startswith(".") or entry.name.casefold() in JUNK:
                continue
            parts = (*below, entry.name)
            if entry.is_symlink() and not _is_safe_link(entry, chain):
                yield File(parts, False)
            elif entry.is_dir():
                real = os.path.realpath(entry.path) if entry.is_symlink() else str(Path(chain[-1], entry.name))
                yield from _walk(Path(entry.path), parts, (*chain, real))
            else:
                yield File(parts, entry.is_file() and _is_image(entry.name))


def _walk_archive(folder: Path, below: tuple[str, ...]) -> Iterator[File]:
    """As `_walk`, where there are no links, and hidden files are left out already."""
    for entry in folder.iterdir():
        parts = (*below, entry.name)
        if entry.is_dir():
            yield from _walk_archive(entry, parts)
        else:
            yield File(parts, _is_image(entry.name))


def _is_image(name: str) -> bool:
    return name.lower().endswith(_SUFFIXES)


def _is_safe_link(link: os.DirEntry[str], chain: tuple[str, ...]) -> bool:
    """Whether a link leads to something below the data folder that it doesn't lie in itself."""
    target = os.path.realpath(link.path)
    return target not in chain and Path(target).is_relative_to(chain[0]) and Path(target).exists()

"""Decoded pixels on disk, in the user's cache folder: found again by key, whole or absent, shared by runs, capped.

An entry is `KEY.npy`, the pixels, and `KEY.npz`, the hashes and the bad images. The pixels are renamed into place
first, so an entry whose `.npz` exists is complete.
"""

import contextlib
import hashlib
import json
import os
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import filelock
import numpy as np

from foveal.errors import ImageError
from foveal.files import atomic_path, cache_folder
from foveal.preprocess import Preprocess
from foveal.types import Sample

CAP_BYTES = 32 * 2**30
_VERSION = 1  # raise when decoding changes, so that old entries are not found
_LOCK_SECONDS = 3600.0

Bad = list[tuple[int, ImageError]]


@dataclass(frozen=True)
class Entry:
    """One data set's decoded images: pixels (N, H, W, C) uint8, memory-mapped read-only, and what decoding found."""

    pixels: np.ndarray
    hashes: np.ndarray
    bad: Bad
    reused: bool


def cache_key(samples: Sequence[Sample], preprocess: Preprocess) -> str:
    """A name for these files as they are now (path, size, time) under this preprocessing's uint8 half.

    Raises OSError for a file that is gone.
    """
    digest = hashlib.blake2b(digest_size=16)
    geometry = [_VERSION, *preprocess.size_hw, preprocess.channels, preprocess.fit]
    digest.update(json.dumps(geometry).encode())
    for sample in samples:
        assert isinstance(sample.image, Path)
        status = sample.image.stat()
        digest.update(f"{sample.image.absolute()}\0{status.st_size}\0{status.st_mtime_ns}\n".encode())
    return digest.hexdigest()


def allowance_bytes(folder: Path | None = None) -> int:
    """How much disk decoded images may take: 32 GiB, and never over half of what is free."""
    folder = folder or cache_folder()
    while not folder.exists():
        folder = folder.parent
    return min(CAP_BYTES, shutil.disk_usage(folder).free // 2)


def open_or_build(key: str, shape: tuple[int, ...], fill: Callable[[np.ndarray], tuple[np.ndarray, Bad]]) -> Entry:
    """The entry called `key`; where there is none `fill` decodes into a new array (shape) and it is kept.

    Two runs that want the same entry decode it once: the second waits for the first.
    """
    folder = cache_folder() / "decoded"
    folder.mkdir(parents=True, exist_ok=True)
    pixels, details = folder / f"{key}.npy", folder / f"{key}.npz"
    with filelock.FileLock(folder / f"{key}.lock", timeout=_LOCK_SECONDS):
        reused = details.is_file() and pixels.is_file()
        if not reused:
            _evict(folder, int(np.prod(shape)), spare=key)
            _build(pixels, details, shape, fill)
        os.utime(details)  # the eviction's clock: last use
        with np.load(details) as stored:
            hashes = stored["hashes"]
            bad = [(int(i), ImageError(str(p), str(r))) for i, p, r in stored["bad"]]
        return Entry(np.load(pixels, mmap_mode="r"), hashes, bad, reused)


def _build(
    pixels: Path, details: Path, shape: tuple[int, ...], fill: Callable[[np.ndarray], tuple[np.ndarray, Bad]]
) -> None:
    with atomic_path(pixels) as temporary:
        array = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.uint8, shape=shape)
        hashes, bad = fill(array)
        array.flush()
        del array  # Windows renames no file that is still mapped
    rows = np.array([(str(index), str(error.path), error.reason) for index, error in bad], dtype=str).reshape(-1, 3)
    with atomic_path(details) as temporary, temporary.open("wb") as file:
        np.savez(file, hashes=hashes, bad=rows)


def _evict(folder: Path, wanted_bytes: int, *, spare: str) -> None:
    """Removes the entries used longest ago until the new one fits under the cap; one that is in use stays."""
    entries = sorted(folder.glob("*.npz"), key=lambda path: path.stat().st_mtime)
    total = sum(path.stat().st_size for path in folder.glob("*.np?"))
    for details in entries:
        if total + wanted_bytes <= CAP_BYTES:
            return
        if details.stem == spare:
            continue
        lock = filelock.FileLock(folder / f"{details.stem}.lock", timeout=0)
        # Timeout: another run is opening it. PermissionError: Windows keeps a mapped file.
        with contextlib.suppress(filelock.Timeout, PermissionError), lock:
            pixels = details.with_suffix(".npy")
            size = pixels.stat().st_size + details.stat().st_size
            pixels.unlink()
            details.unlink()
            total -= size

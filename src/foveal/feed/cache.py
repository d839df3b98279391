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
from foveal.types import Depth, Sample

CAP_BYTES = 32 * 2**30
_VERSION = 1  # raise when decoding changes, so that old entries are not found
_LOCK_SECONDS = 3600.0

Bad = list[tuple[int, ImageError]]
Fill = Callable[[np.ndarray, Sequence[int]], tuple[np.ndarray, Bad]]
"""(array (n, H, W, C), indices of n samples) -> their hashes (n,), and (position, error) of the bad ones."""


@dataclass(frozen=True)
class Entry:
    """One data set's decoded images: pixels (N, H, W, C), memory-mapped read-only, and what decoding found."""

    pixels: np.ndarray
    hashes: np.ndarray
    bad: Bad
    reused: bool


def cache_key(samples: Sequence[Sample], preprocess: Preprocess) -> str | None:
    """A name for these images as they are now under the half of this preprocessing that ends in integers; None where
    nothing tells one of them from others.

    Raises OSError for a file that is gone.
    """
    digest = hashlib.blake2b(digest_size=16)
    geometry = [_VERSION, *preprocess.size_hw, preprocess.channels, preprocess.fit, preprocess.depth]
    digest.update(json.dumps(geometry).encode())
    for sample in samples:
        key = sample.image.key()
        if key is None:
            return None
        digest.update(key)
    return digest.hexdigest()


def allowance_bytes(folder: Path | None = None) -> int:
    """How much disk decoded images may take: 32 GiB, and never over half of what is free."""
    folder = folder or cache_folder()
    while not folder.exists():
        folder = folder.parent
    return min(CAP_BYTES, shutil.disk_usage(folder).free // 2)


def is_cached(key: str) -> bool:
    """Whether the entry called `key` is whole."""
    folder = _folder()
    return (folder / f"{key}.npz").is_file() and (folder / f"{key}.npy").is_file()


def open_or_build(key: str, shape: tuple[int, ...], depth: Depth, fill: Fill) -> Entry:
    """The entry called `key`; where there is none `fill` decodes into a new array of that shape and depth, which is
    kept.

    Images that could not be decoded are tried again each time: a file may have been unreadable for a moment only.
    Two runs that want the same entry decode it once: the second waits for the first.
    """
    folder = _folder()
    folder.mkdir(parents=True, exist_ok=True)
    pixels, details = folder / f"{key}.npy", folder / f"{key}.npz"
    with filelock.FileLock(folder / f"{key}.lock", timeout=_LOCK_SECONDS):
        reused = is_cached(key)
        if not reused:
            for left_over in folder.glob(f".{key}.*.tmp"):  # of a decoding that was killed
                left_over.unlink()
            _evict(folder, int(np.prod(shape)) * np.dtype(depth).itemsize, spare=key)
            _build(pixels, details, shape, depth, fill)
        os.utime(details)  # the eviction's clock: last use
        hashes, bad = _read_details(details)
        if reused and bad:
            hashes, bad = _try_again(pixels, details, hashes, bad, fill)
        return Entry(np.load(pixels, mmap_mode="r"), hashes, bad, reused)


def _folder() -> Path:
    return cache_folder() / "decoded"


def _build(pixels: Path, details: Path, shape: tuple[int, ...], depth: Depth, fill: Fill) -> None:
    with atomic_path(pixels) as temporary:
        array = np.lib.format.open_memmap(temporary, mode="w+", dtype=np.dtype(depth), shape=shape)
        hashes, bad = fill(array, range(shape[0]))
        array.flush()
        del array  # Windows renames no file that is still mapped
    _write_details(details, hashes, bad)


def _try_again(pixels: Path, details: Path, hashes: np.ndarray, bad: Bad, fill: Fill) -> tuple[np.ndarray, Bad]:
    """Decodes the bad images once more; those that are good now go into the entry."""
    rows = [index for index, _ in bad]
    array = np.load(pixels, mmap_mode="r+")
    again = np.zeros((len(rows), *array.shape[1:]), array.dtype)
    hashes[rows], still = fill(again, rows)
    failed = {position for position, _ in still}
    good = [position for position in range(len(rows)) if position not in failed]
    if good:
        array[[rows[position] for position in good]] = again[good]
        array.flush()
    del array
    bad = [(rows[position], error) for position, error in still]
    _write_details(details, hashes, bad)
    return hashes, bad


def _read_details(details: Path) -> tuple[np.ndarray, Bad]:
    with np.load(details) as stored:
        return stored["hashes"], [(int(i), ImageError(str(p), str(r))) for i, p, r in stored["bad"]]


def _write_details(details: Path, hashes: np.ndarray, bad: Bad) -> None:
    rows = np.array([(str(index), str(error.path), error.reason) for index, error in bad], dtype=str).reshape(-1, 3)
    with atomic_path(details) as temporary, temporary.open("wb") as file:
        np.savez(file, hashes=hashes, bad=rows)


def _evict(folder: Path, wanted_bytes: int, *, spare: str) -> None:
    """Removes the entries used longest ago until the new one fits under the cap; one that is in use stays."""
    files = [(path, path.stat()) for path in folder.glob("*.np[yz]")]
    last_use: dict[str, float] = {}
    for path, status in files:
        last_use[path.stem] = max(status.st_mtime, last_use.get(path.stem, 0.0))
    total = sum(status.st_size for _, status in files)
    for key in sorted(last_use, key=lambda key: last_use[key]):
        if total + wanted_bytes <= CAP_BYTES:
            return
        if key == spare:
            continue
        # Timeout: another run is opening it. PermissionError: Windows keeps a mapped file.
        with (
            contextlib.suppress(filelock.Timeout, PermissionError),
            filelock.FileLock(folder / f"{key}.lock", timeout=0),
        ):
            for path, status in files:
                if path.stem == key:
                    path.unlink(missing_ok=True)
                    total -= status.st_size

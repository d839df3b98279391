"""Every image of a list decoded once, on all cores: into a given array, with each image's hash and every failure."""

import hashlib
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from foveal.errors import BadImagesError, ImageError
from foveal.images import read_bytes
from foveal.preprocess import Preprocess
from foveal.types import ArrayImage, OnBadImage, Sample

Progress = Callable[[int, int], None]
"""Called with (images done, images in all)."""

_CHUNK = 64  # images a task: large enough to hide the hand-over, small enough to keep every core busy to the end


def decode_all(
    samples: Sequence[Sample],
    preprocess: Preprocess,
    out: np.ndarray | None,
    *,
    progress: Progress | None = None,
) -> tuple[np.ndarray, list[tuple[int, ImageError]]]:
    """Hashes (N,) uint64 of the images' bytes, and (index, error) of each that can't be decoded.

    out: (N, H, W, C) uint8, filled with `preprocess.load` of each; rows of bad images stay as they are. None decodes
    without keeping, to find the bad ones.
    """
    hashes = np.zeros(len(samples), np.uint64)

    def decode_chunk(start: int) -> list[tuple[int, ImageError]]:
        bad = []
        for index in range(start, min(start + _CHUNK, len(samples))):
            sample = samples[index]
            try:
                content = read_content(sample)
                hashes[index] = content_hash(content)
                image = preprocess.load(content, name=image_name(sample))
            except ImageError as error:
                bad.append((index, error))
                continue
            if out is not None:
                out[index] = image
        return bad

    bad_images: list[tuple[int, ImageError]] = []
    starts = range(0, len(samples), _CHUNK)
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for start, bad in zip(starts, pool.map(decode_chunk, starts), strict=True):
            bad_images += bad
            if progress is not None:
                progress(min(start + _CHUNK, len(samples)), len(samples))
    return hashes, bad_images


def keep_good(samples: Sequence[Sample], bad: Sequence[tuple[int, ImageError]], on_bad_image: OnBadImage) -> list[int]:
    """Indices of the samples that decoded. Raises BadImagesError, which lists all bad ones, unless they are skipped."""
    if bad and on_bad_image == "error":
        raise BadImagesError([error for _, error in bad])
    bad_indices = {index for index, _ in bad}
    return [index for index in range(len(samples)) if index not in bad_indices]


def read_content(sample: Sample) -> bytes | np.ndarray:
    """A file's bytes, or an array image's pixels. Raises ImageError where the file can't be read."""
    if isinstance(sample.image, ArrayImage):
        return sample.image.pixels()
    return read_bytes(sample.image)


def content_hash(content: bytes | np.ndarray) -> int:
    """64 bits of BLAKE2b over an image's bytes (pixels and shape for an array): equal for byte-identical images."""
    digest = hashlib.blake2b(digest_size=8)
    if isinstance(content, np.ndarray):
        digest.update(repr((content.shape, content.dtype.str)).encode())
        content = content.tobytes()
    digest.update(content)
    return int.from_bytes(digest.digest(), "little")


def image_name(sample: Sample) -> str:
    """How a message names a sample's image: its path, or its id for an array."""
    return str(sample.image) if isinstance(sample.image, Path) else sample.id

"""Every image of a list decoded once, on all cores: into a given array, with each image's hash and every failure.

No torch, so that processes that decode start in a fraction of a second.
"""

import hashlib
import math
from collections import deque
from collections.abc import Callable, Generator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack, closing, suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import ImageFile

from foveal.errors import BadImagesError, ImageError
from foveal.feed.workers import Workers, can_start
from foveal.images.fit import load_fitted
from foveal.images.sources import file_of
from foveal.processes.launch import cores
from foveal.types import Depth, Fit, ImageRef, OnBadImage, Sample

if TYPE_CHECKING:
    from foveal.preprocess import Preprocess

Progress = Callable[[int, int], None]
"""Called with (images done, images in all)."""
FILES, MOST_PROCESSES = 1000, 16
"""From so many files on processes decode, one a core. Python lets one thread at a time do its part of an image, and
threads get in each other's way: small JPEGs they decode at less than the pace of a single one. Processes take as long
to start as some hundred images."""

_CHUNK = 64  # images a task, at most: enough to hide the hand-over, few enough to keep every core busy to the end
_CHUNK_BYTES = 2**22  # and their pixels
_AHEAD = 2  # chunks for each core that are decoded before they are wanted: more would only fill memory


@dataclass(frozen=True, kw_only=True)
class Decoded:
    """What became of some images."""

    pixels: np.ndarray | None
    """(n, H, W, C) of the wanted depth, 0 where an image is bad; None where they are not kept."""
    hashes: np.ndarray
    """(n,) uint64 of the images' bytes."""
    bad: list[tuple[int, ImageError]]
    """Each with its place among them."""


@dataclass(frozen=True, kw_only=True)
class Decoder:
    """How images are decoded, and nothing of what comes after: other processes are sent it."""

    size_hw: tuple[int, int]
    channels: int
    fit: Fit
    depth: Depth
    kept: bool
    """Whether the pixels are wanted."""
    truncated: bool
    """Pillow's own switch, as it is set in this process: whether files that end too early are taken."""

    def __call__(self, images: Sequence[ImageRef]) -> Decoded:
        ImageFile.LOAD_TRUNCATED_IMAGES = self.truncated
        hashes = np.zeros(len(images), np.uint64)
        pixels = np.zeros((len(images), *self.size_hw, self.channels), self.depth) if self.kept else None
        bad = []
        for index, image in enumerate(images):
            try:
                content = image.read()
                hashes[index] = content_hash(content)
                size, name = self.size_hw, image.name
                fitted = load_fitted(
                    content, size_hw=size, channels=self.channels, fit=self.fit, depth=self.depth, name=name
                )
            except ImageError as error:
                bad.append((index, error))
                continue
            if pixels is not None:
                pixels[index] = fitted[0]
        return Decoded(pixels=pixels, hashes=hashes, bad=bad)


def decode_all(
    samples: Sequence[Sample],
    preprocess: "Preprocess",
    out: np.ndarray | None,
    *,
    progress: Progress | None = None,
) -> tuple[np.ndarray, list[tuple[int, ImageError]]]:
    """Hashes (N,) uint64 of the images' bytes, and (index, error) of each that can't be decoded.

    out: (N, H, W, C) of the preprocessing's depth, filled with what `preprocess.load` gives of each, 0 for a bad one.
    None decodes without keeping, to find the bad ones.
    """
    decoder = Decoder(
        size_hw=preprocess.size_hw,
        channels=preprocess.channels,
        fit=preprocess.fit,
        depth=preprocess.depth,
        kept=out is not None,
        truncated=ImageFile.LOAD_TRUNCATED_IMAGES,
    )
    hashes = np.zeros(len(samples), np.uint64)
    bad_images: list[tuple[int, ImageError]] = []
    end = 0
    with closing(_in_parallel(samples, decoder)) as coming:
        for decoded in coming:
            start, end = end, end + len(decoded.hashes)
            hashes[start:end] = decoded.hashes
            bad_images += [(start + index, error) for index, error in decoded.bad]
            if out is not None:
                out[start:end] = decoded.pixels
            if progress is not None:
                progress(end, len(samples))
    return hashes, bad_images


def keep_good(samples: Sequence[Sample], bad: Sequence[tuple[int, ImageError]], on_bad_image: OnBadImage) -> list[int]:
    """Indices of the samples that decoded. Raises BadImagesError, which lists all bad ones, unless they are skipped."""
    if bad and on_bad_image == "error":
        raise BadImagesError([error for _, error in bad])
    bad_indices = {index for index, _ in bad}
    return [index for index in range(len(samples)) if index not in bad_indices]


def content_hash(content: bytes | np.ndarray) -> int:
    """64 bits of BLAKE2b over an image's bytes (pixels and shape for an array): equal for byte-identical images."""
    digest = hashlib.blake2b(digest_size=8)
    if isinstance(content, np.ndarray):
        digest.update(repr((content.shape, content.dtype.str)).encode())
        content = content.tobytes()
    digest.update(content)
    return int.from_bytes(digest.digest(), "little")


def _in_parallel(samples: Sequence[Sample], decoder: Decoder) -> Generator[Decoded]:
    """What became of each chunk, in order: in processes where there are many plain files, else in threads."""
    count = cores()
    many = count > 1 and len(samples) >= FILES
    plain = all(
        type(file_of(sample.image)) is type(Path()) for sample in samples
    )  # others lie in an archive or in memory
    size = max(1, min(_CHUNK, _CHUNK_BYTES // (math.prod(decoder.size_hw) * decoder.channels)))
    with ExitStack() as stack:  # what is left is given up first, then the processes are ended, then the threads joined
        pool = stack.enter_context(ThreadPoolExecutor(count))
        decode: Callable[[Sequence[ImageRef]], Decoded] = decoder
        if many and plain and can_start():
            count = min(count, MOST_PROCESSES)
            with suppress(OSError):  # no more processes are allowed: threads are only slower
                decode = partial(stack.enter_context(Workers(count)).run, decoder)
        stack.callback(pool.shutdown, wait=False, cancel_futures=True)
        coming: deque[Future[Decoded]] = deque()
        for start in range(0, len(samples), size):
            chunk = samples[start : start + size]
            coming.append(pool.submit(decode, [sample.image for sample in chunk]))
            if len(coming) > _AHEAD * count:
                yield coming.popleft().result()
        while coming:
            yield coming.popleft().result()

"""The decode-once store: every image decoded and resized once, kept as integers of its depth, gathered by batch.

Three forms with one face, chosen by size and named in `description`: in memory; memory-mapped from the cache folder;
and, for sets larger than the disk allowance, decoded anew for each batch, ahead of it where it is announced.
"""

import math
import os
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace

import numpy as np
import torch
from torch import Tensor

from foveal.device import free_gpu_bytes, memory_bytes, sent
from foveal.errors import ImageError
from foveal.feed.cache import Bad, allowance_bytes, cache_key, is_cached, open_or_build
from foveal.feed.decoding import Progress, decode_all, keep_good
from foveal.feed.inputs import as_batch
from foveal.feed.label_maps import GatherLabels, label_maps_of
from foveal.preprocess import Placement, Preprocess
from foveal.types import OnBadImage, Sample

MEMORY_SHARE = 0.25  # of the machine's memory may hold decoded images
GPU_SHARE = 0.4  # of a GPU's free memory likewise
_COPIED_AT_ONCE = 2**28  # bytes


@dataclass(frozen=True, kw_only=True)
class Store:
    """Decoded images and what decoding found. `gather(indices)` gives (B, C, H, W), channels-last, of its depth."""

    preprocess: Preprocess
    """How the images came to their size."""
    samples: tuple[Sample, ...]
    """The samples that decoded, in their order; `gather`'s indices count these."""
    hashes: np.ndarray
    """(N,) uint64 of each kept sample's bytes; equal means byte-identical."""
    skipped: tuple[ImageError, ...]
    description: str
    gather: Callable[[Tensor], Tensor]
    label_maps: GatherLabels | None = None
    """Where the samples have label maps."""
    announce: Callable[[Tensor], None] | None = None
    """Where images are decoded anew: takes the indices (N,) of all that are wanted next, and begins to decode them."""

    def __len__(self) -> int:
        return len(self.samples)

    def samples_at(self, indices: Tensor) -> tuple[Sample, ...]:
        """The samples (B,) at these indices."""
        return tuple(self.samples[index] for index in indices.tolist())

    def placement(self, sample: Sample) -> Placement:
        """Where the image of a sample whose size is known lies in the stored pixels."""
        assert sample.size_hw is not None
        return self.preprocess.placement(sample.size_hw)


def build_store(
    samples: Sequence[Sample],
    preprocess: Preprocess,
    *,
    on_bad_image: OnBadImage = "error",
    progress: Progress | None = None,
    shared_by: int = 1,
    memory_allowance: int | None = None,
    disk_allowance: int | None = None,
) -> Store:
    """Decodes all `samples` once (or finds them decoded) and keeps them where they fit.

    The allowances are in bytes; None measures the machine. `shared_by` is the number of processes on this machine that
    want the same images: several map one file, whose pages they share, instead of a copy in memory each.
    Raises BadImagesError, which lists every bad image at once, unless `on_bad_image` is "skip".
    """
    allowance = (int(memory_bytes() * MEMORY_SHARE) if memory_allowance is None else memory_allowance) // shared_by
    store = _decoded(samples, preprocess, on_bad_image, progress, shared_by == 1, allowance, disk_allowance)
    return replace(store, label_maps=label_maps_of(store.samples, preprocess, memory_allowance=allowance))


def _decoded(
    samples: Sequence[Sample],
    preprocess: Preprocess,
    on_bad_image: OnBadImage,
    progress: Progress | None,
    alone: bool,
    memory_allowance: int,
    disk_allowance: int | None,
) -> Store:
    """The images' store; `alone` where no other process of this machine wants the same."""
    shape = (len(samples), *preprocess.size_hw, preprocess.channels)
    size = int(np.prod(shape)) * np.dtype(preprocess.depth).itemsize
    in_memory = size <= memory_allowance
    on_disk = size <= (allowance_bytes() if disk_allowance is None else disk_allowance)
    start = time.perf_counter()

    def fill(out: np.ndarray | None, rows: Sequence[int]) -> tuple[np.ndarray, Bad]:
        return decode_all([samples[row] for row in rows], preprocess, out, progress=progress)

    everything = range(len(samples))
    found = f"{len(samples):,} images at {shape[1]}×{shape[2]}×{shape[3]}"
    if len(samples):
        try:
            key = cache_key(samples, preprocess)
        except OSError:  # a file is gone: decode, so that all bad images are listed, not the first
            key = None
        if key is not None and (on_disk or is_cached(key)):
            entry = open_or_build(key, shape, preprocess.depth, fill)
            how = "found decoded" if entry.reused else f"decoded in {time.perf_counter() - start:.1f} s"
            copied = in_memory and alone
            where = "in memory" if copied else "memory-mapped"
            pixels = np.array(entry.pixels) if copied else entry.pixels
            description = f"{found}, {where} ({size / 2**20:,.0f} MiB), {how}"
            return _over_array(samples, preprocess, pixels, entry.hashes, entry.bad, on_bad_image, description)
    if in_memory:
        pixels = np.zeros(shape, preprocess.depth)
        hashes, bad = fill(pixels, everything)
        description = f"{found}, in memory ({size / 2**20:,.0f} MiB), decoded in {time.perf_counter() - start:.1f} s"
        return _over_array(samples, preprocess, pixels, hashes, bad, on_bad_image, description)
    hashes, bad = fill(None, everything)
    kept = keep_good(samples, bad, on_bad_image)
    decoder = _Decoder([samples[index] for index in kept], preprocess)
    return Store(
        preprocess=preprocess,
        samples=tuple(samples[index] for index in kept),
        hashes=hashes[kept],
        skipped=tuple(error for _, error in bad),
        description=f"{found}, too large to keep ({size / 2**30:,.1f} GiB): decoded anew for each batch",
        gather=decoder.gather,
        announce=decoder.announce,
    )


def _over_array(
    samples: Sequence[Sample],
    preprocess: Preprocess,
    pixels: np.ndarray,
    hashes: np.ndarray,
    bad: Bad,
    on_bad_image: OnBadImage,
    description: str,
) -> Store:
    kept = keep_good(samples, bad, on_bad_image)
    rows = np.asarray(kept, np.int64)

    def gather(indices: Tensor) -> Tensor:
        return as_batch(pixels[rows[indices.numpy()]])

    return Store(
        preprocess=preprocess,
        samples=tuple(samples[index] for index in kept),
        hashes=hashes[rows],
        skipped=tuple(error for _, error in bad),
        description=description,
        gather=gather,
    )


class _Decoder:
    """Decodes on all cores, what was announced before it is asked for."""

    def __init__(self, samples: Sequence[Sample], preprocess: Preprocess) -> None:
        self._samples, self._preprocess = samples, preprocess
        self._pool = ThreadPoolExecutor(os.cpu_count())
        self._coming: dict[int, Future[np.ndarray]] = {}

    def announce(self, indices: Tensor) -> None:
        """Holds these alone; what was announced before and is not among them is given up."""
        before = self._coming
        self._coming = {index: before.get(index) or self._begin(index) for index in dict.fromkeys(indices.tolist())}
        for index in before.keys() - self._coming.keys():
            before[index].cancel()

    def gather(self, indices: Tensor) -> Tensor:
        loading = [self._coming.get(index) or self._begin(index) for index in indices.tolist()]
        empty = np.zeros((0, *self._preprocess.size_hw, self._preprocess.channels), self._preprocess.depth)
        return as_batch(np.stack([future.result() for future in loading]) if loading else empty)

    def _begin(self, index: int) -> Future[np.ndarray]:
        return self._pool.submit(self._load, self._samples[index])

    def _load(self, sample: Sample) -> np.ndarray:
        return self._preprocess.load(sample.image.read(), name=sample.image.name)


def on_gpu(stores: Sequence[Store], device: torch.device) -> list[Store]:
    """The stores with their images in the memory of `device`, where that is a GPU and as far as they fit together."""
    if device.type != "cuda":
        return list(stores)
    left, moved = GPU_SHARE * free_gpu_bytes(device), []
    for store in stores:
        size = len(store) * math.prod(store.preprocess.size_hw) * store.preprocess.channels
        # CUDA has hardly an operation on 16-bit integers: such images are sent batch by batch.
        fits = size <= left and store.announce is None and store.preprocess.depth == "uint8"
        left -= size * fits
        moved.append(_moved(store, device) if fits else store)
    return moved


def _moved(store: Store, device: torch.device) -> Store:
    (height, width), channels = store.preprocess.size_hw, store.preprocess.channels
    pixels = torch.empty((len(store), height, width, channels), dtype=torch.uint8, device=device)
    for part in torch.arange(len(store)).split(max(1, _COPIED_AT_ONCE // (height * width * channels))):
        pixels[part[0] : part[-1] + 1] = store.gather(part).permute(0, 2, 3, 1).to(device)

    def gather(indices: Tensor) -> Tensor:
        return pixels.index_select(0, sent(indices, device)).permute(0, 3, 1, 2)

    return replace(store, gather=gather, description=f"{store.description}, copied to the GPU")


def channel_statistics(store: Store, *, most: int = 2048) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and standard deviation of each channel in 0..1, over at most `most` evenly spread images.

    A constant channel gets a standard deviation of 1, so that it can be divided by. Rounded to 4 digits, of 16
    bits to 6, each far below a level.
    """
    indices = torch.linspace(0, len(store) - 1, min(most, len(store))).round().long()
    channels = store.gather(indices[:1]).shape[1]
    sums, squares, count = torch.zeros(channels).double(), torch.zeros(channels).double(), 0
    for part in indices.split(256):
        images = store.gather(part).to(torch.float64) / store.preprocess.white
        sums += images.sum(dim=(0, 2, 3))
        squares += images.square().sum(dim=(0, 2, 3))
        count += images.shape[0] * images.shape[2] * images.shape[3]
    mean = sums / count
    std = (squares / count - mean.square()).clamp(min=0).sqrt()
    digits = 4 if store.preprocess.depth == "uint8" else 6
    std = torch.where(std < 10**-digits, torch.ones_like(std), std)
    return tuple(round(v, digits) for v in mean.tolist()), tuple(round(v, digits) for v in std.tolist())

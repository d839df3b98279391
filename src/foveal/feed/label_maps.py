"""The label maps of a store's samples: in memory where they fit, else read anew for each batch."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from foveal.annotations import PixelClasses
from foveal.images.label_map import VOID, read_label_map
from foveal.preprocess import Preprocess
from foveal.types import Sample

GatherLabels = Callable[[Tensor], Tensor]
"""Indices (B,) -> label maps (B, h, w) uint8 in the frame of the stored pixels, a copy; `VOID` outside the image."""


def label_maps_of(samples: Sequence[Sample], preprocess: Preprocess, *, memory_allowance: int) -> GatherLabels | None:
    """None where the samples have none. memory_allowance: in bytes. Raises ImageError for one that can't be read."""
    if not samples or not isinstance(samples[0].annotation, PixelClasses):
        return None

    def load(sample: Sample) -> np.ndarray:
        return preprocess.place_labels(read_label_map(sample.known(PixelClasses).label_map))

    def read(rows: Sequence[int]) -> np.ndarray:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return np.stack(list(pool.map(load, [samples[row] for row in rows])))

    if len(samples) * int(np.prod(preprocess.size_hw)) > memory_allowance:
        return lambda indices: torch.from_numpy(read(indices.tolist()))
    kept = torch.from_numpy(read(range(len(samples))))
    return lambda indices: kept[indices]


def median_frequency_weights(samples: Sequence[Sample], num_classes: int, *, void: int | None) -> tuple[float, ...]:
    """(K,): the root of the median of the classes' shares of the pixels over each one's; 1 for one that never occurs.

    Eigen & Fergus 2015, arXiv:1411.4734, section 6.3.2. Differs: shares are of all pixels, not of the images in which a
    class occurs, and the root is taken, because IoU counts what is wrongly called a rare class too.
    """

    def count(sample: Sample) -> np.ndarray:
        return np.bincount(read_label_map(sample.known(PixelClasses).label_map).reshape(-1), minlength=VOID + 1)

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        counts = np.sum(list(pool.map(count, samples)), axis=0)
    if void is not None and void < num_classes:
        counts[void] = 0
    shares = counts[:num_classes] / max(1, counts[:num_classes].sum())
    there = shares > 0
    weights = np.ones(num_classes)
    weights[there] = np.sqrt(np.median(shares[there]) / shares[there])
    return tuple(weights.round(4).tolist())

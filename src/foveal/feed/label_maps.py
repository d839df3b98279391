"""The label maps of a store's samples: in memory where they fit, else read anew for each batch."""

import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import torch
from torch import Tensor

from foveal.images.label_map import read_label_map
from foveal.preprocess import Preprocess
from foveal.types import Sample

GatherLabels = Callable[[Tensor], Tensor]
"""Indices (B,) -> label maps (B, h, w) uint8 in the frame of the stored pixels, a copy; `VOID` outside the image."""


def label_maps_of(samples: Sequence[Sample], preprocess: Preprocess, *, memory_allowance: int) -> GatherLabels | None:
    """None where the samples have none. memory_allowance: in bytes. Raises ImageError for one that can't be read."""
    if not samples or samples[0].label_map is None:
        return None

    def load(sample: Sample) -> np.ndarray:
        assert sample.label_map is not None
        return preprocess.place_labels(read_label_map(sample.label_map))

    def read(rows: Sequence[int]) -> np.ndarray:
        with ThreadPoolExecutor(os.cpu_count()) as pool:
            return np.stack(list(pool.map(load, [samples[row] for row in rows])))

    if len(samples) * int(np.prod(preprocess.size_hw)) > memory_allowance:
        return lambda indices: torch.from_numpy(read(indices.tolist()))
    kept = torch.from_numpy(read(range(len(samples))))
    return lambda indices: kept[indices]

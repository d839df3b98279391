"""Decoding many files at once: one thread, a thread a core, and a process a core, by image size.

What is decoded has been read once before, so that the disk does not count; starting the processes does.
"""

import time
from collections.abc import Callable
from functools import partial
from typing import Any
from unittest.mock import patch

import numpy as np

from benchmarks.common import keep, unpacked
from foveal.feed import decoding
from foveal.preprocess import Preprocess
from foveal.processes.launch import cores
from foveal.read.dataset import read_dataset
from foveal.types import Sample

SETS = (("cifar10-jpeg", 32, 8000), ("caltech22", 256, 1176))
"""Archive, side in pixels, images."""
REPETITIONS = 2
NEVER = 10**9


def main() -> None:
    """Prints images/s and keeps them. About 20 seconds on 2 cores."""
    rows: list[dict[str, Any]] = []
    ways: dict[str, dict[str, Any]] = {
        "one thread": {"count": 1, "files": NEVER},
        "threads": {"count": cores(), "files": NEVER},
        "processes": {"count": cores(), "files": 1},
    }
    for archive, side, count in SETS:
        samples = read_dataset(unpacked(archive)).of_split("train")[:count]
        for sample in samples:
            sample.image.read()
        for repetition in range(REPETITIONS):
            for way, limits in ways.items():
                rate = count / seconds(partial(decoded, samples, side), **limits)
                rows.append({"data": archive, "side": side, "way": way, "repetition": repetition, "images_s": rate})
                keep("decoding", rows)
                print(f"{archive} at {side} px, {way}: {rate:,.0f} images/s", flush=True)


def decoded(samples: tuple[Sample, ...], side: int) -> None:
    three = {"channels": 3, "mean": (0.0,) * 3, "std": (1.0,) * 3}
    preprocess = Preprocess(size_hw=(side, side), fit="squash", **three)  # type: ignore[arg-type]
    decoding.decode_all(samples, preprocess, np.zeros((len(samples), side, side, 3), np.uint8))


def seconds(work: Callable[[], None], *, count: int, files: int) -> float:
    """Of `work` as on a machine of so many cores, where processes decode from so many files on."""
    with patch.multiple(decoding, cores=lambda: count, FILES=files):
        start = time.perf_counter()
        work()
        return time.perf_counter() - start


if __name__ == "__main__":
    main()

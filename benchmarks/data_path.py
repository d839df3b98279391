"""What an image costs on its way from the store to the network: by the size of the set and its place; and memory."""

import resource
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
import torch

from benchmarks.common import keep, unpacked
from foveal.annotations import ClassLabel
from foveal.feed.store import Store, build_store
from foveal.preprocess import Preprocess
from foveal.read.arrays import from_arrays
from foveal.read.dataset import read_dataset
from foveal.recipes.defaults import resolve
from foveal.recipes.facts import DataFacts
from foveal.recipes.heads import prepare_task
from foveal.recipes.options import TrainOptions
from foveal.training.loop import Trainer
from foveal.training.prepare import TrainingData, prepare_state

COUNTS = (1_000, 10_000, 100_000)
SIDE, BATCH_SIZE, TURNS = 64, 64, 5
BATCHES = 150  # of a turn
AUGMENT = {"hflip": 0.5, "crop_area": (0.6, 1.0), "brightness": 0.3, "contrast": 0.3, "saturation": 0.3}


def main() -> None:
    """About 2 minutes."""
    rows = [*by_count(), *by_place(), *over_time()]
    keep("data-path", rows)
    for row in rows:
        print(", ".join(f"{key} {value}" for key, value in row.items()))


def by_count() -> list[dict[str, Any]]:
    """Microseconds an image of sets of noise of several sizes, in turns."""
    random = np.random.default_rng(0)
    stores = {}
    for count in COUNTS:
        pixels = random.integers(0, 256, (count, SIDE, SIDE, 3), dtype=np.uint8)
        stores[f"{count:,} images"] = build_store(from_arrays(pixels, np.arange(count) % 10).samples, plain(SIDE))
    return [{"measured": "by count", **row} for row in in_turns(stores)]


def by_place() -> list[dict[str, Any]]:
    """The same files in memory and memory-mapped, in turns."""
    samples = read_dataset(unpacked("caltech22")).of_split("train")
    allowances = {"in memory": None, "memory-mapped": 0}
    stores = {name: build_store(samples, plain(160), memory_allowance=allowed) for name, allowed in allowances.items()}
    return [{"measured": "by place", **row} for row in in_turns(stores, batches=20)]


def over_time() -> list[dict[str, Any]]:
    """Memory of the process before and after many more batches."""
    pixels = np.random.default_rng(0).integers(0, 256, (10_000, SIDE, SIDE, 3), dtype=np.uint8)
    batch = batches_of(build_store(from_arrays(pixels, np.arange(10_000) % 10).samples, plain(SIDE)))
    seconds_of(batch, BATCHES)
    rows = []
    for _ in range(TURNS):
        seconds_of(batch, BATCHES)
        rows.append({"measured": "over time", "resident_mib": round(resident_bytes() / 2**20)})
    return rows


def in_turns(stores: dict[str, Store], *, batches: int = BATCHES) -> list[dict[str, Any]]:
    """Median microseconds an image of each store, measured A B C, A B C, …"""
    sources = {name: batches_of(store) for name, store in stores.items()}
    seconds: dict[str, list[float]] = {name: [] for name in stores}
    for _ in range(TURNS + 1):
        for name, batch in sources.items():
            seconds[name].append(seconds_of(batch, batches))
    return [
        {"of": name, "us_per_image": round(1e6 * median(times[1:]) / batches / BATCH_SIZE, 1)}
        for name, times in seconds.items()
    ]


def batches_of(store: Store) -> Callable[[int], object]:
    """Makes the network's input of the batch with that number, of images in random order."""
    classes = sorted({str(each.known(ClassLabel).index) for each in store.samples})
    facts = DataFacts(num_train=len(store), num_classes=len(classes), side=SIDE, channels=3)
    asked = TrainOptions(model="resnet20_cifar", size=SIDE, batch_size=BATCH_SIZE, epochs=1, augment=AUGMENT)
    settings = resolve(asked, facts).settings
    data = TrainingData(train=store, val=None, skipped=(), preprocess=plain(SIDE))
    task = prepare_task(settings, classes, store.samples)
    state = prepare_state(settings, task, data, device=torch.device("cpu"), module=None)
    trainer = Trainer(task, state, data.preprocess, store, None, device=torch.device("cpu"))
    random = np.random.default_rng(0)

    def batch(number: int) -> object:
        indices = torch.from_numpy(random.integers(0, len(store), BATCH_SIZE))
        return trainer.batches.make(indices, epoch=number, size=SIDE)

    return batch


def seconds_of(batch: Callable[[int], object], count: int) -> float:
    """Wall time of `count` batches."""
    start = time.perf_counter()
    for number in range(count):
        batch(number)
    return time.perf_counter() - start


def plain(side: int) -> Preprocess:
    """Colour images of this side, not standardised."""
    return Preprocess(size_hw=(side, side), channels=3, fit="squash", mean=(0.0,) * 3, std=(1.0,) * 3)


def resident_bytes() -> int:
    """Memory of this process now."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[1]) * resource.getpagesize()


if __name__ == "__main__":
    main()

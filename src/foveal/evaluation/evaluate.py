"""A trained network's outputs over a store, and their metrics: written once, against a Task."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
from torch import nn

from foveal.device import place
from foveal.errors import DataError, ImageError
from foveal.evaluation.forward import BATCH_SIZE, forward
from foveal.feed.store import Store
from foveal.preprocess import Preprocess
from foveal.tasks.task import Measurement, Record, Task


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """What a task keeps of every item, in the store's order, and what it amounts to."""

    records: Sequence[Record]
    num_items: int
    measurement: Measurement

    def to_json(self, *, task: Task, split: str) -> dict[str, Any]:
        """Plain values: {"task", "n", "split", "classes", "metrics", …}."""
        head = {"task": task.name, "n": self.num_items, "split": split, "classes": list(task.classes)}
        measured = self.measurement.to_json()
        return {**head, "metrics": measured.pop("overall"), **measured}


def evaluate_store(
    task: Task, network: nn.Module, preprocess: Preprocess, store: Store, *, device: torch.device
) -> Evaluation:
    """Runs the network over all of the store, in float32. Raises DataError where the store is empty."""
    if not len(store):
        raise DataError("nothing to evaluate: there is no image in this split")
    records = records_of(task, network, preprocess, store, device=device)
    return Evaluation(records=records, num_items=len(store), measurement=task.judging.evaluation_metrics(records))


def records_of(
    task: Task, network: nn.Module, preprocess: Preprocess, store: Store, *, device: torch.device, cheap: bool = False
) -> list[Record]:
    """What the task keeps of each batch of the store, by the network in float32. cheap: by the validation record."""
    keep = task.judging.validation_record if cheap else task.judging.evaluation_record
    place(network, device).eval()
    records = []
    for indices in torch.arange(len(store)).split(BATCH_SIZE):
        outputs = forward(network, preprocess, store.gather(indices), device=device)
        records.append(keep(outputs, task.encode(store, indices)))
    return records


def leaked(hashes: np.ndarray, seen_hashes: np.ndarray) -> int:
    """How many of the images are byte-identical to one that was seen before; both (N,) uint64."""
    return int(np.isin(hashes, seen_hashes).sum())


def left_out_notes(errors: Sequence[ImageError], kind: str = "image") -> list[str]:
    """A sentence on the images that could not be decoded; empty where all could."""
    if not errors:
        return []
    images = (
        f"1 {kind} can't be decoded and was" if len(errors) == 1 else f"{len(errors)} {kind}s can't be decoded and were"
    )
    return [f"{images} left out"]


def labelled_hashes(
    stores: Mapping[str, Store | None], classes: tuple[str, ...]
) -> tuple[dict[str, tuple[np.ndarray, np.ndarray]], tuple[str, ...]]:
    """What `duplicate_notes` reads, of the stores that are there: by name hashes (N,) and labels (N,), and the words
    that these index: classes, or the annotations of the images in their place."""
    there = {name: store for name, store in stores.items() if store is not None}
    known = {name: [sample.annotation for sample in store.samples] for name, store in there.items()}
    words_of = {name: ["" if each is None else each.words(classes) for each in row] for name, row in known.items()}
    words = tuple(sorted({each for row in words_of.values() for each in row}))
    index = {each: label for label, each in enumerate(words)}
    labels = {name: np.array([index[each] for each in row], np.int64) for name, row in words_of.items()}
    return {name: (store.hashes, labels[name]) for name, store in there.items()}, words


def duplicate_notes(splits: Mapping[str, tuple[np.ndarray, np.ndarray]], classes: tuple[str, ...]) -> list[str]:
    """Sentences on byte-identical images across splits and under two labels; empty where there are none.

    splits: by name, (hashes (N,) uint64, labels (N,) int).
    """
    notes = []
    names = list(splits)
    for position, later in enumerate(names[1:], start=1):
        hashes = splits[later][0]
        same = leaked(hashes, np.concatenate([splits[earlier][0] for earlier in names[:position]]))
        if same:
            notes.append(
                f"{same} of {len(hashes)} {later} images are byte-identical to a "
                f"{' or '.join(names[:position])} image: "
                f"a score on the {later} split says less than it seems"
            )
    hashes = np.concatenate([pair[0] for pair in splits.values()])
    labels = np.concatenate([pair[1] for pair in splits.values()])
    pairs = np.unique(np.stack([hashes, labels.astype(np.uint64)], axis=1), axis=0)
    contents, counts = np.unique(pairs[:, 0], return_counts=True)
    doubtful = contents[counts > 1]
    if len(doubtful):
        images = "image stands" if len(doubtful) == 1 else "images stand"
        example = sorted({classes[label] for label in labels[hashes == doubtful[0]]})
        notes.append(
            f"{len(doubtful)} {images} under more than one label, byte for byte the same "
            f"(one of them under {' and '.join(example)})"
        )
    return notes

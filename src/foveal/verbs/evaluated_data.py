"""Which images of a data set a model is evaluated on, and how its classes are counted."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace

import numpy as np

from foveal.annotations import Numbers
from foveal.bundle import Bundle, Contract
from foveal.errors import DataError, ImageError
from foveal.evaluation.evaluate import leaked
from foveal.feed.decoding import content_hash
from foveal.read.roles import assign_roles
from foveal.types import SPLITS, Dataset, Sample, Split

_LOOKED_AT = 8  # images, to tell the data that a model was trained on


def samples_of(dataset: Dataset, bundle: Bundle, split: Split | None) -> tuple[str, tuple[Sample, ...]]:
    """The split's name and its samples. Splits that training made are made again where this is its data."""
    if _same_counts(dataset, bundle.contract):
        again = assign_roles(dataset, **bundle.contract.data["split"])
        if _any_seen(again.of_split("train")[:_LOOKED_AT], bundle.seen_hashes):
            dataset = again
    if split is None and not any(sample.split for sample in dataset.samples):
        return "all", dataset.samples
    samples = dataset.of_split(split or "test")
    if not samples:
        present = ", ".join(name for name in SPLITS if dataset.of_split(name)) or "none"
        raise DataError(f"{dataset.name}: its {split or 'test'} split is empty; it has {present} (--split)")
    return split or "test", samples


def _same_counts(dataset: Dataset, contract: Contract) -> bool:
    both = (dataset.counts(), contract.data["counts"])
    ours, theirs = (sum(map(Counter[str], counts.values()), Counter[str]()) for counts in both)
    return ours == theirs


def _any_seen(samples: Sequence[Sample], seen_hashes: np.ndarray) -> bool:
    """Whether training saw one of these, byte for byte."""
    hashes = []
    for sample in samples:
        with suppress(ImageError):  # it is reported when all are decoded
            hashes.append(content_hash(sample.image.read()))
    return leaked(np.array(hashes, np.uint64), seen_hashes) > 0


def match_classes(dataset: Dataset, classes: tuple[str, ...]) -> Dataset:
    """The data set with its labels counted as the model counts its classes, by name. Raises DataError."""
    if dataset.classes == classes:
        return dataset
    extra = [name for name in dataset.classes if name not in classes]
    missing = [name for name in classes if name not in dataset.classes]
    if extra or missing:
        parts = [f"{len(extra)} the model does not know ({', '.join(extra[:10])})"] if extra else []
        parts += [f"{len(missing)} the data lacks ({', '.join(missing[:10])})"] if missing else []
        what = "targets" if dataset.annotates is Numbers else "classes"
        raise DataError(f"{dataset.name}: its {what} are not the model's: " + "; ".join(parts))
    index = {label: classes.index(name) for label, name in enumerate(dataset.classes)}
    samples = tuple(
        each if each.annotation is None else replace(each, annotation=each.annotation.relabelled(index))
        for each in dataset.samples
    )
    return replace(dataset, classes=classes, samples=samples)

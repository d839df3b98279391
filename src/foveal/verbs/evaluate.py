"""`foveal evaluate`: a model's metrics, with intervals, on a split of a data set."""

from collections import Counter
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from foveal.bundle import Bundle, Contract, load_bundle
from foveal.device import pick_device
from foveal.errors import DataError, ImageError
from foveal.evaluation.evaluate import evaluate_store, leaked, left_out_notes
from foveal.feed.decoding import content_hash, read_content
from foveal.feed.store import build_store
from foveal.read import assign_roles, read_dataset
from foveal.read.names import listed
from foveal.runs import model_path
from foveal.types import SPLITS, Dataset, DeviceName, OnBadImage, Sample, Split, TaskName
from foveal.verbs.console import decoding_bar, say

_LOOKED_AT = 8  # images, to tell the data that a model was trained on


def evaluate(
    model: Path | str,
    data: Any,
    *,
    split: Split | None = None,
    format: str | None = None,
    on_bad_image: OnBadImage = "error",
    device: DeviceName = "auto",
    module: nn.Module | None = None,
) -> dict[str, Any]:
    """{"task", "n", "split", "classes", "metrics": {name: {"value", "low", "high"}}, "warnings", …}.

    model: a model file, or a run folder. data: as for `foveal.train`. split: None takes the test split; where the data
    has no splits, the one that training held out of the same data, or all of any other data. format: the data's, where
    a path can be read as more than one.
    module: your own network, where the model was trained with one.
    Raises DataError where a class is missing or unknown to the model (they are matched by name), or the split is empty.
    """
    bundle = load_bundle(model_path(model), module=module)
    contract = bundle.contract
    names = contract.classes if contract.task in ("regress", "multilabel") else None
    dataset = read_dataset(data, format=format, task=contract.task, names=names)
    dataset = without_void(dataset, contract.task_settings.get("void"))
    dataset = match_classes(dataset, contract.classes)
    require_targets(dataset, contract.task)
    name, samples = _samples_of(dataset, bundle, split)
    with decoding_bar() as progress:
        store = build_store(samples, contract.preprocess, on_bad_image=on_bad_image, progress=progress)
    task = bundle.make_task()
    evaluation = evaluate_store(task, bundle.network, contract.preprocess, store, device=pick_device(device))
    warnings = list(dataset.notes)
    same = leaked(store.hashes, bundle.seen_hashes)
    if same:
        warnings.append(
            f"{same} of {len(store)} {name} images are byte-identical to one that training learned from or chose by: "
            "the score says less than it seems"
        )
    warnings += left_out_notes(store.skipped)
    for warning in warnings:
        say(f"warning: {warning}")
    skipped = [{"path": str(error.path), "reason": error.reason} for error in store.skipped]
    return {**evaluation.to_json(task=task, split=name), "skipped": skipped, "warnings": warnings}


_NEEDED = {
    "regress": ("targets", "numbers"),
    "multilabel": ("label_set", "set of labels"),
    "detect": ("instances", "boxes"),
    "segment": ("label_map", "label map"),
}


def without_void(dataset: Dataset, void: int | None) -> Dataset:
    """The data set without the class that stands for void pixels, where that is the last one."""
    if void is None or void != len(dataset.classes) - 1:
        return dataset
    return replace(dataset, classes=dataset.classes[:-1])


def task_of(dataset: Dataset) -> TaskName:
    """The task that the data set's annotations are for."""
    if any(sample.label_map is not None for sample in dataset.samples):
        return "segment"
    if any(sample.targets is not None for sample in dataset.samples):
        return "regress"
    if any(sample.label_set is not None for sample in dataset.samples):
        return "multilabel"
    return "detect" if any(sample.instances is not None for sample in dataset.samples) else "classify"


def require_targets(dataset: Dataset, task: str) -> None:
    """Raises DataError where a sample lacks what the task learns from."""
    if task in _NEEDED:
        field, words = _NEEDED[task]
        without = [sample.id for sample in dataset.samples if getattr(sample, field) is None]
        if without:
            raise DataError(f"{dataset.name}: {len(without)} images have no {words} to {task}: {listed(without)}")
        return
    if any(sample.instances is not None or sample.label_map is not None for sample in dataset.samples):
        raise DataError(f"{dataset.name}: {dataset.format} says where things are; expected one class an image")
    if (other := task_of(dataset)) != "classify":
        raise DataError(f"{dataset.name}: expected one class an image, got what --task {other} learns")
    unlabelled = [sample.id for sample in dataset.samples if sample.label is None]
    if unlabelled:
        raise DataError(f"{dataset.name}: {len(unlabelled)} samples have no label: {listed(unlabelled)}")


def _samples_of(dataset: Dataset, bundle: Bundle, split: Split | None) -> tuple[str, tuple[Sample, ...]]:
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
            hashes.append(content_hash(read_content(sample)))
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
        what = "targets" if any(sample.targets is not None for sample in dataset.samples) else "classes"
        raise DataError(f"{dataset.name}: its {what} are not the model's: " + "; ".join(parts))
    index = {label: classes.index(name) for label, name in enumerate(dataset.classes)}
    samples = tuple(_relabelled(sample, index) for sample in dataset.samples)
    return replace(dataset, classes=classes, samples=samples)


def _relabelled(sample: Sample, index: Mapping[int, int]) -> Sample:
    if sample.instances is not None:
        instances = tuple(replace(each, label=index[each.label]) for each in sample.instances)
        return replace(sample, instances=instances)
    if sample.targets is not None:
        own = sample.targets
        return replace(sample, targets=tuple(own[old] for old, _ in sorted(index.items(), key=lambda pair: pair[1])))
    if sample.label_set is not None:
        return replace(sample, label_set=tuple(sorted(index[label] for label in sample.label_set)))
    return sample if sample.label is None else replace(sample, label=index[sample.label])

"""`foveal evaluate`: a model's metrics, with intervals, on a split of a data set."""

from collections import Counter
from collections.abc import Sequence
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
from torch import nn

from foveal.annotations import Numbers
from foveal.bundle import Bundle, Contract, load_bundle
from foveal.console import decoding_bar, say
from foveal.device import pick_device
from foveal.errors import DataError, ImageError
from foveal.evaluation.evaluate import evaluate_store, leaked, left_out_notes
from foveal.feed.decoding import content_hash
from foveal.feed.store import build_store
from foveal.read.annotated import require_annotations, without_void
from foveal.read.dataset import read_dataset
from foveal.read.roles import assign_roles
from foveal.runs import model_path
from foveal.types import SPLITS, Dataset, DeviceName, OnBadImage, Sample, Split

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
    require_annotations(dataset, contract.task)
    name, samples = _samples_of(dataset, bundle, split)
    with decoding_bar() as progress:
        store = build_store(samples, contract.preprocess, on_bad_image=on_bad_image, progress=progress)
    task = contract.make_task()
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

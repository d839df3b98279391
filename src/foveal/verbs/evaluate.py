"""`foveal evaluate`: a model's metrics, with intervals, on a split of a data set."""

from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from foveal.bundle import Contract, load_bundle
from foveal.device import DeviceName, pick_device
from foveal.errors import DataError
from foveal.evaluation.evaluate import evaluate_store, leaked, left_out_notes
from foveal.feed.decoding import OnBadImage
from foveal.feed.store import build_store
from foveal.read import assign_splits, read_dataset
from foveal.types import SPLITS, Dataset, Sample, Split
from foveal.verbs.console import decoding_bar, say


def evaluate(
    model: Path | str,
    data: Any,
    *,
    split: Split | None = None,
    on_bad_image: OnBadImage = "error",
    device: DeviceName = "auto",
    module: nn.Module | None = None,
) -> dict[str, Any]:
    """{"task", "n", "split", "classes", "metrics": {name: {"value", "low", "high"}}, "warnings", …}.

    model: a model file, or a run folder. data: as for `foveal.train`. split: None takes the test split; where the data
    has no splits, the one that training held out of the same data (its counts tell), or all of any other data.
    module: your own network, where the model was trained with one.
    Raises DataError where a class is missing or unknown to the model (they are matched by name), or the split is empty.
    """
    bundle = load_bundle(model_path(model), module=module)
    contract = bundle.contract
    dataset = match_classes(read_dataset(data), contract.classes)
    name, samples = _samples_of(dataset, contract, split)
    with decoding_bar() as progress:
        store = build_store(samples, contract.preprocess, on_bad_image=on_bad_image, progress=progress)
    task = contract.make_task()
    evaluation = evaluate_store(task, bundle.network, contract.preprocess, store, device=pick_device(device))
    warnings = []
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


def _samples_of(dataset: Dataset, contract: Contract, split: Split | None) -> tuple[str, tuple[Sample, ...]]:
    """The split's name and its samples. Splits that training made are made again where this is its data."""
    totals = Counter(sample.label for sample in dataset.samples)
    trained_on = [sum(counts[name] for counts in contract.data["counts"].values()) for name in contract.classes]
    same_data = [totals[label] for label in range(len(contract.classes))] == trained_on
    if same_data:
        made = contract.data["split"]
        dataset = assign_splits(dataset, val_share=made["val_share"], test_share=made["test_share"], seed=made["seed"])
    elif split is None and not any(sample.split for sample in dataset.samples):
        return "all", dataset.samples
    samples = dataset.of_split(split or "test")
    if not samples:
        present = ", ".join(name for name in SPLITS if dataset.of_split(name)) or "none"
        raise DataError(f"{dataset.name}: its {split or 'test'} split is empty; it has {present} (--split)")
    return split or "test", samples


def model_path(model: Path | str) -> Path:
    """The model file: as given, or the one in a run folder."""
    path = Path(model)
    return path / "model.safetensors" if path.is_dir() else path


def match_classes(dataset: Dataset, classes: tuple[str, ...]) -> Dataset:
    """The data set with its labels counted as the model counts its classes, by name. Raises DataError."""
    if dataset.classes == classes:
        return dataset
    extra = [name for name in dataset.classes if name not in classes]
    missing = [name for name in classes if name not in dataset.classes]
    if extra or missing:
        parts = [f"{len(extra)} the model does not know ({', '.join(extra[:10])})"] if extra else []
        parts += [f"{len(missing)} the data lacks ({', '.join(missing[:10])})"] if missing else []
        raise DataError(f"{dataset.name}: its classes are not the model's: " + "; ".join(parts))
    index = {label: classes.index(name) for label, name in enumerate(dataset.classes)}
    samples = tuple(
        sample if sample.label is None else replace(sample, label=index[sample.label]) for sample in dataset.samples
    )
    return replace(dataset, classes=classes, samples=samples)

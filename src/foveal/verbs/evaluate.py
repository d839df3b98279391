"""Measure a model on a split of a data set, each figure with its 95 % interval."""

from typing import Annotated, Any, Literal

from foveal.options import PYTHON_ONLY, Option
from foveal.read import LEARNED_FROM
from foveal.runs import model_path
from foveal.types import Module, OnBadImage
from foveal.verbs.parameters import Data, Device, Format, TrainedModel


def evaluate(
    model: TrainedModel,
    data: Data,
    *,
    split: Annotated[Literal["train", "val", "test"] | None, Option("The split to measure on [default: test].")] = None,
    format: Format = None,
    on_bad_image: Annotated[OnBadImage, Option("What an image that can't be decoded does.")] = "error",
    device: Device = "auto",
    module: Annotated[Module | None, PYTHON_ONLY] = None,
) -> dict[str, Any]:
    """{"task", "n", "split", "classes", "metrics": {name: {"value", "low", "high"}}, "warnings", …}.

    model: a model file, or a run folder. data: as for `foveal.train`. split: None takes the test split; where the data
    has no splits, the one that training held out of the same data, or all of any other data. format: the data's, where
    a path can be read as more than one.
    module: your own network, where the model was trained with one.
    Raises DataError where a class is missing or unknown to the model (they are matched by name), or the split is empty.
    """
    from foveal.bundle import load_bundle
    from foveal.console import decoding_bar, say
    from foveal.device import pick_device
    from foveal.evaluation.evaluate import evaluate_store, leaked, left_out_notes
    from foveal.feed.store import build_store
    from foveal.read.annotated import require_annotations, without_void
    from foveal.read.dataset import read_dataset
    from foveal.verbs.evaluated_data import match_classes, samples_of

    bundle = load_bundle(model_path(model), module=module)
    contract = bundle.contract
    names = contract.classes if LEARNED_FROM[contract.task].OF_COLUMNS else None
    dataset = read_dataset(data, format=format, task=contract.task, names=names)
    dataset = without_void(dataset, contract.task_settings.get("void"))
    dataset = match_classes(dataset, contract.classes)
    require_annotations(dataset, contract.task)
    name, samples = samples_of(dataset, bundle, split)
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

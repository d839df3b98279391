"""The end of a run: evaluate the saved model on images it never saw, and write metrics.json and report.html."""

import copy
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from foveal.bundle import Bundle, load_bundle, save_bundle
from foveal.console import figure_words, say
from foveal.device import machine
from foveal.evaluation.evaluate import (
    duplicate_notes,
    evaluate_store,
    labelled_hashes,
    leaked,
    left_out_notes,
    records_of,
)
from foveal.feed.store import Store, build_store
from foveal.files import write_json, write_text
from foveal.job.job import Job
from foveal.job.saving import shown_settings
from foveal.networks import CUSTOM, network_spec
from foveal.networks.describe import describe_network
from foveal.recipes.defaults import Recipe
from foveal.reporting.galleries.evaluated import Evaluated, as_pictures
from foveal.reporting.report import Report, render
from foveal.reporting.tasks import PRESENTATIONS
from foveal.runs import RunFolder, read_events
from foveal.tasks.task import Task
from foveal.training.loop import Trainer
from foveal.training.prepare import TrainingData
from foveal.training.settings import TrainSettings
from foveal.types import Dataset, Split

_SHEET = 32  # augmented images


def finish_run(job: Job) -> dict[str, Any]:
    """The result of `foveal.train`, and which weights were chosen under "chosen"."""
    fed, watch = job.fed, job.asked.watch
    run, recipe, data, origin, device = fed.run, fed.recipe, fed.data, fed.origin, job.begun.device
    bundle = _tuned(load_bundle(run.model, module=copy.deepcopy(job.asked.module)), job)
    task = bundle.make_task()
    test = build_store(fed.dataset.of_split("test"), data.preprocess, on_bad_image="skip")
    split, store = _evaluation_store(test, data)
    own_notes = _split_notes(split, test, data, task, shown=job.begun.notes)
    own_notes += _seen_before_notes(split, store, job.state.seen_before)
    for note in own_notes:
        say(f"warning: {note}")
    evaluation = evaluate_store(task, bundle.network, data.preprocess, store, device=device)
    evaluated = evaluation.to_json(task=task, split=split)
    watch.lap("evaluation")
    found: dict[str, Any] = {
        "warnings": [*job.begun.notes, *own_notes],
        "evaluation": evaluated,
        "data": _data_facts(fed.dataset, data, test, f"evaluated on {len(store):,} {split} images"),
        "network": _described(bundle, recipe),
        "machine": machine(),
    }
    report = Report(
        **found,
        title=f"{recipe.settings.model} on {fed.dataset.name}{_fold_of(recipe.settings)}",
        events=read_events(run),
        config=shown_settings(recipe.settings, origin),
        reasons=recipe.reasons if origin is None else {"weights": origin.words(), **recipe.reasons},
        times={**watch.times, "total": watch.total()},
        gallery=PRESENTATIONS[task.name].gallery(
            Evaluated(task=task, evaluation=evaluation, store=store, network=bundle.network, device=device)
        ),
        augmented=_augmented(job.trainer),
        filters=_first_filters(bundle.network),
    )
    write_text(run.report, render(report))
    watch.lap("report")
    progress = job.state.progress
    result: dict[str, Any] = {
        "run": str(run.path),
        "model": str(run.model),
        "seconds": round(watch.total(), 2),
        "images_per_second": round(progress.images / max(progress.train_seconds, 1e-9), 2),
        "metrics": evaluated["metrics"],
    }
    times = {name: round(seconds, 3) for name, seconds in watch.times.items()}
    write_json(run.metrics, {**result, **found, "times": times})
    _say_result(result, evaluated, run, primary=task.judging.primary)
    return {**result, "chosen": bundle.contract.chosen}


def _tuned(bundle: Bundle, job: Job) -> Bundle:
    """The model with the decision that follows from what it says of the held-out images, in its file too."""
    fed = job.fed
    task, data = fed.task, fed.data
    if task.judging.decide is None or data.val is None:
        return bundle
    records = records_of(task, bundle.network, data.preprocess, data.val, device=job.begun.device, cheap=True)
    tuned = replace(bundle, contract=replace(bundle.contract, decision=asdict(task.judging.decide(records))))
    save_bundle(fed.run.model, tuned.network, tuned.contract, tuned.arrays)
    return tuned


def _fold_of(settings: TrainSettings) -> str:
    return f", fold {settings.fold} of {settings.folds}" if settings.fold else ""


def _evaluation_store(test: Store, data: TrainingData) -> tuple[Split, Store]:
    """The test split, decoded only now; the held-out images, or training's own, where it has no image.

    A bad test image never fails a finished training: it is left out, counted and named.
    """
    if len(test):
        return "test", test
    if data.val is not None:
        return "val", data.val
    return "train", build_store(data.train.samples, data.preprocess, on_bad_image="skip")


def _split_notes(split: Split, test: Store, data: TrainingData, task: Task, *, shown: Sequence[str]) -> list[str]:
    """What is to be known of the evaluated images, without what was `shown` before training."""
    notes = left_out_notes(test.skipped, "test image")
    if split == "train":
        notes.append("there are no test or held-out images: these figures are of the training images themselves")
    elif split == "val":
        notes.append(
            "there are no test images: these figures are of the held-out ones, by which the weights were chosen"
        )
    else:
        stores = {"train": data.train, "val": data.val, "test": test}
        found = duplicate_notes(*labelled_hashes(stores, task.classes))
        notes += [note for note in found if note not in shown]
    return notes


def _seen_before_notes(split: Split, store: Store, seen_before: np.ndarray) -> list[str]:
    """A sentence on evaluated images that the run did not learn from, but the weights it started from did."""
    same = leaked(store.hashes, seen_before)
    if split == "train" or not same:
        return []
    images = f"{same} of {len(store)} {'held-out' if split == 'val' else split} images"
    before = "are among those that the weights it started from had learned from or were chosen by"
    return [f"{images} {before}: these figures are too good"]


def _data_facts(dataset: Dataset, data: TrainingData, test: Store, split_note: str) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "format": dataset.format,
        "counts": dataset.counts(),
        "ignored": list(dataset.ignored),
        "skipped": [{"path": str(error.path), "reason": error.reason} for error in (*data.skipped, *test.skipped)],
        "size_hw": list(data.preprocess.size_hw),
        "channels": data.preprocess.channels,
        "store": data.train.description,
        "split_note": split_note,
    }


def _described(bundle: Bundle, recipe: Recipe) -> dict[str, Any]:
    preprocess = bundle.contract.preprocess
    totals = describe_network(bundle.network, (preprocess.channels, *preprocess.size_hw))
    architecture = bundle.contract.architecture
    spec = None if architecture == CUSTOM else network_spec(architecture)
    return {
        "name": recipe.settings.model,
        "title": spec.title if spec else type(bundle.network).__name__,
        "paper": spec.paper if spec else "",
        "parameters": totals.parameters,
        "multiply_adds": totals.multiply_adds,
        "chosen": bundle.contract.chosen,
    }


def _augmented(trainer: Trainer) -> list[np.ndarray]:
    """What the network saw of some training images in their first epoch, undone only in its standardisation."""
    plan, preprocess = trainer.state.plan, trainer.preprocess
    count = len(trainer.batches.store)
    indices = torch.linspace(0, count - 1, min(_SHEET, count)).round().long()
    inputs, _ = trainer.batches.make(indices, epoch=0, size=plan.size_at(0))
    mean, std = (torch.tensor(values).view(1, -1, 1, 1) for values in (preprocess.mean, preprocess.std))
    return as_pictures(((inputs.cpu() * std + mean).clamp(0, 1) * 255).round().to(torch.uint8))


def _first_filters(network: nn.Module) -> np.ndarray | None:
    for part in network.modules():
        if isinstance(part, nn.Conv2d):
            weights: np.ndarray = part.weight.detach().cpu().float().numpy()
            return weights
    return None


def _say_result(result: dict[str, Any], evaluated: dict[str, Any], run: RunFolder, *, primary: str) -> None:
    figure = evaluated["metrics"][primary]
    ends = "" if figure["low"] is None else f"95 % interval {figure['low']:.4f} to {figure['high']:.4f}, "
    say(
        f"{evaluated['split']} {primary} {figure_words(figure['value'])} ({ends}{evaluated['n']:,} images), "
        f"{result['seconds']:.0f} s in all"
    )
    say(f"model:  {run.model}")
    say(f"report: {Path(run.report)}")

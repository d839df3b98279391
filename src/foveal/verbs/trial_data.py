"""What the trials of a tuning learn from, and the networks that they may take: read and checked before the first."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from foveal.errors import DataError, ImageError, UsageError
from foveal.feed.decoding import content_hash
from foveal.job.asked import asked_for
from foveal.job.read import Known, Read, facts_of, read
from foveal.job.settled import settle
from foveal.job.start import opened_weights
from foveal.recipes.defaults import resolve
from foveal.recipes.facts import DataFacts
from foveal.recipes.options import TrainOptions
from foveal.tasks.task import Task
from foveal.training.prepare import data_digest
from foveal.types import Dataset, Sample
from foveal.weights.sources import IMAGENET


@dataclass(frozen=True, kw_only=True)
class TuningAsked:
    """What a tuning is asked for, as its folder keeps it."""

    data: str | None
    """A path; None for data from Python."""
    format: str | None
    models: tuple[str, ...]
    trials: int
    trial_seconds: float | None
    settings: Mapping[str, Any]
    digest: str | None = None
    """Of the images that trials learn from and are judged by, and of their annotations; None until they are read."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """The data without its test images, and what is varied."""

    dataset: Dataset
    facts: DataFacts
    settings: TrainOptions
    models: tuple[str, ...]
    task: Task
    digest: str
    """Of the data."""


def search_for(data: Any, asked: TuningAsked) -> Search:
    """What is asked for, each of its networks taken through what a training checks before it decodes.

    Raises what `foveal.train` raises then, and DataError where nothing is held out.
    """
    choice = asked_for(data, asked.settings, None, format=asked.format)
    _check_weights(choice.options.weights, asked.models)
    whole = read(choice)
    kept = tuple(sample for sample in whole.dataset.samples if sample.split in ("train", "val"))
    learned = replace(whole, dataset=replace(whole.dataset, samples=kept))
    settings, dataset = learned.asked.options, learned.dataset
    if not dataset.of_split("val"):
        raise DataError(f"{dataset.name}: no images are held out to judge trials by; leave --val-share above 0")
    facts = facts_of(learned)
    models = asked.models or (resolve(settings, facts).settings.model,)
    splits = (dataset.of_split("train"), dataset.of_split("val"))
    tasks = [_checked(learned.asking(model=model), facts) for model in models]
    return Search(
        dataset=dataset,
        facts=facts,
        settings=settings,
        models=models,
        task=tasks[0],
        digest=data_digest((_hashes(samples), samples) for samples in splits),
    )


def _check_weights(weights: str | None, models: Sequence[str]) -> None:
    if weights is not None and not models:
        raise UsageError("--weights fits one network: name it with --models")
    if weights not in (None, IMAGENET) and len(models) > 1:
        raise UsageError(f"--weights {weights} fits one network, and --models names {len(models)}: name that one alone")


def _checked(data: Read, facts: DataFacts) -> Task:
    """The task of trials of a network, which the options name. Raises what `train` raises before it decodes."""
    return settle(Known(read=data, facts=facts, opened=opened_weights(data.asked))).task


def _hashes(samples: Sequence[Sample]) -> np.ndarray:
    """(N,) uint64 of the images' bytes; 0 for what can't be read, of which the trials speak."""
    hashes = np.zeros(len(samples), np.uint64)
    for index, sample in enumerate(samples):
        with suppress(ImageError):
            hashes[index] = content_hash(sample.image.read())
    return hashes

"""What the trials of a tuning learn from, and the networks that they may take: read and checked before the first."""

from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from foveal.errors import DataError, ImageError, UsageError
from foveal.feed.decoding import content_hash
from foveal.processes.group import ALONE
from foveal.read import assign_roles
from foveal.recipes.defaults import resolve
from foveal.recipes.facts import DataFacts, probe
from foveal.tasks.task import Task
from foveal.training.prepare import data_digest
from foveal.training.settings import TrainSettings
from foveal.types import Dataset, Sample
from foveal.verbs.choices import Choices, choices
from foveal.verbs.start import fitted, opened_weights
from foveal.verbs.train import data_for, settle
from foveal.weights.sources import IMAGENET


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a tuning is asked for, as its folder keeps it."""

    data: str | None
    """A path; None for data from Python."""
    format: str | None
    models: tuple[str, ...]
    trials: int
    trial_seconds: float | None
    settings: Mapping[str, Any]
    digest: str | None = None
    """Of the images that trials learn from and are judged by, and of what is said of them; None until they are read."""


@dataclass(frozen=True, kw_only=True)
class Search:
    """The data without its test images, and what is varied."""

    dataset: Dataset
    facts: DataFacts
    settings: TrainSettings
    models: tuple[str, ...]
    task: Task
    digest: str
    """Of the data."""


def search_for(data: Any, asked: Asked) -> Search:
    """What is asked for, each of its networks taken through what a training checks before it decodes.

    Raises what `foveal.train` raises then, and DataError where nothing is held out.
    """
    choice = choices(data, asked.settings, None, format=asked.format)
    _check_weights(choice.asked.weights, asked.models)
    settings, dataset = data_for(choice, None)
    split = assign_roles(dataset, **settings.roles())
    dataset = replace(split, samples=tuple(sample for sample in split.samples if sample.split in ("train", "val")))
    if not dataset.of_split("val"):
        raise DataError(f"{dataset.name}: no images are held out to judge trials by; leave --val-share above 0")
    facts = probe(dataset.of_split("train"), len(dataset.classes))
    models = asked.models or (str(resolve(settings, facts).settings.model),)
    splits = (dataset.of_split("train"), dataset.of_split("val"))
    tasks = [_checked(choice, replace(settings, model=model), dataset, facts) for model in models]
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


def _checked(choice: Choices, settings: TrainSettings, dataset: Dataset, facts: DataFacts) -> Task:
    """The task of trials with these settings, which name a network. Raises what `train` raises before it decodes."""
    choice = replace(choice, asked=settings)
    opened = opened_weights(choice, None, ALONE)
    asked = replace(settings, batch_size=settings.batch_size_given)
    recipe, task = settle(choice, asked, dataset, facts, None, ALONE, opened)
    fitted(choice, opened, recipe, task, channels=facts.channels, processes=ALONE)
    return task


def _hashes(samples: Sequence[Sample]) -> np.ndarray:
    """(N,) uint64 of the images' bytes; 0 for what can't be read, of which the trials speak."""
    hashes = np.zeros(len(samples), np.uint64)
    for index, sample in enumerate(samples):
        with suppress(ImageError):
            hashes[index] = content_hash(sample.image.read())
    return hashes

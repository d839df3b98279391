"""The second and third step: the data in its splits, what is known of it, and the weights to start from, opened."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from foveal.errors import UsageError
from foveal.job.asked import Asked
from foveal.job.start import opened_weights
from foveal.read.annotated import require_annotations, task_of
from foveal.read.dataset import read_dataset
from foveal.read.roles import assign_roles
from foveal.recipes import RECIPES
from foveal.recipes.columns import READ_FOR, columns_in
from foveal.recipes.facts import DataFacts, probe
from foveal.types import Dataset, TaskName
from foveal.weights.sources import Opened


@dataclass(frozen=True, kw_only=True)
class Read:
    """A data set that can be learned as the task that was asked for, or that it is for."""

    asked: Asked
    """With the task."""
    task: TaskName
    whole: Dataset
    """As it was read."""
    dataset: Dataset
    """In its splits."""

    def asking(self, **changes: Any) -> Read:
        """The same of other options."""
        return replace(self, asked=replace(self.asked, options=replace(self.asked.options, **changes)))


@dataclass(frozen=True, kw_only=True)
class Known:
    """What the rules choose by."""

    read: Read
    facts: DataFacts
    """Of the training images."""
    opened: Opened | None
    """The weights to start from, on rank 0."""

    @property
    def asked(self) -> Asked:
        return self.read.asked

    def asking(self, **changes: Any) -> Known:
        """The same of other options."""
        return replace(self, read=self.read.asking(**changes))


def read(asked: Asked, *, fold: int | None = None) -> Read:
    """The data set in its splits: those of this fold, where another one is meant than was asked for.

    Raises UsageError for what the data or its task have no use for, and DataError.
    """
    dataset = _dataset(asked)
    task = asked.options.task or task_of(dataset)
    recipe = RECIPES[task]
    dataset = recipe.prepared(dataset, asked.options.own)
    if asked.module is not None and not recipe.own_module:
        raise UsageError(f"to {task}, a network is taken by name (foveal models); your own module sees whole images")
    require_annotations(dataset, task)
    asked = replace(asked, options=replace(asked.options, task=task))
    roles = asked.options.roles()
    split = assign_roles(dataset, **{**roles, "fold": roles["fold"] if fold is None else fold})
    return Read(asked=asked, task=task, whole=dataset, dataset=split)


def known(data: Read) -> Known:
    """Opens the weights and looks at some training images. Raises DataError where there is nothing to train on."""
    opened = opened_weights(data.asked)
    return Known(read=data, facts=facts_of(data), opened=opened)


def facts_of(data: Read) -> DataFacts:
    """What a look at some of the training images tells."""
    return probe(data.dataset.of_split("train"), len(data.dataset.classes))


def _dataset(asked: Asked) -> Dataset:
    """The data, for what was asked. Raises UsageError where it has no columns of the names that were asked for."""
    columns = columns_in(asked.options.own)
    task = asked.options.task or (None if columns is None else READ_FOR)
    dataset = read_dataset(asked.data, format=asked.format, task=task, names=columns)
    if columns is not None and dataset.classes != columns:
        raise UsageError(f"--target names the columns of a table; {dataset.name} has {', '.join(dataset.classes)}")
    return dataset

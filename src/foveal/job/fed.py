"""The fifth step: a run folder, and the images decoded into stores."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from foveal.console import decoding_bar, say
from foveal.device import pick_device
from foveal.feed.store import on_gpu
from foveal.job.asked import Asked
from foveal.job.settled import Settled
from foveal.recipes.defaults import Recipe
from foveal.recipes.heads import prepare_task
from foveal.runs import RunFolder, new_run
from foveal.tasks.task import Task
from foveal.training.prepare import TrainingData, prepare_data
from foveal.training.settings import TrainSettings
from foveal.types import Dataset
from foveal.weights.fitting import Origin


@dataclass(frozen=True, kw_only=True)
class Fed:
    """A run whose images lie ready."""

    settled: Settled
    run: RunFolder
    data: TrainingData
    task: Task
    """With the settings that follow from the images that could be decoded."""

    @property
    def asked(self) -> Asked:
        return self.settled.asked

    @property
    def dataset(self) -> Dataset:
        return self.settled.dataset

    @property
    def recipe(self) -> Recipe:
        return self.settled.recipe

    @property
    def settings(self) -> TrainSettings:
        return self.settled.settings

    @property
    def origin(self) -> Origin | None:
        return self.settled.origin

    def with_recipe(self, recipe: Recipe) -> Fed:
        """The same with other settings, for which the images can stay as they are."""
        return replace(self, settled=replace(self.settled, recipe=recipe))


def run_of(run: Settled) -> RunFolder:
    """The run folder that is continued, or a new one."""
    asked = run.asked
    name = f"{run.dataset.name}-{run.settings.model}"
    return asked.processes.broadcast(lambda: asked.run or new_run(asked.out, name))


def feed(settled: Settled, run: RunFolder) -> Fed:
    """The decoded training and held-out images. Of several processes on a machine the first decodes.

    Raises BadImagesError as the setting `on_bad_image` says.
    """
    _say_chosen(settled.recipe)
    asked = settled.asked
    with decoding_bar() as progress:
        data = asked.processes.in_turn(lambda: _decoded(settled, progress))
    train, *val = on_gpu([data.train, *([] if data.val is None else [data.val])], pick_device(settled.settings.device))
    data = replace(data, train=train, val=val[0] if val else None)
    say(f"training images: {data.train.description}")
    asked.watch.lap("decoding")
    task = prepare_task(settled.settings, settled.dataset.classes, data.train.samples)
    return Fed(settled=settled, run=run, data=data, task=task)


def _say_chosen(recipe: Recipe) -> None:
    settings = recipe.settings
    say(f"model: {settings.model} ({recipe.reasons.get('model', 'asked for')})")
    say(f"size: {settings.size} ({recipe.reasons.get('size', 'asked for')})")
    say(f"augmentation: {', '.join(settings.augment.changed) or 'none'} ({recipe.reasons['augment']})")


def _decoded(settled: Settled, progress: Any) -> TrainingData:
    return prepare_data(
        settled.dataset.of_split("train"),
        settled.dataset.of_split("val"),
        settled.settings,
        channels=settled.known.facts.channels,
        depth=settled.known.facts.depth,
        progress=progress,
        shared_by=settled.asked.processes.local_world,
        origin=settled.origin,
    )

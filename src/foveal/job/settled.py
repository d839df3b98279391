"""The fourth step: settings without a gap, the task they make, and the weights as the network takes them.

What can't be used is refused here, before anything is decoded.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from foveal.device import pick_device
from foveal.errors import UsageError
from foveal.job.asked import Asked
from foveal.job.read import Known
from foveal.job.start import fitted, with_weights
from foveal.job.tensorboard import summary_writer
from foveal.recipes.defaults import Recipe, resolve
from foveal.recipes.heads import provisional_task
from foveal.tasks.task import Task
from foveal.training.prepare import check_network
from foveal.training.settings import TrainSettings
from foveal.types import Dataset
from foveal.weights.fitting import Origin, Start


@dataclass(frozen=True, kw_only=True)
class Settled:
    """A run of which everything is chosen, and nothing done."""

    known: Known
    recipe: Recipe
    task: Task
    """Before any image is decoded: what follows from the files themselves is still missing."""
    start: Start | None

    @property
    def asked(self) -> Asked:
        return self.known.asked

    @property
    def dataset(self) -> Dataset:
        return self.known.read.dataset

    @property
    def settings(self) -> TrainSettings:
        return self.recipe.settings

    @property
    def origin(self) -> Origin | None:
        return None if self.start is None else self.start.origin


def settle(data: Known) -> Settled:
    """Raises UsageError, DataError for numbers that are all the same, ModelError for a size below the network's least
    or weights of another network, and RunError where TensorBoard is not installed."""
    recipe, task = chosen(data)
    start = fitted(data.asked, data.opened, recipe, task, channels=data.facts.channels)
    return Settled(known=data, recipe=recipe, task=task, start=start)


def chosen(data: Known) -> tuple[Recipe, Task]:
    """The settings and their task, without a look at the weights' tensors. Raises what `settle` does."""
    asked, dataset = data.asked, data.read.dataset
    options = replace(asked.options, batch_size=asked.options.batch_size_given)
    options, reasons = with_weights(options, data.opened, asked.processes)
    recipe = resolve(options, data.facts, own_module=asked.module is not None)
    recipe = replace(recipe, reasons={**recipe.reasons, **reasons, **asked.reasons})
    pick_device(recipe.settings.device)
    if recipe.settings.tensorboard:
        summary_writer()
    _check_held_out(recipe.settings, dataset)
    task = provisional_task(recipe.settings, dataset.classes, dataset.of_split("train"))
    check_network(recipe.settings)
    return recipe, task


def _check_held_out(settings: TrainSettings, dataset: Dataset) -> None:
    """Raises UsageError where what is asked for goes by held-out images, and there are none."""
    if not dataset.of_split("val") and (settings.patience or settings.schedule == "plateau"):
        option = "--patience" if settings.patience else "--schedule plateau"
        raise UsageError(f"{option} needs held-out images to tell what improves; there are none (--val-share)")

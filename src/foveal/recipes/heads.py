"""The task that settings ask for, with what follows from the training samples."""

from collections.abc import Sequence

from foveal.recipes import RECIPES
from foveal.tasks import make_task
from foveal.tasks.task import Task
from foveal.training.settings import TrainSettings
from foveal.types import Sample


def prepare_task(settings: TrainSettings, classes: Sequence[str], train: Sequence[Sample]) -> Task:
    """The task of these settings and training samples. Raises DataError where they leave nothing to learn."""
    return make_task(settings.task, classes, RECIPES[settings.task].head(settings, classes, train))


def provisional_task(settings: TrainSettings, classes: Sequence[str], train: Sequence[Sample]) -> Task:
    """The same before any file is read: what would follow from files is as if there were nothing to tell."""
    reads = RECIPES[settings.task].head_reads_files
    return prepare_task(settings, classes, () if reads else train)

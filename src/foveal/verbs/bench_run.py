"""The run that `foveal bench` measures: one batch of noise, by the settings of a network or a model file."""

from pathlib import Path

from foveal.bundle import load_bundle
from foveal.job.asked import Asked
from foveal.job.fed import Fed
from foveal.job.job import throw_away
from foveal.job.read import Known, Read
from foveal.job.settled import Settled
from foveal.networks import network_spec
from foveal.recipes.defaults import Recipe
from foveal.recipes.facts import DataFacts
from foveal.recipes.heads import prepare_task
from foveal.recipes.options import TrainOptions
from foveal.runs import RunFolder, model_path
from foveal.speed.noise import noise_samples
from foveal.training.loop import Trainer
from foveal.training.prepare import prepare_data
from foveal.types import Dataset


def asked_of(model: str | Path) -> tuple[TrainOptions, tuple[str, ...], int]:
    """Settings to train with, class names and channels: those of a model file's run, or a name's usual ones."""
    path = model_path(model)
    if path.is_file():
        contract = load_bundle(path).contract
        return TrainOptions.from_json(contract.recipe), contract.classes, contract.preprocess.channels
    spec = network_spec(str(model))
    classes = tuple(f"class {index}" for index in range(spec.num_classes))
    return TrainOptions(model=spec.name, size=spec.size), classes, spec.in_channels


def noise_trainer(
    asked: TrainOptions, recipe: Recipe, classes: tuple[str, ...], facts: DataFacts, folder: Path
) -> Trainer:
    """A run over one batch of noise, ready for its first step; `folder` is there as long as it steps."""
    settings, channels = recipe.settings, facts.channels
    count, side = settings.batch_size, settings.size
    samples = noise_samples(settings.task, classes, count=count, side=side, channels=channels, folder=folder)
    noise = Dataset(name="noise", format="noise", root=None, classes=classes, samples=tuple(samples))
    read = Read(asked=Asked(options=asked, data=noise), task=settings.task, whole=noise, dataset=noise)
    data = prepare_data(samples, (), settings, channels=channels)
    task = prepare_task(settings, classes, data.train.samples)
    settled = Settled(known=Known(read=read, facts=facts, opened=None), recipe=recipe, task=task, start=None)
    return throw_away(Fed(settled=settled, run=RunFolder(folder), data=data, task=task))

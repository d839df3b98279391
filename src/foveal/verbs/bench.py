"""`foveal bench`: what this machine can do, and how near to that a network's training and prediction come."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from foveal.bundle import load_bundle
from foveal.console import say
from foveal.device import machine, pick_device
from foveal.job.asked import Asked
from foveal.job.fed import Fed
from foveal.job.job import throw_away
from foveal.job.read import Known, Read
from foveal.job.settled import Settled
from foveal.networks import network_spec
from foveal.recipes.defaults import Recipe, resolve
from foveal.recipes.facts import DataFacts
from foveal.recipes.heads import prepare_task
from foveal.recipes.options import TrainOptions
from foveal.runs import RunFolder, model_path
from foveal.speed.advice import advice
from foveal.speed.ceilings import made_jpeg, measure_ceilings
from foveal.speed.noise import noise_samples
from foveal.speed.profile import profile_prediction, profile_training
from foveal.training.loop import Trainer
from foveal.training.prepare import prepare_data
from foveal.types import Dataset, DeviceName, Precision

_PREDICTED = (1, 32)  # images at once


def bench(
    model: str | Path = "resnet18",
    *,
    size: int | None = None,
    batch_size: int | None = None,
    precision: Precision = "auto",
    device: DeviceName = "auto",
) -> dict[str, Any]:
    """The machine's ceilings, and the parts of a training step and of predictions as shares of them.

    model: a network's name, or a model file or run folder of any task, whose own settings are then taken. What is None
    is what training would choose. Images are made on the spot: their content does not matter to speed. A prediction
    ends with the network's outputs, which boxes and label maps are still to be made of.
    Raises ModelError and UsageError.
    """
    asked, classes, channels = _asked(model)
    if size is not None:
        asked = replace(asked, size=size, train_sizes=None)
    if batch_size is not None:
        asked = replace(asked, batch_size=batch_size)
    asked = replace(asked, precision=precision, device=device)
    facts = DataFacts(num_train=4096, num_classes=len(classes), side=asked.size or 224, channels=channels)
    recipe = resolve(asked, facts)
    settings = recipe.settings
    where = pick_device(device)
    say("measuring the machine …")
    ceilings = measure_ceilings(where)
    say(f"measuring {settings.model} …")
    with TemporaryDirectory() as folder:
        trainer = _trainer(asked, recipe, classes, facts, Path(folder))
        used = "bfloat16" if trainer.state.plan.bfloat16 else "float32"
        training = profile_training(trainer, ceilings, used)
    photo = made_jpeg()
    prediction = [
        profile_prediction(trainer.state.network, trainer.preprocess, [photo] * count, device=where, ceilings=ceilings)
        for count in _PREDICTED
    ]
    return {
        "machine": machine(),
        "ceilings": ceilings.to_json(),
        "model": settings.model,
        "size": settings.size,
        "batch_size": settings.batch_size,
        "precision": used,
        "device": str(where),
        "training": training.to_json(),
        "prediction": [profile.to_json() for profile in prediction],
        "advice": advice(training, prediction, ceilings, used),
    }


def _asked(model: str | Path) -> tuple[TrainOptions, tuple[str, ...], int]:
    """Settings to train with, class names and channels: those of a model file's run, or a name's usual ones."""
    path = model_path(model)
    if path.is_file():
        contract = load_bundle(path).contract
        return TrainOptions.from_json(contract.recipe), contract.classes, contract.preprocess.channels
    spec = network_spec(str(model))
    classes = tuple(f"class {index}" for index in range(spec.num_classes))
    return TrainOptions(model=spec.name, size=spec.size), classes, spec.in_channels


def _trainer(asked: TrainOptions, recipe: Recipe, classes: tuple[str, ...], facts: DataFacts, folder: Path) -> Trainer:
    """A run over one batch of noise, ready for its first step; `folder` is there as long as it steps."""
    settings, channels = recipe.settings, facts.channels
    count, side = settings.batch_size, settings.size
    samples = noise_samples(settings.task, classes, count=count, side=side, channels=channels, folder=folder)
    noise = Dataset(name="noise", format="noise", root=None, classes=classes, samples=tuple(samples))
    read = Read(asked=Asked(options=asked, data=noise), whole=noise, dataset=noise)
    data = prepare_data(samples, (), settings, channels=channels)
    task = prepare_task(settings, classes, data.train.samples)
    settled = Settled(known=Known(read=read, facts=facts, opened=None), recipe=recipe, task=task, start=None)
    return throw_away(Fed(settled=settled, run=RunFolder(folder), data=data, task=task))

"""Measure this machine, and the parts of training and prediction against it; about half a minute."""

from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any

from foveal.options import Option
from foveal.types import Precision
from foveal.verbs.parameters import Device

_PREDICTED = (1, 32)  # images at once


def bench(
    model: Annotated[str | Path, Option("A network's name, a model file or a run folder.", typed=str)] = "resnet18",
    *,
    size: Annotated[
        int | None, Option("Side of the network's input in pixels [default: the model file's own, or the paper's].")
    ] = None,
    batch_size: Annotated[int | None, Option("Images a training step [default: what training would choose].")] = None,
    precision: Annotated[
        Precision, Option("Of training: auto is bfloat16 where the device computes it natively.")
    ] = "auto",
    device: Device = "auto",
) -> dict[str, Any]:
    """The machine's ceilings, and the parts of a training step and of predictions as shares of them.

    model: a network's name, or a model file or run folder of any task, whose own settings are then taken. What is None
    is what training would choose. Images are made on the spot: their content does not matter to speed. A prediction
    ends with the network's outputs, which boxes and label maps are still to be made of.
    Raises ModelError and UsageError.
    """
    from foveal.console import say
    from foveal.device import machine, pick_device
    from foveal.recipes.defaults import resolve
    from foveal.recipes.facts import DataFacts
    from foveal.speed.advice import advice
    from foveal.speed.ceilings import made_jpeg, measure_ceilings
    from foveal.speed.profile import profile_prediction, profile_training
    from foveal.verbs.bench_run import asked_of, noise_trainer

    asked, classes, channels = asked_of(model)
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
        trainer = noise_trainer(asked, recipe, classes, facts, Path(folder))
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

"""What a run starts from: its weights, found and fitted on rank 0 before anything is decoded."""

from dataclasses import replace
from pathlib import Path

import numpy as np

from foveal.console import say
from foveal.errors import UsageError
from foveal.job.asked import Asked
from foveal.networks.build import build_backbone, without_weights
from foveal.processes.group import Processes
from foveal.recipes.defaults import Recipe
from foveal.recipes.options import TrainOptions
from foveal.tasks.task import Task
from foveal.training.stages import freeze
from foveal.weights.fitting import Origin, Start, fit
from foveal.weights.sources import IMAGENET, Opened, is_address, open_weights


def opened_weights(asked: Asked) -> Opened | None:
    """The weights to start from, on rank 0 alone; none for a run that goes on from its checkpoint."""
    options = asked.options
    if options.weights is not None and asked.module is not None:
        raise UsageError("--weights is for the networks of foveal models; your own module comes with its weights")
    if options.weights is None or not asked.processes.first or _goes_on(asked):
        return None
    return open_weights(options.weights, sha256=options.weights_sha256, network=options.model, say=say)


def with_weights(
    options: TrainOptions, opened: Opened | None, processes: Processes
) -> tuple[TrainOptions, dict[str, str]]:
    """The settings with the weights' path made absolute and, where no network was named, theirs; and the reason."""
    if options.weights is None:
        return options, {}
    if options.weights != IMAGENET and not is_address(options.weights):
        options = replace(options, weights=str(Path(options.weights).absolute()))
    if options.model is not None:
        return options, {}
    network = processes.broadcast(lambda: opened.weights.network if opened is not None else None)
    return replace(options, model=network), {"model": "that of the weights"}


def fitted(asked: Asked, opened: Opened | None, recipe: Recipe, task: Task, *, channels: int) -> Start | None:
    """The weights as this run's network takes them; on other processes, and for a run that goes on, only what is to be
    known of them. Raises UsageError for more frozen stages than the network has, ModelError for weights of another."""
    processes = asked.processes
    if asked.options.weights is None:
        return None
    with without_weights():
        freeze(build_backbone(recipe.settings.model, channels), recipe.settings.freeze)
    origin = processes.broadcast(lambda: _origin_of_run(asked))
    if origin is not None:
        return _known_of(origin)
    start = None
    if opened is not None:
        start = fit(
            opened.weights,
            task,
            network=recipe.settings.model,
            channels=channels,
            source=opened.source,
            sha256=opened.sha256,
            licence=opened.licence,
        )
        _say(start.origin)
    origin = processes.broadcast(lambda: None if start is None else start.origin)
    assert origin is not None
    return start or _known_of(origin)


def _known_of(origin: Origin) -> Start:
    """A start without tensors and hashes: the checkpoint has them, or rank 0."""
    return Start(origin=origin, tensors={}, seen_hashes=np.zeros(0, np.uint64))


def _goes_on(asked: Asked) -> bool:
    return asked.run is not None and asked.run.last.is_file() and asked.origin is not None


def _origin_of_run(asked: Asked) -> Origin | None:
    """What the run that goes on from its checkpoint started from; its file may be gone by now."""
    if not _goes_on(asked):
        return None
    assert asked.origin is not None
    return Origin.from_json(asked.origin)


def _say(origin: Origin) -> None:
    say(f"weights: {origin.source} ({origin.network}): {origin.words()}")
    if origin.licence:
        say(f"licence: {origin.licence}")
    values = (" ".join(f"{each:g}" for each in numbers) for numbers in (origin.mean, origin.std))
    say("input: mean {}, deviation {}, those of the weights".format(*values))

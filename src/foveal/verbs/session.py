"""One run of `foveal train`, made ready for its first step: data decoded, network built, steps planned."""

import copy
import hashlib
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import nn

from foveal.augment.settings import AugmentSettings
from foveal.bundle import save_bundle
from foveal.contract import SEEN_HASHES, Contract
from foveal.device import machine, pick_device
from foveal.errors import UsageError
from foveal.evaluation.evaluate import duplicate_notes, labelled_hashes, left_out_notes
from foveal.events import RateFound
from foveal.feed.store import on_gpu
from foveal.processes.group import Processes
from foveal.recipes.defaults import Recipe
from foveal.runs import RunFolder, cut_events
from foveal.tasks.task import Task
from foveal.training.budget import TimeBudget
from foveal.training.distribution import share_state
from foveal.training.loop import Trainer
from foveal.training.memory import fitting_batch
from foveal.training.prepare import (
    TrainingData,
    architecture_name,
    prepare_data,
    prepare_state,
    prepare_task,
)
from foveal.training.rate_finder import suggested_rate, swept_rates
from foveal.training.settings import TrainSettings, parse_seconds
from foveal.training.state import TrainState, load_checkpoint, save_checkpoint
from foveal.training.trials import measure_step_seconds, sweep, try_batch
from foveal.types import Dataset
from foveal.verbs.console import Stopwatch, decoding_bar, say
from foveal.weights.fitting import Origin, Start

_MEASURED_SHARE, _REPLANNED_SHARE = 0.05, 0.05  # of the time given: to measure steps, and between looks at the plan
_DECODE_SECONDS = 0.002  # of an image, at least
_REPORT_SECONDS = 1.0  # set aside for report.html when the time is given
_INTERVAL_SECONDS = 2e-5  # and for the bootstrap, a test image and class, at most:
_MOST_INTERVAL_SECONDS = 12.0
_MASKS_SECONDS = 0.1  # and for the masks of a test image, which held-out looks leave out


@dataclass(frozen=True, kw_only=True)
class Session:
    """One run, ready for its first step."""

    processes: Processes
    run: RunFolder
    dataset: Dataset
    recipe: Recipe
    task: Task
    data: TrainingData
    start: Start | None
    state: TrainState
    trainer: Trainer
    module: nn.Module | None
    device: torch.device
    notes: tuple[str, ...]
    watch: Stopwatch


def decode_session(
    dataset: Dataset,
    recipe: Recipe,
    *,
    channels: int,
    watch: Stopwatch,
    processes: Processes,
    origin: Origin | None,
) -> TrainingData:
    """The decoded training and held-out images. Of several processes on a machine the first decodes.

    Raises BadImagesError as the recipe's `on_bad_image` says.
    """
    settings = recipe.settings
    train_samples, val_samples = dataset.of_split("train"), dataset.of_split("val")
    say(f"model: {settings.model} ({recipe.reasons.get('model', 'asked for')})")
    say(f"size: {settings.size} ({recipe.reasons.get('size', 'asked for')})")
    changed = [name for name, value in asdict(recipe.augment).items() if value != getattr(AugmentSettings(), name)]
    say(f"augmentation: {', '.join(changed) or 'none'} ({recipe.reasons['augment']})")
    device = pick_device(settings.device)
    with decoding_bar() as progress:
        data = processes.in_turn(
            lambda: prepare_data(
                train_samples,
                val_samples,
                settings,
                channels=channels,
                progress=progress,
                shared_by=processes.local_world,
                origin=origin,
            )
        )
    train, *val = on_gpu([data.train, *([] if data.val is None else [data.val])], device)
    data = replace(data, train=train, val=val[0] if val else None)
    say(f"training images: {data.train.description}")
    watch.lap("decoding")
    return data


def find_batch_size(trainer: Trainer, recipe: Recipe) -> int:
    """The largest batch up to the recipe's that fits into memory, by steps of a `throw_away` copy of the run.

    For one process. Raises FovealError where nothing fits.
    """
    most = recipe.settings.batch_size_given
    assert most is not None
    fits = min(most, len(trainer.batches.store))
    found = fitting_batch(partial(try_batch, trainer), most=fits, device=trainer.device)
    say(f"batch size: {found}, which fits into memory; at most {most}")
    return found


def find_rate(trainer: Trainer, recipe: Recipe) -> tuple[Recipe, RateFound]:
    """The recipe with the peak rate that a sweep on a `throw_away` copy of the run suggests, and the sweep.

    Raises FovealError where no rate makes the loss fall.
    """
    rates = swept_rates()
    losses = sweep(trainer, rates)
    lr = suggested_rate(rates, losses)
    say(f"learning rate: {lr:g}, found in {len(losses)} steps")
    reason = "where the smoothed loss of a sweep falls most steeply (Smith 2015, arXiv:1506.01186)"
    found = replace(recipe, settings=replace(recipe.settings, lr=lr), reasons={**recipe.reasons, "lr": reason})
    return found, RateFound(step=0, lr=lr, rates=tuple(rates[: len(losses)]), losses=tuple(losses))


def throw_away(
    dataset: Dataset,
    recipe: Recipe,
    data: TrainingData,
    module: nn.Module | None,
    processes: Processes,
    start: Start | None,
) -> Trainer:
    """A trainer of a copy of the run: what its steps change changes nothing of the run."""
    settings, device = recipe.settings, pick_device(recipe.settings.device)
    task = prepare_task(settings, dataset.classes, data.train.samples)
    module = copy.deepcopy(module)
    state = prepare_state(settings, task, data, device=device, module=module, processes=processes, start=start)
    share_state(state, processes)
    return Trainer(task, state, data.preprocess, data.train, None, device=device, processes=processes)


def prepare_session(
    run: RunFolder,
    dataset: Dataset,
    recipe: Recipe,
    data: TrainingData,
    module: nn.Module | None,
    watch: Stopwatch,
    processes: Processes,
    start: Start | None,
) -> Session:
    """Builds and seeds what the recipe says."""
    settings = recipe.settings
    device = pick_device(settings.device)
    notes = (*dataset.notes, *_data_notes(data, dataset.classes), *_mask_notes(settings, data))
    for note in notes:
        say(f"warning: {note}")
    task = prepare_task(settings, dataset.classes, data.train.samples)
    state = prepare_state(settings, task, data, device=device, module=module, processes=processes, start=start)
    trainer = Trainer(task, state, data.preprocess, data.train, data.val, device=device, processes=processes)
    if processes.first:
        trainer.save_checkpoint = lambda state: save_checkpoint(state, run.last)
        origin = None if start is None else start.origin
        trainer.save_best = _best_saver(run, dataset, recipe, task, data, state, module, origin)
    parameters = sum(each.numel() for each in state.network.parameters())
    frozen = sum(each.numel() for module in state.frozen for each in module.parameters())
    counted = f"{parameters:,} parameters" + (f", {frozen:,} of them frozen" if frozen else "")
    say(f"network: {settings.model}, {counted}, on {device}, {_precision(state)}")
    if processes.world > 1:
        say(f"processes: {processes.world}, {torch.get_num_threads()} threads each")
    return Session(
        processes=processes,
        run=run,
        dataset=dataset,
        recipe=recipe,
        task=task,
        data=data,
        start=start,
        state=state,
        trainer=trainer,
        module=module,
        device=device,
        notes=notes,
        watch=watch,
    )


def continue_run(session: Session, *, new_epochs: bool) -> None:
    """Takes the run up where its checkpoint stands; `new_epochs` where another number of them was asked for now.

    Raises RunError where the data or the network are others, UsageError for epochs that are over already.
    """
    state = session.state
    planned = state.plan
    load_checkpoint(state, session.run.last)
    if new_epochs:
        if planned.total_steps <= state.progress.step:
            taken = state.progress.step / planned.steps_per_epoch
            raise UsageError(f"--epochs {session.recipe.settings.epochs:g}: this run has taken {taken:.4g}; give more")
        state.plan = replace(state.plan, total_steps=planned.total_steps)
    cut_events(session.run, state.progress.step)
    session.watch.add("training", state.progress.seconds)


def plan_by_time(session: Session) -> None:
    """Measures the steps on a throw-away copy of the run and plans as many as fit the time."""
    settings, state, data = session.recipe.settings, session.state, session.data
    assert settings.time is not None
    module, processes = copy.deepcopy(session.module), session.processes
    measured = prepare_state(
        settings,
        session.task,
        data,
        device=session.device,
        module=module,
        processes=processes,
        start=session.start,
    )
    trainer = Trainer(
        session.task, measured, data.preprocess, data.train, data.val, device=session.device, processes=processes
    )
    seconds = parse_seconds(settings.time)
    step_seconds = measure_step_seconds(trainer, most_seconds=_MEASURED_SHARE * seconds)
    start = time.perf_counter()
    if data.val is not None:
        trainer.evaluate(measured.network)
    evaluation = time.perf_counter() - start
    parameters = sum(each.numel() for each in measured.network.parameters())
    saving = 0.02 + 4 * parameters / 300e6  # a disk that writes 300 MB/s
    num_test = len(session.dataset.of_split("test"))
    decoded = len(data.train) + (len(data.val) if data.val else 0)
    decode = max(session.watch.times["decoding"] / decoded, _DECODE_SECONDS)  # ours may have come from the cache
    forward = 3 * evaluation / len(data.val) if data.val else next(iter(step_seconds.values())) / state.plan.batch_size
    intervals = min(_MOST_INTERVAL_SECONDS, _INTERVAL_SECONDS * num_test * len(session.dataset.classes))
    masks = _MASKS_SECONDS * num_test if settings.instances else 0.0
    budget = TimeBudget(
        seconds=seconds,
        finish_seconds=_REPORT_SECONDS + intervals + masks + num_test * (decode + forward),
        step_seconds=step_seconds,
        evaluation_seconds=evaluation + saving,
    )
    total = processes.from_first(lambda: budget.total_steps(state.plan, elapsed=session.watch.total()))
    state.plan = replace(state.plan, total_steps=total)
    if total < state.plan.steps_per_epoch:
        say(
            f"warning: --time {settings.time} leaves {total} steps, not once through the training images "
            f"({state.plan.steps_per_epoch} steps); {budget.finish_seconds:.0f} s are for the evaluation and report: "
            "give more time, or a smaller --size"
        )
    session.trainer.replan = lambda state: budget.replan(state, elapsed=session.watch.total())
    session.trainer.replan_seconds = _REPLANNED_SHARE * seconds


def _precision(state: TrainState) -> str:
    return "bfloat16" if state.plan.bfloat16 else "float32"


def _data_notes(data: TrainingData, classes: tuple[str, ...]) -> tuple[str, ...]:
    notes = duplicate_notes(*labelled_hashes({"train": data.train, "val": data.val}, classes))
    return (*notes, *left_out_notes(data.skipped))


def _mask_notes(settings: TrainSettings, data: TrainingData) -> tuple[str, ...]:
    """What is to be known of objects without masks, where masks are learned."""
    if not settings.instances:
        return ()
    learned = [each for sample in data.train.samples for each in sample.instances or () if not each.crowd]
    without = sum(each.mask is None for each in learned)
    if not without:
        return ()
    if without == len(learned):
        return ("no training object has a mask: masks are not learned, boxes are (--no-instances leaves them out)",)
    return (f"{without:,} of {len(learned):,} training objects have no mask: they teach none, and boxes as ever",)


def _best_saver(
    run: RunFolder,
    dataset: Dataset,
    recipe: Recipe,
    task: Task,
    data: TrainingData,
    state: TrainState,
    module: nn.Module | None,
    origin: Origin | None,
) -> Callable[[nn.Module, Mapping[str, float], int], None]:
    """A function that writes the model file whenever it is told to keep these weights."""
    settings, augment = recipe.settings, recipe.augment
    seen_hashes = np.concatenate([store.hashes for store in (data.train, data.val) if store is not None])
    weights = "moving average of the weights" if settings.ema else "weights"

    def save(network: nn.Module, val: Mapping[str, float], epoch: int) -> None:
        held_out = 0 if data.val is None else len(data.val)
        why = (
            f"the latest that is as good as the best on {held_out:,} held-out images"
            if val
            else "the last (nothing was held out)"
        )
        contract = Contract(
            architecture=architecture_name(settings, module),
            task=task.name,
            task_settings=dict(task.settings),
            classes=task.classes,
            preprocess=data.preprocess,
            decision=asdict(task.decision),
            chosen=f"{weights} after epoch {epoch}, {why}",
            val=dict(val),
            mirrored=augment.hflip > 0,
            data=_data_contract(dataset, data, settings),
            recipe=shown_settings(settings, origin),
            origin={} if origin is None else origin.to_json(),
            machine=machine(),
        )
        # The state's are asked for only now: a checkpoint may have brought them.
        save_bundle(run.model, network, contract, {SEEN_HASHES: np.union1d(seen_hashes, state.seen_before)})

    return save


def shown_settings(settings: TrainSettings, origin: Origin | None) -> dict[str, Any]:
    """The settings for what others may see: the weights by their name, without their folder or address."""
    return {**settings.to_json(), "weights": None if origin is None else origin.source}


def _data_contract(dataset: Dataset, data: TrainingData, settings: TrainSettings) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "format": dataset.format,
        "counts": dataset.counts(),
        "fingerprint": hashlib.blake2b(np.sort(data.train.hashes).tobytes(), digest_size=8).hexdigest(),
        "split": settings.roles(),
    }

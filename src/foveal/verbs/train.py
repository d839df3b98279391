"""`foveal train`: from a folder of labelled images to a run folder with a model file and a report."""

import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from foveal.augment.settings import AugmentSettings
from foveal.bundle import Contract, save_bundle
from foveal.device import machine, pick_device
from foveal.errors import Interrupted, RunError, UsageError
from foveal.events import Event, Finished, Stopped
from foveal.files import write_json
from foveal.evaluation.evaluate import duplicate_notes
from foveal.read import assign_splits, read_dataset
from foveal.recipes.defaults import Recipe, resolve
from foveal.recipes.facts import probe
from foveal.runs import RunFolder, cut_events, in_use, new_run, open_run, read_config
from foveal.tasks.task import Task
from foveal.training.budget import TimeBudget
from foveal.training.loop import Trainer
from foveal.training.prepare import (
    TrainingData,
    architecture_name,
    prepare_data,
    prepare_state,
    prepare_task,
)
from foveal.training.settings import TrainSettings, parse_seconds
from foveal.training.state import TrainState, load_checkpoint, save_checkpoint
from foveal.types import Dataset
from foveal.verbs.console import Stopwatch, TrainingDisplay, decoding_bar, say
from foveal.verbs.finish import finish_run

_AUGMENT_FIELDS = {each.name for each in fields(AugmentSettings)}
_REPORT_SECONDS = 6.0  # set aside for metrics and report.html when the time is given


@dataclass(frozen=True, kw_only=True)
class Session:
    """One run, ready for its first step."""

    run: RunFolder
    dataset: Dataset
    recipe: Recipe
    task: Task
    data: TrainingData
    state: TrainState
    trainer: Trainer
    module: nn.Module | None
    device: torch.device
    notes: tuple[str, ...]
    watch: Stopwatch


def train(
    data: Any = None,
    *,
    model: str | nn.Module | None = None,
    out: Path | str | None = None,
    resume: Path | str | None = None,
    config: Path | str | None = None,
    on_event: Callable[[Event], None] | None = None,
    started: float | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """Trains a classifier and returns {"run", "model", "seconds", "images_per_second", "metrics"}.

    data: what `foveal.read_dataset` takes: a folder, a .csv, IDX files, (images, labels) or a Dataset. Test images are not
    read before training has ended. `model` is a name (`foveal models`) or your own `nn.Module`, images (B, C, H, W)
    -> logits (B, K). `settings` are the fields of `TrainSettings` and of `AugmentSettings`.
    out: a new run folder. resume: a run folder to continue; only `epochs` may be raised with it. config: a run's
    config.json to repeat. on_event: called with each training event. started: the `time.perf_counter()` from which
    the setting `time` counts; None is now.
    Raises UsageError, DataError (BadImagesError lists all bad images), ModelError, RunError, and Interrupted after a
    Ctrl-C or SIGTERM, once a checkpoint is saved.
    """
    watch = Stopwatch(started)
    module = model if isinstance(model, nn.Module) else None
    name = model if isinstance(model, str) else None
    if resume is not None:
        run, asked, data, reasons = _resumed(Path(resume), data, name, out, config, settings)
    else:
        asked, data = _asked(name, data, config, settings)
        run, reasons = None, None
    dataset = assign_splits(read_dataset(data), val_share=asked.val_share, test_share=asked.test_share, seed=asked.seed)
    _say_data(dataset)
    watch.lap("reading")
    train_samples = dataset.of_split("train")
    facts = probe(train_samples, len(dataset.classes))
    recipe = resolve(asked, facts, own_module=module is not None)
    device = pick_device(recipe.settings.device)
    if run is None:
        run = new_run(None if out is None else Path(out), f"{dataset.name}-{recipe.settings.model}")
        _save_config(run, data, recipe)
    else:
        recipe = replace(recipe, reasons=reasons)
    with in_use(run):
        session = _prepare(run, dataset, recipe, facts.channels, module, device, watch)
        if resume is not None and run.last.is_file():
            _continue(session)
        return _train_and_finish(session, on_event, resumed=resume is not None)


def _asked(
    name: str | None, data: Any, config: Path | str | None, settings: Mapping[str, Any]
) -> tuple[TrainSettings, Any]:
    """The settings given, over those of `config`; and the data, given or the config's."""
    saved = {} if config is None else read_config(Path(config))
    data = saved.get("data") if data is None else data
    if data is None:
        raise UsageError("no data given: foveal train DATA, where DATA is a folder of class folders, a .csv or IDX files")
    values = dict(saved.get("settings", {}))
    choices = {key: value for key, value in settings.items() if value is not None}
    if "time" in choices:
        values["epochs"] = None
    elif "epochs" in choices:
        values["time"] = None
    augment = {key: choices.pop(key) for key in _AUGMENT_FIELDS & set(choices)}
    values["augment"] = {**values.get("augment", {}), **augment}
    values |= choices
    if name is not None:
        values["model"] = name
    return TrainSettings.from_json(values), data


def _resumed(
    path: Path,
    data: Any,
    name: str | None,
    out: Path | str | None,
    config: Path | str | None,
    settings: Mapping[str, Any],
) -> tuple[RunFolder, TrainSettings, Any, Mapping[str, str]]:
    """The run at `path`, its settings with `epochs` raised where asked, its data and its reasons."""
    given = {key for key, value in settings.items() if value is not None and key != "epochs"}
    given |= {key for key, value in (("model", name), ("out", out), ("config", config)) if value is not None}
    if given:
        options = ", ".join(sorted(given))
        raise UsageError(f"--resume continues a run as it was set up: only --epochs can change, not {options}")
    run = open_run(path)
    saved = read_config(run.config)
    asked = TrainSettings.from_json(saved["settings"])
    epochs = settings.get("epochs")
    if epochs is not None:
        asked = replace(asked, epochs=float(epochs), time=None)
        write_json(run.config, {**saved, "settings": asked.to_json()})
    data = saved.get("data") if data is None else data
    if data is None:
        raise RunError(f"{path}: this run's data came from Python; give it again: foveal.train(data, resume=…)")
    return run, asked, data, saved["reasons"]


def _save_config(run: RunFolder, data: Any, recipe: Recipe) -> None:
    source = str(Path(data).absolute()) if isinstance(data, str | os.PathLike) else None
    config = {"data": source, "settings": recipe.settings.to_json(), "reasons": dict(recipe.reasons)}
    write_json(run.config, config)


def _say_data(dataset: Dataset) -> None:
    say(f"data: {dataset.name}, {dataset.format}, {len(dataset.classes)} classes, {len(dataset.samples):,} images")
    for split, counts in dataset.counts().items():
        listed = ", ".join(f"{name} {count:,}" for name, count in list(counts.items())[:30])
        more = f", … {len(counts) - 30} more" if len(counts) > 30 else ""
        say(f"  {split}: {sum(counts.values()):,} ({listed}{more})")
    if dataset.ignored:
        shown = ", ".join(dataset.ignored[:5]) + (", …" if len(dataset.ignored) > 5 else "")
        say(f"  left alone, no images by their names: {len(dataset.ignored)} files ({shown})")


def _prepare(
    run: RunFolder,
    dataset: Dataset,
    recipe: Recipe,
    channels: int,
    module: nn.Module | None,
    device: torch.device,
    watch: Stopwatch,
) -> Session:
    settings = recipe.settings
    train_samples, val_samples = dataset.of_split("train"), dataset.of_split("val")
    for field, reason in recipe.reasons.items():
        if field in ("model", "size", "augment"):
            value = "" if field == "augment" else f" {getattr(settings, field)}"
            say(f"{field}:{value} ({reason})")
    with decoding_bar() as progress:
        data = prepare_data(train_samples, val_samples, settings, channels=channels, progress=progress)
    say(f"training images: {data.train.description}")
    watch.lap("decoding")
    notes = _data_notes(data, dataset.classes)
    for note in notes:
        say(f"warning: {note}")
    task = prepare_task(settings, dataset.classes, data.train.samples)
    state = prepare_state(settings, task, data, device=device, module=module)
    save_best = _best_saver(run, dataset, recipe, task, data, module, state)
    trainer = Trainer(
        task,
        state,
        data.preprocess,
        data.train,
        data.val,
        device=device,
        save_checkpoint=lambda state: save_checkpoint(state, run.last),
        save_best=save_best,
    )
    parameters = sum(each.numel() for each in state.network.parameters())
    say(f"network: {settings.model}, {parameters:,} parameters, on {device}, {_precision(state)}")
    return Session(
        run=run,
        dataset=dataset,
        recipe=recipe,
        task=task,
        data=data,
        state=state,
        trainer=trainer,
        module=module,
        device=device,
        notes=notes,
        watch=watch,
    )


def _precision(state: TrainState) -> str:
    return "bfloat16" if state.plan.bfloat16 else "float32"


def _data_notes(data: TrainingData, classes: tuple[str, ...]) -> tuple[str, ...]:
    stores = {"train": data.train} | ({} if data.val is None else {"val": data.val})
    skipped = [error for store in stores.values() for error in store.skipped]
    notes = duplicate_notes(
        {name: (store.hashes, np.array([sample.label for sample in store.samples])) for name, store in stores.items()},
        classes,
    )
    if skipped:
        notes.append(f"{len(skipped)} images can't be decoded and were left out")
    return tuple(notes)


def _best_saver(
    run: RunFolder,
    dataset: Dataset,
    recipe: Recipe,
    task: Task,
    data: TrainingData,
    module: nn.Module | None,
    state: TrainState,
) -> Callable[[nn.Module, Mapping[str, float], int], None]:
    """A function that writes the model file whenever the held-out figure is the best so far."""
    settings, augment = recipe.settings, recipe.augment
    weights = "moving average of the weights" if settings.ema else "weights"

    def save(network: nn.Module, val: Mapping[str, float], epoch: int) -> None:
        held_out = 0 if data.val is None else len(data.val)
        why = f"best of the epochs on {held_out:,} held-out images" if val else "the last (nothing was held out)"
        contract = Contract(
            architecture=architecture_name(settings, module),
            task=task.name,
            task_settings=dict(task.settings),
            classes=task.classes,
            preprocess=data.preprocess,
            chosen=f"{weights} after epoch {epoch}, {why}",
            val=dict(val),
            mirrored=augment.hflip > 0,
            data=_data_contract(dataset, data, settings),
            recipe=settings.to_json(),
            machine=machine(),
        )
        save_bundle(run.model, network, contract, data.train.hashes)

    return save


def _data_contract(dataset: Dataset, data: TrainingData, settings: TrainSettings) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "format": dataset.format,
        "counts": dataset.counts(),
        "fingerprint": f"{int(np.bitwise_xor.reduce(data.train.hashes)):016x}",
        "split": {"val_share": settings.val_share, "test_share": settings.test_share, "seed": settings.seed},
    }


def _continue(session: Session) -> None:
    """Takes the run up where its checkpoint stands; epochs may have been raised since."""
    state, settings = session.state, session.recipe.settings
    planned = state.plan
    load_checkpoint(state, session.run.last)
    if state.plan.num_samples != planned.num_samples:
        raise RunError(
            f"{session.run.path}: the data changed since this run started: {state.plan.num_samples:,} training images "
            f"then, {planned.num_samples:,} now; start a new run"
        )
    if settings.epochs is not None and planned.total_steps > state.progress.step:
        state.plan = replace(state.plan, total_steps=planned.total_steps)
    cut_events(session.run, state.progress.step)


def _train_and_finish(
    session: Session, on_event: Callable[[Event], None] | None, *, resumed: bool
) -> dict[str, Any]:
    session.run.path.mkdir(parents=True, exist_ok=True)
    if resumed and not session.run.last.is_file():
        cut_events(session.run, -1)  # killed before its first checkpoint: it starts anew
    if session.recipe.settings.time is not None and not session.state.progress.step:
        _plan_by_time(session)
    with _stop_requests() as stop, session.run.events.open("a", encoding="utf-8") as log, TrainingDisplay() as display:
        session.trainer.stop = stop.reason
        for event in session.trainer.run():
            log.write(json.dumps(event.to_json()) + "\n")
            log.flush()
            display.show(event)
            if on_event is not None:
                on_event(event)
            if isinstance(event, Stopped) and stop.signal is not None:
                raise Interrupted(
                    f"stopped after step {event.step}, saved; continue with: foveal train --resume {session.run.path}",
                    exit_code=128 + stop.signal,
                )
        session.watch.lap("training")
        result = finish_run(
            run=session.run,
            dataset=session.dataset,
            recipe=session.recipe,
            task=session.task,
            data=session.data,
            trainer=session.trainer,
            module=session.module,
            device=session.device,
            notes=session.notes,
            watch=session.watch,
        )
        finished = Finished(
            step=session.state.progress.step,
            seconds=session.watch.total(),
            images_per_second=result["images_per_second"],
            chosen=result.pop("chosen"),
        )
        log.write(json.dumps(finished.to_json()) + "\n")
    if on_event is not None:
        on_event(finished)
    return result


def _plan_by_time(session: Session) -> None:
    """Measures the steps on a throw-away copy of the run and plans as many as fit the time."""
    settings, state, data = session.recipe.settings, session.state, session.data
    assert settings.time is not None
    measured = prepare_state(settings, session.task, data, device=session.device, module=session.module)
    trainer = Trainer(
        session.task,
        measured,
        data.preprocess,
        data.train,
        data.val,
        device=session.device,
        save_checkpoint=lambda _: None,
        save_best=lambda *_: None,
    )
    step_seconds = trainer.measure_step_seconds()
    start = time.perf_counter()
    if data.val is not None:
        trainer.evaluate(measured.network)
    evaluation = time.perf_counter() - start
    parameters = sum(each.numel() for each in measured.network.parameters())
    saving = 0.02 + 4 * parameters / 300e6  # a disk that writes 300 MB/s
    num_test = len(session.dataset.of_split("test"))
    decode = session.watch.times["decoding"] / (len(data.train) + (len(data.val) if data.val else 0))
    forward = 3 * evaluation / len(data.val) if data.val else next(iter(step_seconds.values())) / state.plan.batch_size
    budget = TimeBudget(
        seconds=parse_seconds(settings.time),
        finish_seconds=_REPORT_SECONDS + num_test * (decode + forward),
        step_seconds=step_seconds,
        epoch_seconds=evaluation + saving,
    )
    total = budget.total_steps(state.plan, elapsed=session.watch.total())
    state.plan = replace(state.plan, total_steps=total)
    session.trainer.replan = lambda state: budget.replan(state, elapsed=session.watch.total())


class _Stop:
    """What a signal asked for; read by the loop after each step."""

    signal: int | None = None

    def reason(self) -> str | None:
        """In words, or None."""
        return None if self.signal is None else signal.Signals(self.signal).name


@contextmanager
def _stop_requests() -> Iterator[_Stop]:
    """Ctrl-C and SIGTERM end training after the current step; a second one ends it at once.

    Only the main thread can take signals; elsewhere nothing is changed.
    """
    stop = _Stop()
    if threading.current_thread() is not threading.main_thread():
        yield stop
        return
    numbers = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.getsignal(number) for number in numbers}

    def request(number: int, _: object) -> None:
        stop.signal = number
        for each in numbers:
            signal.signal(each, before[each])

    for number in numbers:
        signal.signal(number, request)
    try:
        yield stop
    finally:
        for number in numbers:
            signal.signal(number, before[number])

"""`foveal train`: from a folder of labelled images to a run folder with a model file and a report."""

import json
import os
from collections.abc import Callable, Mapping
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

from torch import nn

from foveal.augment.settings import AugmentSettings
from foveal.device import pick_device
from foveal.errors import Interrupted, RunError, UsageError
from foveal.events import Event, Finished, Stopped
from foveal.files import write_json
from foveal.read import assign_splits, read_dataset
from foveal.recipes.defaults import Recipe, resolve
from foveal.recipes.facts import probe
from foveal.runs import RunFolder, cut_events, in_use, new_run, open_run, read_config
from foveal.training.settings import TrainSettings
from foveal.types import Dataset
from foveal.verbs.console import Stopwatch, TrainingDisplay, say
from foveal.verbs.finish import finish_run
from foveal.verbs.session import Session, continue_run, plan_by_time, prepare_session
from foveal.verbs.signals import stop_requests

_AUGMENT_FIELDS = {each.name for each in fields(AugmentSettings)}


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

    data: what `foveal.read_dataset` takes: a folder, a .csv, IDX files, (images, labels) or a Dataset. Test images
    are not read before training has ended. `model` is a name (`foveal models`) or your own `nn.Module`, images
    (B, C, H, W) -> logits (B, K). `settings` are the fields of `TrainSettings` and of `AugmentSettings`.
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
        recipe = replace(recipe, reasons=reasons or {})
    with in_use(run):
        session = prepare_session(run, dataset, recipe, facts.channels, module, device, watch)
        if resume is not None and run.last.is_file():
            continue_run(session)
        return _train_and_finish(session, on_event, resumed=resume is not None)


def _asked(
    name: str | None, data: Any, config: Path | str | None, settings: Mapping[str, Any]
) -> tuple[TrainSettings, Any]:
    """The settings given, over those of `config`; and the data, given or the config's."""
    saved = {} if config is None else read_config(Path(config))
    data = saved.get("data") if data is None else data
    if data is None:
        raise UsageError(
            "no data given: foveal train DATA, where DATA is a folder of class folders, a .csv or IDX files"
        )
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


def _train_and_finish(session: Session, on_event: Callable[[Event], None] | None, *, resumed: bool) -> dict[str, Any]:
    session.run.path.mkdir(parents=True, exist_ok=True)
    if resumed and not session.run.last.is_file():
        cut_events(session.run, -1)  # killed before its first checkpoint: it starts anew
    if session.recipe.settings.time is not None and not session.state.progress.step:
        plan_by_time(session)
    with (
        stop_requests() as stop,
        session.run.events.open("a", encoding="utf-8") as log,
        TrainingDisplay() as display,
    ):
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

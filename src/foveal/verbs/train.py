"""`foveal train`: from a folder of labelled images to a run folder with a model file and a report."""

import copy
import json
import os
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from pathlib import Path
from typing import Any

from torch import nn

from foveal.annotations import Numbers
from foveal.device import begin_to_start, pick_device
from foveal.errors import Interrupted, UsageError
from foveal.events import Event, Finished, RateFound
from foveal.processes.group import Processes, joined
from foveal.read import assign_roles, read_dataset
from foveal.read.annotated import require_annotations, task_of
from foveal.recipes.defaults import Recipe, resolve
from foveal.recipes.facts import DataFacts, probe
from foveal.runs import RunFolder, cut_events, in_use, new_run
from foveal.tasks.task import Task
from foveal.training.distribution import share_state
from foveal.training.prepare import check_network, prepare_task
from foveal.training.settings import TrainSettings
from foveal.types import Dataset, TaskName
from foveal.verbs.choices import Choices, choices, choices_of_run, save_config
from foveal.verbs.console import Stopwatch, TrainingDisplay, say
from foveal.verbs.evaluate import without_void
from foveal.verbs.finish import finish_run
from foveal.verbs.folds import CrossValidation
from foveal.verbs.session import (
    Session,
    continue_run,
    decode_session,
    find_batch_size,
    find_rate,
    plan_by_time,
    prepare_session,
    throw_away,
)
from foveal.verbs.signals import stop_requests
from foveal.verbs.start import fitted, opened_weights, with_weights
from foveal.verbs.tensorboard import summary_writer, tensorboard_log
from foveal.weights.sources import Opened

_LISTED = 30  # classes or targets, before training


def train(
    data: Any = None,
    *,
    model: str | nn.Module | None = None,
    out: Path | str | None = None,
    resume: Path | str | None = None,
    config: Path | str | None = None,
    format: str | None = None,
    on_event: Callable[[Event], None] | None = None,
    started: float | None = None,
    **settings: Any,
) -> dict[str, Any]:
    """Trains a network and returns {"run", "model", "seconds", "images_per_second", "metrics"}; a cross-validation
    (`folds`) {"run", "seconds", "metrics", "folds"}.

    data: what `foveal.read_dataset` takes: a folder, a .csv, IDX files, (images, labels) or a Dataset. Test images
    are not read before training has ended. `model` is a name (`foveal models`) or your own `nn.Module`, images
    (B, C, H, W) -> outputs (B, K): logits, or numbers to regress. `settings` are the fields of `TrainSettings` and of
    `AugmentSettings`.
    out: a new run folder. resume: a run folder to continue; only `epochs` may be changed with it. config: a run's
    config.json to repeat. format: the data's, where a path can be read as more than one. on_event: called with each
    training event. started: the `time.perf_counter()` from which the setting `time` counts; None is now.
    Started by torchrun, all processes train one network and get the same result; the first one alone writes, speaks and
    calls `on_event`.
    Raises UsageError, DataError (BadImagesError lists all bad images), ModelError, RunError, Interrupted after a Ctrl-C
    or SIGTERM, once a checkpoint is saved, and ProcessLost where another process failed.
    """
    watch = Stopwatch(started)
    module = model if isinstance(model, nn.Module) else None
    if isinstance(model, str):
        settings["model"] = model
    with joined() as processes:
        begun = processes.from_first(lambda: processes.kept("run"))
        if begun is not None:  # torchrun has started these processes in the place of others, whose run goes on
            say(f"started again: continuing {begun}")
            resume, out, config, format, settings = begun, None, None, None, {}
            data = None if isinstance(data, str | os.PathLike) else data
        if resume is not None:
            others = {"out": out, "config": config, "format": format}
            choice = choices_of_run(Path(resume), data, {**settings, **others}, module)
        else:
            choice = choices(data, settings, None if config is None else Path(config), format=format)
        if choice.asked.folds and not choice.asked.fold:
            return _cross_validate(choice, processes, module=module, watch=watch, on_event=on_event, out=out)
        new_epochs = settings.get("epochs") is not None
        return _train(choice, processes, module=module, watch=watch, on_event=on_event, out=out, new_epochs=new_epochs)


def _cross_validate(
    choice: Choices,
    processes: Processes,
    *,
    module: nn.Module | None,
    watch: Stopwatch,
    on_event: Callable[[Event], None] | None,
    out: Path | str | None,
) -> dict[str, Any]:
    """A run for each fold that is not done yet, all with the settings that the first one's training images ask for."""
    asked, dataset = data_for(choice, module)
    first = assign_roles(dataset, **{**asked.roles(), "fold": 1})
    opened = opened_weights(choice, module, processes)
    facts = probe(first.of_split("train"), len(first.classes))
    recipe, task = settle(choice, asked, first, facts, module, processes, opened)
    start = fitted(choice, opened, recipe, task, channels=facts.channels, processes=processes)
    run = _run_of(choice, processes, out, f"{dataset.name}-{recipe.settings.model}")
    with in_use(run, fresh=choice.run is None) if processes.first else nullcontext():
        whole = CrossValidation(run=run, dataset=dataset, recipe=recipe, task=task)
        say(f"cross-validation: {len(whole.folds)} folds of {len(whole.in_folds()):,} images")
        if processes.first:
            if choice.run is None:
                whole.check_images(facts)
            else:
                whole.check_done()
            save_config(run, choice, dataset, recipe, None if start is None else start.origin.to_json())
            processes.keep("run", str(run.path))
        whole = replace(whole, opening_seconds=processes.from_first(watch.total))
        for fold in whole.folds:
            _train_fold(whole, fold, choice, processes, module=copy.deepcopy(module), on_event=on_event)
        return processes.from_first(whole.finish)


def _train_fold(
    whole: CrossValidation,
    fold: int,
    choice: Choices,
    processes: Processes,
    *,
    module: nn.Module | None,
    on_event: Callable[[Event], None] | None,
) -> None:
    """Trains and tests a fold, from where it stands; nothing where it is done."""
    if processes.from_first(lambda: whole.done(fold) is not None):
        say(f"fold {fold} of {len(whole.folds)}: done")
        return
    say(f"fold {fold} of {len(whole.folds)}")
    settings, folder = whole.recipe.settings, whole.folder(fold)
    begun = processes.from_first(folder.config.is_file)
    of_fold = replace(
        choice,
        asked=replace(settings, fold=fold, time=processes.from_first(lambda: whole.time(fold))),
        reasons=whole.recipe.reasons,
        run=folder if begun else None,
        whole=whole.run,
    )
    try:
        _train(
            of_fold,
            processes,
            module=module,
            watch=Stopwatch(None),
            on_event=on_event,
            out=folder.path,
            new_epochs=False,
        )
    except Interrupted as stopped:
        raise Interrupted(
            f"stopped in fold {fold} of {len(whole.folds)}, saved; continue with: "
            f"foveal train --resume {whole.run.path}",
            exit_code=stopped.exit_code,
        ) from None


def _train(
    choice: Choices,
    processes: Processes,
    *,
    module: nn.Module | None,
    watch: Stopwatch,
    on_event: Callable[[Event], None] | None,
    out: Path | str | None,
    new_epochs: bool,
) -> dict[str, Any]:
    if choice.asked.batch_size == "auto" and processes.world > 1:
        raise UsageError(f"--batch-size auto is for one process, and these are {processes.world}: give a number")
    device = pick_device(choice.asked.device)
    if processes.world == 1:  # a thread of another process would not know which GPU is its own
        begin_to_start(device)
    asked, dataset = data_for(choice, module)
    dataset = assign_roles(dataset, **asked.roles())
    _say_data(dataset, asked.task or "classify")
    tries, asked = asked.batch_size == "auto", replace(asked, batch_size=asked.batch_size_given)
    opened = opened_weights(choice, module, processes)
    facts = probe(dataset.of_split("train"), len(dataset.classes))
    recipe, task = settle(choice, asked, dataset, facts, module, processes, opened)
    start = fitted(choice, opened, recipe, task, channels=facts.channels, processes=processes)
    origin = None if start is None else start.origin
    watch.lap("reading")  # the weights too: what decoding takes is planned by
    run = _run_of(choice, processes, out, f"{dataset.name}-{recipe.settings.model}")
    with in_use(run, fresh=choice.run is None) if processes.first else nullcontext():
        decoded = decode_session(
            dataset, recipe, channels=facts.channels, watch=watch, processes=processes, origin=origin
        )
        if tries:
            fits = find_batch_size(throw_away(dataset, recipe, decoded, module, processes, start), recipe)
            recipe, _ = settle(choice, replace(asked, batch_size=fits), dataset, facts, module, processes, opened)
            recipe = replace(recipe, reasons={**recipe.reasons, "batch_size": "fits into memory"})
            watch.lap("batch size")
        found = None
        if recipe.settings.find_lr and asked.lr is None:
            recipe, found = find_rate(throw_away(dataset, recipe, decoded, module, processes, start), recipe)
            watch.lap("learning rate")
        session = prepare_session(run, dataset, recipe, decoded, module, watch, processes, start)
        if processes.first:
            if run.last.is_file():
                continue_run(session, new_epochs=new_epochs)
            save_config(run, choice, dataset, recipe, None if origin is None else origin.to_json())
            processes.keep("run", str((choice.whole or run).path))
        share_state(session.state, processes)
        return _train_and_finish(session, on_event, found)


def data_for(choice: Choices, module: nn.Module | None) -> tuple[TrainSettings, Dataset]:
    """What is asked for, with its task; and the data set, without roles. Raises UsageError and DataError."""
    dataset = _read(choice)
    task = choice.asked.task or task_of(dataset)
    dataset = without_void(dataset, choice.asked.void)
    if task in ("detect", "segment") and module is not None:
        raise UsageError(f"to {task}, a network is taken by name (foveal models); your own module sees whole images")
    require_annotations(dataset, task)
    return replace(choice.asked, task=task), dataset


def _read(choice: Choices) -> Dataset:
    """The data, for what was asked. Raises UsageError where it has no columns of the names that were asked for."""
    asked = choice.asked
    task = asked.task or (None if asked.target is None else "regress")
    dataset = read_dataset(choice.data, format=choice.format, task=task, names=asked.target)
    if asked.target is not None and dataset.classes != asked.target:
        raise UsageError(f"--target names the columns of a table; {dataset.name} has {', '.join(dataset.classes)}")
    return dataset


def settle(
    choice: Choices,
    asked: TrainSettings,
    dataset: Dataset,
    facts: DataFacts,
    module: nn.Module | None,
    processes: Processes,
    opened: Opened | None,
) -> tuple[Recipe, Task]:
    """The settings without a gap, and their task; what can't be used is said here, before anything is decoded.

    facts: of the training images. opened: the weights to start from, on the first process.
    Raises UsageError, DataError for numbers that are all the same, ModelError for a size below the network's least, and
    RunError where TensorBoard is not installed.
    """
    asked, reasons = with_weights(asked, opened, processes)
    recipe = resolve(asked, facts, own_module=module is not None)
    recipe = replace(recipe, reasons={**recipe.reasons, **reasons, **choice.reasons})
    pick_device(recipe.settings.device)
    if recipe.settings.tensorboard:
        summary_writer()
    _check_held_out(recipe.settings, dataset)
    task = prepare_task(recipe.settings, dataset.classes, dataset.of_split("train") if asked.task == "regress" else ())
    check_network(recipe.settings)
    return recipe, task


def _check_held_out(settings: TrainSettings, dataset: Dataset) -> None:
    """Raises UsageError where what is asked for goes by held-out images, and there are none."""
    if not dataset.of_split("val") and (settings.patience or settings.schedule == "plateau"):
        option = "--patience" if settings.patience else "--schedule plateau"
        raise UsageError(f"{option} needs held-out images to tell what improves; there are none (--val-share)")


def _run_of(choice: Choices, processes: Processes, out: Path | str | None, name: str) -> RunFolder:
    """The run folder that is continued, or a new one."""
    return processes.from_first(lambda: choice.run or new_run(None if out is None else Path(out), name))


def _say_data(dataset: Dataset, task: TaskName) -> None:
    number = len(dataset.classes)
    classes = f"{number} classes"
    if task == "regress":
        classes = f"{number} {'target' if number == 1 else 'targets'} to regress"
    if task == "multilabel":
        classes = f"{number} labels, any number of them an image"
    say(f"data: {dataset.name}, {dataset.format}, {classes}, {len(dataset.samples):,} images")
    images = Counter[str](sample.split or "all" for sample in dataset.samples)
    for split, counts in dataset.counts().items():
        total = f"{images[split]:,} images" if task == "multilabel" else f"{sum(counts.values()):,}"
        listed = ", ".join(f"{name} {count:,}" for name, count in list(counts.items())[:_LISTED])
        more = f", … {len(counts) - _LISTED} more" if len(counts) > _LISTED else ""
        say(f"  {split}: {total} ({listed}{more})")
    for column, name in enumerate(dataset.classes[:_LISTED] if task == "regress" else ()):
        values = [sample.known(Numbers).values[column] for sample in dataset.samples]
        say(f"  {name}: {min(values):g} to {max(values):g}")
    if dataset.ignored:
        shown = ", ".join(dataset.ignored[:5]) + (", …" if len(dataset.ignored) > 5 else "")
        say(f"  left alone: {len(dataset.ignored)} files ({shown})")


def _train_and_finish(
    session: Session, on_event: Callable[[Event], None] | None, found: RateFound | None
) -> dict[str, Any]:
    processes = session.processes
    if session.recipe.settings.time is not None and not session.state.progress.step:
        plan_by_time(session)
    with _recorder(session, on_event) if processes.first else nullcontext(_ignore) as record:
        if found is not None:
            record(found)
        with stop_requests(processes) as stop:
            session.trainer.stop = stop.reason
            for event in session.trainer.run():
                record(event)
        if stop.signal is not None:
            raise Interrupted(
                f"stopped after step {event.step}, saved; continue with: foveal train --resume {session.run.path}",
                exit_code=128 + stop.signal,
            )
        session.watch.lap("training")
        with processes.all_cores():
            return processes.from_first(lambda: _finish(session, record))


def _finish(session: Session, record: Callable[[Event], None]) -> dict[str, Any]:
    result = finish_run(session)
    finished = Finished(
        step=session.state.progress.step,
        seconds=session.watch.total(),
        images_per_second=result["images_per_second"],
        chosen=result.pop("chosen"),
    )
    record(finished)
    return result


@contextmanager
def _recorder(session: Session, on_event: Callable[[Event], None] | None) -> Iterator[Callable[[Event], None]]:
    """A function that writes an event to the run's log and, if asked, for TensorBoard, shows it and hands it to
    `on_event`."""
    run = session.run
    if not run.last.is_file():
        cut_events(run, -1)  # a run killed before its first checkpoint starts anew
    curves = tensorboard_log(run) if session.recipe.settings.tensorboard else nullcontext(_ignore)
    with run.events.open("a", encoding="utf-8") as log, curves as draw, TrainingDisplay() as display:

        def record(event: Event) -> None:
            told = event.to_json()
            log.write(json.dumps(told) + "\n")
            log.flush()
            draw(told)
            display.show(event)
            if on_event is not None:
                on_event(event)

        yield record


def _ignore(event: Any) -> None:
    """What records a record nowhere: another process than the first, or no TensorBoard."""

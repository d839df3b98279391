"""Trials of settings, one after the other: what is tried next, when one is given up, and what comes of all."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from foveal.console import say
from foveal.errors import DivergedError, FovealError, RunError, UsageError
from foveal.files import read_json, write_json, write_text
from foveal.job.asked import asked_for, data_path
from foveal.recipes.options import TrainOptions
from foveal.reporting.tuning import Tried, Tuning, in_words, render_tuning
from foveal.runs import RunFolder
from foveal.training.settings import parse_seconds
from foveal.verbs.trial_data import Search, TuningAsked, search_for
from foveal.verbs.trials import TuningRun, try_once

if TYPE_CHECKING:
    import optuna

PLAN, JOURNAL, BEST = "tuning.json", "trials.log", "best.json"
"""Files of the folder: what was asked for, Optuna's record of the trials, and a config for `foveal train --config`."""
TRIALS = 20
UNDISTURBED = 5
"""Trials at the start that are never given up: the others are compared with them."""


def asked_tuning(
    data: Any,
    given: dict[str, Any],
    *,
    models: Sequence[str] | None,
    trials: int,
    time: str | None,
    format: str | None,
) -> TuningAsked:
    if trials < 1:
        raise UsageError(f"--trials {trials}: expected at least 1")
    if time is not None and "epochs" in given:
        raise UsageError("--time and --epochs both set the length of a trial; give one of them")
    settings = asked_for(data, given, None).options
    if settings.find_lr:
        raise UsageError("foveal tune varies the learning rate itself: leave --find-lr out")
    if settings.folds:
        raise UsageError("foveal tune judges by held-out images: leave --folds to foveal train --config, afterwards")
    return TuningAsked(
        data=data_path(data),
        format=format,
        models=tuple(models or ()),
        trials=trials,
        trial_seconds=None if time is None else max(1.0, parse_seconds(time) / trials),
        settings=given,
    )


def begun_tuning(folder: Path, trials: int | None, changed: Sequence[str]) -> tuple[RunFolder, TuningAsked]:
    """What an earlier call was asked for."""
    if changed:
        raise UsageError(f"--resume goes on as it was set up: only --trials can change, not {', '.join(changed)}")
    if not (folder / PLAN).is_file():
        raise RunError(f"{folder}: no tuning to go on with here (there is no {PLAN})")
    asked = TuningAsked(**read_json(folder / PLAN))
    return RunFolder(folder), replace(asked, models=tuple(asked.models), trials=trials or asked.trials)


def tuned(run: RunFolder, data: Any, asked: TuningAsked) -> dict[str, Any]:
    search = search_for(data, asked)
    if asked.digest not in (None, search.digest):
        raise RunError(f"{run.path}: the data changed since this tuning started; start a new one")
    tuning = TuningRun(run=run, asked=asked, search=search, study=_study(run, search))
    write_json(run.path / PLAN, asdict(replace(asked, digest=search.digest)))
    _start_again(tuning.study)
    while (number := len(tuning.ended)) < asked.trials:
        try_once(tuning, f"trial {number + 1} of {asked.trials}")
        _keep_best_weights(tuning)
        write_text(run.report, render_tuning(_summary(tuning)))
    found = _summary(tuning)
    if not found.best:
        raise _no_best(tuning)
    _write_config(tuning, found.best.number - 1)
    command = f"foveal train --config {shlex.quote(str(run.path / BEST))}"
    say(f"best: {in_words(found.best.shown)}, held-out {search.task.judging.primary} {found.best.figure:.4f}")
    say(f"train with it, and judge it on test images: {command}")
    say(f"report: {run.report}")
    return {
        "run": str(run.path),
        "config": str(run.path / BEST),
        "figure": search.task.judging.primary,
        "best": found.best.to_json(),
        "trials": [each.to_json() for each in found.trials],
    }


def _study(run: RunFolder, search: Search) -> optuna.Study:
    """The trials so far, in a journal that survives a kill."""
    try:
        import optuna
        from optuna.storages import journal
    except ImportError:
        raise RunError('tuning needs Optuna: pip install "foveal[tune]"') from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    file = str(run.path / JOURNAL)
    lock = journal.JournalFileOpenLock(file)  # a link, which is the other kind, takes rights on Windows
    storage = optuna.storages.JournalStorage(journal.JournalFileBackend(file, lock_obj=lock))
    study = optuna.create_study(
        study_name="foveal",
        storage=storage,
        load_if_exists=True,
        direction="maximize" if search.task.judging.higher_is_better else "minimize",
        pruner=optuna.pruners.MedianPruner(n_startup_trials=UNDISTURBED),
    )
    study.sampler = optuna.samplers.TPESampler(seed=search.settings.seed + len(study.trials))
    return study


def _start_again(study: optuna.Study) -> None:
    """Puts a trial that was broken off at the head of those to come."""
    for trial in study.trials:
        if trial.state.name == "RUNNING":
            study.tell(trial.number, state=type(trial.state).FAIL)
            study.enqueue_trial(trial.params)


def _keep_best_weights(tuning: TuningRun) -> None:
    """Removes the checkpoints of all trials that ended, and all model files but the best's: many times a network."""
    done = [trial.number for trial in tuning.ended if trial.state.name == "COMPLETE"]
    best = tuning.study.best_trial.number if done else None
    for trial in tuning.ended:
        folder = tuning.folder(trial.number)
        folder.last.unlink(missing_ok=True)
        if trial.number != best:
            folder.model.unlink(missing_ok=True)


def _summary(tuning: TuningRun) -> Tuning:
    """What the report shows."""
    search = tuning.search
    tried = [
        Tried(
            number=trial.number + 1,
            shown=trial.user_attrs["shown"],
            figure=trial.value if trial.state.name == "COMPLETE" else None,
            ended=trial.user_attrs["ended"],
            seconds=trial.user_attrs["seconds"],
        )
        for trial in tuning.ended
    ]
    return Tuning(
        title=f"Tuning on {search.dataset.name}",
        figure=search.task.judging.primary,
        higher_is_better=search.task.judging.higher_is_better,
        num_validation=len(search.dataset.of_split("val")),
        planned=tuning.asked.trials,
        trials=tried,
    )


def _no_best(tuning: TuningRun) -> FovealError:
    """What to say where no trial came to an end."""
    ended = [trial.user_attrs for trial in tuning.ended]
    if all(each["ended"] == "diverged" for each in ended):
        return DivergedError(f"all {len(ended)} trials diverged: give --lr, or --models that train more steadily")
    last = next((each["why"] for each in reversed(ended) if each.get("why")), "given up")
    return FovealError(f"none of {len(ended)} trials came to an end; the last one: {last}")


def _write_config(tuning: TuningRun, best: int) -> None:
    """The best trial's config, with the whole data again and the rules' own length where trials were kept short."""
    asked, config = tuning.asked, read_json(tuning.folder(best).config)
    settings = {name: value for name, value in config["settings"].items() if name not in ("time", "epochs")}
    if "epochs" in asked.settings:
        settings["epochs"] = asked.settings["epochs"]
    for name in ("test_share", "fraction"):
        settings[name] = asked.settings.get(name, getattr(TrainOptions(), name))
    write_json(tuning.run.path / BEST, {**config, "data": asked.data, "format": asked.format, "settings": settings})

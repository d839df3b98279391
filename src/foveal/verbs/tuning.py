"""Trials of settings, one after the other: what is tried next, when one is given up, and what comes of all."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any

from foveal.console import say
from foveal.errors import DataError, DivergedError, FovealError, Interrupted, ModelError, RunError, UsageError
from foveal.events import EpochDone, Event, Planned
from foveal.files import read_json, write_json, write_text
from foveal.job.asked import asked_for, data_path
from foveal.recipes.options import TrainOptions
from foveal.recipes.search import varied
from foveal.reporting.tuning import Tried, Tuning, in_words, render_tuning
from foveal.runs import RunFolder
from foveal.training.settings import parse_seconds
from foveal.verbs.train import train
from foveal.verbs.trial_data import Search, TuningAsked, search_for

if TYPE_CHECKING:
    import optuna

PLAN, JOURNAL, BEST = "tuning.json", "trials.log", "best.json"
"""Files of the folder: what was asked for, Optuna's record of the trials, and a config for `foveal train --config`."""
TRIALS = 20
LOOKS = 10
"""Moments of a trial, evenly spread, at which it may be given up."""
UNDISTURBED = 5
"""Trials at the start that are never given up: the others are compared with them."""


class GivenUp(Exception):
    """Leaves a trial that does worse than the median of those before it."""


ENDED: dict[type[Exception], str] = {GivenUp: "given up", DivergedError: "diverged"}
"""How a trial ended that did not come to its end, by what ended it; anything else is "failed"."""


def asked_tuning(
    data: Any,
    said: dict[str, Any],
    *,
    models: Sequence[str] | None,
    trials: int,
    time: str | None,
    format: str | None,
) -> TuningAsked:
    if trials < 1:
        raise UsageError(f"--trials {trials}: expected at least 1")
    if time is not None and "epochs" in said:
        raise UsageError("--time and --epochs both set the length of a trial; give one of them")
    settings = asked_for(data, said, None).options
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
        settings=said,
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
    study = _study(run, search)
    write_json(run.path / PLAN, asdict(replace(asked, digest=search.digest)))
    _start_again(study)
    while (number := len(_ended(study))) < asked.trials:
        _try(study, run, asked, search, f"trial {number + 1} of {asked.trials}")
        _keep_best_weights(study, run)
        write_text(run.report, render_tuning(_summary(study, asked, search)))
    tuning = _summary(study, asked, search)
    if not tuning.best:
        raise _no_best(study)
    _write_config(run, asked, tuning.best.number - 1)
    command = f"foveal train --config {shlex.quote(str(run.path / BEST))}"
    say(f"best: {in_words(tuning.best.shown)}, held-out {search.task.primary} {tuning.best.figure:.4f}")
    say(f"train with it, and judge it on test images: {command}")
    say(f"report: {run.report}")
    return {
        "run": str(run.path),
        "config": str(run.path / BEST),
        "figure": search.task.primary,
        "best": tuning.best.to_json(),
        "trials": [each.to_json() for each in tuning.trials],
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
        direction="maximize" if search.task.higher_is_better else "minimize",
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


def _ended(study: optuna.Study) -> list[optuna.trial.FrozenTrial]:
    return [trial for trial in study.trials if trial.state.name in ("COMPLETE", "PRUNED")]


def _try(study: optuna.Study, run: RunFolder, asked: TuningAsked, search: Search, title: str) -> None:
    """One more trial: trains, and tells the study what came of it.

    Raises what `_train` raises, and DataError where there is no held-out figure.
    """
    from optuna.trial import TrialState

    trial = study.ask()
    settings, shown = varied(search.settings, search.facts, search.models, trial)
    trial.set_user_attr("shown", shown)
    say(f"{title}: {in_words(shown)}")
    watch = _Watch(trial, search.task.primary)
    started = perf_counter()
    try:
        error = _train(run, asked, search, trial.number, settings, watch)
    except Interrupted as stopped:
        command = f"foveal tune --resume {shlex.quote(str(run.path))}"
        raise Interrupted(f"stopped in {title}; continue with: {command}", exit_code=stopped.exit_code) from None
    if error is None and math.isnan(watch.figure):
        raise DataError(f"{search.dataset.name}: no held-out image can be decoded to judge trials by")
    if isinstance(error, FovealError):
        say(str(error))
    trial.set_user_attr("ended", "" if error is None else ENDED.get(type(error), "failed"))
    trial.set_user_attr("why", str(error or ""))
    trial.set_user_attr("seconds", round(perf_counter() - started, 1))
    if error is None:
        study.tell(trial, watch.figure)
    else:
        study.tell(trial, state=TrialState.PRUNED)


def _train(
    run: RunFolder, asked: TuningAsked, search: Search, number: int, settings: Mapping[str, Any], watch: _Watch
) -> Exception | None:
    """Trains, and gives what broke it off where that lies in the trial's own settings.

    Raises Interrupted, and UsageError, DataError, ModelError and RunError, in which all trials would end.
    """
    length = {} if asked.trial_seconds is None else {"time": f"{asked.trial_seconds:.1f}s"}
    whole = {"task": search.settings.task, "test_share": 0.0, "fraction": 1.0}
    given = {**asked.settings, **whole, **settings, **length}
    try:
        train(search.dataset, out=_folder(run, number), on_event=watch, **given)
    except (Interrupted, UsageError, DataError, ModelError, RunError):
        raise
    except (GivenUp, FovealError) as error:
        return error
    return None


class _Watch:
    """Reports a trial's held-out figures, and leaves it where it is not worth its time."""

    def __init__(self, trial: optuna.Trial, primary: str) -> None:
        self._trial = trial
        self._primary = primary
        self._total_steps = 1
        self._looked = 0
        self.figure = float("nan")
        """Of the weights that are kept."""

    def __call__(self, event: Event) -> None:
        match event:
            case Planned():
                self._total_steps = event.total_steps
            case EpochDone() if event.val:
                value = event.val[self._primary]
                self.figure = value if event.kept else self.figure
                look = LOOKS * event.step // self._total_steps
                if self._looked < look < LOOKS:
                    self._looked = look
                    self._trial.report(value, look)
                    if self._trial.should_prune():
                        raise GivenUp


def _folder(run: RunFolder, number: int) -> Path:
    """Of a trial: a run folder."""
    return run.path / f"trial-{number + 1:03}"


def _keep_best_weights(study: optuna.Study, run: RunFolder) -> None:
    """Removes the checkpoints of all trials that ended, and all model files but the best's: many times a network."""
    done = [trial.number for trial in study.trials if trial.state.name == "COMPLETE"]
    best = study.best_trial.number if done else None
    for trial in _ended(study):
        folder = RunFolder(_folder(run, trial.number))
        folder.last.unlink(missing_ok=True)
        if trial.number != best:
            folder.model.unlink(missing_ok=True)


def _summary(study: optuna.Study, asked: TuningAsked, search: Search) -> Tuning:
    """What the report shows."""
    tried = [
        Tried(
            number=trial.number + 1,
            shown=trial.user_attrs["shown"],
            figure=trial.value if trial.state.name == "COMPLETE" else None,
            ended=trial.user_attrs["ended"],
            seconds=trial.user_attrs["seconds"],
        )
        for trial in _ended(study)
    ]
    return Tuning(
        title=f"Tuning on {search.dataset.name}",
        figure=search.task.primary,
        higher_is_better=search.task.higher_is_better,
        num_validation=len(search.dataset.of_split("val")),
        planned=asked.trials,
        trials=tried,
    )


def _no_best(study: optuna.Study) -> FovealError:
    """What to say where no trial came to an end."""
    ended = [trial.user_attrs for trial in _ended(study)]
    if all(each["ended"] == "diverged" for each in ended):
        return DivergedError(f"all {len(ended)} trials diverged: give --lr, or --models that train more steadily")
    last = next((each["why"] for each in reversed(ended) if each.get("why")), "given up")
    return FovealError(f"none of {len(ended)} trials came to an end; the last one: {last}")


def _write_config(run: RunFolder, asked: TuningAsked, best: int) -> None:
    """The best trial's config, with the whole data again and the rules' own length where trials were kept short."""
    config = read_json(RunFolder(_folder(run, best)).config)
    settings = {name: value for name, value in config["settings"].items() if name not in ("time", "epochs")}
    if "epochs" in asked.settings:
        settings["epochs"] = asked.settings["epochs"]
    for name in ("test_share", "fraction"):
        settings[name] = asked.settings.get(name, getattr(TrainOptions(), name))
    write_json(run.path / BEST, {**config, "data": asked.data, "format": asked.format, "settings": settings})

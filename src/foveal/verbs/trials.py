"""One trial of a tuning: a training whose held-out figures the study looks at, and may end early."""

from __future__ import annotations

import math
import shlex
from collections.abc import Mapping
from dataclasses import dataclass
from time import perf_counter
from typing import TYPE_CHECKING, Any

from foveal.console import say
from foveal.errors import DataError, DivergedError, FovealError, Interrupted, ModelError, RunError, UsageError
from foveal.events import EpochDone, Event, Planned
from foveal.recipes.search import varied
from foveal.reporting.tuning import in_words
from foveal.runs import RunFolder
from foveal.verbs.train import train
from foveal.verbs.trial_data import Search, TuningAsked

if TYPE_CHECKING:
    import optuna

LOOKS = 10
"""Moments of a trial, evenly spread, at which it may be given up."""


class GivenUp(Exception):
    """Leaves a trial that does worse than the median of those before it."""


ENDED: dict[type[Exception], str] = {GivenUp: "given up", DivergedError: "diverged"}
"""How a trial ended that did not come to its end, by what ended it; anything else is "failed"."""


@dataclass(frozen=True, kw_only=True)
class TuningRun:
    """A tuning under way."""

    run: RunFolder
    """Its own folder, in which each trial has one."""
    asked: TuningAsked
    search: Search
    study: optuna.Study

    @property
    def ended(self) -> list[optuna.trial.FrozenTrial]:
        """The trials that came to an end, or were given up."""
        return [trial for trial in self.study.trials if trial.state.name in ("COMPLETE", "PRUNED")]

    def folder(self, number: int) -> RunFolder:
        """Of a trial: a run folder."""
        return RunFolder(self.run.path / f"trial-{number + 1:03}")


def try_once(tuning: TuningRun, title: str) -> None:
    """One more trial: trains, and tells the study what came of it.

    Raises what `_train` raises, and DataError where there is no held-out figure.
    """
    from optuna.trial import TrialState

    search, trial = tuning.search, tuning.study.ask()
    settings, shown = varied(search.settings, search.facts, search.models, trial)
    trial.set_user_attr("shown", shown)
    say(f"{title}: {in_words(shown)}")
    watch = _Watch(trial, search.task.judging.primary)
    started = perf_counter()
    try:
        error = _train(tuning, trial.number, settings, watch)
    except Interrupted as stopped:
        command = f"foveal tune --resume {shlex.quote(str(tuning.run.path))}"
        raise Interrupted(f"stopped in {title}; continue with: {command}", exit_code=stopped.exit_code) from None
    if error is None and math.isnan(watch.figure):
        raise DataError(f"{search.dataset.name}: no held-out image can be decoded to judge trials by")
    if isinstance(error, FovealError):
        say(str(error))
    trial.set_user_attr("ended", "" if error is None else ENDED.get(type(error), "failed"))
    trial.set_user_attr("why", str(error or ""))
    trial.set_user_attr("seconds", round(perf_counter() - started, 1))
    if error is None:
        tuning.study.tell(trial, watch.figure)
    else:
        tuning.study.tell(trial, state=TrialState.PRUNED)


def _train(tuning: TuningRun, number: int, settings: Mapping[str, Any], watch: _Watch) -> Exception | None:
    """Trains, and gives what broke it off where that lies in the trial's own settings.

    Raises Interrupted, and UsageError, DataError, ModelError and RunError, in which all trials would end.
    """
    asked, search = tuning.asked, tuning.search
    length = {} if asked.trial_seconds is None else {"time": f"{asked.trial_seconds:.1f}s"}
    whole = {"task": search.settings.task, "test_share": 0.0, "fraction": 1.0}
    given = {**asked.settings, **whole, **settings, **length}
    try:
        train(search.dataset, out=tuning.folder(number).path, on_event=watch, **given)
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

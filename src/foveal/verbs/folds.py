"""A cross-validation: a run for each fold, all in one folder, and what all of them say together."""

import copy
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, replace
from typing import Any

from foveal.console import Stopwatch, decoding_bar, figure_words, say
from foveal.device import machine
from foveal.errors import BadImagesError, Interrupted, RunError
from foveal.feed.decoding import decode_all
from foveal.files import read_json, write_json, write_text
from foveal.job.asked import Asked, save_config
from foveal.job.fed import run_of
from foveal.job.read import known, read
from foveal.job.settled import Settled, settle
from foveal.metrics.folds import interval_over_folds
from foveal.read.roles import assign_roles
from foveal.recipes.options import repeated
from foveal.reporting.folds import FoldsReport, render_folds
from foveal.runs import RunFolder, in_use
from foveal.training.prepare import plain_preprocess
from foveal.training.settings import TrainSettings, parse_seconds
from foveal.types import Dataset, Sample
from foveal.verbs.whole_run import whole_run

_LEAST_SECONDS = 1.0  # of a fold for which the others have left no time


def cross_validate(asked: Asked) -> dict[str, Any]:
    """The result of `foveal.train`: a run for each fold that is not done yet, all with the settings that the first
    one's training images ask for. Raises what `foveal.train` does."""
    processes = asked.processes
    settled = settle(known(read(asked, fold=1)))
    run = run_of(settled)
    with in_use(run, fresh=asked.run is None) if processes.first else nullcontext():
        whole = _CrossValidation(run=run, settled=settled)
        say(f"cross-validation: {len(whole.folds)} folds of {len(whole.in_folds()):,} images")
        if processes.first:
            if asked.run is None:
                whole.check_images()
            else:
                whole.check_done()
            save_config(run, asked, whole.dataset, settled.recipe, settled.origin)
            processes.keep("run", str(run.path))
        whole = replace(whole, opening_seconds=processes.broadcast(asked.watch.total))
        for fold in whole.folds:
            _train_fold(whole, fold)
        return processes.broadcast(whole.finish)


def _train_fold(whole: "_CrossValidation", fold: int) -> None:
    """Trains and tests a fold, from where it stands; nothing where it is done."""
    asked = whole.settled.asked
    if asked.processes.broadcast(lambda: whole.done(fold) is not None):
        say(f"fold {fold} of {len(whole.folds)}: done")
        return
    say(f"fold {fold} of {len(whole.folds)}")
    try:
        whole_run(_asked_of_fold(whole, fold))
    except Interrupted as stopped:
        raise Interrupted(
            f"stopped in fold {fold} of {len(whole.folds)}, saved; continue with: "
            f"foveal train --resume {whole.run.path}",
            exit_code=stopped.exit_code,
        ) from None


def _asked_of_fold(whole: "_CrossValidation", fold: int) -> Asked:
    """What a fold's run is asked for: the settings of all, in a folder of its own, with a copy of the user's module."""
    asked, folder = whole.settled.asked, whole.folder(fold)
    processes = asked.processes
    begun = processes.broadcast(folder.config.is_file)
    return replace(
        asked,
        options=repeated(whole.settings, fold=fold, time=processes.broadcast(lambda: whole.time(fold))),
        module=copy.deepcopy(asked.module),
        out=folder.path,
        reasons=whole.settled.recipe.reasons,
        run=folder if begun else None,
        whole=whole.run,
        watch=Stopwatch(),
    )


@dataclass(frozen=True, kw_only=True)
class _CrossValidation:
    """One cross-validation, ready for its first fold."""

    run: RunFolder
    """Its own folder, in which each fold has one."""
    settled: Settled
    """The first fold, whose settings are those of all."""
    opening_seconds: float = 0.0
    """Spent before the first fold."""

    @property
    def dataset(self) -> Dataset:
        """As it was read."""
        return self.settled.known.read.whole

    @property
    def settings(self) -> TrainSettings:
        return self.settled.settings

    @property
    def folds(self) -> range:
        """The numbers of the folds, from 1 on."""
        return range(1, self.settings.folds + 1)

    def folder(self, fold: int) -> RunFolder:
        """Where a fold's run stands."""
        return RunFolder(self.run.path / f"fold-{fold}")

    def check_images(self) -> None:
        """Decodes the images of all folds, where a bad one is an error: else a later fold might find it first.

        Raises BadImagesError, which lists all.
        """
        settings, facts = self.settings, self.settled.known.facts
        if settings.on_bad_image != "error":
            return
        with decoding_bar() as progress:
            preprocess = plain_preprocess(settings, facts.channels)
            _, bad = decode_all(self.in_folds(), preprocess, None, progress=progress)
        if bad:
            raise BadImagesError([error for _, error in bad])

    def in_folds(self) -> list[Sample]:
        """The samples that some fold tests."""
        roles = {**self.settings.roles(), "fold": 1, "fraction": 1.0}
        return [each for each in assign_roles(self.dataset, **roles).samples if each.split != "unused"]

    def done(self, fold: int) -> dict[str, Any] | None:
        """What a finished fold has measured (its metrics.json); None for one that is still to be trained."""
        metrics = self.folder(fold).metrics
        return read_json(metrics) if metrics.is_file() else None

    def check_done(self) -> None:
        """Raises RunError where a finished fold was trained on other data."""
        for fold in self.folds:
            measured, roles = self.done(fold), {**self.settings.roles(), "fold": fold}
            if measured is not None and measured["data"]["counts"] != assign_roles(self.dataset, **roles).counts():
                raise RunError(f"{self.run.path}: the data changed since its fold {fold} was trained; start a new run")

    def time(self, fold: int) -> str | None:
        """The setting `time` of a fold: an equal share of what the finished ones left of the time for all."""
        time = self.settings.time
        if time is None:
            return None
        done = [each["seconds"] for each in map(self.done, self.folds) if each is not None]
        left = parse_seconds(time) - self.opening_seconds - sum(done)
        return f"{max(_LEAST_SECONDS, left / (len(self.folds) - len(done))):.1f}s"

    def finish(self) -> dict[str, Any]:
        """The result of `foveal.train`, once all folds are done; writes metrics.json and report.html."""
        measured = [each for each in map(self.done, self.folds) if each is not None]
        settings = self.settings
        result: dict[str, Any] = {
            "run": str(self.run.path),
            "seconds": round(self.opening_seconds + sum(each["seconds"] for each in measured), 2),
            "metrics": _over_folds(measured),
            "folds": [_of_fold(fold, each) for fold, each in zip(self.folds, measured, strict=True)],
        }
        warnings = [
            f"fold {fold}: {warning}"
            for fold, each in zip(self.folds, measured, strict=True)
            for warning in each["warnings"]
        ]
        report = FoldsReport(
            title=f"{settings.model} on {self.dataset.name}",
            warnings=warnings,
            about={
                "images": len(self.in_folds()),
                "of": len(self.dataset.samples),
                "classes": len(self.settled.task.classes),
            },
            task=self.settled.task.name,
            primary=self.settled.task.judging.primary,
            metrics=result["metrics"],
            folds=result["folds"],
            config=settings.to_json(),
            reasons=self.settled.recipe.reasons,
            network=measured[0]["network"],
            machine=machine(),
        )
        write_text(self.run.report, render_folds(report))
        write_json(
            self.run.metrics, {**result, "task": self.settled.task.name, "warnings": warnings, "machine": machine()}
        )
        self._say(result)
        return result

    def _say(self, result: Mapping[str, Any]) -> None:
        primary = self.settled.task.judging.primary
        figure = result["metrics"][primary]
        ends = "" if figure["low"] is None else f" (95 % t-interval {figure['low']:.4f} to {figure['high']:.4f})"
        say(f"mean {primary} over {len(self.folds)} folds {figure_words(figure['value'])}{ends}")
        say(f"report: {self.run.report}")
        say(f"a model to use learns from all images: foveal train --config {self.run.config} --folds 0")


def _of_fold(fold: int, measured: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "fold": fold,
        "run": measured["run"],
        "seconds": measured["seconds"],
        "n": measured["evaluation"]["n"],
        "metrics": {name: figure["value"] for name, figure in measured["metrics"].items()},
    }


def _over_folds(measured: Sequence[Mapping[str, Any]]) -> dict[str, dict[str, float | None]]:
    """Each figure that all folds have, with its interval."""
    names = [name for name in measured[0]["metrics"] if all(name in each["metrics"] for each in measured)]
    return {
        name: interval_over_folds([each["metrics"][name]["value"] for each in measured]).to_json() for name in names
    }

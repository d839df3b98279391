"""The first step: what a run is asked for: the options given, a config to repeat, or a run to continue."""

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields, replace
from pathlib import Path
from typing import Any

from torch import nn

from foveal.augment.settings import AugmentSettings
from foveal.console import Stopwatch
from foveal.errors import RunError, UsageError
from foveal.events import Event
from foveal.files import write_json
from foveal.networks import CUSTOM
from foveal.processes.group import ALONE, Processes
from foveal.recipes.defaults import Recipe
from foveal.recipes.options import TrainOptions
from foveal.runs import RunFolder, open_run, read_config
from foveal.types import Dataset
from foveal.weights.fitting import Origin

_AUGMENT_FIELDS = {each.name for each in fields(AugmentSettings)}
_BEARING = {
    "task",
    "recipe",
    "model",
    "weights",
    "size",
    "optimiser",
    "batch_size",
    "accumulate",
    "loss",
    "schedule",
    "augmentation",
}
"""Settings on which others hang: where one of them changes, what the rules had chosen is chosen anew."""


@dataclass(frozen=True, kw_only=True)
class Asked:
    """What a run is asked for, where, and by whom; and what is known from an earlier run. Nothing is read yet."""

    options: TrainOptions
    data: Any
    format: str | None = None
    """Of the data; None where it is to be recognised."""
    module: nn.Module | None = None
    """The user's own network."""
    out: Path | None = None
    """The run folder to make; None names one by the data, the network and the time."""
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Why an earlier run chose the values that are taken over."""
    augment_asked: frozenset[str] = frozenset()
    """Which of `options.augment` a person asked for, here or in an earlier run; the rest the rules had chosen."""
    run: RunFolder | None = None
    """The run that is continued."""
    whole: RunFolder | None = None
    """The cross-validation that the run is a fold of."""
    origin: Mapping[str, Any] | None = None
    """What the run that is continued started from, as `Origin` writes it."""
    new_epochs: bool = False
    """Whether another number of them is asked for than the run that is continued had."""
    processes: Processes = ALONE
    watch: Stopwatch = field(default_factory=Stopwatch)
    on_event: Callable[[Event], None] | None = None
    """Called with each record, on rank 0."""


def asked_for(data: Any, given: Mapping[str, Any], config: Path | None, *, format: str | None = None) -> Asked:
    """What `given` says, over what the config of an earlier run says; None is not given.

    Raises UsageError where no data is named or a setting does not exist, RunError where `config` is none.
    """
    saved: dict[str, Any] = {"settings": {}, "reasons": {}} if config is None else read_config(config)
    if data is None:
        data, format = saved.get("data"), format or saved.get("format")
    if data is None:
        raise UsageError(
            "no data given: foveal train DATA, where DATA is a folder of class folders, a .csv or IDX files"
        )
    options = without_none(given)
    augment = {key: options.pop(key) for key in _AUGMENT_FIELDS & set(options)}
    asked_before = frozenset(saved.get("augment_asked", ()))
    values, reasons = _left_of(saved, options, asked_before)
    values["augment"] = {**values.get("augment", {}), **augment}
    return Asked(
        options=TrainOptions.from_json({**values, **options}),
        data=data,
        reasons=reasons,
        augment_asked=asked_before | set(augment),
        format=format,
    )


def _left_of(
    saved: Mapping[str, Any], given: Mapping[str, Any], augment_asked: frozenset[str]
) -> tuple[dict[str, Any], dict[str, str]]:
    """What stays of an earlier run's settings beside what is asked for now, and of its reasons for them.

    Raises UsageError for two ways to a learning rate.
    """
    if given.get("find_lr") and "lr" in given:
        raise UsageError(f"--find-lr and --lr {given['lr']:g} both set the learning rate; give one of them")
    values, reasons = dict(saved["settings"]), dict(saved["reasons"])
    forgotten = set(reasons) if _BEARING & set(given) else set()
    forgotten |= {other for name, other in (("time", "epochs"), ("epochs", "time")) if name in given}
    forgotten |= {"lr"} if given.get("find_lr") else set()
    if "weights" in given:
        values.pop("weights_sha256", None)  # of the other file
    augment = values.get("augment", {})
    if "augment" in forgotten:
        augment = {name: value for name, value in augment.items() if name in augment_asked}
    values = {name: value for name, value in values.items() if name not in forgotten} | {"augment": augment}
    if values.get("lr") is not None and "find_lr" not in given:
        values["find_lr"] = False  # it has been found
    return values, {name: reason for name, reason in reasons.items() if name not in forgotten | set(given)}


def without_none(given: Mapping[str, Any]) -> dict[str, Any]:
    """These options but for None, which is not given; a path as text, which config.json and tuning.json keep."""
    return {
        key: os.fspath(value) if isinstance(value, os.PathLike) else value
        for key, value in given.items()
        if value is not None
    }


def data_path(data: Any) -> str | None:
    """The absolute path of data that lies in files, by which it is found again; None for data from Python."""
    return str(Path(data).expanduser().absolute()) if isinstance(data, str | os.PathLike) else None


def asked_of_run(path: Path, data: Any, given: Mapping[str, Any], module: nn.Module | None) -> Asked:
    """The settings of the run at `path`, with `epochs` raised where that is given.

    Raises UsageError for any other setting, and RunError where the run's data or module is missing.
    """
    others = sorted(key for key, value in given.items() if value is not None and key != "epochs")
    if others:
        raise UsageError(
            f"--resume continues a run as it was set up: only --epochs can change, not {', '.join(others)}"
        )
    run = open_run(path)
    saved = read_config(run.config)
    asked = TrainOptions.from_json(saved["settings"])
    if given.get("epochs") is not None:
        if asked.folds and not asked.fold:
            raise UsageError("--resume of a cross-validation takes no --epochs: folds are equal, and some may be done")
        asked = replace(asked, epochs=float(given["epochs"]), time=None)
    format = saved.get("format") if data is None else None
    data = saved.get("data") if data is None else data
    if data is None:
        raise RunError(f"{path}: this run's data came from Python; give it again: foveal.train(data, resume=…)")
    if asked.model == CUSTOM and module is None:
        raise RunError(f"{path}: this run trains your own module; give it again: foveal.train(resume=…, model=module)")
    return Asked(
        options=asked,
        data=data,
        module=module,
        reasons=saved["reasons"],
        augment_asked=frozenset(saved.get("augment_asked", ())),
        format=format,
        run=run,
        origin=saved.get("origin"),
        new_epochs=given.get("epochs") is not None,
    )


def save_config(run: RunFolder, asked: Asked, dataset: Dataset, recipe: Recipe, origin: Origin | None) -> None:
    """Writes config.json: the data's path and format (null for data from Python), all settings, why they were chosen,
    which of the augmentation was asked for, and what the weights started from (null where they were drawn)."""
    path = data_path(asked.data)
    config = {
        "data": path,
        "format": None if path is None else dataset.format,
        "settings": recipe.settings.to_json(),
        "reasons": dict(recipe.reasons),
        "augment_asked": sorted(asked.augment_asked),
        "origin": None if origin is None else origin.to_json(),
    }
    write_json(run.config, config)

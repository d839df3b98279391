"""The records that training yields, in their order. The progress bar, the log and the report read them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, ClassVar


@dataclass(frozen=True, kw_only=True)
class Event:
    """What happened after `step` optimiser steps."""

    kind: ClassVar[str]
    step: int

    def to_json(self) -> dict[str, Any]:
        """The record as one JSON object, its kind under "event"."""
        return {"event": self.kind, **asdict(self)}


@dataclass(frozen=True, kw_only=True)
class Planned(Event):
    """How many steps the run takes, and why; comes first, again after a resume and when a time budget is re-planned."""

    kind = "plan"
    total_steps: int
    steps_per_epoch: int
    reason: str


@dataclass(frozen=True, kw_only=True)
class RateFound(Event):
    """What the sweep of `--find-lr` found, before the plan; its steps were taken on a copy of the run."""

    kind = "rate"
    lr: float
    """The peak learning rate that is taken."""
    rates: tuple[float, ...]
    """Of the sweep's steps, in their order."""
    losses: tuple[float, ...]
    """At these rates."""


@dataclass(frozen=True, kw_only=True)
class StepDone(Event):
    """Running figures of training; not for every step (see `Plan.log_every`)."""

    kind = "step"
    epoch: int
    loss: float
    """Mean over the steps since the last record."""
    figures: Mapping[str, float]
    """The task's step metrics by name, such as accuracy, and the loss's penalties; means as the loss is."""
    lr: float
    images_per_second: float
    seconds: float
    """Since the run started, over all its resumes."""
    size: int
    """The training images' side in pixels."""


@dataclass(frozen=True, kw_only=True)
class EpochDone(Event):
    """Once through the training data; `epoch` counts from 1."""

    kind = "epoch"
    epoch: int
    train: Mapping[str, float]
    val: Mapping[str, float]
    """The task's quick figures on the held-out images, of the weights that would be saved; {} where there are none,
    or where this epoch was not evaluated (see `Plan.evaluate_every`)."""
    lr: float
    images_per_second: float
    seconds: float
    kept: bool
    """Whether `model.safetensors` now holds these weights."""


@dataclass(frozen=True, kw_only=True)
class CheckpointSaved(Event):
    """`last.safetensors` now holds everything that continues the run from this step."""

    kind = "checkpoint"
    epoch: int


@dataclass(frozen=True, kw_only=True)
class Stopped(Event):
    """Training ends before its plan, after a saved checkpoint: on a signal, or because nothing improves."""

    kind = "stopped"
    reason: str


@dataclass(frozen=True, kw_only=True)
class Finished(Event):
    """The last record of a run that reached its end."""

    kind = "finished"
    seconds: float
    images_per_second: float
    chosen: str
    """Which weights the model file holds, in words."""

"""The Task record: all that one loop, one evaluator and one predictor need to know of what is learned.

Legend: B batch, K classes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, Self

import torch
from torch import Tensor, nn

from foveal.augment.pipeline import AugmentParams
from foveal.feed.store import Store
from foveal.types import TaskName

Outputs = dict[str, Tensor]
"""What a network returns, by name."""
Record = Any
"""What a task keeps of a batch to judge it by, on the CPU; other processes can be sent it."""


class Targets(Protocol):
    """What a batch is to give, item by item: a tensor, or what behaves like one."""

    def __len__(self) -> int: ...

    def __getitem__(self, rows: slice, /) -> Self: ...

    def to(self, device: torch.device, /) -> Self: ...


class Measurement(Protocol):
    """Metrics of one evaluation."""

    @property
    def overall(self) -> Mapping[str, Any]:
        """Each figure of the whole set by name, as a `foveal.metrics` interval."""

    def to_json(self) -> dict[str, Any]:
        """Plain values; "overall" holds `overall`."""


@dataclass(frozen=True, kw_only=True)
class Learning:
    """What the training loop learns by."""

    augment: Callable[[Tensor, Any, AugmentParams], tuple[Tensor, Any]]
    """(images already augmented, targets, what was drawn) -> both: targets moved as the images were, batches mixed."""
    build: Callable[[nn.Module], nn.Module]
    """Backbone -> network with this task's head; its forward gives `Outputs`, in training with terms such as "aux1"."""
    loss: Callable[[Outputs, Any], dict[str, Tensor]]
    """(outputs, targets) -> named scalar terms, whose sum is minimised."""
    item_weights: Callable[[Any], Tensor] | None
    """Targets -> what each item (B,) counts in the means that `loss` takes; None where all count the same."""
    step_metrics: Callable[[Outputs, Any], dict[str, Tensor]]
    """(outputs, targets) -> metrics of each item (B,), cheap enough for every step; their means are the training
    curves."""
    step_metric_names: tuple[str, ...]
    """Of `step_metrics`, in its order."""


@dataclass(frozen=True, kw_only=True)
class Judging:
    """What validation and evaluation judge by: records of batches, and the metrics of all of them."""

    validation_record: Callable[[Outputs, Any], Record]
    """(outputs, targets) -> what `validation_metrics` reads of a batch: cheap, because a run validates often."""
    validation_metrics: Callable[[Sequence[Record]], tuple[dict[str, float], float]]
    """Of all validation images -> metrics of the whole, and the standard error of the primary one."""
    evaluation_record: Callable[[Outputs, Any], Record]
    """(outputs, targets) -> what `evaluation_metrics` reads of a batch."""
    evaluation_metrics: Callable[[Sequence[Record]], Measurement]
    """Of all images -> the task's metrics with intervals."""
    decide: Callable[[Sequence[Record]], Any] | None
    """Of the validation records of all validation images -> the decision that follows from them; None where none does.
    """
    primary: str
    """The validation metric by which the saved weights are chosen."""
    higher_is_better: bool


@dataclass(frozen=True, kw_only=True)
class Task:
    """Functions made by a task's module from its frozen settings. None of them keeps state."""

    name: TaskName
    classes: tuple[str, ...]
    settings: Mapping[str, Any]
    """The module's settings as plain values, for the model file."""
    decision: Any
    """What is predicted on top of the scores: a `Decision` of the task's module in `foveal.answers`."""
    encode: Callable[[Store, Tensor], Any]
    """(a store, indices (B,) of its samples) -> their targets, in the frame of the stored pixels."""
    learning: Learning
    judging: Judging


@dataclass(frozen=True, kw_only=True)
class Room:
    """What a task's module gives to the index."""

    settings: type
    """A frozen dataclass of what can be chosen, checked when it is built."""
    make: Callable[[tuple[str, ...], Any, Any], Task]
    """(class names, settings, decision) -> the task."""

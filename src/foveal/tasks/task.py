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
class Task:
    """Functions made by a task's module from its frozen settings. None of them keeps state."""

    name: TaskName
    classes: tuple[str, ...]
    settings: Mapping[str, Any]
    """The module's settings as plain values, for the model file."""
    decision: Any
    """What is told on top of the scores: a `Decision` of the task's module in `foveal.answers`."""

    encode: Callable[[Store, Tensor], Any]
    """(a store, indices (B,) of its samples) -> their targets, in the frame of the stored pixels."""
    augment: Callable[[Tensor, Any, AugmentParams], tuple[Tensor, Any]]
    """(images already augmented, targets, what was drawn) -> both: targets moved as the images were, batches mixed."""
    build: Callable[[nn.Module], nn.Module]
    """Backbone -> network with this task's head; its forward gives `Outputs`, in training with terms such as "aux1"."""
    loss: Callable[[Outputs, Any], dict[str, Tensor]]
    """(outputs, targets) -> named scalar terms, whose sum is minimised."""
    weigh: Callable[[Any], Tensor] | None
    """Targets -> what each item (B,) counts in the means that `loss` takes; None where all count the same."""
    quick: Callable[[Outputs, Any], dict[str, Tensor]]
    """(outputs, targets) -> per-item figures (B,), cheap enough for every step; their means are the training curves."""
    figures: tuple[str, ...]
    """The names of `quick`'s figures, in its order."""
    glance: Callable[[Outputs, Any], Record]
    """(outputs, targets) -> what `assess` reads of a batch: cheap, because a run looks at its held-out images often."""
    assess: Callable[[Sequence[Record]], tuple[dict[str, float], float]]
    """Of all held-out items -> figures of the whole, and the standard error of the primary one."""
    record: Callable[[Outputs, Any], Record]
    """(outputs, targets) -> what `measure` reads of a batch."""
    measure: Callable[[Sequence[Record]], Measurement]
    """Of all items -> the task's metrics with intervals."""
    tune: Callable[[Sequence[Record]], Any] | None
    """Of the `glance` at all held-out items -> the decision that follows from them; None where none does."""
    primary: str
    """The figure of `assess` by which the saved weights are chosen."""
    higher_is_better: bool

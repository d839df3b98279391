"""The Task record: all that one loop, one evaluator and one predictor need to know of what is learned.

Legend: B batch, K classes.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from torch import Tensor, nn

from foveal.types import Sample

Outputs = dict[str, Tensor]
"""What a network returns, by name."""


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

    name: str
    classes: tuple[str, ...]
    settings: Mapping[str, Any]
    """The module's settings as plain values, for the model file."""

    encode: Callable[[Sequence[Sample]], Tensor]
    """Samples -> targets, one row a sample."""
    build: Callable[[nn.Module], nn.Module]
    """Backbone -> network with this task's head; its forward gives `Outputs`, in training with terms such as "aux1"."""
    loss: Callable[[Outputs, Tensor], dict[str, Tensor]]
    """(outputs, targets) -> named scalar terms, whose sum is minimised."""
    weigh: Callable[[Tensor], Tensor] | None
    """Targets -> what each item (B,) counts in the means that `loss` takes; None where all count the same."""
    quick: Callable[[Outputs, Tensor], dict[str, Tensor]]
    """(outputs, targets) -> per-item figures (B,), cheap enough for every step; their means are the curves."""
    figures: tuple[str, ...]
    """The names of `quick`'s figures, in its order."""
    decode: Callable[[Outputs], list[dict[str, Any]]]
    """Outputs of a batch -> a prediction each, in plain values."""
    merge: Callable[[Sequence[Outputs]], Outputs]
    """Outputs of several views of the same batch -> one: test-time augmentation."""
    measure: Callable[[Outputs, Tensor], Measurement]
    """(outputs of all items, targets) -> the task's metrics with intervals."""
    primary: str
    """The figure of `quick` by which the saved weights are chosen."""
    higher_is_better: bool

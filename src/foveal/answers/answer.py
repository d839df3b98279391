"""What the answers of all tasks have in common, and the record by which one predictor serves them all. B batch."""

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from foveal.annotations import Instance, RunLengths
from foveal.preprocess import Placement

Outputs = Mapping[str, np.ndarray]
"""What a network returns, by name."""
Parts = Iterable[tuple[Outputs, Sequence[Placement]]]
"""Outputs of an image's tiles, batch by batch, and where each tile lies in the input and in the image; row by row."""


@dataclass(frozen=True, kw_only=True)
class Overlay:
    """The spatial part of an answer, to be drawn over the image."""

    label_map: np.ndarray | None = None
    """(H, W) uint8."""
    boxes_xyxy: np.ndarray
    """(N, 4)."""
    labels: Sequence[int] = ()
    words: Sequence[str] = ()
    """At each box."""
    masks: Sequence[RunLengths] | None = None


class Answer(ABC):
    """The prediction for one image."""

    SPATIAL: ClassVar[bool] = False
    """Whether anything is localised in the image: only then `overlay` and `instances` give something."""
    PIXELS: ClassVar[bool] = False
    """Whether each pixel has a class: only then `overlay` has a label map."""

    @abstractmethod
    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON."""

    @abstractmethod
    def rows(self) -> Iterator[tuple[str, ...]]:
        """Lines of fields, as printed beside the image's path."""

    def overlay(self) -> Overlay:
        """The part to draw."""
        return Overlay(boxes_xyxy=np.zeros((0, 4)))

    def instances(self) -> Iterator[tuple[Instance, dict[str, float]]]:
        """The predicted objects, as annotations, and further values of each."""
        yield from ()


@dataclass(frozen=True, kw_only=True)
class NoDecision:
    """Of a task that decides nothing on top of its scores."""


@dataclass(frozen=True, kw_only=True)
class Answering:
    """Functions that a task's module makes for its classes. None of them keeps state.

    The `Any` among their arguments is the task's decision on top of the scores, such as thresholds.
    """

    task: str
    kind: type[Answer]
    probabilities: Callable[[np.ndarray], np.ndarray] | None
    """Logits (B, K, …) -> probabilities in float64; None where the network's outputs are numbers."""
    decode: Callable[[Outputs, Sequence[Placement], Any], Sequence[Answer]]
    """(outputs of a batch, where its images lie in it, the decision) -> an answer each."""
    merge: Callable[[Sequence[Outputs]], Outputs] | None
    """Outputs of several views of the same batch -> one: test-time augmentation; None where views can't be merged."""
    join: Callable[[Parts, tuple[int, int], Any], Answer] | None
    """(tiles of an image, its (height, width), the decision) -> its answer; None where an image can't be taken apart.
    """


@dataclass(frozen=True, kw_only=True)
class Room:
    """What a task's module gives to the index."""

    decision: type
    """A frozen dataclass of what is predicted on top of the scores; built without arguments it is the usual one."""
    make: Callable[[tuple[str, ...], Mapping[str, Any]], Answering]
    """(class names, the task's settings as plain values) -> how it answers."""

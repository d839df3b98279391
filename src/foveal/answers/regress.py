"""Regression: numbers of an image. B batch, T targets."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any, Self

import numpy as np

from foveal.answers.answer import Answer, Answering, NoDecision, Outputs, Room
from foveal.errors import UsageError
from foveal.preprocess import Placement

Decision = NoDecision


@dataclass(frozen=True, kw_only=True, eq=False)
class Measured(Answer):
    """A number for each target."""

    classes: tuple[str, ...]
    """The targets' names."""
    numbers: np.ndarray
    """(T,) float64, in the targets' units."""

    @property
    def values(self) -> dict[str, float]:
        """The numbers by name."""
        return dict(zip(self.classes, self.numbers.tolist(), strict=True))

    def to_json(self) -> dict[str, Any]:
        return {"values": self.values}

    def rows(self) -> Iterator[tuple[str, ...]]:
        yield from ((name, f"{value:.6g}") for name, value in self.values.items())


@dataclass(frozen=True, slots=True)
class Scale:
    """Standardises targets for the network, by their mean and standard deviation, and undoes it."""

    mean: np.ndarray
    """(T,) float64, as `std`."""
    std: np.ndarray

    @classmethod
    def of(cls, settings: Mapping[str, Any], num_targets: int) -> Self:
        """Of the task's "mean" and "spread" (the standard deviation): one number for all targets or one each.

        Raises UsageError for any other count.
        """
        both = settings.get("mean", (0.0,)), settings.get("spread", (1.0,))
        for name, values in zip(("means", "spreads"), both, strict=True):
            if len(values) not in (1, num_targets):
                raise UsageError(f"{len(values)} {name}: expected {num_targets}, one a target")
        mean, std = (np.broadcast_to(np.asarray(values, np.float64), num_targets) for values in both)
        return cls(mean, std)

    def standardised(self, values: np.ndarray) -> np.ndarray:
        """(B, T) in the targets' units -> as they are learned."""
        return (values - self.mean) / self.std

    def restored(self, outputs: np.ndarray) -> np.ndarray:
        """The inverse, float64."""
        return outputs.astype(np.float64) * self.std + self.mean


def make(classes: tuple[str, ...], settings: Mapping[str, Any]) -> Answering:
    """For targets of these names."""
    decode = partial(_decode, Scale.of(settings, len(classes)), classes)
    return Answering(task="regress", kind=Measured, probabilities=None, decode=decode, merge=merge, join=None)


def _decode(
    scale: Scale, classes: tuple[str, ...], outputs: Outputs, placements: Sequence[Placement], decision: NoDecision
) -> list[Measured]:
    return [Measured(classes=classes, numbers=row) for row in scale.restored(outputs["logits"])]


def merge(views: Sequence[Outputs]) -> Outputs:
    """The mean of the views."""
    stacked = np.stack([outputs["logits"] for outputs in views])
    return {"logits": stacked.mean(axis=0, dtype=np.float64).astype(np.float32)}


ROOM = Room(decision=NoDecision, make=make)

"""Classification: one class an image. B batch, K classes."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from foveal.answers.answer import Answer, Answering, NoDecision, Outputs, Room
from foveal.ops.probabilities import softmax
from foveal.preprocess import Placement

Decision = NoDecision


@dataclass(frozen=True, kw_only=True, eq=False)
class Classified(Answer):
    """One class, the likeliest of all."""

    classes: tuple[str, ...]
    probabilities: np.ndarray
    """(K,) float64, summing to 1."""

    @property
    def label(self) -> str:
        """The likeliest class, of equal ones the first."""
        return self.classes[int(self.probabilities.argmax())]

    @property
    def score(self) -> float:
        """Its probability."""
        return float(self.probabilities.max())

    @property
    def scores(self) -> dict[str, float]:
        """The probabilities by class."""
        return dict(zip(self.classes, self.probabilities.tolist(), strict=True))

    def to_json(self) -> dict[str, Any]:
        return {"label": self.label, "score": self.score, "scores": self.scores}

    def rows(self) -> Iterator[tuple[str, ...]]:
        yield self.label, f"{self.score:.4f}"


def make(classes: tuple[str, ...], settings: Mapping[str, Any]) -> Answering:
    """For these classes."""
    return Answering(
        task="classify",
        kind=Classified,
        probabilities=probabilities,
        decode=partial(_decode, classes),
        merge=merge,
        join=None,
    )


def probabilities(logits: np.ndarray) -> np.ndarray:
    """(B, K) float64, rows summing to 1 as closely as that allows."""
    return softmax(logits.astype(np.float64), axis=1)


def _decode(
    classes: tuple[str, ...], outputs: Outputs, placements: Sequence[Placement], decision: NoDecision
) -> list[Classified]:
    return [Classified(classes=classes, probabilities=row) for row in probabilities(outputs["logits"])]


def merge(views: Sequence[Outputs]) -> Outputs:
    """The mean of the views' probabilities, as its logarithm: again logits."""
    mean = np.mean([probabilities(outputs["logits"]) for outputs in views], axis=0)
    with np.errstate(divide="ignore"):  # of 0 it is infinite, and its probability 0 again
        return {"logits": np.log(mean).astype(np.float32)}


ROOM = Room(decision=NoDecision, make=make)

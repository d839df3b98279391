"""Several labels an image, or none: each is predicted by itself. B batch, K labels."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

from foveal.answers.answer import Answer, Answering, Outputs, Room
from foveal.errors import UsageError
from foveal.metrics.labels import UNDECIDED
from foveal.ops.probabilities import logit, sigmoid
from foveal.preprocess import Placement


@dataclass(frozen=True, kw_only=True)
class Decision:
    """Which labels are predicted."""

    thresholds: tuple[float, ...] = (UNDECIDED,)
    """Of each label the probability from which it is predicted; a single one holds for all. After training, those of
    the best F1 on the validation images."""

    def __post_init__(self) -> None:
        if not all(0 <= threshold <= 1 for threshold in self.thresholds):
            raise UsageError(f"thresholds {self.thresholds}: expected 0 to 1")

    def of(self, num_labels: int) -> np.ndarray:
        """(K,): of each of so many labels. Raises UsageError where there is neither one nor as many."""
        if len(self.thresholds) not in (1, num_labels):
            raise UsageError(f"{len(self.thresholds)} thresholds: expected {num_labels}, one a label")
        return np.broadcast_to(np.asarray(self.thresholds), num_labels)

    def predicted(self, probs: np.ndarray) -> np.ndarray:
        """(B, K) -> (B, K) bool."""
        found: np.ndarray = probs >= self.of(probs.shape[1])
        return found


@dataclass(frozen=True, kw_only=True, eq=False)
class Labelled(Answer):
    """The predicted labels, and the probabilities of all."""

    classes: tuple[str, ...]
    probabilities: np.ndarray
    """(K,) float64, of each label by itself."""
    chosen: np.ndarray
    """(M,) int: the predicted labels, from the highest probability on."""

    @property
    def labels(self) -> tuple[str, ...]:
        """The names of the predicted labels."""
        return tuple(self.classes[label] for label in self.chosen.tolist())

    @property
    def scores(self) -> dict[str, float]:
        """The probabilities by label."""
        return dict(zip(self.classes, self.probabilities.tolist(), strict=True))

    def to_json(self) -> dict[str, Any]:
        predicted = zip(self.labels, self.probabilities[self.chosen].tolist(), strict=True)
        return {"labels": [{"label": label, "score": score} for label, score in predicted], "scores": self.scores}

    def rows(self) -> Iterator[tuple[str, ...]]:
        for label, score in zip(self.labels, self.probabilities[self.chosen].tolist(), strict=True):
            yield label, f"{score:.4f}"


def make(classes: tuple[str, ...], settings: Mapping[str, Any]) -> Answering:
    """For these labels."""
    return Answering(
        task="multilabel",
        kind=Labelled,
        probabilities=probabilities,
        decode=partial(_decode, classes),
        merge=merge,
        join=None,
    )


def probabilities(logits: np.ndarray) -> np.ndarray:
    """(B, K) float64."""
    return sigmoid(logits)


def _decode(
    classes: tuple[str, ...], outputs: Outputs, placements: Sequence[Placement], decision: Decision
) -> list[Labelled]:
    probs = probabilities(outputs["logits"])
    made = []
    for row, predicted in zip(probs, decision.predicted(probs), strict=True):
        order = np.argsort(-row, kind="stable")
        made.append(Labelled(classes=classes, probabilities=row, chosen=order[predicted[order]]))
    return made


def merge(views: Sequence[Outputs]) -> Outputs:
    """The mean of the views' probabilities, again as logits."""
    mean = np.mean([probabilities(outputs["logits"]) for outputs in views], axis=0)
    return {"logits": logit(mean, eps=1e-12).astype(np.float32)}


ROOM = Room(decision=Decision, make=make)

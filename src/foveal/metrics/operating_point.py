"""A detector at one score threshold: precision, recall, F1, and what it takes for what. N images, K classes.

r resamples at once. Who found whom is in `outcomes.py`.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from foveal.metrics.interval import Interval, percentile_interval, resample_counts, widened_at_the_edge
from foveal.metrics.matching import AREAS, Found, Truth
from foveal.metrics.outcomes import NOTHING, Outcomes, outcomes

RESAMPLES = 1000
SIZES = {"small": AREAS[1], "medium": AREAS[2], "large": AREAS[3]}
"""COCO's, in square pixels; both ends belong to a size."""
FIGURES = ("precision", "recall", "f1")
BACKGROUND = "background"
"""The name of the confusion's last row and column."""
_RIGHT, _TOLD, _THERE = range(3)


@dataclass(frozen=True, kw_only=True)
class OperatingPoint:
    """What `operating_point` found."""

    score: float
    """The score from which detections are told."""
    overall: dict[str, Interval]
    """precision, recall and f1 over the objects of all classes together."""
    per_class: dict[str, dict[str, Interval]]
    """The same by class."""
    by_size: dict[str, dict[str, Interval | int]]
    """For each of `SIZES`: recall, and how many objects there were."""
    confusion: np.ndarray
    """(K + 1, K + 1): a row what is there, a column what was told. In the last row there is nothing, in the last column
    nothing was told."""

    def to_json(self) -> dict[str, Any]:
        """The threshold, the sizes and the confusion; the other figures stand with the average precisions."""
        sizes = {
            name: {key: each.to_json() if isinstance(each, Interval) else each for key, each in figures.items()}
            for name, figures in self.by_size.items()
        }
        return {"score_threshold": self.score, "recall_by_size": sizes, "confusion": self.confusion.tolist()}


def operating_point(
    found: Sequence[Found],
    truth: Sequence[Truth],
    *,
    classes: Sequence[str],
    score: float,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> OperatingPoint:
    """Of the detections with that score or a higher one, with percentile bootstrap intervals over images.

    precision: those told that are right, over those told. recall: those over the objects. f1: twice those over both.
    Each is NaN where there is nothing to divide by. Neither ignored objects nor what lies on them counts.
    """
    judged = [outcomes(ours, theirs, score=score) for ours, theirs in zip(found, truth, strict=True)]
    counts = np.array(
        [_counts(each, theirs, len(classes)) for each, theirs in zip(judged, truth, strict=True)], np.float64
    ).reshape(len(truth), -1, 3)
    blocks = resample_counts(len(truth), resamples=resamples, seed=seed) if truth else ()
    samples = [_figures(np.tensordot(drawn.T, counts, axes=1)) for drawn in blocks]
    images = (counts > 0).sum(axis=0)  # the images, not the objects in one, are independent of each other
    intervals = {
        name: [
            percentile_interval(value, np.concatenate([np.zeros(0), *(block[name][:, row] for block in samples)]))
            for row, value in enumerate(values.tolist())
        ]
        for name, values in _figures(counts.sum(axis=0)).items()
    }
    for name, part in (("precision", _TOLD), ("recall", _THERE)):
        intervals[name] = [
            widened_at_the_edge(each, number) for each, number in zip(intervals[name], images[:, part], strict=True)
        ]
    rows = [{name: intervals[name][row] for name in FIGURES} for row in range(counts.shape[1])]
    return OperatingPoint(
        score=score,
        overall=rows[len(classes)],
        per_class=dict(zip(classes, rows, strict=False)),
        by_size={
            name: {"recall": rows[row]["recall"], "objects": int(counts[:, row, _THERE].sum())}
            for row, name in enumerate(SIZES, start=len(classes) + 1)
        },
        confusion=sum(
            (_confusion(each, theirs, len(classes)) for each, theirs in zip(judged, truth, strict=True)),
            start=np.zeros((len(classes) + 1,) * 2, np.int64),
        ),
    )


def best_score(found: Sequence[Found], truth: Sequence[Truth], *, otherwise: float) -> float:
    """The score from which F1 over all classes is highest, midway to the next lower one; `otherwise` where nothing is
    found rightly.

    What is told at a score is never taken for something else because of what scores less, so the images are judged
    once.
    """
    judged = [outcomes(ours, theirs, score=0.0) for ours, theirs in zip(found, truth, strict=True)]
    there = sum(int((~each.ignored).sum()) for each in truth)
    right = np.concatenate([np.zeros(0, bool), *(_right(*pair) for pair in zip(judged, truth, strict=True))])
    told = np.concatenate([np.zeros(0, bool), *(~each.spared for each in judged)])
    if not right.any():
        return otherwise
    scores = np.concatenate([each.told.scores for each in judged])
    order = np.argsort(-scores, kind="stable")
    levels = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)  # the last detection of each score
    f1 = 2 * np.cumsum(right[order])[levels] / (np.cumsum(told[order])[levels] + there)
    reached = scores[order][levels]
    between = (reached + np.append(reached[1:], 0.0)) / 2
    return float(between[f1.argmax()])


def _right(judged: Outcomes, truth: Truth) -> np.ndarray:
    """Which of those told took an object of their class, (N,) bool."""
    took = judged.object_of != NOTHING
    right = np.zeros(len(took), bool)
    right[took] = judged.told.labels[took] == truth.labels[judged.object_of[took]]
    return right


def _counts(judged: Outcomes, truth: Truth, num_classes: int) -> np.ndarray:
    """(K + 1 + sizes, 3) of an image: right, told, there; by class, in all, and by size (of which nothing is told)."""
    labels, right = judged.told.labels, _right(judged, truth)
    counted = ~truth.ignored
    hit = np.zeros(len(counted), bool)
    hit[judged.object_of[right]] = True
    by_class = np.stack(
        [
            np.bincount(each, minlength=num_classes)
            for each in (labels[right], labels[~judged.spared], truth.labels[counted])
        ],
        axis=1,
    )
    inside = [(truth.areas >= low) & (truth.areas <= high) for low, high in SIZES.values()]
    by_size = [(int((hit & each).sum()), 0, int((counted & each).sum())) for each in inside]
    return np.concatenate([by_class, by_class.sum(axis=0, keepdims=True), by_size])


def _figures(counts: np.ndarray) -> dict[str, np.ndarray]:
    """Right, told and there (…, 3) -> the three figures (…)."""
    right, told, there = np.moveaxis(counts, -1, 0)
    return {
        "precision": _share(right, told),
        "recall": _share(right, there),
        "f1": _share(2 * right, told + there),
    }


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """NaN of nothing."""
    share: np.ndarray = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    return share


def _confusion(judged: Outcomes, truth: Truth, num_classes: int) -> np.ndarray:
    """(K + 1, K + 1) of an image."""
    told, took = judged.told.labels, judged.object_of != NOTHING
    invented, missed = ~took & ~judged.spared, (judged.detection_of == NOTHING) & ~truth.ignored
    counts = np.zeros((num_classes + 1,) * 2, np.int64)
    np.add.at(counts, (truth.labels[judged.object_of[took]], told[took]), 1)
    np.add.at(counts, (num_classes, told[invented]), 1)
    np.add.at(counts, (truth.labels[missed], num_classes), 1)
    return counts

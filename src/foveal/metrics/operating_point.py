"""A detector at one score threshold: precision, recall, F1 and the confusion matrix. N images, K classes.

r resamples at once. `outcomes.py` matches detections to objects.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from foveal.metrics.interval import Interval, percentile_interval, resample_counts, widened_at_the_edge
from foveal.metrics.matching import AREAS, Detections, GroundTruth
from foveal.metrics.outcomes import UNMATCHED, Outcomes, outcomes

RESAMPLES = 1000
SIZES = {"small": AREAS[1], "medium": AREAS[2], "large": AREAS[3]}
"""COCO's, in square pixels; both ends belong to a size."""
FIGURES = ("precision", "recall", "f1")
BACKGROUND = "background"
"""The name of the confusion matrix's last row and column."""
_RIGHT, _PREDICTED, _OBJECTS = range(3)


@dataclass(frozen=True, kw_only=True)
class OperatingPoint:
    """What `operating_point` returns."""

    score: float
    """The score from which detections count."""
    overall: dict[str, Interval]
    """precision, recall and f1 over the objects of all classes together."""
    per_class: dict[str, dict[str, Interval]]
    """The same by class."""
    by_size: dict[str, dict[str, Interval | int]]
    """For each of `SIZES`: recall, and how many objects there were."""
    confusion: np.ndarray
    """(K + 1, K + 1): rows are the ground truth, columns the predictions. The last row has the false positives, the
    last column the false negatives."""

    def to_json(self) -> dict[str, Any]:
        """The threshold, the sizes and the confusion; the other figures stand with the average precisions."""
        sizes = {
            name: {key: each.to_json() if isinstance(each, Interval) else each for key, each in figures.items()}
            for name, figures in self.by_size.items()
        }
        return {"score_threshold": self.score, "recall_by_size": sizes, "confusion": self.confusion.tolist()}


def operating_point(
    found: Sequence[Detections],
    ground_truth: Sequence[GroundTruth],
    *,
    classes: Sequence[str],
    score: float,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> OperatingPoint:
    """Of the detections with that score or a higher one, with percentile bootstrap intervals over images.

    precision: true positives over detections. recall: true positives over objects. f1: their harmonic mean. Each is NaN
    where it would divide by 0. Neither ignored objects nor detections on them count.
    """
    matched = [outcomes(ours, theirs, score=score) for ours, theirs in zip(found, ground_truth, strict=True)]
    counts = np.array(
        [_counts(each, theirs, len(classes)) for each, theirs in zip(matched, ground_truth, strict=True)], np.float64
    ).reshape(len(ground_truth), -1, 3)
    blocks = resample_counts(len(ground_truth), resamples=resamples, seed=seed) if ground_truth else ()
    samples = [_figures(np.tensordot(drawn.T, counts, axes=1)) for drawn in blocks]
    images = (counts > 0).sum(axis=0)  # the images, not the objects in one, are independent of each other
    intervals = {
        name: [
            percentile_interval(value, np.concatenate([np.zeros(0), *(block[name][:, row] for block in samples)]))
            for row, value in enumerate(values.tolist())
        ]
        for name, values in _figures(counts.sum(axis=0)).items()
    }
    for name, part in (("precision", _PREDICTED), ("recall", _OBJECTS)):
        intervals[name] = [
            widened_at_the_edge(each, number) for each, number in zip(intervals[name], images[:, part], strict=True)
        ]
    rows = [{name: intervals[name][row] for name in FIGURES} for row in range(counts.shape[1])]
    return OperatingPoint(
        score=score,
        overall=rows[len(classes)],
        per_class=dict(zip(classes, rows, strict=False)),
        by_size={
            name: {"recall": rows[row]["recall"], "objects": int(counts[:, row, _OBJECTS].sum())}
            for row, name in enumerate(SIZES, start=len(classes) + 1)
        },
        confusion=sum(
            (_confusion(each, theirs, len(classes)) for each, theirs in zip(matched, ground_truth, strict=True)),
            start=np.zeros((len(classes) + 1,) * 2, np.int64),
        ),
    )


def best_score(found: Sequence[Detections], ground_truth: Sequence[GroundTruth], *, otherwise: float) -> float:
    """The score from which F1 over all classes is highest, midway to the next lower one; `otherwise` where nothing is
    found.

    What a detection is matched to does not depend on those that score less, so the images are matched once.
    """
    matched = [outcomes(ours, theirs, score=0.0) for ours, theirs in zip(found, ground_truth, strict=True)]
    objects = sum(int((~each.ignored).sum()) for each in ground_truth)
    right = np.concatenate([np.zeros(0, bool), *(_right(*pair) for pair in zip(matched, ground_truth, strict=True))])
    predicted = np.concatenate([np.zeros(0, bool), *(~each.ignored for each in matched)])
    if not right.any():
        return otherwise
    scores = np.concatenate([each.detections.scores for each in matched])
    order = np.argsort(-scores, kind="stable")
    levels = np.append(np.flatnonzero(np.diff(scores[order])), len(scores) - 1)  # the last detection of each score
    f1 = 2 * np.cumsum(right[order])[levels] / (np.cumsum(predicted[order])[levels] + objects)
    reached = scores[order][levels]
    between = (reached + np.append(reached[1:], 0.0)) / 2
    return float(between[f1.argmax()])


def _right(matched: Outcomes, ground_truth: GroundTruth) -> np.ndarray:
    """Which detections are matched to an object of their class, (N,) bool."""
    is_matched = matched.object_of != UNMATCHED
    right = np.zeros(len(is_matched), bool)
    right[is_matched] = matched.detections.labels[is_matched] == ground_truth.labels[matched.object_of[is_matched]]
    return right


def _counts(matched: Outcomes, ground_truth: GroundTruth, num_classes: int) -> np.ndarray:
    """(K + 1 + sizes, 3) of an image: right, predicted, objects; by class, in all, and by size (predicted is 0)."""
    labels, right = matched.detections.labels, _right(matched, ground_truth)
    counted = ~ground_truth.ignored
    hit = np.zeros(len(counted), bool)
    hit[matched.object_of[right]] = True
    by_class = np.stack(
        [
            np.bincount(each, minlength=num_classes)
            for each in (labels[right], labels[~matched.ignored], ground_truth.labels[counted])
        ],
        axis=1,
    )
    inside = [(ground_truth.areas >= low) & (ground_truth.areas <= high) for low, high in SIZES.values()]
    by_size = [(int((hit & each).sum()), 0, int((counted & each).sum())) for each in inside]
    return np.concatenate([by_class, by_class.sum(axis=0, keepdims=True), by_size])


def _figures(counts: np.ndarray) -> dict[str, np.ndarray]:
    """Right, predicted and objects (…, 3) -> the three metrics (…)."""
    right, predicted, objects = np.moveaxis(counts, -1, 0)
    return {
        "precision": _share(right, predicted),
        "recall": _share(right, objects),
        "f1": _share(2 * right, predicted + objects),
    }


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """NaN where `whole` is 0."""
    share: np.ndarray = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    return share


def _confusion(matched: Outcomes, ground_truth: GroundTruth, num_classes: int) -> np.ndarray:
    """(K + 1, K + 1) of an image."""
    predicted, is_matched = matched.detections.labels, matched.object_of != UNMATCHED
    false_positives, false_negatives = (
        ~is_matched & ~matched.ignored,
        (matched.detection_of == UNMATCHED) & ~ground_truth.ignored,
    )
    counts = np.zeros((num_classes + 1,) * 2, np.int64)
    np.add.at(counts, (ground_truth.labels[matched.object_of[is_matched]], predicted[is_matched]), 1)
    np.add.at(counts, (num_classes, predicted[false_positives]), 1)
    np.add.at(counts, (ground_truth.labels[false_negatives], num_classes), 1)
    return counts

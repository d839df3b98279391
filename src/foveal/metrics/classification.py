"""The metrics of a classifier with 95 % bootstrap intervals. N items, K classes, r resamples at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from foveal.errors import UsageError
from foveal.metrics.calibration import Calibration, calibration_gaps, measure_calibration
from foveal.metrics.interval import Interval, percentile_interval, resample_counts, widened_at_the_edge
from foveal.metrics.ranking import Ranking, rank, ranking_metrics

TOP = 5
RANKING_WORK = 1_000_000_000
"""N·K·R that ranking metrics may cost: a few seconds."""
MIN_RANKING_RESAMPLES = 100

Sampled = dict[str, np.ndarray]
"""Metrics by name, (r,) for all items or (K, r) by class; NaN where undefined."""


@dataclass(frozen=True, kw_only=True)
class ClassificationMetrics:
    """What `classification_metrics` returns; docs/metrics.md has each formula."""

    num_items: int
    overall: dict[str, Interval]
    """accuracy, top5 (more than five classes), the macro averages, log_loss, ece."""
    per_class: dict[str, dict[str, Interval | int]]
    """By class name: precision, recall, f1, auroc, average_precision, and the count `support`."""
    confusion: np.ndarray
    """(K, K) items; rows are the ground truth, columns the predictions."""
    calibration: Calibration
    resamples: int
    ranking_resamples: int
    """Resamples behind the intervals of AUROC and average precision."""

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON; null for what is undefined."""
        return {
            "num_items": self.num_items,
            "overall": {name: interval.to_json() for name, interval in self.overall.items()},
            "per_class": {
                name: {key: each if isinstance(each, int) else each.to_json() for key, each in metrics.items()}
                for name, metrics in self.per_class.items()
            },
            "confusion": self.confusion.tolist(),
            "calibration": self.calibration.to_json(),
            "resamples": self.resamples,
            "ranking_resamples": self.ranking_resamples,
        }


def classification_metrics(
    probs: np.ndarray,
    labels: np.ndarray,
    *,
    classes: Sequence[str],
    resamples: int = 1000,
    seed: int = 0,
) -> ClassificationMetrics:
    """All metrics of `probs: (N, K)` against `labels: (N,)`, with percentile bootstrap intervals over items.

    The prediction is the class of the highest probability, the first of equals. A class that no label has is
    undefined in every metric: NaN, and left out of the macro averages; within a resample likewise. A class
    that is never predicted has precision 0. Log loss takes probabilities below the dtype's epsilon as that.

    AUROC and average precision cost N·K a resample; they take the first `RANKING_WORK` / (N·K) resamples, but
    100 at least. `resamples=0` gives values alone, without intervals. Memory is about that of `probs` in
    float32 over again. Raises UsageError for arrays that don't fit each other or aren't probabilities.
    """
    probs, labels = _checked(probs, labels, classes, resamples)
    num_items, num_classes = probs.shape
    ranking_resamples = min(resamples, max(MIN_RANKING_RESAMPLES, RANKING_WORK // probs.size))
    items = _Items.of(probs, labels)
    rankings = [rank(probs[:, k], labels == k) for k in range(num_classes)]

    once = np.ones((num_items, 1))
    value = {**items.metrics(once), **_ranking_metrics(rankings, once)}
    blocks: list[Sampled] = []
    ranking_blocks: list[Sampled] = []
    left = ranking_resamples
    for counts in resample_counts(num_items, resamples=resamples, seed=seed):
        blocks.append(items.metrics(counts))
        if left > 0:
            ranking_blocks.append(_ranking_metrics(rankings, counts[:, :left]))
            left -= counts.shape[1]
    intervals = _intervals(value, {**_joined(blocks), **_joined(ranking_blocks)})
    support = np.bincount(labels, minlength=num_classes)
    predicted = np.bincount(items.predicted, minlength=num_classes)
    shares_of: dict[str, list[int]] = {
        "accuracy": [num_items],
        "top5": [num_items],
        "recall": support.tolist(),
        "precision": predicted.tolist(),
    }
    for name in shares_of.keys() & intervals.keys():
        pairs = zip(intervals[name], shares_of[name], strict=True)
        intervals[name] = [widened_at_the_edge(each, max(1, count)) for each, count in pairs]
    return ClassificationMetrics(
        num_items=num_items,
        overall={name: intervals[name][0] for name in _OVERALL if name in intervals},
        per_class={
            name: {**{metric: intervals[metric][k] for metric in _PER_CLASS}, "support": int(support[k])}
            for k, name in enumerate(classes)
        },
        confusion=np.bincount(labels * num_classes + items.predicted, minlength=num_classes**2).reshape(
            num_classes, num_classes
        ),
        calibration=measure_calibration(items.confidence, items.predicted == labels),
        resamples=resamples,
        ranking_resamples=ranking_resamples,
    )


_PER_CLASS = ("precision", "recall", "f1", "auroc", "average_precision")
_OVERALL = ("accuracy", "top5", *(f"{name}_macro" for name in _PER_CLASS), "log_loss", "ece")


@dataclass(frozen=True, kw_only=True)
class _Items:
    """What each item adds to the metrics that need no ranking."""

    predicted: np.ndarray
    confidence: np.ndarray
    means: dict[str, np.ndarray]
    """(N,) by name: metrics that are means over items."""
    gaps: np.ndarray
    members: list[tuple[np.ndarray, np.ndarray, np.ndarray]]
    """By class: the items that have it, that are predicted to, and both."""

    @classmethod
    def of(cls, probs: np.ndarray, labels: np.ndarray) -> "_Items":
        predicted = probs.argmax(axis=1)
        confidence = probs.max(axis=1)
        of_label = np.take_along_axis(probs, labels[:, None], axis=1)
        epsilon = np.finfo(probs.dtype).eps
        means = {
            "accuracy": predicted == labels,
            "log_loss": np.abs(np.log(np.clip(of_label[:, 0], epsilon, 1).astype(np.float64))),
        }
        if probs.shape[1] > TOP:
            earlier = np.arange(probs.shape[1]) < labels[:, None]
            better = (probs > of_label) | ((probs == of_label) & earlier)
            means["top5"] = better.sum(axis=1) < TOP
        return cls(
            predicted=predicted,
            confidence=confidence,
            means={name: each.astype(np.float64) for name, each in means.items()},
            gaps=calibration_gaps(confidence, predicted == labels),
            members=[
                (true, predicted, np.intersect1d(true, predicted, assume_unique=True))
                for true, predicted in zip(
                    _members(labels, probs.shape[1]), _members(predicted, probs.shape[1]), strict=True
                )
            ],
        )

    def metrics(self, counts: np.ndarray) -> Sampled:
        """All metrics but the ranking ones, of resamples given as `counts: (N, r)`."""
        num_items = len(counts)
        sums = [[counts[each].sum(axis=0) for each in member] for member in self.members]
        support, predicted, hits = np.moveaxis(np.array(sums), 1, 0)  # (K, 3, r) -> 3 × (K, r)
        with np.errstate(invalid="ignore"):
            recall = hits / support
        by_class = {
            "precision": np.where(support > 0, hits / np.maximum(predicted, 1), np.nan),
            "recall": recall,
            "f1": np.where(support > 0, 2 * hits / np.maximum(support + predicted, 1), np.nan),
        }
        return {
            **{name: each @ counts / num_items for name, each in self.means.items()},
            "ece": np.abs(self.gaps @ counts).sum(axis=0) / num_items,
            **_with_macro(by_class),
        }


def _ranking_metrics(rankings: list[Ranking], counts: np.ndarray) -> Sampled:
    auroc, average_precision = zip(*(ranking_metrics(each, counts) for each in rankings), strict=True)
    return _with_macro({"auroc": np.array(auroc), "average_precision": np.array(average_precision)})


def _with_macro(by_class: Sampled) -> Sampled:
    """The metrics (K, r) and beside each its mean over the classes in which it is defined, (r,)."""
    macro = {}
    for name, each in by_class.items():
        defined = ~np.isnan(each)
        with np.errstate(invalid="ignore"):
            macro[f"{name}_macro"] = np.where(defined, each, 0).sum(axis=0) / defined.sum(axis=0)
    return {**by_class, **macro}


def _members(classes_of_items: np.ndarray, num_classes: int) -> list[np.ndarray]:
    """The items of each class, in their order."""
    order = np.argsort(classes_of_items, kind="stable")
    return np.split(order, np.searchsorted(classes_of_items[order], np.arange(1, num_classes)))


def _joined(blocks: list[Sampled]) -> Sampled:
    """Blocks of resamples end to end."""
    names = blocks[0] if blocks else ()
    return {name: np.concatenate([block[name] for block in blocks], axis=-1) for name in names}


def _intervals(value: Sampled, samples: Sampled) -> dict[str, list[Interval]]:
    """By metric, one interval for all items or one a class."""
    found = {}
    for name, each in value.items():
        rows = np.atleast_2d(samples.get(name, np.empty((each.size, 0))))
        found[name] = [percentile_interval(*pair) for pair in zip(each.ravel().tolist(), rows, strict=True)]
    return found


def _checked(
    probs: np.ndarray, labels: np.ndarray, classes: Sequence[str], resamples: int
) -> tuple[np.ndarray, np.ndarray]:
    probs, labels = np.asarray(probs), np.asarray(labels)
    num_classes = len(classes)
    if probs.ndim != 2 or probs.shape[1] != num_classes or labels.shape != probs.shape[:1] or not probs.size:
        raise UsageError(
            f"expected probs (N, {num_classes}) and labels (N,) for {num_classes} classes, N at least 1; "
            f"got probs {probs.shape} and labels {labels.shape}"
        )
    if len(set(classes)) < num_classes:
        raise UsageError("class names must differ from each other")
    if probs.dtype.kind != "f" or labels.dtype.kind not in "iu":
        raise UsageError(f"expected float probs and integer labels, got {probs.dtype} and {labels.dtype}")
    if labels.min() < 0 or labels.max() >= num_classes:
        raise UsageError(f"labels must be 0 to {num_classes - 1}, got {labels.min()} to {labels.max()}")
    # Written so that NaN fails; 1e-2 lets rows pass that were rounded to half precision.
    if not (probs.min() >= 0 and np.abs(probs.sum(axis=1, dtype=np.float64) - 1).max() <= 1e-2):
        raise UsageError(
            "probs must be 0 or more, with rows that sum to 1 (a softmax of the logits); "
            f"got values from {probs.min()} to {probs.max()}"
        )
    if resamples < 0:
        raise UsageError(f"resamples must be 0 or more, got {resamples}")
    return probs, labels.astype(np.int64)

"""The metrics of several labels an item, with 95 % bootstrap intervals.

N items, K labels, r resamples at once.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from foveal.errors import UsageError
from foveal.metrics.interval import Interval, percentile_interval, resample_counts, widened_at_the_edge
from foveal.metrics.ranking import Ranking, rank, ranking_metrics

RESAMPLES = 1000
RANKING_WORK = 1_000_000_000
"""N·K·R that average precisions may cost: a few seconds."""
MIN_RANKING_RESAMPLES = 100
RECALLS = np.linspace(0, 1, 101)
"""At which precision is recorded for drawing."""
UNDECIDED = 0.5
"""The threshold of a label without positive items."""
FIGURES = ("average_precision", "precision", "recall", "f1")

Sampled = dict[str, np.ndarray]
"""Metrics by name, (K, r) by label or (1, r) of all; NaN where undefined."""


@dataclass(frozen=True, kw_only=True)
class LabelMetrics:
    """What `label_metrics` returns; docs/metrics.md has each formula."""

    num_items: int
    overall: dict[str, Interval]
    """mAP, f1_micro, f1_macro, precision_micro and recall_micro."""
    per_class: dict[str, dict[str, Interval | float | int]]
    """By label: `FIGURES` with intervals, its threshold, and the count `support`."""
    precision_by_recall: dict[str, list[float] | None]
    """By label, the highest precision with which each of `RECALLS` is reached; None where no item has it."""
    ranking_resamples: int
    """Resamples behind the intervals of average precisions."""

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON; null for what is undefined."""
        known = [each for each in self.precision_by_recall.values() if each is not None]
        return {
            "num_items": self.num_items,
            "overall": {name: interval.to_json() for name, interval in self.overall.items()},
            "per_class": {
                name: {key: each.to_json() if isinstance(each, Interval) else each for key, each in figures.items()}
                for name, figures in self.per_class.items()
            },
            "precision_by_recall": {
                "recall": RECALLS.round(2).tolist(),
                "per_class": self.precision_by_recall,
                "mean": np.mean(known, axis=0).tolist() if known else None,
            },
            "ranking_resamples": self.ranking_resamples,
        }


def label_metrics(
    probs: np.ndarray,
    targets: np.ndarray,
    *,
    classes: Sequence[str],
    thresholds: Sequence[float],
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> LabelMetrics:
    """All metrics of `probs: (N, K)`, 0 to 1, against `targets: (N, K)` bool, with intervals over items.

    thresholds: of each label, the probability from which it is predicted. A label that no item has is undefined in
    every metric of its own, and left out of the means; within a resample likewise. One that is never predicted has
    precision 0. `resamples=0` gives values alone. Raises UsageError for arrays that don't fit.
    """
    probs, targets = _checked(probs, targets, classes, thresholds)
    predicted = probs >= np.asarray(thresholds)
    rankings = [rank(probs[:, k], targets[:, k]) for k in range(len(classes))]
    once = np.ones((len(probs), 1))
    value = {**_at_thresholds(predicted, targets, once), **_average_precisions(rankings, once)}
    ranking_resamples = left = min(resamples, max(MIN_RANKING_RESAMPLES, RANKING_WORK // probs.size))
    blocks: list[Sampled] = []
    for counts in resample_counts(len(probs), resamples=resamples, seed=seed):
        blocks.append(_at_thresholds(predicted, targets, counts))
        if left > 0:
            blocks[-1] |= _average_precisions(rankings, counts[:, :left])
            left -= counts.shape[1]
    intervals = {
        name: [
            percentile_interval(
                float(each[row, 0]), np.concatenate([np.zeros(0), *(b[name][row] for b in blocks if name in b)])
            )
            for row in range(len(each))
        ]
        for name, each in value.items()
    }
    support, num_predicted = targets.sum(axis=0), predicted.sum(axis=0)
    for name, shares_of in (("recall", support), ("precision", num_predicted)):
        pairs = zip(intervals[name], shares_of.tolist(), strict=True)
        intervals[name] = [widened_at_the_edge(each, max(1, count)) for each, count in pairs]
    return LabelMetrics(
        num_items=len(probs),
        overall={
            name: intervals[name][0] for name in ("mAP", "f1_micro", "f1_macro", "precision_micro", "recall_micro")
        },
        per_class={
            name: {
                **{key: intervals[key][k] for key in FIGURES},
                "threshold": float(thresholds[k]),
                "support": int(support[k]),
            }
            for k, name in enumerate(classes)
        },
        precision_by_recall={name: _curve(probs[:, k], targets[:, k]) for k, name in enumerate(classes)},
        ranking_resamples=ranking_resamples,
    )


def best_thresholds(probs: np.ndarray, targets: np.ndarray) -> np.ndarray:
    """(K,): for each label the threshold of the highest F1; probs (N, K), targets (N, K) bool.

    Midway between the lowest probability predicted as the label and the next one below, or 0; of equal F1s the one
    nearest to `UNDECIDED`, which it also is where no item has the label.
    """
    found = [_best_threshold(probs[:, k], targets[:, k]) for k in range(probs.shape[1])]
    return np.array(found)


def _best_threshold(probs: np.ndarray, target: np.ndarray) -> float:
    if not target.any():
        return UNDECIDED
    levels, hits, predicted = _levels(probs, target)
    f1 = 2 * hits / (predicted + target.sum())
    between = (levels + np.append(levels[1:], 0)) / 2
    best = between[f1 >= f1.max() - 1e-12]
    return float(best[np.abs(best - UNDECIDED).argmin()])


def _levels(probs: np.ndarray, target: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """The distinct probabilities, from the highest on; how many items with the label, and how many in all, reach each
    of them."""
    order = np.argsort(-probs, kind="stable")
    ordered = probs[order]
    last = np.append(np.flatnonzero(np.diff(ordered)), len(ordered) - 1)  # of each level
    return ordered[last], np.cumsum(target[order])[last], last + 1


def _curve(probs: np.ndarray, target: np.ndarray) -> list[float] | None:
    if not target.any():
        return None
    _, hits, predicted = _levels(probs, target)
    recall, precision = hits / target.sum(), hits / predicted
    highest = np.maximum.accumulate(precision[::-1])[::-1]
    reached: list[float] = highest[np.searchsorted(recall, RECALLS - 1e-9)].round(6).tolist()
    return reached


def _at_thresholds(predicted: np.ndarray, targets: np.ndarray, counts: np.ndarray) -> Sampled:
    """Of resamples given as `counts: (N, r)`."""
    support, num_predicted, hits = (
        each.astype(np.float64).T @ counts for each in (targets, predicted, predicted & targets)
    )  # (K, r)
    some = support > 0
    by_label = {
        "precision": np.where(some, hits / np.maximum(num_predicted, 1), np.nan),
        "recall": np.divide(hits, support, out=np.full(hits.shape, np.nan), where=some),
        "f1": np.where(some, 2 * hits / np.maximum(support + num_predicted, 1), np.nan),
    }
    all_support, all_predicted, all_hits = (each.sum(axis=0, keepdims=True) for each in (support, num_predicted, hits))
    return {
        **by_label,
        "f1_macro": _mean(by_label["f1"]),
        "f1_micro": _share(2 * all_hits, all_support + all_predicted),
        "precision_micro": _share(all_hits, all_predicted),
        "recall_micro": _share(all_hits, all_support),
    }


def _average_precisions(rankings: Sequence[Ranking], counts: np.ndarray) -> Sampled:
    by_label = np.array([ranking_metrics(each, counts)[1] for each in rankings])
    return {"average_precision": by_label, "mAP": _mean(by_label)}


def _share(part: np.ndarray, whole: np.ndarray) -> np.ndarray:
    """NaN where `whole` is 0."""
    share: np.ndarray = np.divide(part, whole, out=np.full(part.shape, np.nan), where=whole > 0)
    return share


def _mean(by_label: np.ndarray) -> np.ndarray:
    """(K, r) -> (1, r): over the labels that are defined."""
    defined = ~np.isnan(by_label)
    return _share(
        np.where(defined, by_label, 0).sum(axis=0, keepdims=True), defined.sum(axis=0, keepdims=True).astype(np.float64)
    )


def _checked(
    probs: np.ndarray, targets: np.ndarray, classes: Sequence[str], thresholds: Sequence[float]
) -> tuple[np.ndarray, np.ndarray]:
    probs, targets = np.asarray(probs), np.asarray(targets)
    expected = (len(probs), len(classes))
    if probs.shape != expected or targets.shape != expected or not probs.size or len(thresholds) != len(classes):
        raise UsageError(
            f"expected probs and targets (N, {len(classes)}) and as many thresholds, N at least 1; got {probs.shape}, "
            f"{targets.shape} and {len(thresholds)} thresholds"
        )
    if targets.dtype != bool or not (probs.min() >= 0 and probs.max() <= 1):
        raise UsageError(
            f"expected probs from 0 to 1 and bool targets, got {probs.min()} to {probs.max()} and {targets.dtype}"
        )
    return probs, targets

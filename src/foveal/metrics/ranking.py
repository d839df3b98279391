"""AUROC and average precision of one class against the rest, for many resamples of the items at once.

N items, P positives among them, r resamples. Scores are sorted once; each resample is then a column of
counts, and both metrics are sums over the positives of cumulative counts at the ends of their group of tied
scores.
"""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True, slots=True)
class Ranking:
    """Items from the highest score to the lowest, and where each positive's group of equal scores lies."""

    order: np.ndarray
    """(N,): items, best first."""
    positives: np.ndarray
    """(P,): positions of the positives in `order`."""
    above: np.ndarray
    """(P,): items with a higher score than each positive."""
    through: np.ndarray
    """(P,): items with a higher or equal score."""
    positives_through: np.ndarray
    """(P,): positives with a higher or equal score."""


def rank(scores: np.ndarray, positive: np.ndarray) -> Ranking:
    """The ranking of `scores: (N,)`, high for the class, with `positive: (N,)` bool."""
    order = np.argsort(-scores).astype(np.int32)
    positives = np.flatnonzero(positive[order])
    ascending = -scores[order]
    above = np.searchsorted(ascending, ascending[positives], side="left")
    through = np.searchsorted(ascending, ascending[positives], side="right")
    return Ranking(order, positives, above, through, np.searchsorted(positives, through))


def ranking_metrics(ranking: Ranking, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """AUROC and average precision, (r,) each, of resamples given as `counts: (N, r)`; NaN where undefined.

    AUROC is the chance that a positive scores higher than a negative, ties counting half (Mann & Whitney
    1947); undefined without positives or without negatives. Average precision is Σ (R_n - R_n-1)·P_n over the
    distinct thresholds, a step function without interpolation, undefined without positives. Both as in
    scikit-learn.
    """
    ordered = counts[ranking.order]
    weights = ordered[ranking.positives]
    items = _cumulative(ordered)
    hits = _cumulative(weights)
    total, num_positive = items[-1], hits[-1]
    num_negative = total - num_positive
    above, through = items[ranking.above], items[ranking.through]

    # Each positive's rank from the bottom, ties at their middle, counts positives too: P²/2 pairs in all.
    pairs = np.einsum("pr,pr->r", weights, total - (above + through) / 2) - num_positive**2 / 2
    precision = hits[ranking.positives_through] / np.maximum(through, 1)  # 0 only where the weight is 0 too
    gained = np.einsum("pr,pr->r", weights, precision)
    with np.errstate(invalid="ignore"):
        return pairs / (num_positive * num_negative), gained / num_positive


def _cumulative(counts: np.ndarray) -> np.ndarray:
    """Sums of the first 0, 1, … rows, (n, r) -> (n + 1, r)."""
    sums = np.zeros((len(counts) + 1, counts.shape[1]))
    np.cumsum(counts, axis=0, out=sums[1:])
    return sums

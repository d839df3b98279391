"""The metrics of predicted numbers, with 95 % bootstrap intervals. N items, T targets, r resamples at once."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from foveal.errors import UsageError
from foveal.metrics.interval import Interval, percentile_interval, resample_counts

RESAMPLES = 1000
FIGURES = ("mae", "rmse", "r2")


@dataclass(frozen=True, kw_only=True)
class RegressionMetrics:
    """What `regression_metrics` returns; docs/metrics.md has each formula."""

    num_items: int
    overall: dict[str, Interval]
    """Of one target its figures; of several relative_mae and r2, the means over targets."""
    per_target: dict[str, dict[str, Interval]]
    """By name: mae and rmse in the target's unit, and r2."""
    stds: dict[str, float]
    """By name: the standard deviation that relative_mae divides by."""

    def to_json(self) -> dict[str, Any]:
        """Plain values for JSON; null for what is undefined."""
        return {
            "num_items": self.num_items,
            "overall": {name: interval.to_json() for name, interval in self.overall.items()},
            "per_target": {
                name: {key: each.to_json() for key, each in figures.items()}
                for name, figures in self.per_target.items()
            },
            "spreads": self.stds,
        }


def regression_metrics(
    predictions: np.ndarray,
    targets: np.ndarray,
    *,
    names: Sequence[str],
    stds: Sequence[float],
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> RegressionMetrics:
    """All metrics of `predictions` against `targets`, both (N, T) in the targets' units, with intervals over items.

    stds: the standard deviation of each target, above 0; relative_mae is the mean over targets of the MAE as a share of
    it. R² is undefined where all values of a target are the same. `resamples=0` gives values alone. Raises
    UsageError for arrays that don't fit.
    """
    predictions, targets = np.asarray(predictions, np.float64), np.asarray(targets, np.float64)
    if targets.ndim != 2 or predictions.shape != targets.shape or targets.shape[1] != len(names) or not targets.size:
        raise UsageError(
            f"expected two arrays (N, {len(names)}) for {len(names)} targets, N at least 1; got {predictions.shape} "
            f"and {targets.shape}"
        )
    if not (np.isfinite(predictions).all() and np.isfinite(targets).all()):
        raise UsageError("expected finite numbers in both arrays")
    errors, centred = predictions - targets, targets - targets.mean(axis=0)
    scale = np.array(stds, np.float64)
    once = np.ones((len(targets), 1))
    value = _figures(errors, centred, scale, once)
    blocks = [
        _figures(errors, centred, scale, counts)
        for counts in resample_counts(len(targets), resamples=resamples, seed=seed)
    ]
    intervals = {
        name: [
            percentile_interval(
                float(each[row, 0]), np.concatenate([np.zeros(0), *(block[name][row] for block in blocks)])
            )
            for row in range(len(each))
        ]
        for name, each in value.items()
    }
    per_target = {name: {key: intervals[key][row] for key in FIGURES} for row, name in enumerate(names)}
    overall = {"relative_mae": intervals["relative_mae"][0], "r2": intervals["mean_r2"][0]}
    return RegressionMetrics(
        num_items=len(targets),
        overall=dict(per_target[names[0]]) if len(names) == 1 else overall,
        per_target=per_target,
        stds=dict(zip(names, scale.tolist(), strict=True)),
    )


def _figures(errors: np.ndarray, centred: np.ndarray, scale: np.ndarray, counts: np.ndarray) -> dict[str, np.ndarray]:
    """By name (T, r), and the means over targets (1, r), of resamples given as `counts: (N, r)`.

    errors and centred: (N, T); targets minus their mean, so that their variance loses nothing in the difference.
    """
    items = counts.sum(axis=0)
    mae = np.abs(errors).T @ counts / items
    squares = (errors**2).T @ counts
    around = (centred**2).T @ counts - (centred.T @ counts) ** 2 / items
    varies = around > 1e-12 * np.maximum((centred**2).sum(axis=0), 1e-300)[:, None]
    r2 = 1 - np.divide(squares, around, out=np.full(squares.shape, np.nan), where=varies)
    return {
        "mae": mae,
        "rmse": np.sqrt(squares / items),
        "r2": r2,
        "relative_mae": (mae / scale[:, None]).mean(axis=0, keepdims=True),
        "mean_r2": r2.mean(axis=0, keepdims=True),
    }

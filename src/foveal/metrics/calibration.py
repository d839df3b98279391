"""Calibration: bins of confidence with their accuracy, and the expected calibration error."""

import math
from dataclasses import dataclass
from typing import Any

import numpy as np

NUM_BINS = 15
"""As in Guo et al. 2017, arXiv:1706.04599, section 4."""

_EDGES = np.linspace(0, 1, NUM_BINS + 1)


@dataclass(frozen=True, slots=True)
class Calibration:
    """A reliability diagram: 15 bins of equal width, each open on the left and closed on the right."""

    confidence: np.ndarray
    """(15,): mean confidence of the bin's items; NaN in an empty bin."""
    accuracy: np.ndarray
    """(15,): share of them predicted right; NaN in an empty bin."""
    count: np.ndarray
    """(15,): number of items."""

    def to_json(self) -> dict[str, Any]:
        """`{"bins": [{"low", "high", "confidence", "accuracy", "count"}, …]}`; an empty bin has null."""
        rows = zip(_EDGES[:-1], _EDGES[1:], self.confidence, self.accuracy, self.count, strict=True)
        return {
            "bins": [
                {
                    "low": float(low),
                    "high": float(high),
                    "confidence": None if math.isnan(confidence) else float(confidence),
                    "accuracy": None if math.isnan(accuracy) else float(accuracy),
                    "count": int(count),
                }
                for low, high, confidence, accuracy, count in rows
            ]
        }


def calibration_bins(confidence: np.ndarray) -> np.ndarray:
    """The bin 0 to 14 of each confidence in (0, 1], (N,) -> (N,)."""
    return np.searchsorted(_EDGES[1:-1], confidence, side="left")


def measure_calibration(confidence: np.ndarray, correct: np.ndarray) -> Calibration:
    """The reliability diagram of `confidence: (N,)`, the predicted class's, and `correct: (N,)` bool."""
    bins = calibration_bins(confidence)
    count = np.bincount(bins, minlength=NUM_BINS)
    with np.errstate(invalid="ignore"):
        return Calibration(
            confidence=np.bincount(bins, confidence, minlength=NUM_BINS) / count,
            accuracy=np.bincount(bins, correct, minlength=NUM_BINS) / count,
            count=count,
        )


def calibration_gaps(confidence: np.ndarray, correct: np.ndarray) -> np.ndarray:
    """Each item's correct - confidence, in its bin's row and 0 elsewhere, (N,) -> (15, N).

    The expected calibration error is the sum over rows of the absolute row sum, divided by N (Guo et al., eq.
    3).
    """
    gaps = np.zeros((NUM_BINS, len(confidence)))
    gaps[calibration_bins(confidence), np.arange(len(confidence))] = correct - confidence.astype(np.float64)
    return gaps

"""A number with its 95 % interval, and the bootstrap that intervals come from. N items, R resamples."""

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

_CELLS = 2_000_000
"""Counts held at once: 16 MB as float64."""


@dataclass(frozen=True, slots=True)
class Interval:
    """A metric's value and the ends of its 95 % interval; NaN where undefined, which JSON has as null."""

    value: float
    low: float
    high: float

    @property
    def standard_error(self) -> float:
        """That of a normal distribution with these ends; 0 where they are undefined."""
        return 0.0 if math.isnan(self.high - self.low) else (self.high - self.low) / (2 * 1.96)

    def to_json(self) -> dict[str, float | None]:
        """`{"value": …, "low": …, "high": …}`."""
        ends = {"value": self.value, "low": self.low, "high": self.high}
        return {name: None if math.isnan(end) else end for name, end in ends.items()}


def percentile_interval(value: float, samples: np.ndarray) -> Interval:
    """`value` with the 2.5th and 97.5th percentile of `samples: (R,)`, linearly interpolated.

    Samples in which the metric is undefined (NaN) are left out; without any other the ends are NaN. Efron
    1979.
    """
    defined = samples[~np.isnan(samples)]
    if math.isnan(value) or not len(defined):
        return Interval(float(value), math.nan, math.nan)
    low, high = np.percentile(defined, [2.5, 97.5])
    return Interval(float(value), float(low), float(high))


def widened_at_the_edge(interval: Interval, num_items: int) -> Interval:
    """The interval of a share of `num_items`; of one that is 0 or 1 the exact one (Clopper & Pearson 1934).

    There all resamples are equal, and the bootstrap would claim certainty: no mistake in 20 items means only that the
    share of mistakes is below 17 %.
    """
    if interval.value not in (0.0, 1.0) or math.isnan(interval.low):
        return interval
    end = 0.025 ** (1 / num_items)
    return Interval(1.0, end, 1.0) if interval.value == 1 else Interval(0.0, 0.0, 1 - end)


def resample_counts(num_items: int, *, resamples: int, seed: int) -> Iterator[np.ndarray]:
    """How often each resample drew each item, (N, r) float64, in blocks of r resamples, R in all.

    Resample i is the i-th `integers(N, size=N)` of `numpy.random.default_rng(seed)`, independent of the blocks.
    Memory doesn't grow with R.
    """
    rng = np.random.default_rng(seed)
    block = max(1, _CELLS // num_items)
    for start in range(0, resamples, block):
        size = min(block, resamples - start)
        counts = np.empty((num_items, size))
        for column in range(size):
            counts[:, column] = np.bincount(rng.integers(num_items, size=num_items), minlength=num_items)
        yield counts

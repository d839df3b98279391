"""A figure over the folds of a cross-validation."""

import math
from collections.abc import Sequence

import numpy as np
from scipy.special import stdtrit

from foveal.metrics.interval import Interval


def interval_over_folds(values: Sequence[float | None]) -> Interval:
    """The mean of the folds' values, and its 95 % t-interval: mean ± t·s / √K (Student 1908).

    Folds in which the figure is undefined (None) are left out; where all others are equal, or there is only one, the
    ends are NaN: the standard deviation can't be estimated. The folds' networks learned from many of the same images,
    so their values are no independent draws, and no unbiased estimate of the mean's variance can be made from them
    (Bengio & Grandvalet 2004, JMLR 5): the interval tends to be too narrow. Ends may lie beyond 0 and 1.
    """
    defined = np.array([value for value in values if value is not None])
    count = len(defined)
    mean = float(defined.mean()) if count else math.nan
    if not count or np.ptp(defined) == 0:
        return Interval(mean, math.nan, math.nan)
    half = float(stdtrit(count - 1, 0.975) * defined.std(ddof=1) / math.sqrt(count))
    return Interval(mean, mean - half, mean + half)

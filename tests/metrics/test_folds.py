"""The interval over folds, against SciPy's."""

import math

import numpy as np
import pytest
from scipy import stats

from foveal.metrics.folds import interval_over_folds


@pytest.mark.parametrize("values", [[0.9, 0.8], [0.91, 0.87, 0.93, 0.9, 0.78], [0.2] * 3 + [0.4] * 7])
def test_the_interval_is_students(values: list[float]) -> None:
    found = interval_over_folds(values)
    low, high = stats.t.interval(0.95, len(values) - 1, loc=np.mean(values), scale=stats.sem(values))
    assert (found.low, found.high) == pytest.approx((low, high), rel=1e-12)
    assert found.value == pytest.approx(np.mean(values))
    assert interval_over_folds([*values, None]) == found


@pytest.mark.parametrize("values", [[0.5, None], [0.5, 0.5, 0.5]])
def test_folds_without_a_spread_give_no_interval(values: list[float | None]) -> None:
    """Ten perfect folds of ten images are not certain to stay perfect."""
    found = interval_over_folds(values)
    assert found.value == 0.5
    assert math.isnan(found.low)
    assert math.isnan(found.high)
    assert math.isnan(interval_over_folds([None, None]).value)

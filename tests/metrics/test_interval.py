"""Intervals and resamples."""

import math

import numpy as np
import pytest
from scipy.stats import beta

from foveal.metrics import interval
from foveal.metrics.interval import Interval, percentile_interval, resample_counts, widened_at_the_edge


def test_json_has_null_for_what_is_undefined() -> None:
    assert Interval(0.5, 0.25, 0.75).to_json() == {"value": 0.5, "low": 0.25, "high": 0.75}
    assert Interval(0.5, math.nan, math.nan).to_json() == {"value": 0.5, "low": None, "high": None}


def test_the_ends_are_percentiles_of_the_defined_samples() -> None:
    samples = np.append(np.arange(201.0), [math.nan, math.nan])
    assert percentile_interval(90.0, samples) == Interval(90.0, 5.0, 195.0)


@pytest.mark.parametrize("samples", [[], [math.nan, math.nan]])
def test_without_defined_samples_there_are_no_ends(samples: list[float]) -> None:
    found = percentile_interval(0.5, np.array(samples))
    assert found.value == 0.5
    assert math.isnan(found.low)
    assert math.isnan(found.high)


@pytest.mark.parametrize("cells", [1, 30, 10_000])
def test_resamples_are_the_generators_draws_whatever_the_blocks(cells: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(interval, "_CELLS", cells)
    counts = np.concatenate(list(resample_counts(9, resamples=7, seed=4)), axis=1)
    rng = np.random.default_rng(4)
    expected = [np.bincount(rng.integers(9, size=9), minlength=9) for _ in range(7)]
    np.testing.assert_array_equal(counts, np.array(expected).T)
    assert (counts.sum(axis=0) == 9).all()


@pytest.mark.parametrize("num_items", [1, 20, 394])
def test_a_perfect_share_is_not_certain(num_items: int) -> None:
    """Against the beta quantiles that define the exact binomial interval."""
    perfect = widened_at_the_edge(Interval(1.0, 1.0, 1.0), num_items)
    assert perfect.low == pytest.approx(beta.ppf(0.025, num_items, 1))
    assert (perfect.value, perfect.high) == (1.0, 1.0)
    nothing = widened_at_the_edge(Interval(0.0, 0.0, 0.0), num_items)
    assert nothing.high == pytest.approx(beta.ppf(0.975, 1, num_items))
    assert (nothing.value, nothing.low) == (0.0, 0.0)
    between = Interval(0.9, 0.8, 1.0)
    assert widened_at_the_edge(between, num_items) is between
    assert math.isnan(widened_at_the_edge(Interval(1.0, math.nan, math.nan), num_items).low)


def test_the_standard_error_is_that_of_the_ends() -> None:
    assert Interval(0.5, 0.402, 0.598).standard_error == pytest.approx(0.05)
    assert Interval(0.5, math.nan, math.nan).standard_error == 0

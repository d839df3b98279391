"""Figures of numbers against scikit-learn."""

import json

import numpy as np
import pytest
from sklearn.metrics import mean_absolute_error, r2_score, root_mean_squared_error

from foveal.errors import UsageError
from foveal.metrics.regression import regression_metrics


def drawn(num_items: int, num_targets: int, *, seed: int = 0, offset: float = 0.0) -> tuple[np.ndarray, np.ndarray]:
    """(predicted, true), of other units target by target."""
    rng = np.random.default_rng(seed)
    units = 10.0 ** np.arange(num_targets)
    true = rng.normal(size=(num_items, num_targets)) * units + offset
    return true + rng.normal(scale=0.3, size=true.shape) * units, true


@pytest.mark.parametrize("num_items", [2, 7, 400])
@pytest.mark.parametrize("offset", [0.0, 1e6])
def test_figures_are_scikit_learns(num_items: int, offset: float) -> None:
    predicted, true = drawn(num_items, 3, offset=offset)
    found = regression_metrics(predicted, true, names=["a", "b", "c"], stds=[1.0, 10.0, 100.0], resamples=20)
    for column, name in enumerate("abc"):
        pair = true[:, column], predicted[:, column]
        figures = found.per_target[name]
        assert figures["mae"].value == pytest.approx(mean_absolute_error(*pair), rel=1e-9)
        assert figures["rmse"].value == pytest.approx(root_mean_squared_error(*pair), rel=1e-9)
        assert figures["r2"].value == pytest.approx(r2_score(*pair), rel=1e-9)
    assert set(found.overall) == {"relative_mae", "r2"}
    assert found.overall["r2"].value == pytest.approx(r2_score(true, predicted), rel=1e-9)
    relative = mean_absolute_error(true / [1, 10, 100], predicted / [1, 10, 100])
    assert found.overall["relative_mae"].value == pytest.approx(relative, rel=1e-9)


def test_intervals_are_those_of_a_loop_over_resamples() -> None:
    predicted, true = drawn(30, 1)
    found = regression_metrics(predicted, true, names=["a"], stds=[2.0], resamples=200, seed=3)
    rng = np.random.default_rng(3)
    draws = [rng.integers(30, size=30) for _ in range(200)]
    for name, of in (("mae", mean_absolute_error), ("rmse", root_mean_squared_error), ("r2", r2_score)):
        values = [of(true[each], predicted[each]) for each in draws]
        interval = found.overall[name]
        assert (interval.low, interval.high) == pytest.approx(tuple(np.percentile(values, [2.5, 97.5])), rel=1e-9)
        assert interval.low < interval.value < interval.high


def test_what_does_not_vary_has_no_r2() -> None:
    true = np.array([[0.1, 1.0], [0.1, 2.0], [0.1, 4.0]])
    found = regression_metrics(true + 1, true, names=["same", "other"], stds=[1.0, 1.0], resamples=50)
    assert found.per_target["same"]["mae"].value == pytest.approx(1)
    written = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert written["per_target"]["same"]["r2"] == {"value": None, "low": None, "high": None}
    assert written["overall"]["r2"]["value"] is None
    assert written["per_target"]["other"]["r2"]["value"] is not None
    alone = regression_metrics(true[:1], true[:1], names=["a", "b"], stds=[1.0, 1.0], resamples=5)
    assert alone.overall["relative_mae"].value == 0


def test_what_does_not_fit_is_refused() -> None:
    with pytest.raises(UsageError, match=r"expected two arrays \(N, 2\) for 2 targets.*got \(3, 2\) and \(3, 1\)"):
        regression_metrics(np.zeros((3, 2)), np.zeros((3, 1)), names=["a", "b"], stds=[1.0, 1.0])
    with pytest.raises(UsageError, match="expected finite numbers"):
        regression_metrics(np.array([[np.nan]]), np.zeros((1, 1)), names=["a"], stds=[1.0])

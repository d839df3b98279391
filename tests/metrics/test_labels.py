"""Figures of labels against scikit-learn, and thresholds against every possible one."""

import json

import numpy as np
import pytest
from sklearn.metrics import average_precision_score, f1_score, precision_score, recall_score

from foveal.errors import UsageError
from foveal.metrics.labels import best_thresholds, label_metrics

NAMES = ["a", "b", "c", "d"]
THRESHOLDS = [0.5, 0.3, 0.7, 0.5]


def drawn(num_items: int, *, seed: int = 0, ties: bool = False) -> tuple[np.ndarray, np.ndarray]:
    """(probs, targets) of labels from common to rare; the last one never occurs, and some items have none."""
    rng = np.random.default_rng(seed)
    targets = rng.random((num_items, 4)) < np.array([0.6, 0.3, 0.1, 0.0])
    targets[0], targets[1] = False, [True, True, True, False]
    probs = np.clip(0.35 * targets + 0.65 * rng.random(targets.shape), 0, 1)
    return (probs.round(1) if ties else probs), targets


@pytest.mark.parametrize("ties", [False, True])
@pytest.mark.parametrize("num_items", [2, 9, 300])
def test_figures_are_scikit_learns(num_items: int, ties: bool) -> None:
    probs, targets = drawn(num_items, ties=ties)
    found = label_metrics(probs, targets, classes=NAMES, thresholds=THRESHOLDS, resamples=10)
    predicted = probs >= np.array(THRESHOLDS)
    for column, name in enumerate(NAMES[:3]):
        figures, pair = found.per_class[name], (targets[:, column], predicted[:, column])
        expected = {
            "average_precision": average_precision_score(targets[:, column], probs[:, column]),
            "precision": precision_score(*pair, zero_division=0),
            "recall": recall_score(*pair),
            "f1": f1_score(*pair),
        }
        assert {key: figures[key].value for key in expected} == pytest.approx(expected)  # type: ignore[union-attr]
        assert figures["support"] == targets[:, column].sum()
        assert figures["threshold"] == THRESHOLDS[column]
    there = slice(0, 3)
    expected = {
        "mAP": average_precision_score(targets[:, there], probs[:, there], average="macro"),
        "f1_micro": f1_score(targets, predicted, average="micro"),
        "f1_macro": f1_score(targets[:, there], predicted[:, there], average="macro"),
        "precision_micro": precision_score(targets, predicted, average="micro", zero_division=0),
        "recall_micro": recall_score(targets, predicted, average="micro"),
    }
    assert {name: each.value for name, each in found.overall.items()} == pytest.approx(expected)


def test_intervals_are_those_of_a_loop_over_resamples() -> None:
    probs, targets = drawn(60)
    found = label_metrics(probs, targets, classes=NAMES, thresholds=THRESHOLDS, resamples=100, seed=4)
    rng = np.random.default_rng(4)
    predicted = probs >= np.array(THRESHOLDS)
    draws = [rng.integers(60, size=60) for _ in range(100)]
    micro = [f1_score(targets[each], predicted[each], average="micro") for each in draws]
    precisions = [average_precision_score(targets[each, 0], probs[each, 0]) for each in draws]
    for interval, values in (
        (found.overall["f1_micro"], micro),
        (found.per_class["a"]["average_precision"], precisions),
    ):
        ends = (interval.low, interval.high)  # type: ignore[union-attr]
        assert ends == pytest.approx(tuple(np.percentile(values, [2.5, 97.5])))


def test_a_label_that_never_occurs_is_undefined_and_one_never_predicted_has_precision_0() -> None:
    probs, targets = drawn(50)
    found = label_metrics(probs, targets, classes=NAMES, thresholds=[0.5, 0.5, 1.0, 0.5], resamples=10)
    written = json.loads(json.dumps(found.to_json(), allow_nan=False))
    assert written["per_class"]["d"]["recall"]["value"] is None
    assert written["precision_by_recall"]["per_class"]["d"] is None
    assert written["per_class"]["c"]["precision"]["value"] == 0
    nothing = label_metrics(probs, targets & False, classes=NAMES, thresholds=THRESHOLDS, resamples=10).to_json()
    assert nothing["overall"]["mAP"]["value"] is None
    assert nothing["precision_by_recall"]["mean"] is None


@pytest.mark.parametrize("ties", [False, True])
def test_thresholds_have_the_highest_f1_of_all(ties: bool) -> None:
    probs, targets = drawn(80, seed=1, ties=ties)
    found = best_thresholds(probs, targets)
    assert found[3] == 0.5
    for column in range(3):
        tried = [f1_score(targets[:, column], probs[:, column] >= each) for each in np.linspace(0, 1, 2001)]
        ours = f1_score(targets[:, column], probs[:, column] >= found[column])
        assert ours == pytest.approx(max(tried))
        apart = np.abs(probs[:, column] - found[column]).min()
        assert apart > 0  # between two probabilities, not on one


def test_curves_go_through_scikit_learns_points() -> None:
    from sklearn.metrics import precision_recall_curve

    probs, targets = drawn(120)
    curve = label_metrics(probs, targets, classes=NAMES, thresholds=THRESHOLDS, resamples=0).precision_by_recall["a"]
    assert curve is not None
    precision, recall, _ = precision_recall_curve(targets[:, 0], probs[:, 0])
    for level, value in zip(np.linspace(0, 1, 101), curve, strict=True):
        real = recall[:-1] >= level - 1e-9  # scikit-learn's last point is no threshold
        assert value == pytest.approx(precision[:-1][real].max(), abs=1e-6)


def test_what_does_not_fit_is_refused() -> None:
    probs, targets = drawn(5)
    with pytest.raises(UsageError, match=r"expected probs and targets \(N, 3\) and as many thresholds"):
        label_metrics(probs, targets, classes=NAMES[:3], thresholds=THRESHOLDS)
    with pytest.raises(UsageError, match=r"expected probs from 0 to 1 and bool targets, got .* and int64"):
        label_metrics(probs, targets.astype(int), classes=NAMES, thresholds=THRESHOLDS)
    with pytest.raises(UsageError, match="expected probs from 0 to 1"):
        label_metrics(probs * 3, targets, classes=NAMES, thresholds=THRESHOLDS)

"""Classification metrics against scikit-learn, their bootstrap against a plain loop over the resamples."""

import json
import math
import time

import numpy as np
import pytest
from sklearn import metrics as reference

from foveal.errors import UsageError
from foveal.metrics import classification, interval
from foveal.metrics.classification import ClassificationMetrics, classification_metrics
from foveal.metrics.interval import Interval

PER_CLASS = ("precision", "recall", "f1", "auroc", "average_precision")


def made_up(
    num_items: int, num_classes: int, *, ties: bool, absent: int | None = None, seed: int = 0
) -> tuple[np.ndarray, np.ndarray]:
    """Probabilities better than chance and imbalanced labels; with ties, of a few distinct values."""
    rng = np.random.default_rng(seed)
    shares = 0.5 ** np.arange(num_classes)
    if absent is not None:
        shares[absent] = 0
    labels = rng.choice(num_classes, size=num_items, p=shares / shares.sum())
    raw = rng.integers(1, 4, (num_items, num_classes)) if ties else rng.uniform(0.01, 1, (num_items, num_classes))
    raw = raw + (labels[:, None] == np.arange(num_classes)) * rng.integers(0, 2, (num_items, 1))
    return raw / raw.sum(axis=1, keepdims=True), labels


def names(num_classes: int) -> list[str]:
    return [f"class {k}" for k in range(num_classes)]


def scikit_learn(probs: np.ndarray, labels: np.ndarray) -> dict[str, float | list[float]]:
    """Every metric for all items, and by class with NaN where undefined."""
    num_classes = probs.shape[1]
    predicted, present = probs.argmax(axis=1), np.unique(labels)
    options = {"labels": range(num_classes), "average": None, "zero_division": 0}
    found = {
        "precision": reference.precision_score(labels, predicted, **options),
        "recall": reference.recall_score(labels, predicted, **options),
        "f1": reference.f1_score(labels, predicted, **options),
        "auroc": np.full(num_classes, np.nan),
        "average_precision": np.full(num_classes, np.nan),
    }
    for k in present:
        if len(present) > 1:
            found["auroc"][k] = reference.roc_auc_score(labels == k, probs[:, k])
        found["average_precision"][k] = reference.average_precision_score(labels == k, probs[:, k])
    by_class = {name: np.where(np.isin(range(num_classes), present), each, np.nan) for name, each in found.items()}
    macro = {
        f"{name}_macro": np.mean(each[~np.isnan(each)]) if (~np.isnan(each)).any() else math.nan
        for name, each in by_class.items()
    }
    confidence, correct = probs.max(axis=1), predicted == labels
    ece = 0.0
    for low in range(15):
        inside = (confidence > low / 15) & (confidence <= (low + 1) / 15)
        if inside.any():
            ece += inside.mean() * abs(correct[inside].mean() - confidence[inside].mean())
    return {
        **{name: each.tolist() for name, each in by_class.items()},
        **macro,
        "accuracy": reference.accuracy_score(labels, predicted),
        "log_loss": reference.log_loss(labels, probs, labels=range(num_classes)),
        "ece": ece,
    }


def flat(found: ClassificationMetrics, end: str) -> dict[str, float | list[float]]:
    """One end of every interval, in the shape that `scikit_learn` gives."""
    overall = {name: getattr(each, end) for name, each in found.overall.items()}
    rows = found.per_class.values()
    return {**overall, **{name: [getattr(row[name], end) for row in rows] for name in PER_CLASS}}


def assert_same(found: dict[str, float | list[float]], expected: dict[str, float | list[float]]) -> None:
    assert found.keys() == expected.keys()
    for name in expected:
        np.testing.assert_allclose(found[name], expected[name], rtol=0, atol=1e-12, err_msg=name)


@pytest.mark.parametrize("ties", [True, False])
@pytest.mark.parametrize(
    ("num_items", "num_classes", "absent"),
    [(200, 2, None), (300, 5, None), (150, 3, 1), (150, 3, 2), (1, 3, None), (4, 2, 1)],
)
def test_the_values_are_scikit_learns(num_items: int, num_classes: int, absent: int | None, ties: bool) -> None:
    probs, labels = made_up(num_items, num_classes, ties=ties, absent=absent)
    found = classification_metrics(probs, labels, classes=names(num_classes), resamples=0)
    assert_same(flat(found, "value"), scikit_learn(probs, labels))
    expected = reference.confusion_matrix(labels, probs.argmax(axis=1), labels=range(num_classes))
    np.testing.assert_array_equal(found.confusion, expected)
    supports = [row["support"] for row in found.per_class.values()]
    assert supports == np.bincount(labels, minlength=num_classes).tolist()


def test_top5_is_scikit_learns_and_needs_more_than_five_classes() -> None:
    probs, labels = made_up(200, 9, ties=False)
    found = classification_metrics(probs, labels, classes=names(9), resamples=0)
    expected = reference.top_k_accuracy_score(labels, probs, k=5, labels=range(9))
    assert found.overall["top5"].value == pytest.approx(expected, abs=1e-12)
    assert 0 < found.overall["accuracy"].value < expected < 1
    probs, labels = made_up(50, 5, ties=False)
    assert "top5" not in classification_metrics(probs, labels, classes=names(5), resamples=0).overall


def test_among_equal_probabilities_the_first_classes_are_predicted() -> None:
    probs, labels = np.full((8, 8), 1 / 8), np.arange(8)
    found = classification_metrics(probs, labels, classes=names(8), resamples=0)
    assert found.overall["accuracy"].value == 1 / 8
    assert found.overall["top5"].value == 5 / 8
    assert found.overall["auroc_macro"].value == 0.5


@pytest.mark.parametrize(("num_classes", "absent"), [(2, None), (3, None), (4, 1)])
def test_the_bootstrap_is_a_plain_loop_over_the_same_resamples(
    num_classes: int, absent: int | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("foveal.metrics.classification.widened_at_the_edge", lambda interval, _: interval)
    resamples = 30
    probs, labels = made_up(40, num_classes, ties=True, absent=absent)
    found = classification_metrics(probs, labels, classes=names(num_classes), resamples=resamples, seed=5)
    rng = np.random.default_rng(5)
    draws = [rng.integers(40, size=40) for _ in range(resamples)]
    loop = [scikit_learn(probs[draw], labels[draw]) for draw in draws]
    for end, percentile in (("low", 2.5), ("high", 97.5)):
        expected = {}
        for name in loop[0]:
            columns = np.array([each[name] for each in loop]).reshape(resamples, -1).T
            defined = [column[~np.isnan(column)] for column in columns]
            ends = [np.percentile(each, percentile) if len(each) else math.nan for each in defined]
            expected[name] = ends if name in PER_CLASS else ends[0]
        assert_same(flat(found, end), expected)


def test_blocks_of_resamples_change_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    probs, labels = made_up(50, 3, ties=True)
    whole = classification_metrics(probs, labels, classes=names(3), resamples=130)
    monkeypatch.setattr(interval, "_CELLS", 350)
    blocks = classification_metrics(probs, labels, classes=names(3), resamples=130)
    for end in ("value", "low", "high"):
        assert_same(flat(blocks, end), flat(whole, end))


def test_ranking_metrics_take_fewer_resamples_where_they_would_cost_too_much(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    probs, labels = made_up(50, 3, ties=True)
    hundred = classification_metrics(probs, labels, classes=names(3), resamples=100)
    assert hundred.ranking_resamples == 100
    monkeypatch.setattr(classification, "RANKING_WORK", 120 * 150)
    monkeypatch.setattr(interval, "_CELLS", 50 * 70)
    assert classification_metrics(probs, labels, classes=names(3), resamples=130).ranking_resamples == 120
    monkeypatch.setattr(classification, "RANKING_WORK", 1)
    found = classification_metrics(probs, labels, classes=names(3), resamples=130)
    assert found.to_json()["ranking_resamples"] == 100
    assert found.to_json()["resamples"] == 130
    for name in ("auroc_macro", "average_precision_macro"):
        assert found.overall[name].high == pytest.approx(hundred.overall[name].high, abs=1e-12)
    assert found.overall["accuracy"] != hundred.overall["accuracy"]


def test_intervals_cover_the_truth_about_as_often_as_they_say() -> None:
    """Accuracy of 0.8 and AUROC of the binormal model, 300 sets of 150 items."""
    rng = np.random.default_rng(0)
    true_auroc = 0.5 * (1 + math.erf(1.0 / 2))  # Φ(d / √2) for means d = 1 apart, written with erf
    covered = {"auroc": 0, "accuracy": 0}
    for _ in range(300):
        labels = rng.integers(2, size=150)
        score = 1 / (1 + np.exp(-rng.normal(labels * 1.0)))
        found = classification_metrics(np.stack([1 - score, score], 1), labels, classes=["no", "yes"], resamples=200)
        auroc = found.per_class["yes"]["auroc"]
        assert isinstance(auroc, Interval)
        covered["auroc"] += auroc.low <= true_auroc <= auroc.high
        right = np.where(rng.uniform(size=150) < 0.8, labels, 1 - labels)
        found = classification_metrics(np.eye(2)[right], labels, classes=["no", "yes"], resamples=200)
        covered["accuracy"] += found.overall["accuracy"].low <= 0.8 <= found.overall["accuracy"].high
    assert all(0.90 <= count / 300 <= 0.985 for count in covered.values()), covered


def test_an_interval_narrows_with_the_root_of_the_items() -> None:
    widths = []
    for num_items in (200, 3200):
        probs, labels = made_up(num_items, 3, ties=False)
        accuracy = classification_metrics(probs, labels, classes=names(3), resamples=400).overall["accuracy"]
        assert accuracy.low < accuracy.value < accuracy.high
        widths.append(accuracy.high - accuracy.low)
    assert widths[0] / widths[1] == pytest.approx(4, rel=0.25)


def test_what_is_undefined_is_null_in_json_and_never_nan() -> None:
    probs, labels = made_up(30, 3, ties=True, absent=1)
    found = json.loads(
        json.dumps(classification_metrics(probs, labels, classes=["a", "b", "c"]).to_json(), allow_nan=False)
    )
    undefined = {"value": None, "low": None, "high": None}
    assert found["per_class"]["b"] == {**dict.fromkeys(PER_CLASS, undefined), "support": 0}
    assert all(each["value"] is not None for each in found["overall"].values())
    assert found["num_items"] == sum(map(sum, found["confusion"])) == 30


def test_one_item() -> None:
    found = classification_metrics(np.array([[0.0, 1.0]]), np.array([1]), classes=["a", "b"], resamples=10).to_json()
    json.dumps(found, allow_nan=False)
    assert found["overall"]["accuracy"] == {"value": 1.0, "low": 0.025, "high": 1.0}
    assert found["overall"]["auroc_macro"] == {"value": None, "low": None, "high": None}
    assert found["overall"]["average_precision_macro"]["value"] == 1.0
    assert str(found["overall"]["log_loss"]["value"]) == "0.0"


def test_a_class_that_is_never_predicted_has_precision_0() -> None:
    probs = np.array([[0.9, 0.1], [0.8, 0.2]])
    found = classification_metrics(probs, np.array([0, 1]), classes=["a", "b"], resamples=0)
    assert found.per_class["b"]["precision"].value == 0
    assert found.per_class["b"]["f1"].value == 0


def test_log_loss_takes_zero_as_the_dtypes_epsilon() -> None:
    for dtype in (np.float32, np.float64):
        probs = np.array([[1, 0], [0.5, 0.5]], dtype=dtype)
        found = classification_metrics(probs, np.array([1, 0]), classes=["a", "b"], resamples=0)
        expected = -(math.log(np.finfo(dtype).eps) + math.log(0.5)) / 2
        assert found.overall["log_loss"].value == pytest.approx(expected, rel=1e-12)


def test_float32_probabilities_give_what_their_float64_copies_give() -> None:
    probs, labels = made_up(200, 3, ties=True)
    probs = probs.astype(np.float32)
    found = classification_metrics(probs, labels, classes=names(3), resamples=20)
    wide = classification_metrics(probs.astype(np.float64), labels, classes=names(3), resamples=20)
    for end in ("value", "low", "high"):
        assert_same(flat(found, end), flat(wide, end))


def test_calibration_bins_are_closed_on_the_right() -> None:
    probs = np.array([[0.6, 0.4], [0.6, 0.4], [0.61, 0.39], [1.0, 0.0]])  # 0.6 is the upper end of bin 8
    found = classification_metrics(probs, np.array([0, 1, 0, 0]), classes=["a", "b"], resamples=0)
    bins = found.to_json()["calibration"]["bins"]
    assert [each["count"] for each in bins] == [0] * 8 + [2, 1] + [0] * 4 + [1]
    assert bins[8]["confidence"] == pytest.approx(0.6)
    assert bins[8]["accuracy"] == 0.5
    assert bins[8]["high"] == pytest.approx(0.6)
    assert bins[0]["confidence"] is None
    assert bins[0]["accuracy"] is None
    assert found.overall["ece"].value == pytest.approx((2 * 0.1 + 0.39) / 4)


def test_what_makes_no_sense_is_refused() -> None:
    probs, labels = made_up(10, 3, ties=False)
    spoilt = probs.copy()
    spoilt[4, 1] = np.nan
    cases: list[tuple[np.ndarray, np.ndarray, list[str], str]] = [
        (probs, labels, ["a", "b"], r"expected probs \(N, 2\).*got probs \(10, 3\) and labels \(10,\)"),
        (probs, labels[:9], names(3), r"labels \(9,\)"),
        (probs[:0], labels[:0], names(3), "N at least 1"),
        (probs, labels, ["a", "b", "a"], "class names must differ"),
        (probs, labels / 2, names(3), "integer labels, got float64 and float64"),
        (probs, labels + 1, names(3), "labels must be 0 to 2, got 1 to 3"),
        (np.log(probs), labels, names(3), r"rows that sum to 1 \(a softmax of the logits\)"),
        (2 * probs, labels, names(3), "rows that sum to 1"),
        (spoilt, labels, names(3), "values from nan to nan"),
    ]
    for given_probs, given_labels, classes, message in cases:
        with pytest.raises(UsageError, match=message):
            classification_metrics(given_probs, given_labels, classes=classes)
    with pytest.raises(UsageError, match="resamples must be 0 or more, got -1"):
        classification_metrics(probs, labels, classes=names(3), resamples=-1)


def test_ten_thousand_items_take_seconds() -> None:
    probs, labels = made_up(10_000, 10, ties=False)
    start = time.perf_counter()
    classification_metrics(probs, labels, classes=names(10))
    assert time.perf_counter() - start < 30  # about 2 on two idle cores; a loop over resamples takes minutes


def test_a_perfect_score_of_few_items_is_not_certain() -> None:
    labels = np.array([0, 0, 1, 1, 1, 2])
    found = classification_metrics(np.eye(3)[labels], labels, classes=("a", "b", "c"))
    assert found.overall["accuracy"].low == pytest.approx(0.025 ** (1 / 6))
    lows = [found.per_class[name]["recall"].low for name in ("a", "b", "c")]  # type: ignore[union-attr]
    assert lows == pytest.approx([0.025 ** (1 / count) for count in (2, 3, 1)])
    missed = classification_metrics(np.eye(3)[(labels + 1) % 3], labels, classes=("a", "b", "c"))
    assert (missed.overall["accuracy"].low, missed.overall["accuracy"].high) == (
        0.0,
        pytest.approx(1 - 0.025 ** (1 / 6)),
    )

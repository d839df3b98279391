"""A detector at a threshold against a plain loop that shares nothing with it, and by hand."""

import numpy as np
import pytest

from foveal.metrics.detection import Detections, GroundTruth, detection_metrics
from foveal.metrics.matching import box_areas
from foveal.metrics.operating_point import best_score, operating_point
from foveal.metrics.outcomes import UNMATCHED, outcomes

Box = tuple[float, float, float, float]
CLASSES = ("cat", "dog", "owl")


def overlap(one: Box, other: Box, *, crowd: bool = False) -> float:
    width = min(one[2], other[2]) - max(one[0], other[0])
    height = min(one[3], other[3]) - max(one[1], other[1])
    if width <= 0 or height <= 0:
        return 0.0
    areas = [(box[2] - box[0]) * (box[3] - box[1]) for box in (one, other)]
    return width * height / (areas[0] if crowd else areas[0] + areas[1] - width * height)


def looped(found: Detections, truth: GroundTruth, score: float) -> list[list[int]]:
    """The confusion of an image, from lists: objects leave the list when they are taken."""
    boxes = [tuple(box) for box in found.boxes_xyxy.tolist()]
    predicted = sorted((i for i in range(len(boxes)) if found.scores[i] >= score), key=lambda i: (-found.scores[i], i))
    objects = [tuple(box) for box in truth.boxes_xyxy.tolist()]
    free = [g for g in range(len(objects)) if not truth.ignored[g]]
    matrix = [[0] * (len(CLASSES) + 1) for _ in range(len(CLASSES) + 1)]
    left = []
    for i in predicted:
        hits = [g for g in free if truth.labels[g] == found.labels[i] and overlap(boxes[i], objects[g]) >= 0.5]
        if hits:
            best = max(hits, key=lambda g: (overlap(boxes[i], objects[g]), g))
            free.remove(best)
            matrix[truth.labels[best]][found.labels[i]] += 1
            continue
        on_ignored = [
            overlap(boxes[i], objects[g], crowd=bool(truth.crowd[g])) >= 0.5
            for g in range(len(objects))
            if truth.ignored[g] and truth.labels[g] == found.labels[i]
        ]
        if not any(on_ignored):
            left.append(i)
    for i in left:
        hits = [g for g in free if truth.labels[g] != found.labels[i] and overlap(boxes[i], objects[g]) >= 0.5]
        if hits:
            best = max(hits, key=lambda g: (overlap(boxes[i], objects[g]), g))
            free.remove(best)
            matrix[truth.labels[best]][found.labels[i]] += 1
        else:
            matrix[-1][found.labels[i]] += 1
    for g in free:
        matrix[truth.labels[g]][-1] += 1
    return matrix


def images(seed: int, count: int = 12) -> tuple[list[Detections], list[GroundTruth]]:
    """Crowded images: objects of 10 to 130 pixels, detections near them, of the wrong class too, and in doubles."""
    rng = np.random.default_rng(seed)
    found, truth = [], []
    for _ in range(count):
        number = int(rng.integers(0, 14))
        corners = rng.random((number, 2)) * 90
        boxes = np.concatenate([corners, corners + 10 + rng.random((number, 2)) * 120], axis=1)
        crowd = rng.random(number) < 0.15
        labels = rng.integers(0, 3, number)
        ignored = crowd | (rng.random(number) < 0.1)
        truth.append(GroundTruth(boxes_xyxy=boxes, labels=labels, areas=box_areas(boxes), crowd=crowd, ignored=ignored))
        near = np.concatenate([boxes, boxes])[rng.random(2 * number) < 0.7]
        said = np.concatenate([labels, labels])[: len(near)]
        near = near + rng.normal(0, 5, near.shape)
        more = rng.random((int(rng.integers(0, 6)), 4)) * 100
        near = np.concatenate([near, more])
        near[:, 2:] = np.maximum(near[:, 2:], near[:, :2] + 2)
        said = np.concatenate([said, rng.integers(0, 3, len(more))])
        said = np.where(rng.random(len(said)) < 0.3, rng.integers(0, 3, len(said)), said)
        found.append(Detections(boxes_xyxy=near, scores=rng.random(len(near)).round(1), labels=said))
    return found, truth


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("score", [0.0, 0.4])
def test_the_confusion_is_that_of_a_plain_loop(seed: int, score: float) -> None:
    found, truth = images(seed)
    point = operating_point(found, truth, classes=CLASSES, score=score, resamples=10)
    expected = sum(np.array(looped(f, t, score)) for f, t in zip(found, truth, strict=True))
    assert np.array_equal(point.confusion, expected)
    assert (point.confusion[:3, :3] - np.diag(np.diag(point.confusion[:3, :3]))).sum() > 0
    right, predicted, there = np.diag(expected)[:3], expected[:, :3].sum(axis=0), expected[:3].sum(axis=1)
    for label, name in enumerate(CLASSES):
        figures = point.per_class[name]
        assert figures["precision"].value == pytest.approx(right[label] / predicted[label])
        assert figures["recall"].value == pytest.approx(right[label] / there[label])
        assert figures["f1"].value == pytest.approx(2 * right[label] / (predicted[label] + there[label]))
    assert point.overall["precision"].value == pytest.approx(right.sum() / predicted.sum())
    assert point.overall["recall"].value == pytest.approx(right.sum() / there.sum())


def test_intervals_are_those_of_resampled_images() -> None:
    found, truth = images(3, count=20)
    point = operating_point(found, truth, classes=CLASSES, score=0.3, resamples=200, seed=5)
    rng, drawn = np.random.default_rng(5), []
    for _ in range(200):
        rows = rng.integers(20, size=20).tolist()
        again = operating_point(
            [found[row] for row in rows], [truth[row] for row in rows], classes=CLASSES, score=0.3, resamples=0
        )
        drawn.append([again.overall["f1"].value, again.per_class["dog"]["recall"].value])
    low, high = np.percentile(drawn, [2.5, 97.5], axis=0)
    f1, recall = point.overall["f1"], point.per_class["dog"]["recall"]
    assert [f1.low, recall.low] == pytest.approx(low.tolist())
    assert [f1.high, recall.high] == pytest.approx(high.tolist())


def truth_of(boxes: list[Box], labels: list[int], *, ignored: list[bool] | None = None) -> GroundTruth:
    made = np.array(boxes, float).reshape(-1, 4)
    ignored = np.array([False] * len(boxes) if ignored is None else ignored, bool)
    return GroundTruth(
        boxes_xyxy=made, labels=np.array(labels, int), areas=box_areas(made), crowd=ignored & False, ignored=ignored
    )


def found_of(boxes: list[Box], scores: list[float], labels: list[int]) -> Detections:
    return Detections(
        boxes_xyxy=np.array(boxes, float).reshape(-1, 4), scores=np.array(scores), labels=np.array(labels, int)
    )


def test_an_object_goes_to_its_class_before_another() -> None:
    """A dog with 0.9 lies on the cat, which a cat with 0.5 finds; a second dog there has nothing left to take."""
    truth = truth_of([(0, 0, 10, 10), (50, 0, 60, 10)], [0, 1])
    boxes: list[Box] = [(0, 0, 10, 10), (0, 0, 10, 9), (50, 0, 60, 9), (0, 0, 9, 10)]
    found = found_of(boxes, [0.9, 0.5, 0.8, 0.1], [1, 0, 2, 0])
    matched = outcomes(found, truth, score=0.5)
    assert matched.detections.scores.tolist() == [0.9, 0.8, 0.5]
    assert matched.object_of.tolist() == [UNMATCHED, 1, 0]
    assert matched.detection_of.tolist() == [2, 1]
    matrix = operating_point([found], [truth], classes=CLASSES, score=0.5).confusion
    assert matrix.tolist() == [[1, 0, 0, 0], [0, 0, 1, 0], [0, 0, 0, 0], [0, 1, 0, 0]]


def test_a_difficult_object_is_neither_a_false_negative_nor_makes_a_detection_wrong() -> None:
    truth = truth_of([(0, 0, 10, 10)], [0], ignored=[True])
    found = found_of([(0, 0, 10, 10), (0, 0, 10, 9), (0, 0, 10, 10)], [0.9, 0.8, 0.7], [0, 0, 1])
    point = operating_point([found], [truth], classes=CLASSES, score=0.0)
    assert np.argwhere(point.confusion).tolist() == [[3, 1]]  # the dog alone is a false positive
    assert np.isnan(point.per_class["cat"]["precision"].value)
    assert np.isnan(point.per_class["cat"]["recall"].value)
    assert point.per_class["dog"]["precision"].value == 0


def test_recall_by_size() -> None:
    """Areas of 100, 1,024 (on the border, so in both), 10,000 and 1,600 pixels; the first and third are found."""
    sides = [10, 32, 100, 40]
    truth = truth_of([(200 * i, 0, 200 * i + side, side) for i, side in enumerate(sides)], [0] * 4)
    found = found_of([(0, 0, 10, 10), (400, 0, 500, 100)], [0.9, 0.9], [0, 0])
    sizes = operating_point([found], [truth], classes=("cat",), score=0.5).by_size
    assert {name: (each["objects"], each["recall"].value) for name, each in sizes.items()} == {  # type: ignore[union-attr]
        "small": (2, 0.5),
        "medium": (2, 0.0),
        "large": (1, 1.0),
    }
    large = sizes["large"]["recall"]
    assert (large.low, large.high) == pytest.approx((0.025, 1))  # type: ignore[union-attr]  # one image proves little


def test_the_threshold_adds_to_the_average_precisions_and_lies_under_their_curve() -> None:
    found, truth = images(1)
    alone = detection_metrics(found, truth, classes=CLASSES, resamples=5).to_json()
    metrics = detection_metrics(found, truth, classes=CLASSES, resamples=5, score=0.4).to_json()
    assert {"score_threshold", "confusion", "recall_by_size"} == set(metrics) - set(alone)
    assert metrics["score_threshold"] == 0.4
    assert set(metrics["overall"]) - set(alone["overall"]) == {"precision", "recall", "f1"}
    assert set(metrics["recall_by_size"]["small"]) == {"recall", "objects"}
    curves = metrics["precision_by_recall"]
    assert curves == alone["precision_by_recall"]
    assert len(curves["recall"]) == 101
    for name in CLASSES:
        figures, precision = metrics["per_class"][name], curves["per_class"][name]
        assert np.mean(precision) == pytest.approx(figures["AP50"], abs=1e-4)
        at = int(figures["recall"]["value"] * 100)  # the last of the recalls that is reached
        assert precision[at] >= figures["precision"]["value"] - 1e-4
    assert curves["mean"] == pytest.approx(np.mean([curves["per_class"][name] for name in CLASSES], axis=0), abs=1e-4)


def test_nothing_at_all() -> None:
    nothing, empty = found_of([], [], []), truth_of([], [])
    point = operating_point([nothing], [empty], classes=CLASSES, score=0.5)
    assert all(np.isnan(each.value) for each in point.overall.values())
    assert point.confusion.sum() == 0
    metrics = detection_metrics([nothing], [empty], classes=CLASSES, score=0.5).to_json()
    assert metrics["precision_by_recall"]["mean"] is None
    assert metrics["overall"]["precision"] == {"value": None, "low": None, "high": None}


@pytest.mark.parametrize("seed", range(4))
def test_no_other_score_has_a_better_f1(seed: int) -> None:
    found, truth = images(seed)
    best = best_score(found, truth, otherwise=0.25)

    def f1(score: float) -> float:
        return operating_point(found, truth, classes=CLASSES, score=score, resamples=1).overall["f1"].value

    scores = np.unique(np.concatenate([each.scores for each in found]))
    assert f1(best) == pytest.approx(max(f1(score) for score in scores.tolist()))


def test_where_nothing_is_found_the_score_stays() -> None:
    nothing = Detections(boxes_xyxy=np.zeros((0, 4)), scores=np.zeros(0), labels=np.zeros(0, np.int64))
    assert best_score([nothing], [images(0)[1][0]], otherwise=0.25) == 0.25
    assert best_score([], [], otherwise=0.25) == 0.25

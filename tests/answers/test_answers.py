"""What each task answers, in which form, and what is decided on top of its scores."""

import json
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch

from foveal.answers import ANSWERING, answering, decision
from foveal.answers.answer import Answer
from foveal.answers.classify import Classified
from foveal.answers.detect import Decision, Detected, detections, with_masks
from foveal.answers.multilabel import Decision as Thresholds
from foveal.answers.multilabel import Labelled
from foveal.answers.predicted import Failed, Predicted
from foveal.answers.regress import Measured
from foveal.answers.segment import Segmented
from foveal.errors import UsageError
from foveal.metrics.matching import Detections
from foveal.networks.mask_head import WEIGHTS
from foveal.ops.mask_points import HIDDEN, MAPS
from foveal.ops.masks import rasterised, run_lengths
from foveal.preprocess import Preprocess
from foveal.tasks import TASKS

CLASSES = ("cat", "dog", "owl")
MASKS = tuple(run_lengths(np.arange(24).reshape(4, 6) % step == 0) for step in (2, 3))
PREPROCESS = Preprocess(size_hw=(64, 96), channels=3, fit="squash", mean=(0.5,) * 3, std=(0.25,) * 3)
PROBABILITIES = np.array([0.2, 0.5, 0.3])
BOXES = np.array([[1.25, 0, 5, 4], [0, 0, 2.5, 3]])
ANSWERS: dict[str, tuple[Answer, dict[str, Any], list[tuple[str, ...]]]] = {
    "classify": (
        Classified(classes=CLASSES, probabilities=PROBABILITIES),
        {"label": "dog", "score": 0.5, "scores": {"cat": 0.2, "dog": 0.5, "owl": 0.3}},
        [("dog", "0.5000")],
    ),
    "multilabel": (
        Labelled(classes=CLASSES, probabilities=PROBABILITIES, chosen=np.array([1, 2])),
        {
            "labels": [{"label": "dog", "score": 0.5}, {"label": "owl", "score": 0.3}],
            "scores": {"cat": 0.2, "dog": 0.5, "owl": 0.3},
        },
        [("dog", "0.5000"), ("owl", "0.3000")],
    ),
    "regress": (
        Measured(classes=("age", "height"), numbers=np.array([12.0, 1.2345678])),
        {"values": {"age": 12.0, "height": 1.2345678}},
        [("age", "12"), ("height", "1.23457")],
    ),
    "detect": (
        Detected(classes=CLASSES, boxes_xyxy=BOXES, scores=np.array([0.9, 0.25]), labels=np.array([2, 0]), masks=MASKS),
        {
            "objects": [
                {"label": "owl", "score": 0.9, "box": [1.25, 0, 5, 4], "area": 12},
                {"label": "cat", "score": 0.25, "box": [0, 0, 2.5, 3], "area": 8},
            ]
        },
        [("owl", "0.9000", "1.2 0.0 5.0 4.0"), ("cat", "0.2500", "0.0 0.0 2.5 3.0")],
    ),
    "segment": (
        Segmented(classes=CLASSES, label_map=np.array([[0, 0, 2], [0, 0, 2]], np.uint8)),
        {"shares": {"cat": 0.666667, "dog": 0.0, "owl": 0.333333}},
        [("cat", "0.6667"), ("dog", "0.0000"), ("owl", "0.3333")],
    ),
}


def test_every_task_answers() -> None:
    assert ANSWERING.keys() == TASKS.keys() == ANSWERS.keys()
    for task, (answer, *_) in ANSWERS.items():
        made = answering(task, CLASSES, {})
        assert made.task == task
        assert isinstance(answer, made.kind)


@pytest.mark.parametrize("task", ANSWERS)
def test_plain_values_and_rows(task: str) -> None:
    answer, values, rows = ANSWERS[task]
    given = json.loads(json.dumps(answer.to_json()))
    for each, mask in zip(given.get("objects", ()), MASKS, strict=False):
        assert each.pop("mask") == {"size": [4, 6], "counts": mask.counts.decode()}
    assert given == values
    assert list(answer.rows()) == rows
    assert json.dumps(Predicted("a.jpg", answer).to_json()).startswith('{"path": "a.jpg", ')
    assert Failed("a.jpg", "is none").to_json() == {"path": "a.jpg", "error": "is none"}


@pytest.mark.parametrize("task", ANSWERS)
def test_the_spatial_part_of_an_answer(task: str) -> None:
    answer = ANSWERS[task][0]
    overlay, found = answer.overlay(), list(answer.instances())
    assert answer.SPATIAL == bool(found) == bool(len(overlay.boxes_xyxy) or overlay.label_map is not None)
    assert (overlay.label_map is not None) == answer.PIXELS
    assert len(overlay.boxes_xyxy) == len(overlay.labels) == len(overlay.words)


def test_instances() -> None:
    detected = [each for each, _ in ANSWERS["detect"][0].instances()]
    assert [(each.label, each.box_xyxy, each.mask, each.area) for each in detected] == [
        (2, (1.25, 0, 5, 4), MASKS[0], 12),
        (0, (0, 0, 2.5, 3), MASKS[1], 8),
    ]
    assert [more for _, more in ANSWERS["detect"][0].instances()] == [{"score": 0.9}, {"score": 0.25}]
    regions = [each for each, _ in ANSWERS["segment"][0].instances()]
    assert [(each.label, each.box_xyxy, each.area) for each in regions] == [(0, (0, 0, 2, 2), 4), (2, (2, 0, 3, 2), 2)]


def test_boxes_that_become_equal_or_empty_are_given_once_or_not_at_all() -> None:
    boxes = np.array([[0, 0, 1, 1], [0, 0, 1.001, 1], [0, 0, 1, 1], [0.5, 0, 0.501, 1], [0, 0, 0.998, 1]])
    labels = np.array([1, 1, 0, 1, 1])
    found = Detections(boxes_xyxy=boxes, scores=np.linspace(1, 0.6, 5), labels=labels)
    predicted = Detected.of(found, CLASSES)
    assert predicted.labels.tolist() == [1, 0]
    assert predicted.scores.tolist() == [1, 0.8]
    assert predicted.boxes_xyxy.tolist() == [[0, 0, 1, 1]] * 2
    assert Detected.of(found.some(np.zeros(5, bool)), CLASSES).to_json() == {"objects": []}


def outputs_of(count: int, *, seed: int = 0) -> dict[str, np.ndarray]:
    """Of a detector with so many cells all over its input."""
    random = np.random.default_rng(seed)
    return {
        "logits": random.standard_normal((2, count, 3), np.float32) * 2,
        "distances": random.standard_normal((2, count, 4, 16), np.float32) * 3,
        "points": random.uniform(0, 64, (count, 2)).astype(np.float32),
        "strides": np.full(count, 8, np.float32),
    }


def test_a_detectors_decision() -> None:
    made, outputs = answering("detect", CLASSES, {}), outputs_of(60)
    placements = [PREPROCESS.placement((64, 96))] * 2
    plain = Decision(score_threshold=0.3)

    def predicted(decided: Decision) -> list[Detected]:
        found = made.decode(outputs, placements, decided)
        assert all(isinstance(each, Detected) for each in found)
        return found  # type: ignore[return-value]

    for each in predicted(plain):
        assert each.scores.min() >= 0.3
        assert (np.diff(each.scores) <= 0).all()
    more = predicted(replace(plain, score_threshold=0.1))
    assert all(len(few.labels) < len(many.labels) for few, many in zip(predicted(plain), more, strict=True))
    for few, many in zip(predicted(plain), more, strict=True):  # what scores less removes nothing
        assert np.array_equal(few.boxes_xyxy, many.boxes_xyxy[: len(few.labels)])
    assert all(len(each.labels) == 4 for each in predicted(replace(plain, max_detections=4)))
    assert len(predicted(replace(plain, nms_iou=0.1))[0].labels) < len(
        predicted(replace(plain, nms_iou=0.95))[0].labels
    )
    assert predicted(replace(plain, score_threshold=1.0))[0].to_json() == {"objects": []}


def test_of_many_candidates_the_best_are_taken() -> None:
    outputs, placements = outputs_of(700), [PREPROCESS.placement((64, 96))] * 2
    decided = Decision(score_threshold=0.0, nms_iou=1.0, max_detections=5000)
    scores = np.sort(outputs["logits"].reshape(2, -1), axis=1)[:, ::-1].astype(np.float64)
    for row, found in enumerate(detections(outputs, placements, decided)):
        np.testing.assert_allclose(found.scores, 1 / (1 + np.exp(-scores[row, :1000])), rtol=1e-6)


def test_decisions_are_checked() -> None:
    with pytest.raises(UsageError, match="score_threshold 2: expected 0 to 1"):
        Decision(score_threshold=2)
    with pytest.raises(UsageError, match=r"nms_iou -0\.5: expected 0 to 1"):
        decision("detect", {"nms_iou": -0.5})
    with pytest.raises(UsageError, match=r"thresholds \(1\.5,\): expected 0 to 1"):
        Thresholds(thresholds=(1.5,))
    with pytest.raises(UsageError, match="2 thresholds: expected 3, one a label"):
        Thresholds(thresholds=(0.1, 0.2)).predicted(np.zeros((1, 3)))
    assert decision("multilabel", {"thresholds": [0.1, 0.2]}) == Thresholds(thresholds=(0.1, 0.2))
    assert [decision(task, {}) == decision(task, {}) for task in ANSWERING] == [True] * 5


def test_labels_are_predicted_from_their_threshold_on() -> None:
    probs = np.array([[0.5, 0.2, 0.9], [0.4, 0.1, 0.1]])
    assert Thresholds(thresholds=(0.5, 0.1, 0.95)).predicted(probs).tolist() == [
        [True, True, False],
        [False, True, False],
    ]
    assert Thresholds().predicted(probs).tolist() == [[True, False, True], [False, False, False]]


@pytest.mark.parametrize(("task", "probabilities"), [("classify", torch.softmax), ("multilabel", None)])
def test_merged_views_are_the_mean_of_their_probabilities(task: str, probabilities: Any) -> None:
    made = answering(task, CLASSES, {})
    assert made.merge is not None
    views = [torch.randn(2, 3, generator=torch.Generator().manual_seed(seed)) for seed in range(4)]
    read = (
        (lambda logits: probabilities(logits.double(), 1)) if probabilities else (lambda each: each.double().sigmoid())
    )
    expected = torch.stack([read(view) for view in views]).mean(dim=0)
    merged = torch.from_numpy(made.merge([{"logits": view.numpy()} for view in views])["logits"])
    assert torch.allclose(read(merged), expected, atol=1e-6)
    certain = made.merge([{"logits": np.float32([[900, -900, 0]])}] * 2)["logits"]
    assert np.isfinite(made.decode({"logits": certain}, [], decision(task, {}))[0].probabilities).all()  # type: ignore[attr-defined]


def test_merged_numbers_are_their_mean() -> None:
    made = answering("regress", ("a",), {})
    assert made.merge is not None
    assert made.merge([{"logits": np.float32([[1]])}, {"logits": np.float32([[4]])}])["logits"].tolist() == [[2.5]]


def passing_on(maps: np.ndarray, cells: int) -> dict[str, np.ndarray]:
    """What a network gives whose masks are the first shared map above 10: |map| - 10 in every cell."""
    weights = np.zeros(WEIGHTS, np.float32)
    weights[0], weights[MAPS + 2] = 1, -1  # two hidden units: the map, and its negative
    second = (MAPS + 2) * HIDDEN + HIDDEN
    weights[second], weights[second + HIDDEN + 1] = 1, 1
    third = second + HIDDEN * HIDDEN + HIDDEN
    weights[third], weights[third + 1] = 1, -1
    return {"mask_maps": maps[None], "mask_weights": np.tile(weights, (1, cells, 1))}


def test_a_mask_is_given_at_the_images_size_and_within_its_box() -> None:
    maps = np.zeros((MAPS, 16, 24), np.float32)
    maps[0] = 20.0
    maps[0, :, 12:] = -20.0  # in the image: right of x = 72
    boxes = np.array([[20.0, 10.0, 100.4, 60.0], [100.2, 7.0, 101.9, 9.5], [144.0, 128, 144, 128]])
    found = Detections(boxes_xyxy=boxes, scores=np.ones(3), labels=np.zeros(3, int), cells=np.array([2, 0, 1]))
    masks = with_masks(passing_on(maps, 3), 0, found, PREPROCESS.placement((128, 144))).masks
    assert masks is not None
    large, none, corner = (rasterised(mask, mask.size_hw) for mask in masks)
    expected = np.zeros((128, 144), bool)
    expected[10:60, 20:72] = True
    assert large.shape == (128, 144)
    assert (large & expected).sum() / (large | expected).sum() > 0.97
    assert 1 <= none.sum() <= 2 * 3  # where the network sees nothing, what is likeliest
    assert np.argwhere(corner).tolist() == [[127, 143]]

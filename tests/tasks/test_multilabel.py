"""Several labels an image: targets, thresholds, views."""

from dataclasses import asdict
from pathlib import Path

import pytest
import torch
from tests.made import answers_of, targets_of

from foveal.annotations import LabelSet
from foveal.errors import UsageError
from foveal.images.sources import FileImage
from foveal.preprocess import Preprocess
from foveal.tasks import make_task
from foveal.types import Sample

CLASSES = ("cat", "dog", "owl")
PREPROCESS = Preprocess(size_hw=(8, 8), channels=1, fit="squash", mean=(0.0,), std=(1.0,))
PLACED = [PREPROCESS.placement((8, 8))] * 2


def samples(*sets: tuple[int, ...]) -> list[Sample]:
    return [
        Sample(id=str(index), image=FileImage(Path("x.png")), annotation=LabelSet(each))
        for index, each in enumerate(sets)
    ]


def test_targets_are_sets_and_one_may_be_empty() -> None:
    task = make_task("multilabel", CLASSES, {})
    targets = targets_of(task, samples((0, 2), (), (1,)), PREPROCESS)
    assert targets.tolist() == [[1, 0, 1], [0, 0, 0], [0, 1, 0]]


def test_smoothing_goes_towards_a_half() -> None:
    outputs, targets = {"logits": torch.randn(2, 3)}, torch.tensor([[1.0, 0, 1], [0, 0, 0]])
    plain, smooth = (make_task("multilabel", CLASSES, {"label_smoothing": each}) for each in (0.0, 0.2))
    expected = plain.learning.loss(outputs, torch.tensor([[0.9, 0.1, 0.9], [0.1, 0.1, 0.1]]))["loss"]
    torch.testing.assert_close(smooth.learning.loss(outputs, targets)["loss"], expected)


def test_labels_are_told_from_their_thresholds_on() -> None:
    task = make_task("multilabel", CLASSES, {}, {"thresholds": (0.9, 0.2, 0.5)})
    logits = torch.tensor([[2.0, -1.0, 3.0], [-9.0, -9.0, -9.0]])  # probabilities 0.88, 0.27, 0.95
    first, second = answers_of(task, {"logits": logits}, PLACED)
    assert first.labels == ("owl", "dog")
    assert first.to_json()["labels"][0]["score"] == first.scores["owl"] == pytest.approx(0.9526, abs=1e-4)
    assert list(first.scores) == list(CLASSES)
    assert second.to_json()["labels"] == []


def test_thresholds_are_chosen_on_held_out_records() -> None:
    task = make_task("multilabel", ("cat", "dog"), {})
    probs = torch.tensor([[0.9, 0.1], [0.3, 0.05], [0.2, 0.3]])
    targets = torch.tensor([[1.0, 0], [1, 0], [0, 1]])
    assert task.judging.decide is not None
    decision = task.judging.decide([task.judging.evaluation_record({"logits": probs.logit()}, targets)])
    assert decision.thresholds == pytest.approx((0.25, 0.2))
    tuned = make_task("multilabel", ("cat", "dog"), task.settings, asdict(decision))
    record = [tuned.judging.evaluation_record({"logits": probs.logit()}, targets)]
    assert tuned.judging.evaluation_metrics(record).overall["f1_macro"].value == 1
    assert task.judging.evaluation_metrics(record).overall["f1_macro"].value < 1


def test_the_held_out_figure_of_no_label_at_all_is_0() -> None:
    task = make_task("multilabel", CLASSES, {})
    figures, error = task.judging.validation_metrics(
        [task.judging.validation_record({"logits": torch.randn(4, 3)}, torch.zeros(4, 3))]
    )
    assert figures["mAP"] == 0
    assert error == 0


def test_settings_are_checked() -> None:
    with pytest.raises(UsageError, match="--loss hinge: expected one of binary_cross_entropy, focal"):
        make_task("multilabel", CLASSES, {"loss": "hinge"})
    with pytest.raises(UsageError, match="2 thresholds: expected 3, one a label"):
        make_task("multilabel", CLASSES, {}, {"thresholds": (0.1, 0.2)})
    with pytest.raises(UsageError, match="expected 0 to 1"):
        make_task("multilabel", CLASSES, {}, {"thresholds": (1.5,)})

"""What a classifier's recipe makes of its settings and its training samples."""

from dataclasses import replace

import pytest
import torch
from tests.made import targets_of
from tests.tasks.test_classify import CLASSES, PREPROCESS, sample

from foveal.recipes.classify import RECIPE
from foveal.recipes.defaults import resolve
from foveal.recipes.facts import DataFacts
from foveal.recipes.options import TrainOptions
from foveal.tasks import make_task

FACTS = DataFacts(num_train=7, num_classes=3, side=32, channels=1)
TRAIN = [sample(label) for label in (0, 0, 0, 0, 2, 2, 1)]


def test_a_rare_class_counts_as_much_as_a_common_one() -> None:
    settings = resolve(TrainOptions(balance="loss"), FACTS).settings
    head = RECIPE.head(settings, CLASSES, TRAIN)
    assert head["class_weights"] == pytest.approx((7 / 12, 7 / 3, 7 / 6))
    loss = make_task("classify", CLASSES, head).learning.loss
    targets = targets_of(make_task("classify", CLASSES, head), TRAIN, PREPROCESS)
    logits = torch.zeros(7, 3, requires_grad=True)
    loss({"logits": logits}, targets)["loss"].backward()
    assert logits.grad is not None
    by_class = [float(logits.grad[targets[:, label] == 1][:, label].sum()) for label in range(3)]
    assert by_class == pytest.approx([by_class[0]] * 3)


def test_its_images_count_the_same_without_balance() -> None:
    assert RECIPE.head(resolve(TrainOptions(), FACTS).settings, CLASSES, TRAIN)["class_weights"] is None


def test_smoothing_reaches_the_loss() -> None:
    settings = replace(resolve(TrainOptions(), FACTS).settings, label_smoothing=0.25)
    assert RECIPE.head(settings, CLASSES, TRAIN)["label_smoothing"] == 0.25

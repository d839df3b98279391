"""The classification task's functions, and its settings."""

import pytest
import torch
from tests.made import answers_of, targets_of

from foveal.annotations import ClassLabel
from foveal.errors import UsageError
from foveal.images.sources import ArrayImage
from foveal.losses.classification import LOSSES
from foveal.networks.build import build_backbone
from foveal.preprocess import Preprocess
from foveal.tasks import make_task
from foveal.tasks.whole_image import AUX_WEIGHT
from foveal.types import Sample

CLASSES = ("cat", "dog", "owl")
PREPROCESS = Preprocess(size_hw=(16, 16), channels=1, fit="squash", mean=(0.0,), std=(1.0,))
PLACED = [PREPROCESS.placement((16, 16))] * 2


def sample(label: int) -> Sample:
    return Sample(id=str(label), image=ArrayImage(list, 0, str(label)), annotation=ClassLabel(label))


def test_targets_are_one_hot_in_the_samples_order() -> None:
    targets = targets_of(make_task("classify", CLASSES, {}), [sample(2), sample(0)], PREPROCESS)
    assert targets.tolist() == [[0, 0, 1], [1, 0, 0]]


def test_auxiliary_heads_become_weighted_terms() -> None:
    task = make_task("classify", CLASSES, {})
    logits = torch.randn(4, 3)
    targets = targets_of(task, [sample(label) for label in (0, 1, 2, 0)], PREPROCESS)
    terms = task.learning.loss({"logits": logits, "aux1": logits, "aux2": logits}, targets)
    assert set(terms) == {"loss", "aux1", "aux2"}
    assert torch.allclose(terms["aux1"], AUX_WEIGHT * terms["loss"])
    assert torch.allclose(terms["loss"], torch.nn.functional.cross_entropy(logits, targets))


def test_googlenet_trains_with_both_heads_and_predicts_with_none() -> None:
    task = make_task("classify", CLASSES, {})
    network = task.learning.build(build_backbone("googlenet_bn", 1))
    images = torch.randn(2, 1, 40, 40)
    assert set(network.train()(images)) == {"logits", "aux1", "aux2"}
    assert set(network.eval()(images)) == {"logits"}


def test_quick_figures_are_per_item() -> None:
    task = make_task("classify", CLASSES, {})
    outputs = {"logits": torch.tensor([[5.0, 0, 0], [5.0, 0, 0]])}
    figures = task.learning.step_metrics(outputs, targets_of(task, [sample(0), sample(1)], PREPROCESS))
    assert figures["accuracy"].tolist() == [1, 0]
    assert figures["log_loss"][1] > 4


def test_decode_names_the_strongest() -> None:
    task = make_task("classify", CLASSES, {})
    first, second = answers_of(task, {"logits": torch.tensor([[0.0, 3, 0], [1.0, 0, 2]])}, PLACED)
    assert (first.label, second.label) == ("dog", "owl")
    assert first.score == first.scores["dog"]
    assert sum(second.scores.values()) == pytest.approx(1)


def test_the_settings_reach_the_loss() -> None:
    logits, labels, weights = torch.randn(4, 3), torch.tensor([0, 1, 2, 0]), (1.0, 2.0, 0.5)
    one_hot = torch.nn.functional.one_hot(labels, 3).float()
    for loss, settings in (("cross_entropy", {"label_smoothing": 0.1, "class_weights": weights}), ("focal", {})):
        task = make_task("classify", CLASSES, {"loss": loss, **settings})
        options = {name: torch.tensor(value) for name, value in settings.items()}
        expected = LOSSES[loss](logits, one_hot, **options)
        assert torch.allclose(task.learning.loss({"logits": logits}, one_hot)["loss"], expected)


def test_settings_are_checked_and_saved() -> None:
    task = make_task("classify", CLASSES, {"label_smoothing": 0.1, "class_weights": (1.0, 2.0, 3.0)})
    again = make_task("classify", CLASSES, task.settings)
    assert again.settings == task.settings
    with pytest.raises(UsageError, match="--loss hinge: expected one of cross_entropy"):
        make_task("classify", CLASSES, {"loss": "hinge"})
    with pytest.raises(UsageError, match="expected 0 to below 1"):
        make_task("classify", CLASSES, {"label_smoothing": 1.0})
    for loss in ("lenet5_map", "focal"):
        with pytest.raises(UsageError, match=f"--loss {loss}: label smoothing goes with cross_entropy only"):
            make_task("classify", CLASSES, {"loss": loss, "label_smoothing": 0.1})
    with pytest.raises(UsageError, match="--loss lenet5_map: class weights go with cross_entropy and focal only"):
        make_task("classify", CLASSES, {"loss": "lenet5_map", "class_weights": (1.0, 2.0, 3.0)})
    with pytest.raises(UsageError, match="2 class weights: expected 3"):
        make_task("classify", CLASSES, {"class_weights": (1.0, 2.0)})

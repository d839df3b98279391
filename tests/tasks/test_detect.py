"""The detection task's functions."""

from pathlib import Path

import numpy as np
import pytest
import torch
from tests.made import answers_of, targets_of

from foveal.annotations import Instance, Objects
from foveal.answers.detect import Decision
from foveal.augment.draws import Draws
from foveal.augment.pipeline import draw
from foveal.augment.settings import AugmentSettings
from foveal.errors import ModelError, UsageError
from foveal.images.sources import FileImage
from foveal.networks.build import build_backbone
from foveal.networks.detector_head import BINS
from foveal.preprocess import Preprocess
from foveal.tasks.detect import Settings, make
from foveal.tasks.truths import Truths
from foveal.types import Sample

PREPROCESS = Preprocess(size_hw=(64, 64), channels=3, fit="squash", mean=(0.5,) * 3, std=(0.25,) * 3)
TASK = make(("cat", "dog"), Settings(channels=16), Decision(score_threshold=0.0))


def sample(*instances: Instance, size_hw: tuple[int, int] = (32, 128)) -> Sample:
    return Sample(id="x", image=FileImage(Path("x.png")), annotation=Objects(instances), size_hw=size_hw)


CAT = Instance(label=0, box_xyxy=(20, 4, 60, 28))
CROWD = Instance(label=1, box_xyxy=(64, 0, 128, 32), crowd=True)


def outputs_at(box: tuple[float, float, float, float], label: int, batch: int = 1) -> dict[str, torch.Tensor]:
    """What a network says that finds exactly one box: the point of an 8×8 map that is nearest to its centre."""
    points = torch.tensor([[x * 8.0 + 4, y * 8.0 + 4] for y in range(8) for x in range(8)])
    centre = torch.tensor([(box[0] + box[2]) / 2, (box[1] + box[3]) / 2])
    cell = int((points - centre).square().sum(dim=1).argmin())
    logits = torch.full((batch, 64, 2), -9.0)
    logits[:, cell, label] = 4.0
    distances = torch.zeros(batch, 64, 4, BINS)
    sides = torch.cat([points[cell] - torch.tensor(box[:2]), torch.tensor(box[2:]) - points[cell]]) / 8
    for side, strides in enumerate(sides.tolist()):
        low = int(strides)
        distances[:, cell, side] = -50.0
        distances[:, cell, side, low] = float(np.log(1 - (strides - low) + 1e-9))
        distances[:, cell, side, low + 1] = float(np.log(strides - low + 1e-9))
    return {"logits": logits, "distances": distances, "points": points, "strides": torch.full((64,), 8.0)}


def test_targets_lie_where_preprocessing_puts_them() -> None:
    truths = targets_of(TASK, [sample(CAT, CROWD), sample()], PREPROCESS)
    assert isinstance(truths, Truths)
    assert truths.boxes_xyxy[0].tolist() == [[10, 8, 30, 56], [32, 0, 64, 64]]
    assert truths.spared[0].tolist() == [False, True]
    assert [len(each) for each in truths.labels] == [2, 0]
    assert len(truths[1:]) == 1
    assert truths[1:].boxes_xyxy[0].shape == (0, 4)


def test_targets_move_with_the_pixels() -> None:
    truths = targets_of(TASK, [sample(CAT)], PREPROCESS)
    settings = AugmentSettings(hflip=1.0)
    params = draw(settings, Draws(0, 0, torch.tensor([0])), in_size_hw=(64, 64), out_size_hw=(32, 32), channels=3)
    _, moved = TASK.learning.augment(torch.zeros(1, 3, 32, 32), truths, params)
    torch.testing.assert_close(moved.boxes_xyxy[0], torch.tensor([[17.0, 4, 27, 28]]))
    settings = AugmentSettings(scale=(4.0, 4.0))
    params = draw(settings, Draws(0, 0, torch.tensor([0])), in_size_hw=(64, 64), out_size_hw=(64, 64), channels=3)
    _, zoomed = TASK.learning.augment(torch.zeros(1, 3, 64, 64), truths, params)
    assert zoomed.spared[0].tolist() == [True]  # a tenth of it is left
    params = draw(
        AugmentSettings(mixup=1.0),
        Draws(0, 0, torch.tensor([0])),
        in_size_hw=(64, 64),
        out_size_hw=(64, 64),
        channels=3,
    )
    with pytest.raises(UsageError, match="which boxes can't follow"):
        TASK.learning.augment(torch.zeros(1, 3, 64, 64), truths, params)


def test_a_mosaic_brings_each_parts_objects_with_their_classes() -> None:
    dog = Instance(label=1, box_xyxy=(4, 4, 12, 8))
    truths = targets_of(TASK, [sample(CAT), sample(dog)], PREPROCESS)
    settings = AugmentSettings(mosaic=1.0)
    params = draw(settings, Draws(0, 0, torch.tensor([0, 1])), in_size_hw=(64, 64), out_size_hw=(64, 64), channels=3)
    assert params.mosaic is not None
    images, moved = TASK.learning.augment(torch.zeros(2, 3, 64, 64), truths, params)
    assert images.shape == (2, 3, 64, 64)
    x, y = params.mosaic.centres_xy[0].tolist()
    cat = truths.boxes_xyxy[0][0] + torch.tensor([x, y, x, y])  # in the lower right part, where its image begins
    kept = moved.boxes_xyxy[0][moved.labels[0] == 0]
    assert any(torch.allclose(each, cat.clamp(max=64)) for each in kept)
    assert {int(label) for label in moved.labels[0]} <= {0, 1}
    assert all((each >= 0).all() and (each <= 64).all() for each in moved.boxes_xyxy)
    assert len(moved.spared[0]) == len(moved.labels[0]) == len(moved.boxes_xyxy[0])


def test_the_right_answer_costs_little_and_crowds_nothing() -> None:
    truths = targets_of(TASK, [sample(CAT)], PREPROCESS)
    right = TASK.learning.loss(outputs_at((10, 8, 30, 56), 0), truths)
    wrong = TASK.learning.loss(outputs_at((40, 8, 60, 56), 1), truths)
    assert set(right) == {"class", "box", "distance"}
    assert right["box"].item() == pytest.approx(0, abs=1e-4)
    assert wrong["class"] > 2 * right["class"] + 0.5
    in_crowd = outputs_at((40, 8, 60, 56), 1)
    assert TASK.learning.loss(in_crowd, targets_of(TASK, [sample(CROWD)], PREPROCESS))["class"].item() < 1e-3
    assert TASK.learning.loss(in_crowd, targets_of(TASK, [sample()], PREPROCESS))["class"].item() > 1


def test_of_one_image_no_more_is_told_than_the_decision_lets() -> None:
    truths = targets_of(TASK, [sample(CAT), sample(CAT)], PREPROCESS)
    outputs = outputs_at((10, 8, 30, 56), 0, batch=2)
    outputs["logits"][:, :, 1] = torch.linspace(-8, -7, 64)
    for most in (1, 3, 300):
        judging = make(
            ("cat", "dog"), Settings(channels=16), Decision(score_threshold=0.0, max_detections=most, nms_iou=1.0)
        ).judging
        for judged in (judging.validation_record(outputs, truths), judging.evaluation_record(outputs, truths)):
            assert [len(found.labels) for found, _ in judged] == [min(most, 128)] * 2
            assert judged[0][0].scores[0] == pytest.approx(1 / (1 + np.exp(-4)), abs=1e-4)


def test_predictions_are_in_pixels_of_the_image() -> None:
    placement = PREPROCESS.placement((32, 128))
    best, *_ = answers_of(TASK, outputs_at((10, 8, 30, 56), 0), [placement])[0].to_json()["objects"]
    assert best["label"] == "cat"
    assert best["score"] == pytest.approx(1 / (1 + np.exp(-4)), abs=1e-4)
    assert best["box"] == pytest.approx([20, 4, 60, 28], abs=0.05)


def test_records_are_measured_with_intervals() -> None:
    truths = targets_of(TASK, [sample(CAT), sample(CAT)], PREPROCESS)
    records = [TASK.judging.evaluation_record(outputs_at((10, 8, 30, 56), 0, batch=2), truths)]
    means, error = TASK.judging.validation_metrics(records)
    assert means["AP50"] == pytest.approx(1)
    assert error == 0
    overall = TASK.judging.evaluation_metrics(records).to_json()["overall"]
    assert overall["AP75"] == {"value": pytest.approx(1), "low": pytest.approx(1), "high": pytest.approx(1)}
    strict = make(("cat", "dog"), Settings(channels=16), Decision(score_threshold=0.99))  # the box has 0.982
    assert TASK.judging.evaluation_metrics(records).to_json()["overall"]["recall"]["value"] == 1
    assert strict.judging.evaluation_metrics(records).to_json()["overall"]["recall"]["value"] == 0
    elsewhere = TASK.judging.evaluation_record(outputs_at((40, 8, 60, 56), 0, batch=2), truths)
    missed = TASK.judging.validation_metrics([elsewhere])
    assert missed[0] == {"AP": 0.0, "AP50": 0.0}


def test_a_backbone_without_the_stages_is_refused() -> None:
    with pytest.raises(ModelError, match="has no stage with a cell of 8 pixels"):
        TASK.learning.build(build_backbone("resnet20_cifar"))
    assert TASK.learning.build(build_backbone("resnet18")).head.num_classes == 2

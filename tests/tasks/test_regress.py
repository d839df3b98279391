"""Regression: targets in their own units outside, standardised inside."""

from pathlib import Path

import pytest
import torch
from tests.made import answers_of, targets_of

from foveal.annotations import Numbers
from foveal.errors import UsageError
from foveal.images.sources import FileImage
from foveal.preprocess import Preprocess
from foveal.tasks import make_task
from foveal.tasks.whole_image import AUX_WEIGHT
from foveal.types import Sample

PREPROCESS = Preprocess(size_hw=(8, 8), channels=1, fit="pad", mean=(0.0,), std=(1.0,))
PLACED = [PREPROCESS.placement((8, 8))] * 2
SETTINGS = {"mean": (1.7e9, 40.0), "spread": (1e5, 0.5)}
VALUES = ((1.7e9 + 2e5, 39.0), (1.7e9 - 1e5, 40.25))


def samples() -> list[Sample]:
    return [
        Sample(id=str(index), image=FileImage(Path("x.png")), annotation=Numbers(each))
        for index, each in enumerate(VALUES)
    ]


def test_targets_are_standardised_and_come_back() -> None:
    task = make_task("regress", ("time", "weight"), SETTINGS)
    targets = targets_of(task, samples(), PREPROCESS)
    assert torch.allclose(targets, torch.tensor([[2.0, -2.0], [-1.0, 0.5]]))
    decoded = answers_of(task, {"logits": targets}, PLACED)
    for each, values in zip(decoded, VALUES, strict=True):
        assert list(each.values) == ["time", "weight"]
        assert each.values["time"] == pytest.approx(values[0], abs=0.1)
        assert each.values["weight"] == pytest.approx(values[1])


def test_figures_are_in_the_targets_unit() -> None:
    task = make_task("regress", ("weight",), {"mean": [40.0], "spread": [0.5], "loss": "mse"})
    targets = torch.tensor([[1.0], [-1.0]])
    outputs = {"logits": torch.tensor([[3.0], [-1.0]])}  # 1 off, and right
    assert task.judging.primary == "mae"
    assert task.learning.step_metrics(outputs, targets)["mae"].tolist() == [1.0, 0.0]
    figures, error = task.judging.validation_metrics([task.judging.validation_record(outputs, targets)])
    assert figures == pytest.approx({"mae": 0.5, "loss": 2.0})
    assert error == pytest.approx(0.5 / 2**0.5)
    overall = task.judging.evaluation_metrics([task.judging.evaluation_record(outputs, targets)]).overall
    assert overall["mae"].value == pytest.approx(0.5)
    assert overall["rmse"].value == pytest.approx(0.5**0.5)


def test_of_several_targets_errors_are_in_spreads() -> None:
    task = make_task("regress", ("time", "weight"), SETTINGS)
    outputs, targets = {"logits": torch.tensor([[1.0, 0.0]])}, torch.tensor([[0.0, 0.5]])
    assert task.learning.step_metrics(outputs, targets)["relative_mae"].tolist() == [0.75]
    assert task.judging.validation_metrics([task.judging.validation_record(outputs, targets)])[0][
        "relative_mae"
    ] == pytest.approx(0.75)
    assert task.judging.evaluation_metrics([task.judging.evaluation_record(outputs, targets)]).overall[
        "relative_mae"
    ].value == pytest.approx(0.75)


def test_auxiliary_outputs_are_terms() -> None:
    task = make_task("regress", ("a",), {})
    outputs = {"logits": torch.randn(2, 1), "aux1": torch.randn(2, 1)}
    targets = torch.randn(2, 1)
    terms = task.learning.loss(outputs, targets)
    assert terms["aux1"].item() == pytest.approx(
        AUX_WEIGHT * task.learning.loss({"logits": outputs["aux1"]}, targets)["loss"]
    )


def test_settings_are_checked() -> None:
    with pytest.raises(UsageError, match="--loss hinge: expected one of huber, mse, mae"):
        make_task("regress", ("a",), {"loss": "hinge"})
    with pytest.raises(UsageError, match="expected numbers above 0"):
        make_task("regress", ("a",), {"spread": (0.0,)})
    with pytest.raises(UsageError, match="2 means: expected 3, one a target"):
        make_task("regress", ("a", "b", "c"), {"mean": (0.0, 1.0)})

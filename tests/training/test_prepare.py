"""What a run takes of its network's needs before the first step."""

from dataclasses import replace
from typing import Any

import pytest
import torch
from tests.made import shapes

from foveal.networks import NETWORKS
from foveal.recipes.defaults import resolve
from foveal.recipes.facts import DataFacts, probe
from foveal.recipes.options import TrainOptions
from foveal.training import prepare
from foveal.training.prepare import prepare_data, use_bf16
from foveal.training.settings import TrainSettings

CPU = torch.device("cpu")


def of_model(name: str, **given: Any) -> TrainSettings:
    facts = DataFacts(num_train=100, num_classes=3, side=64, channels=3)
    settings = resolve(TrainOptions(**given), facts).settings
    return replace(settings, model=name)


def test_bfloat16_is_for_networks_that_gain_by_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(prepare, "native_bf16", lambda device: True)
    assert [name for name in NETWORKS if not use_bf16(of_model(name), CPU)] == ["lenet5"]
    assert use_bf16(of_model("custom"), CPU)
    assert use_bf16(of_model("lenet5", precision="bfloat16"), CPU)
    assert not use_bf16(of_model("resnet18", precision="float32"), CPU)
    monkeypatch.setattr(prepare, "native_bf16", lambda device: False)
    assert not use_bf16(of_model("resnet18"), CPU)


@pytest.mark.parametrize("model", ["lenet5", "resnet20_cifar"])
def test_the_input_is_standardised_as_the_network_needs(model: str) -> None:
    samples = shapes(30, channels=3).samples
    settings = resolve(TrainOptions(model=model, fit="squash", size=24), probe(samples, 3)).settings
    data = prepare_data(samples, (), settings, channels=3)
    pixels = data.train.gather(torch.arange(30)).double() / 255
    expected = pixels.mean(dim=(0, 2, 3)), pixels.std(dim=(0, 2, 3), correction=0)
    if model == "lenet5":
        expected = torch.full((3,), 0.1 / 1.275), torch.full((3,), 1 / 1.275)
    for found, values in zip((data.preprocess.mean, data.preprocess.std), expected, strict=True):
        assert found == pytest.approx(values.tolist(), abs=1e-4)  # the images' own are rounded

"""What a run takes of its network's needs before the first step."""

from dataclasses import fields, replace
from typing import Any

import pytest
import torch
from tests.made import shapes

from foveal.augment.settings import AugmentSettings
from foveal.networks import NETWORKS
from foveal.recipes.defaults import resolve
from foveal.recipes.facts import DataFacts, probe
from foveal.recipes.options import TrainOptions
from foveal.tasks import make_task
from foveal.training import prepare
from foveal.training.plan import Plan
from foveal.training.prepare import make_plan, prepare_data, prepare_state, use_bf16
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


def test_the_plan_has_the_settings_numbers() -> None:
    numbers: dict[str, Any] = {
        "batch_size": 7,
        "accumulate": 3,
        "seed": 11,
        "lr": 0.012,
        "schedule": "cosine",
        "warmup": 0.13,
        "clip_norm": 0.7,
        "patience": 4,
        "train_sizes": (32, 64),
        "aspect": 1.5,
        "augment": AugmentSettings(hflip=0.25),
        "checkpoint_seconds": 77.0,
        "l1": 1e-5,
        "l2": 2e-5,
    }
    usual = of_model("resnet20_cifar", epochs=2.5)
    of_both = {each.name for each in fields(Plan)} & {each.name for each in fields(TrainSettings)}
    assert set(numbers) == of_both
    assert all(getattr(usual, name) != value for name, value in numbers.items())
    plan = make_plan(replace(usual, **numbers), 100, bfloat16=True, data="digest")
    assert {name: getattr(plan, name) for name in numbers} == numbers
    assert (plan.num_samples, plan.bfloat16, plan.data) == (100, True, "digest")
    assert plan.total_steps == 10  # 2.5 epochs of 4 steps
    assert not plan.balanced
    assert make_plan(replace(usual, balance="sampler"), 100, bfloat16=False).balanced
    assert not make_plan(replace(usual, balance="loss"), 100, bfloat16=False).balanced


@pytest.mark.parametrize("decay_all", [False, True])
def test_the_optimiser_has_the_settings_numbers(decay_all: bool) -> None:
    samples = shapes(6).samples
    given: dict[str, Any] = {
        "lr": 0.03,
        "momentum": 0.7,
        "nesterov": True,
        "weight_decay": 0.02,
        "precision": "float32",
    }
    settings = of_model("resnet20_cifar", optimiser="sgd", size=32, decay_all=decay_all, **given)
    data, task = prepare_data(samples, (), settings, channels=1), make_task("classify", ("a", "b", "c"), {})
    optimiser = prepare_state(settings, task, data, device=CPU, module=None).optimiser
    assert type(optimiser).__name__ == "SGD"
    groups = optimiser.param_groups
    for name in ("lr", "momentum", "nesterov"):
        assert {group[name] for group in groups} == {given[name]}
    assert {group["weight_decay"] for group in groups} == ({0.02} if decay_all else {0.02, 0.0})


@pytest.mark.parametrize("fit", ["squash", "crop", "pad"])
def test_the_held_out_images_are_read_as_the_model_will_read(fit: str) -> None:
    samples = shapes(12, side=20).samples
    settings = of_model("resnet20_cifar", size=64, fit=fit, precision="float32")
    data = prepare_data(samples[:8], samples[8:], replace(settings, aspect=2.0), channels=1)
    assert data.val is not None
    assert (data.preprocess.fit, data.preprocess.size_hw) == (fit, (32, 64))
    assert (data.val.preprocess.fit, data.val.preprocess.size_hw) == (fit, data.preprocess.size_hw)

"""Frozen stages, and learning rates by stage."""

from typing import Any

import pytest
import torch
from tests.launched import together
from tests.made import shapes
from torch import Tensor, nn

from foveal.errors import UsageError
from foveal.networks import NETWORKS
from foveal.networks.build import build_backbone, without_weights
from foveal.processes.group import ALONE, Processes, joined
from foveal.recipes.defaults import resolve
from foveal.recipes.facts import probe
from foveal.recipes.heads import prepare_task
from foveal.recipes.options import TrainOptions
from foveal.training.distribution import share_state
from foveal.training.loop import Trainer
from foveal.training.muon import Muon
from foveal.training.optimisers import MUON_OTHERS
from foveal.training.prepare import prepare_data, prepare_state
from foveal.training.stages import RATE, freeze, learning_rate_shares


def made(processes: Processes = ALONE, **settings: Any) -> Trainer:
    """A trainer of the made-up shapes; settings that name weights start from what is drawn here."""
    values = {
        "model": "resnet20_cifar",
        "epochs": 2.0,
        "batch_size": 10,
        "precision": "float32",
        "ema": 0.9,
        **settings,
    }
    samples, cpu = shapes(37).samples, torch.device("cpu")
    resolved = resolve(TrainOptions(**values), probe(samples, 3)).settings
    data = prepare_data(samples[:30], samples[30:], resolved, channels=1)
    task = prepare_task(resolved, ("bar", "disc", "ring"), data.train.samples)
    state = prepare_state(resolved, task, data, device=cpu, module=None, processes=processes)
    share_state(state, processes)
    return Trainer(task, state, data.preprocess, data.train, data.val, device=cpu, processes=processes)


def tensors(network: nn.Module) -> dict[str, Tensor]:
    return {name: value.clone() for name, value in network.state_dict().items()}


@pytest.mark.parametrize("name", NETWORKS)
def test_each_parameter_is_in_one_stage(name: str) -> None:
    """And the stages are in the order in which they compute, the network's first layer in the first."""
    with without_weights():
        backbone = build_backbone(name)
    parts = backbone.parts()
    listed = [id(each) for part in parts for module in part for each in module.parameters()]
    assert len(listed) == len(set(listed))
    assert set(listed) == {id(each) for each in backbone.parameters()}
    assert [id(each) for each in backbone.parameters()] == listed


@pytest.mark.parametrize("optimiser", ["sgd", "adamw", "muon"])
def test_frozen_stages_stay_and_the_others_learn(optimiser: str) -> None:
    trainer = made(weights="there.pth", freeze=2, optimiser=optimiser, clip_norm=1.0)
    before = tensors(trainer.state.network)
    list(trainer.run())
    frozen = ("backbone.stem.", "backbone.stage1.", "backbone.stage2.")
    assert trainer.state.ema is not None
    average = trainer.state.ema.state_dict()["average"]
    for name, value in trainer.state.network.state_dict().items():
        stays = name.startswith(frozen)
        assert torch.equal(value, before[name]) == stays, name
        if stays:
            assert torch.equal(average[name], before[name]), name


def test_the_backward_pass_ends_above_them() -> None:
    trainer = made(weights="there.pth", freeze=1)
    backbone = trainer.state.network.backbone
    seen: dict[str, bool] = {}
    for name in ("stage1", "stage2"):
        module = getattr(backbone, name)
        module.register_forward_hook(lambda _, __, out, name=name: seen.update({name: out.requires_grad}))
    trainer.step()
    assert seen == {"stage1": False, "stage2": True}


def trained() -> dict[str, Tensor]:
    """One process's tensors after a training with frozen stages."""
    with joined() as processes:
        trainer = made(processes, weights="there.pth", freeze=2, batch_size=9)
        with torch.no_grad():
            trainer.state.network.backbone.stem[1].running_mean.fill_(1 / 3)  # no sum of parts gives it back to the bit
        list(trainer.run())
        return tensors(trainer.state.network)


def test_several_processes_leave_them_alone_too() -> None:
    several = together(trained, 3)
    assert torch.equal(several[0]["backbone.stem.1.running_mean"], torch.full((16,), 1 / 3))
    for name, value in several[0].items():
        assert torch.equal(value, several[1][name]), name


def test_rates_fall_towards_the_input() -> None:
    """Against each parameter's own name."""
    trainer = made(weights="there.pth", optimiser="adamw")
    trainer.update(0.5)
    names = {id(each): name for name, each in trainer.state.network.named_parameters()}
    found = {names[id(each)]: group["lr"] for group in trainer.state.optimiser.param_groups for each in group["params"]}
    assert found.keys() == set(names.values())
    depth = {"backbone.stem": 3, "backbone.stage1": 3, "backbone.stage2": 2, "backbone.stage3": 1, "head.fc": 0}
    for name, rate in found.items():
        assert rate == pytest.approx(0.5 * RATE ** depth[".".join(name.split(".")[:2])]), name


def test_muon_takes_both_shares() -> None:
    optimiser = made(weights="there.pth", optimiser="muon").state.optimiser
    assert isinstance(optimiser, Muon)
    shares = {(group["orthogonal"], round(group["lr_share"], 9)) for group in optimiser.param_groups}
    expected = {(True, RATE**n) for n in (1, 2, 3)} | {(False, MUON_OTHERS * RATE**n) for n in (0, 1, 2, 3)}
    assert shares == {(orthogonal, round(share, 9)) for orthogonal, share in expected}


def test_from_random_weights_all_have_one_rate() -> None:
    assert {group["lr_share"] for group in made().state.optimiser.param_groups} == {1.0}


def test_more_stages_than_there_are() -> None:
    with without_weights():
        backbone = build_backbone("resnet18")
    with pytest.raises(UsageError, match="--freeze 5: ResNet has 4 stages, the stem with the first: give 0 to 4"):
        freeze(backbone, 5)
    assert freeze(backbone, 0) == ()
    assert len(learning_rate_shares(backbone)) == len(list(backbone.parameters()))

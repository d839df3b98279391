"""The weight average against a plain NumPy loop, and its resume bit for bit."""

import numpy as np
import pytest
import torch
from torch import nn

from foveal.errors import ModelError, UsageError
from foveal.training.ema import WeightAverage


def net(*, seed: int = 0, dtype: torch.dtype = torch.float32) -> nn.Sequential:
    torch.manual_seed(seed)
    modules = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.Flatten(), nn.Linear(4, 2))
    return modules.to(dtype=dtype, memory_format=torch.channels_last)


def disturb(module: nn.Module, step: int) -> None:
    """A training step's worth of change to every float, and one more batch seen."""
    generator = torch.Generator().manual_seed(step)
    for value in module.state_dict().values():
        if value.is_floating_point():
            value.add_(torch.randn(value.shape, generator=generator).to(value.dtype))
        else:
            value.add_(1)


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.9, 0.999])
def test_the_average_follows_a_plain_loop(decay: float) -> None:
    module = net(dtype=torch.float64)
    average = WeightAverage(module, decay=decay)
    expected = {name: value.numpy().copy() for name, value in module.state_dict().items()}
    for t in range(30):
        disturb(module, t)
        average.update(module)
        d = min(decay, (1 + t) / (10 + t))
        for name, value in module.state_dict().items():
            if value.is_floating_point():
                expected[name] = d * expected[name] + (1 - d) * value.numpy()
            else:
                expected[name] = value.numpy().copy()
    found = net(seed=1, dtype=torch.float64)
    average.copy_to(found)
    for name, value in found.state_dict().items():
        np.testing.assert_allclose(value.numpy(), expected[name], rtol=1e-12, atol=1e-12)
    assert found[1].num_batches_tracked == 30


def test_batch_norm_statistics_are_averaged_and_not_copied() -> None:
    module = net()
    average = WeightAverage(module, decay=0.9)
    first = module[1].running_mean.clone()
    module[1].running_mean.add_(10)
    average.update(module)
    found = average.state_dict()["average"]["1.running_mean"]
    torch.testing.assert_close(found, first + 9)  # the first update's decay is 1/10


def test_the_average_shares_no_memory_with_the_module() -> None:
    module = net()
    average = WeightAverage(module, decay=0.9)
    before = average.state_dict()["average"]["0.weight"].clone()
    disturb(module, 0)
    assert torch.equal(average.state_dict()["average"]["0.weight"], before)
    average.copy_to(module)
    disturb(module, 1)
    assert torch.equal(average.state_dict()["average"]["0.weight"], before)


def test_a_constant_network_stays_exactly_itself() -> None:
    module = net()
    average = WeightAverage(module, decay=0.99)
    for _ in range(20):
        average.update(module)
    for name, value in module.state_dict().items():
        assert torch.equal(average.state_dict()["average"][name], value)


def test_a_bfloat16_network_is_averaged_in_float32() -> None:
    module = net(dtype=torch.bfloat16)
    average = WeightAverage(module, decay=0.9999)
    module[0].weight.data.zero_()
    for _ in range(100):
        average.update(module)
    held = average.state_dict()["average"]["0.weight"]
    assert held.dtype == torch.float32
    other = net(seed=1, dtype=torch.bfloat16)
    average.copy_to(other)
    assert torch.equal(other[0].weight, held.to(torch.bfloat16))


def test_a_resumed_average_is_the_uninterrupted_one() -> None:
    module = net()
    whole, first = WeightAverage(module, decay=0.95), WeightAverage(module, decay=0.95)
    for step in range(10):
        disturb(module, step)
        whole.update(module)
        if step < 5:
            first.update(module)
        if step == 4:
            saved = first.state_dict()
            saved["average"] = {name: value.contiguous().clone() for name, value in saved["average"].items()}
            second = WeightAverage(net(seed=7), decay=0.95)
            second.load_state_dict(saved)
        if step > 4:
            second.update(module)
    assert second.updates == whole.updates == 10
    for name, value in whole.state_dict()["average"].items():
        assert torch.equal(second.state_dict()["average"][name], value)


def test_another_networks_average_is_refused() -> None:
    average = WeightAverage(net(), decay=0.9)
    saved = average.state_dict()
    saved["average"]["3.weight"] = torch.zeros(5, 4)
    with pytest.raises(ModelError, match=r"1 of 9 tensors differ, first '3.weight', expected \(2, 4\), got \(5, 4\)"):
        average.load_state_dict(saved)
    del saved["average"]["3.weight"]
    with pytest.raises(ModelError, match=r"expected \(2, 4\), got no such tensor"):
        average.load_state_dict(saved)


def test_a_decay_outside_its_range_is_refused() -> None:
    with pytest.raises(UsageError, match=r"decay must be in \[0, 1\), got 1"):
        WeightAverage(net(), decay=1.0)

"""Stochastic depth against what its paper says of it."""

import pytest
import torch

from foveal.layers import DropPath, drop_path


def test_each_image_is_left_out_or_scaled_up_as_a_whole() -> None:
    torch.manual_seed(0)
    maps = torch.rand(4000, 2, 3, 1) + 0.5
    dropped = drop_path(maps, 0.3)
    left_out = (dropped == 0).flatten(1)
    assert torch.equal(left_out.all(1), left_out.any(1))
    assert left_out.any(1).float().mean().item() == pytest.approx(0.3, abs=0.03)
    kept = ~left_out.any(1)
    torch.testing.assert_close(dropped[kept], maps[kept] / 0.7)
    assert dropped.mean().item() == pytest.approx(maps.mean().item(), rel=0.04)


def test_prediction_keeps_every_branch_and_a_seed_the_draws() -> None:
    maps = torch.rand(64, 3, 2, 5)
    layer = DropPath(0.5)
    assert layer.eval()(maps) is maps
    drawn = []
    for _ in range(2):
        torch.manual_seed(3)
        drawn.append(layer.train()(maps))
    assert torch.equal(*drawn)
    assert not torch.equal(drawn[0], layer(maps))
    assert torch.equal(drop_path(maps, 0.0), maps)

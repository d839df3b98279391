"""The residual networks: the paper's, the common variants, and those for CIFAR."""

import pytest
import torch
from torch import nn

from foveal.layers import PadShortcut
from foveal.networks.build import build_backbone, build_network
from foveal.networks.resnet import ResidualBlock


def blocks_of(name: str) -> list[ResidualBlock]:
    with torch.device("meta"):
        backbone = build_backbone(name)
    return [module for module in backbone.modules() if isinstance(module, ResidualBlock)]


def weighted_layers(module: nn.Module) -> int:
    return sum(isinstance(layer, nn.Conv2d | nn.Linear) for layer in module.modules())


@pytest.mark.parametrize(
    ("name", "depth"),
    [
        ("resnet18", 18),
        ("resnet34", 34),
        ("resnet50", 50),
        ("resnet101", 101),
        ("resnet152", 152),
        ("resnet152_v1", 152),
        ("resnet20_cifar", 20),
        ("resnet110_cifar", 110),
    ],
)
def test_the_name_counts_the_layers_outside_shortcuts(name: str, depth: int) -> None:
    assert sum(weighted_layers(block.residual) for block in blocks_of(name)) + 2 == depth


@pytest.mark.parametrize(("name", "strides"), [("resnet50", (1, 2, 1)), ("resnet50_v1", (2, 1, 1))])
def test_the_stride_of_a_bottleneck(name: str, strides: tuple[int, ...]) -> None:
    first_of_stage2 = blocks_of(name)[3]
    convs = [layer for layer in first_of_stage2.residual if isinstance(layer, nn.Conv2d)]
    assert tuple(conv.stride[0] for conv in convs) == strides
    assert [conv.kernel_size[0] for conv in convs] == [1, 3, 1]
    assert first_of_stage2.shortcut[0].stride == (2, 2)


@pytest.mark.parametrize(
    ("name", "gain"), [("resnet18", 0), ("resnet50", 0), ("resnet50_v1", 1), ("resnet20_cifar", 1)]
)
def test_the_last_gain_of_a_branch(name: str, gain: float) -> None:
    for module in build_backbone(name).modules():
        if isinstance(module, ResidualBlock):
            norms = [layer for layer in module.residual if isinstance(layer, nn.BatchNorm2d)]
            assert [norm.weight.unique().tolist() for norm in norms] == [[1]] * (len(norms) - 1) + [[gain]]


def test_a_block_is_its_equation() -> None:
    block = ResidualBlock(nn.Conv2d(2, 2, 1), nn.Identity())
    x = torch.randn(1, 2, 3, 4)
    torch.testing.assert_close(block(x), torch.relu(block.residual(x) + x))


def test_shortcuts_project_where_shapes_change_only() -> None:
    kinds = [type(block.shortcut) for block in blocks_of("resnet18")]
    assert kinds == [nn.Identity, nn.Identity] + [nn.Sequential, nn.Identity] * 3


def test_cifar_shortcuts_have_no_parameters() -> None:
    blocks = blocks_of("resnet20_cifar")
    assert [type(b.shortcut) for b in blocks if not isinstance(b.shortcut, nn.Identity)] == [PadShortcut] * 2
    assert sum(p.numel() for block in blocks for p in block.shortcut.parameters()) == 0


def test_cifar_stem_is_3x3_without_pooling() -> None:
    backbone = build_backbone("resnet20_cifar")
    assert (backbone.stem[0].kernel_size, backbone.stem[0].stride) == ((3, 3), (1, 1))
    assert not any(isinstance(layer, nn.MaxPool2d) for layer in backbone.modules())
    maps = backbone(torch.randn(1, 3, 32, 32))
    assert [tuple(x.shape[1:]) for x in maps.values()] == [(16, 32, 32), (32, 16, 16), (64, 8, 8)]


def test_convolutions_start_kaiming_over_the_fan_out_and_the_classifier_small() -> None:
    torch.manual_seed(0)
    network = build_network("resnet18")
    conv = network.backbone.stage4[0].residual[0]
    assert conv.weight.std().item() == pytest.approx((2 / (9 * 512)) ** 0.5, rel=0.01)
    assert conv.bias is None
    assert network.head.fc.weight.std().item() == pytest.approx(0.01, rel=0.01)
    assert not network.head.fc.bias.any()

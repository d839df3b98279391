"""The residual networks: the paper's, the common variants, and those for CIFAR."""

import pytest
import torch
from torch import nn

from foveal.errors import UsageError
from foveal.layers import DropPath, PadShortcut
from foveal.networks.build import build_backbone, build_network
from foveal.networks.resnet import ResidualBlock, drop_paths, recompute_blocks


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
        ("resnet34_d", 34),
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
    block = ResidualBlock(nn.Sequential(nn.Conv2d(2, 2, 1)), nn.Identity())
    x = torch.randn(1, 2, 3, 4)
    torch.testing.assert_close(block(x), torch.relu(block.residual(x) + x))


def test_shortcuts_project_where_shapes_change_only() -> None:
    kinds = [type(block.shortcut) for block in blocks_of("resnet18")]
    assert kinds == [nn.Identity, nn.Identity] + [nn.Sequential, nn.Identity] * 3


def test_resnet_d_pools_its_shortcuts_and_has_a_deep_stem() -> None:
    backbone = build_backbone("resnet18_d")
    stem = [layer for layer in backbone.stem if isinstance(layer, nn.Conv2d)]
    assert [(c.in_channels, c.out_channels, c.stride[0]) for c in stem] == [(3, 32, 2), (32, 32, 1), (32, 64, 1)]
    halving = [each.shortcut for each in blocks_of("resnet50_d") if each.residual[3].stride == (2, 2)]
    assert [type(layer) for shortcut in halving for layer in shortcut] == [nn.AvgPool2d, nn.Conv2d, nn.BatchNorm2d] * 3
    assert all(shortcut[1].stride == (1, 1) for shortcut in halving)
    maps = backbone(torch.randn(1, 3, 70, 101))
    assert [tuple(x.shape[1:]) for x in maps.values()] == [
        (64, 35, 51),
        (64, 18, 26),
        (128, 9, 13),
        (256, 5, 7),
        (512, 3, 4),
    ]


def test_resnet_ds_stem_moves_with_the_image() -> None:
    """A shift by two pixels changes what a pooled maximum of every other place sees, and hardly a mean of maxima."""
    moved = {}
    for name in ("resnet18", "resnet18_d"):
        pool = build_backbone(name).pool
        maps = torch.randn(1, 64, 32, 32, generator=torch.Generator().manual_seed(0)).relu()
        moved[name] = float((pool(maps.roll(1, 3)) - pool(maps)).square().mean() / pool(maps).square().mean())
    assert moved["resnet18_d"] < 0.5 * moved["resnet18"]


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


def test_paths_are_dropped_more_the_deeper_they_are() -> None:
    torch.manual_seed(0)
    network = build_network("resnet20_cifar", 3)
    names, images = list(network.state_dict()), torch.rand(2, 3, 16, 20)
    whole = network.eval()(images)["logits"]
    drop_paths(network, 0.9)
    assert list(network.state_dict()) == names
    assert torch.equal(network.eval()(images)["logits"], whole)
    rates = [module.rate for module in network.modules() if isinstance(module, DropPath)]
    assert rates == pytest.approx([0.1 * depth for depth in range(1, 10)])


def test_a_block_whose_path_is_dropped_is_its_shortcut() -> None:
    backbone = build_backbone("resnet20_cifar").train()
    drop_paths(backbone, 0.999999)
    maps = torch.rand(3, 64, 4, 5)
    assert torch.equal(backbone.stage3[2](maps), maps)


def test_paths_are_of_residual_networks() -> None:
    with pytest.raises(UsageError, match=r"--drop-path 0\.2: drops residual branches, and the network has none"):
        drop_paths(build_backbone("lenet5"), 0.2)


@pytest.mark.parametrize("name", ["resnet20_cifar", "resnet18_d"])
def test_recomputed_blocks_give_the_same_step_to_the_bit_and_keep_less(name: str) -> None:
    """Gradients and all buffers after two steps, with paths dropped by torch's generator."""
    kept: dict[bool, int] = {}
    states: dict[bool, list[torch.Tensor]] = {}
    for recomputed in (False, True):
        torch.manual_seed(0)
        network = build_network(name, 3).train()
        drop_paths(network, 0.5)
        names = list(network.state_dict())
        if recomputed:
            recompute_blocks(network)
        assert list(network.state_dict()) == names
        saved: list[int] = []

        def note(tensor: torch.Tensor, saved: list[int] = saved) -> torch.Tensor:
            saved.append(tensor.numel() * tensor.element_size())
            return tensor

        for seed in range(2):
            torch.manual_seed(seed)
            with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
                loss = network(torch.rand(4, 3, 40, 32))["logits"].square().sum()
            loss.backward()
        kept[recomputed] = sum(saved)
        gradients = [each.grad for each in network.parameters() if each.grad is not None]
        states[recomputed] = [*gradients, *network.buffers()]
    assert len(states[True]) == len(states[False])
    assert all(torch.equal(*pair) for pair in zip(states[True], states[False], strict=True))
    assert kept[True] < 0.6 * kept[False]


def test_recomputing_is_of_residual_networks() -> None:
    with pytest.raises(UsageError, match=r"--gradient-checkpointing: is of residual blocks, and the network has none"):
        recompute_blocks(build_backbone("alexnet"))

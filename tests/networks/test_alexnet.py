"""AlexNet as published, and the one-tower network."""

import pytest
import torch
from torch import nn

from foveal.layers import LocalResponseNorm
from foveal.networks.alexnet import alexnet, alexnet_one_tower
from foveal.networks.build import build_network


def convs_of(module: nn.Module) -> list[nn.Conv2d]:
    return [layer for layer in module.modules() if isinstance(layer, nn.Conv2d)]


def kinds_of(module: nn.Module) -> list[list[str]]:
    return [[type(layer).__name__ for layer in group] for group in module.convs.values()]


def test_layers_and_groups() -> None:
    convs = convs_of(alexnet())
    assert [conv.out_channels for conv in convs] == [96, 256, 384, 384, 256]
    assert [conv.groups for conv in convs] == [1, 2, 1, 2, 2]
    assert (convs[0].kernel_size, convs[0].stride, convs[0].padding) == ((11, 11), (4, 4), (2, 2))
    assert kinds_of(alexnet()) == [
        ["Conv2d", "ReLU", "LocalResponseNorm", "MaxPool2d"],
        ["Conv2d", "ReLU", "LocalResponseNorm", "MaxPool2d"],
        ["Conv2d", "ReLU"],
        ["Conv2d", "ReLU"],
        ["Conv2d", "ReLU", "MaxPool2d"],
    ]


def test_normalisation_and_pooling_constants() -> None:
    norms = [layer for layer in alexnet().modules() if isinstance(layer, LocalResponseNorm)]
    assert [(norm.size, norm.alpha, norm.beta, norm.k) for norm in norms] == [(5, 1e-4, 0.75, 2.0)] * 2
    pools = [layer for layer in alexnet().modules() if isinstance(layer, nn.MaxPool2d)]
    assert [(pool.kernel_size, pool.stride) for pool in pools] == [(3, 2)] * 3


def test_maps_have_the_papers_sides() -> None:
    with torch.device("meta"):
        backbone = alexnet().eval()
        assert convs_of(backbone)[0](torch.empty(1, 3, 224, 224)).shape == (1, 96, 55, 55)
        maps = backbone(torch.empty(1, 3, 224, 224))
    assert [tuple(x.shape[1:]) for x in maps.values()] == [
        (96, 27, 27),
        (256, 13, 13),
        (384, 13, 13),
        (384, 13, 13),
        (256, 6, 6),
    ]


def test_weights_start_as_published() -> None:
    torch.manual_seed(0)
    network = build_network("alexnet", 10)
    convs = convs_of(network)
    assert [conv.bias.unique().tolist() for conv in convs] == [[0], [1], [0], [1], [1]]
    linears = [network.head.fc6, network.head.fc7, network.head.fc8]
    assert [linear.bias.unique().tolist() for linear in linears] == [[1], [1], [0]]
    for layer in [*convs, *linears]:
        assert layer.weight.std().item() == pytest.approx(0.01, rel=0.03)
        assert abs(layer.weight.mean().item()) < 2e-4


def test_dropout_stands_before_the_two_hidden_layers() -> None:
    with torch.device("meta"):
        head = alexnet().head(2)
    names = [name for name, _ in head.named_children()]
    assert names == ["grid", "flatten", "dropout6", "fc6", "relu6", "dropout7", "fc7", "relu7", "fc8"]
    assert head.dropout6.p == head.dropout7.p == 0.5


def test_pixels_of_64_train() -> None:
    torch.manual_seed(0)
    network = build_network("alexnet", 2)
    logits = network(torch.randn(2, 3, 64, 64))["logits"]
    nn.functional.cross_entropy(logits, torch.tensor([0, 1])).backward()
    assert all(p.grad.any() for p in network.parameters())


def test_one_tower_is_another_network() -> None:
    convs = convs_of(alexnet_one_tower())
    assert [conv.out_channels for conv in convs] == [64, 192, 384, 256, 256]
    assert all(conv.groups == 1 for conv in convs)
    assert not any(isinstance(layer, LocalResponseNorm) for layer in alexnet_one_tower().modules())

"""VGG as published, and with batch norm."""

import pytest
import torch
from torch import nn

from foveal.networks.build import build_backbone, build_network


@pytest.mark.parametrize(
    ("name", "depths"), [("vgg11", 11), ("vgg13", 13), ("vgg16", 16), ("vgg19", 19), ("vgg16_bn", 16)]
)
def test_the_name_counts_the_layers_with_weights(name: str, depths: int) -> None:
    with torch.device("meta"):
        network = build_network(name)
    convs = [layer for layer in network.modules() if isinstance(layer, nn.Conv2d)]
    linears = [layer for layer in network.modules() if isinstance(layer, nn.Linear)]
    norms = [layer for layer in network.modules() if isinstance(layer, nn.BatchNorm2d)]
    assert len(convs) + len(linears) == depths
    assert len(norms) == (len(convs) if name.endswith("_bn") else 0)
    assert all(conv.kernel_size == (3, 3) and conv.bias is not None for conv in convs)
    assert [linear.out_features for linear in linears] == [4096, 4096, 1000]


def test_dropout_on_the_two_hidden_layers() -> None:
    with torch.device("meta"):
        head = build_backbone("vgg16").head(2)
    assert [layer.p for layer in head.modules() if isinstance(layer, nn.Dropout)] == [0.5, 0.5]


def test_stages_end_after_their_pooling() -> None:
    with torch.device("meta"):
        maps = build_backbone("vgg16")(torch.empty(1, 3, 224, 224))
    assert [tuple(x.shape[1:]) for x in maps.values()] == [
        (64, 112, 112),
        (128, 56, 56),
        (256, 28, 28),
        (512, 14, 14),
        (512, 7, 7),
    ]


def test_signals_keep_their_scale_through_the_deepest_plain_network() -> None:
    torch.manual_seed(0)
    with torch.no_grad():
        maps = build_backbone("vgg19")(torch.randn(2, 3, 64, 64))
    assert 0.1 < maps["stage5"].std() < 10


def test_pixels_of_64_train() -> None:
    torch.manual_seed(0)
    network = build_network("vgg16", 2)
    logits = network(torch.randn(2, 3, 64, 64))["logits"]
    nn.functional.cross_entropy(logits, torch.tensor([0, 1])).backward()
    assert all(p.grad.any() for p in network.parameters())

"""GoogLeNet as published, and with batch norm."""

import torch
from torch import nn

from foveal.layers import LocalResponseNorm
from foveal.networks.build import build_backbone, build_network
from foveal.networks.googlenet import WIDTHS, pool_to_4x4


def test_blocks_have_the_widths_of_table_1() -> None:
    totals = {name: widths.total for name, widths in WIDTHS.items()}
    assert list(totals.values()) == [256, 480, 512, 512, 512, 528, 832, 832, 1024]


def test_the_third_branch_is_a_5x5_convolution() -> None:
    block = build_backbone("googlenet").inception3[0]
    kernels = [layer.kernel_size for layer in block.branch5.modules() if isinstance(layer, nn.Conv2d)]
    assert kernels == [(1, 1), (5, 5)]
    kernels = [layer.kernel_size for layer in block.branch3.modules() if isinstance(layer, nn.Conv2d)]
    assert kernels == [(1, 1), (3, 3)]


def test_biases_and_two_normalisations_without_batch_norm() -> None:
    layers = list(build_backbone("googlenet").modules())
    convs = [layer for layer in layers if isinstance(layer, nn.Conv2d)]
    assert len(convs) == 57
    assert all(conv.bias is not None for conv in convs)
    assert sum(isinstance(layer, nn.ReLU) for layer in layers) == 57
    assert sum(isinstance(layer, LocalResponseNorm) for layer in layers) == 2
    assert not any(isinstance(layer, nn.BatchNorm2d) for layer in layers)


def test_the_other_name_has_batch_norm_and_no_biases() -> None:
    layers = list(build_backbone("googlenet_bn").modules())
    convs = [layer for layer in layers if isinstance(layer, nn.Conv2d)]
    assert all(conv.bias is None for conv in convs)
    assert sum(isinstance(layer, nn.BatchNorm2d) for layer in layers) == 57
    assert not any(isinstance(layer, LocalResponseNorm) for layer in layers)


def test_maps_have_the_papers_sides() -> None:
    with torch.device("meta"):
        maps = build_backbone("googlenet")(torch.empty(1, 3, 224, 224))
    assert {name: tuple(x.shape[1:]) for name, x in maps.items()} == {
        "stage1": (64, 112, 112),
        "stage2": (192, 56, 56),
        "stage3": (480, 28, 28),
        "4a": (512, 14, 14),
        "4d": (528, 14, 14),
        "stage4": (832, 14, 14),
        "stage5": (1024, 7, 7),
    }


def test_auxiliary_heads_speak_in_training_only() -> None:
    with torch.device("meta"):
        network = build_network("googlenet", 5)
        images = torch.empty(2, 3, 224, 224)
    outputs = network.train()(images)
    assert {name: tuple(x.shape) for name, x in outputs.items()} == {
        "logits": (2, 5),
        "aux1": (2, 5),
        "aux2": (2, 5),
    }
    assert list(network.eval()(images)) == ["logits"]
    head = network.head
    assert (head.dropout.p, head.aux1.dropout.p, head.aux2.dropout.p) == (0.4, 0.7, 0.7)
    assert head.aux1.hidden.in_features == 2048
    assert head.aux1.hidden.out_features == 1024


def test_auxiliary_pooling_is_the_papers_at_14() -> None:
    maps = torch.randn(1, 2, 14, 14)
    torch.testing.assert_close(pool_to_4x4(maps), nn.functional.avg_pool2d(maps, 5, stride=3))
    assert pool_to_4x4(torch.randn(1, 2, 3, 9)).shape == (1, 2, 4, 4)


def test_signals_keep_their_scale() -> None:
    torch.manual_seed(0)
    with torch.no_grad():
        maps = build_backbone("googlenet")(torch.randn(2, 3, 64, 64))
    assert 0.05 < maps["stage5"].std() < 10

"""Decoders: shapes on every backbone with stages."""

import pytest
import torch

from foveal.errors import ModelError
from foveal.networks.build import build_backbone
from foveal.networks.decoders import DECODERS, segmenter


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("backbone", ["vgg11_bn", "googlenet_bn", "resnet18_d", "resnet50", "resnet20_cifar"])
def test_every_backbone_with_stages_carries_it(backbone: str, decoder: str) -> None:
    with torch.device("meta"):
        network = segmenter(build_backbone(backbone), 5, decoder=decoder, channels=64)
        assert network(torch.zeros(2, 3, 64, 96))["logits"].shape == (2, 5, 64, 96)


@pytest.mark.parametrize("decoder", DECODERS)
def test_odd_sides_come_out_as_they_went_in(decoder: str) -> None:
    network = segmenter(build_backbone("resnet18_d"), 3, decoder=decoder, channels=64).eval()
    assert network(torch.zeros(1, 3, 75, 101))["logits"].shape == (1, 3, 75, 101)


def test_a_backbone_without_stages_is_refused() -> None:
    with pytest.raises(ModelError, match="its maps fit no pyramid"):
        segmenter(build_backbone("lenet5"), 3, decoder="unet", channels=64)

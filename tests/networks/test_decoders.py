"""Decoders: shapes on every backbone with stages."""

import pytest
import torch

from foveal.errors import ModelError
from foveal.networks.build import build_backbone
from foveal.networks.decoders import DECODERS, segmenter


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize(
    "backbone", ["vgg11_bn", "googlenet_bn", "resnet18_d", "resnet50", "resnet50_v1", "resnet20_cifar"]
)
def test_every_backbone_with_stages_carries_it(backbone: str, decoder: str) -> None:
    with torch.device("meta"):
        network = segmenter(build_backbone(backbone), 5, decoder=decoder, channels=64)
        assert network(torch.zeros(2, 3, 64, 96))["logits"].shape == (2, 5, 64, 96)


@pytest.mark.parametrize("decoder", DECODERS)
@pytest.mark.parametrize("backbone", ["vgg11_bn", "googlenet_bn", "resnet18_d"])
def test_odd_sides_come_out_as_they_went_in(backbone: str, decoder: str) -> None:
    with torch.device("meta"):
        network = segmenter(build_backbone(backbone), 3, decoder=decoder, channels=64).eval()
        for size_hw in ((75, 101), (96, 144)):
            assert network(torch.zeros(1, 3, *size_hw))["logits"].shape == (1, 3, *size_hw)


@pytest.mark.parametrize("name", ["resnet18", "resnet18_d", "resnet50", "resnet50_v1"])
def test_a_dilated_resnet_keeps_its_weights_and_the_finer_grid(name: str) -> None:
    plain, dilated = build_backbone(name).eval(), build_backbone(name).eval()
    dilated.dilate()
    dilated.load_state_dict(plain.state_dict())
    images = torch.randn(1, 3, 64, 96)
    with torch.inference_mode():
        before, after = plain(images), dilated(images)
    assert torch.equal(before["stage3"], after["stage3"])
    assert after["stage4"].shape[2:] == (4, 6)
    assert dilated.stages[-1].stride == 16
    reach = [module.dilation for module in dilated.modules() if isinstance(module, torch.nn.Conv2d)]
    assert (2, 2) in reach


def test_a_dilated_stage_computes_what_it_did_at_every_other_cell() -> None:
    """On the even cells, a stage whose stride became dilation gives what it gave before (Yu & Koltun 2015)."""
    torch.manual_seed(0)
    backbone = build_backbone("resnet18").eval()
    block = backbone.stage4[1]
    coarse = torch.randn(1, 512, 4, 4)
    fine = torch.zeros(1, 512, 8, 8)
    fine[..., ::2, ::2] = coarse
    with torch.inference_mode():
        before = block(coarse)
        backbone.dilate()
        after = block(fine)
    torch.testing.assert_close(after[..., ::2, ::2], before, rtol=1e-4, atol=1e-4)


def test_a_backbone_without_stages_is_refused() -> None:
    with pytest.raises(ModelError, match="its maps fit no pyramid"):
        segmenter(build_backbone("lenet5"), 3, decoder="unet", channels=64)

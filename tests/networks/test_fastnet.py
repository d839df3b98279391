"""What is fastnet's own: weights from the data, and sides that shrink."""

import pytest
import torch

from foveal.layers.initialisation import whitening_filters
from foveal.networks.build import build_backbone


def test_the_whitening_follows_the_images_and_is_not_trained() -> None:
    torch.manual_seed(0)
    backbone = build_backbone("fastnet")
    images = torch.randn(8, 3, 12, 15)
    backbone.initialise_from(lambda: images)
    assert torch.equal(backbone.whitening.weight, whitening_filters(images, 2))
    assert not backbone.whitening.weight.requires_grad
    assert backbone.whitening.bias.requires_grad


@pytest.mark.parametrize(("side", "sides"), [(32, (15, 7, 3)), (28, (13, 6, 3)), (9, (4, 2, 1))])
def test_the_sides_of_its_maps(side: int, sides: tuple[int, ...]) -> None:
    features = build_backbone("fastnet").eval()(torch.zeros(1, 3, side, side))
    assert tuple(maps.shape[2] for maps in features.values()) == sides

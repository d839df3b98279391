"""The comparison that engines have to stand."""

import torch

from foveal.inference.engines.agreement import largest_difference
from foveal.networks.mask_head import MAPS, WEIGHTS


def test_masks_are_compared_by_their_probabilities() -> None:
    torch.manual_seed(0)
    expected = {
        "logits": torch.randn(2, 40, 3),
        "mask_maps": torch.randn(2, MAPS, 8, 12),
        "mask_weights": torch.randn(2, 40, WEIGHTS),
    }
    assert largest_difference(expected, expected) == 0
    maps = {**expected, "mask_maps": expected["mask_maps"] + 0.05}
    weights = {**expected, "mask_weights": expected["mask_weights"] * 1.05}
    assert 0.02 < largest_difference(maps, expected) < 1
    assert 0.02 < largest_difference(weights, expected) < 1

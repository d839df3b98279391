"""The comparison that engines have to stand."""

import numpy as np

from foveal.answers import answering
from foveal.inference.engines.agreement import largest_difference
from foveal.networks.mask_head import WEIGHTS
from foveal.ops.mask_points import MAPS


def test_masks_are_compared_by_their_probabilities() -> None:
    random, task = np.random.default_rng(0), answering("detect", ("a", "b", "c"), {})
    expected = {
        "logits": random.standard_normal((2, 40, 3), np.float32),
        "mask_maps": random.standard_normal((2, MAPS, 8, 12), np.float32),
        "mask_weights": random.standard_normal((2, 40, WEIGHTS), np.float32),
    }
    assert largest_difference(expected, expected, task=task) == 0
    maps = {**expected, "mask_maps": expected["mask_maps"] + 0.05}
    weights = {**expected, "mask_weights": expected["mask_weights"] * 1.05}
    assert 0.02 < largest_difference(maps, expected, task=task) < 1
    assert 0.02 < largest_difference(weights, expected, task=task) < 1

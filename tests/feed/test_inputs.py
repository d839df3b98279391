"""Decoded images to what the network reads: the arithmetic on the device."""

import numpy as np
import pytest
import torch

from foveal.feed.inputs import as_batch, standardise, to_input
from foveal.preprocess import Preprocess

HALF = Preprocess(size_hw=(6, 10), channels=3, fit="squash", mean=(0.5,) * 3, std=(0.25,) * 3)


def test_to_input_standardises() -> None:
    image = np.full((6, 10, 3), 255, np.uint8)
    assert torch.allclose(to_input(HALF, as_batch(image[None])), torch.full((1, 3, 6, 10), 2.0))


@pytest.mark.parametrize("channels", [1, 3, 5])
def test_the_layout_changes_no_bit_of_the_input(channels: int) -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (4, 6, 10, channels), dtype=np.uint8)
    mean, std = (np.linspace(low, high, channels, dtype=np.float32) for low, high in ((0.3, 0.6), (0.2, 0.3)))
    preprocess = Preprocess(
        size_hw=(6, 10), channels=channels, fit="squash", mean=tuple(mean.tolist()), std=tuple(std.tolist())
    )
    expected = (pixels.astype(np.float32) / np.float32(255) - mean) / std
    batch = as_batch(pixels)
    for images, rows in ((batch, slice(0, 4)), (batch.contiguous(), slice(0, 4)), (batch[1:2], slice(1, 2))):
        inputs = to_input(preprocess, images)
        assert np.array_equal(inputs.permute(0, 2, 3, 1).numpy(), expected[rows])
        unit = images / 255
        kept = unit.clone()
        assert torch.equal(standardise(preprocess, unit), inputs)
        assert torch.equal(unit, kept)

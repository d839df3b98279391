"""The ceilings are rates that a machine can have, in the units they say."""

import torch

from foveal.images import decode
from foveal.speed.ceilings import made_jpeg, measure_ceilings


def test_ceilings_are_in_their_units() -> None:
    found = measure_ceilings(torch.device("cpu"))
    for rates in (found.convolution_flop_s, found.matrix_flop_s):
        assert set(rates) == {"float32", "bfloat16"}
        assert all(1e8 < rate < 1e16 for rate in rates.values())
    assert 1e8 < found.memory_bytes_s < 1e13
    assert 10 < found.decode_images_s < 1e6


def test_the_made_photograph_is_one() -> None:
    photo = made_jpeg()
    assert decode(photo).shape == (240, 320, 3)
    assert 10_000 < len(photo) < 60_000
    assert made_jpeg() == photo

"""An image in the shape, channels and depth that a network reads."""

import numpy as np
import pytest
from PIL import Image

from foveal.images.fit import load_fitted
from foveal.types import Fit


@pytest.mark.parametrize("fit", ["squash", "crop", "pad"])
@pytest.mark.parametrize("channels", [1, 3])
def test_16_bits_are_fitted_as_8_bits_are(fit: Fit, channels: int) -> None:
    eight = np.random.default_rng(0).integers(0, 256, (20, 31, 3), dtype=np.uint8)
    wanted = {"size_hw": (24, 16), "channels": channels, "fit": fit}
    narrow, shown_hw = load_fitted(eight, **wanted)
    wide, same_hw = load_fitted(eight.astype(np.uint16) * 257, depth="uint16", **wanted)
    assert (narrow.dtype, wide.dtype) == (np.uint8, np.uint16)
    assert shown_hw == same_hw == (20, 31)
    np.testing.assert_allclose(wide / 257, narrow, atol=1.5)  # of 8 bits luma and resizing are rounded twice


def test_luma_is_pillows() -> None:
    colours = np.random.default_rng(1).integers(0, 256, (5, 7, 3), dtype=np.uint8)
    narrow, _ = load_fitted(colours, size_hw=(5, 7), channels=1, fit="squash")
    np.testing.assert_array_equal(narrow[..., 0], np.asarray(Image.fromarray(colours).convert("L")))
    wide, _ = load_fitted(colours, size_hw=(5, 7), channels=1, fit="squash", depth="uint16")
    exact = colours @ np.array([0.299, 0.587, 0.114]) * 257
    np.testing.assert_allclose(wide[..., 0], exact, atol=1.5)

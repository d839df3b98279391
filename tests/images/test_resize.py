"""Resizing against Pillow's own, and what holds for any image."""

import numpy as np
import pytest
from PIL import Image

from foveal.images import resize


def noise(height: int, width: int, channels: int) -> np.ndarray:
    return np.random.default_rng(0).integers(0, 256, (height, width, channels), dtype=np.uint8)


@pytest.mark.parametrize("size_hw", [(20, 31), (90, 41), (37, 80)])
def test_is_pillows_antialiased_bilinear(size_hw: tuple[int, int]) -> None:
    image = noise(53, 80, 3)
    expected = Image.fromarray(image).resize(size_hw[::-1], Image.Resampling.BILINEAR)
    np.testing.assert_array_equal(resize(image, size_hw), np.asarray(expected))


@pytest.mark.parametrize("channels", [1, 2, 4, 16])
def test_channels_are_independent(channels: int) -> None:
    image = noise(53, 80, channels)
    found = resize(image, (20, 31))
    assert found.shape == (20, 31, channels)
    for c in range(channels):
        alone = resize(np.repeat(image[:, :, c : c + 1], 3, axis=2), (20, 31))
        np.testing.assert_array_equal(found[:, :, c], alone[:, :, 0])


def test_large_reductions_stay_near_the_direct_way() -> None:
    y, x = np.mgrid[:800, :1200]
    image = np.stack([y % 256, x % 256, 127 + 100 * np.sin(x / 40)], axis=2).astype(np.uint8)
    direct = np.asarray(Image.fromarray(image).resize((60, 40), Image.Resampling.BILINEAR), int)
    assert np.abs(resize(image, (40, 60)) - direct).mean() < 1


def test_same_size_is_the_image_itself() -> None:
    image = noise(12, 17, 3)
    assert resize(image, (12, 17)) is image


@pytest.mark.parametrize(
    ("image", "size_hw", "message"),
    [
        (np.zeros((4, 5), np.uint8), (2, 2), r"expected a uint8 or uint16 image \(H, W, C\), got uint8 \(4, 5\)"),
        (np.zeros((4, 5, 3), np.float32), (2, 2), "got float32"),
        (np.zeros((4, 5, 3), np.uint8), (0, 2), r"at least \(1, 1\), got \(0, 2\)"),
    ],
)
def test_misuse_is_a_value_error(image: np.ndarray, size_hw: tuple[int, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        resize(image, size_hw)


@pytest.mark.parametrize("size_hw", [(9, 31), (25, 40), (3, 5)])
def test_16_bits_are_resized_as_8_bits_are_but_finer(size_hw: tuple[int, int]) -> None:
    eight = noise(24, 34, 3)
    sixteen = eight.astype(np.uint16) * 257 + np.uint16(100) * (eight < 200)  # what 8 bits could not hold
    found = resize(sixteen, size_hw)
    assert found.dtype == np.uint16
    assert found.shape == (*size_hw, 3)
    np.testing.assert_allclose(found / 257, resize(eight, size_hw), atol=2)
    planes = [Image.fromarray(sixteen[:, :, c].astype(np.float32)) for c in range(3)]
    exact = [plane.resize(size_hw[::-1], Image.Resampling.BILINEAR, reducing_gap=3.0) for plane in planes]
    np.testing.assert_allclose(found, np.stack(exact, axis=2), atol=0.5)

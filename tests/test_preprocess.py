"""Decoded image to network input: shapes, channels and the arithmetic."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from foveal.errors import ImageError, UsageError
from foveal.preprocess import Preprocess
from foveal.types import Fit


def made(fit: str = "squash", size_hw: tuple[int, int] = (6, 10), channels: int = 3) -> Preprocess:
    return Preprocess(size_hw=size_hw, channels=channels, fit=fit, mean=(0.5,) * channels, std=(0.25,) * channels)  # type: ignore[arg-type]


@pytest.mark.parametrize("fit", ["squash", "crop", "pad"])
@pytest.mark.parametrize("shape", [(1, 1), (3, 50), (50, 3), (6, 10), (200, 130)])
def test_any_shape_comes_out_in_the_size(fit: str, shape: tuple[int, int]) -> None:
    image = np.full((*shape, 3), 77, np.uint8)
    out = made(fit).load(image)
    assert out.shape == (6, 10, 3)
    if fit != "pad":
        assert (out == 77).all()


def test_crop_keeps_the_centre_and_its_aspect() -> None:
    image = np.zeros((20, 60, 3), np.uint8)
    image[:, 20:40] = 255
    assert (made("crop", (20, 20)).load(image) == 255).all()


def test_pad_centres_and_never_enlarges() -> None:
    image = np.full((2, 4, 3), 9, np.uint8)
    out = made("pad").load(image)
    assert (out[2:4, 3:7] == 9).all()
    assert out.sum() == 2 * 4 * 3 * 9


def test_grey_to_colour_and_back() -> None:
    grey = np.arange(60, dtype=np.uint8).reshape(6, 10)
    assert (made().load(grey) == grey[:, :, None]).all()
    colour = np.zeros((6, 10, 3), np.uint8)
    colour[:] = (255, 0, 0)
    assert (made(channels=1).load(colour) == 76).all()  # 0.299 of 255


def test_other_channel_counts_are_an_error() -> None:
    with pytest.raises(ImageError, match="has 5 channels, but the network reads 3"):
        made().load(np.zeros((6, 10, 5), np.uint8))


def test_scaled_decoding_changes_nothing_it_promises() -> None:
    image = Image.fromarray(np.random.default_rng(0).integers(0, 255, (512, 768, 3), dtype=np.uint8)).resize(
        (1024, 700)
    )
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=95)
    first = made(size_hw=(64, 64)).load(buffer.getvalue())
    assert np.array_equal(first, made(size_hw=(64, 64)).load(buffer.getvalue()))
    whole = np.asarray(image.resize((64, 64), Image.Resampling.BILINEAR)).astype(int)
    assert np.abs(first - whole).mean() < 4


def test_json_round_trip() -> None:
    assert Preprocess.from_json(made("pad").to_json()) == made("pad")


def test_bad_records() -> None:
    with pytest.raises(UsageError, match="0×4 pixels: expected at least 1×1"):
        made(size_hw=(0, 4))
    with pytest.raises(UsageError, match="17 channels: expected 1 to 16"):
        made(channels=17)
    with pytest.raises(UsageError, match="expected 3 values each"):
        Preprocess(size_hw=(4, 4), channels=3, fit="pad", mean=(0.0,), std=(1.0,))


@pytest.mark.parametrize("fit", ["squash", "crop", "pad"])
@pytest.mark.parametrize("image_hw", [(40, 60), (60, 40), (12, 20), (333, 100)])
def test_a_placement_says_where_the_pixels_went(fit: Fit, image_hw: tuple[int, int]) -> None:
    """A white rectangle is found again where its corners are placed, and placed back where it was."""
    preprocess = Preprocess(size_hw=(32, 48), channels=1, fit=fit, mean=(0.0,), std=(1.0,))
    height, width = image_hw
    box = np.array([[0.4 * width, 0.4 * height, 0.6 * width, 0.6 * height]]).round()
    x1, y1, x2, y2 = box[0].astype(int)
    image = np.zeros((height, width, 1), np.uint8)
    image[y1:y2, x1:x2] = 255
    pixels, placement = preprocess.load_placed(image)
    rows, columns = np.nonzero(pixels[:, :, 0] > 127)
    found = np.array([columns.min(), rows.min(), columns.max() + 1, rows.max() + 1])
    assert np.abs(placement.to_input(box)[0] - found).max() <= 1
    np.testing.assert_allclose(placement.to_image(placement.to_input(box)), box)
    whole = placement.to_image(np.array([[-1e3, -1e3, 1e3, 1e3]]))
    assert whole[0].tolist() == [0, 0, width, height]
    assert placement.image_hw == image_hw


def test_a_placement_is_of_the_image_as_it_is_shown(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (640, 401)).save(tmp_path / "turned.jpg", exif=exif)
    preprocess = Preprocess(size_hw=(32, 32), channels=3, fit="squash", mean=(0.0,) * 3, std=(1.0,) * 3)
    _, placement = preprocess.load_placed(tmp_path / "turned.jpg")  # decoded at a fraction of its size
    assert placement.image_hw == (640, 401)
    assert placement.scale_xy == (32 / 401, 32 / 640)

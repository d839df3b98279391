import pytest
import torch
from PIL import Image

from foveal.augment import AugmentSettings
from foveal.augment.draws import Draws
from foveal.augment.photometric import Colour, adjust_colour, draw_colour, turn_hue

IMAGES = torch.rand(5, 3, 7, 11, generator=torch.Generator().manual_seed(0))
DRAWS = Draws(0, 0, torch.arange(5))
ONES = torch.ones(5)


def in_turn(image: torch.Tensor, brightness: float, contrast: float, saturation: float) -> torch.Tensor:
    """One image, one step after the other, pixel by pixel."""
    weights = torch.tensor([0.299, 0.587, 0.114])
    image = brightness * image
    mean = sum(weights @ image[:, i, j] for i in range(7) for j in range(11)) / 77
    image = mean + contrast * (image - mean)
    grey = torch.einsum("c,chw->hw", weights, image)
    return (grey + saturation * (image - grey)).clamp(0, 1)


def test_one_pass_equals_the_steps_in_turn() -> None:
    settings = AugmentSettings(brightness=0.4, contrast=0.5, saturation=0.6, grey=0.4)
    colour = draw_colour(settings, DRAWS, channels=3)
    assert colour is not None
    assert colour.saturation is not None
    factors = zip(colour.brightness.tolist(), colour.contrast.tolist(), colour.saturation.tolist(), strict=True)
    expected = torch.stack([in_turn(image, *of_image) for image, of_image in zip(IMAGES, factors, strict=True)])
    torch.testing.assert_close(adjust_colour(IMAGES, colour), expected, atol=1e-6, rtol=0)


def test_factors_of_one_change_nothing_at_all() -> None:
    for saturation in (None, ONES):
        colour = Colour(brightness=ONES, contrast=ONES, saturation=saturation)
        assert torch.equal(adjust_colour(IMAGES, colour), IMAGES)


def test_grey_is_pillows_grey() -> None:
    image_u8 = (IMAGES[0] * 255).round().byte()
    expected = Image.fromarray(image_u8.permute(1, 2, 0).numpy()).convert("L").tobytes()
    colour = draw_colour(AugmentSettings(grey=1.0), Draws(0, 0, torch.arange(1)), channels=3)
    assert colour is not None
    grey = adjust_colour(image_u8[None] / 255, colour)[0] * 255
    assert torch.equal(grey[0], grey[1])
    assert torch.equal(grey[0], grey[2])
    torch.testing.assert_close(grey[0].flatten(), torch.tensor(list(expected)).float(), atol=0.51, rtol=0)


def test_contrast_keeps_the_mean() -> None:
    images = 0.25 + IMAGES / 2
    colour = Colour(brightness=ONES, contrast=torch.full((5,), 0.3), saturation=None)
    changed = adjust_colour(images, colour)
    grey = torch.tensor([0.299, 0.587, 0.114])
    torch.testing.assert_close(changed.mean((2, 3)) @ grey, images.mean((2, 3)) @ grey)
    torch.testing.assert_close(changed.std((2, 3)), images.std((2, 3)) * 0.3)


@pytest.mark.parametrize("channels", [1, 2, 4])
def test_other_channels_take_brightness_and_contrast_only(channels: int) -> None:
    images = torch.rand(5, channels, 4, 6, generator=torch.Generator().manual_seed(0))
    assert draw_colour(AugmentSettings(saturation=0.5, grey=1.0), DRAWS, channels=channels) is None
    settings = AugmentSettings(brightness=0.4, contrast=0.5, saturation=0.5, grey=1.0)
    colour = draw_colour(settings, DRAWS, channels=channels)
    assert colour is not None
    assert colour.saturation is None
    b, c = colour.brightness[:, None, None, None], colour.contrast[:, None, None, None]
    mean = images.mean((1, 2, 3), keepdim=True)
    expected = (b * (mean + c * (images - mean))).clamp(0, 1)
    torch.testing.assert_close(adjust_colour(images, colour), expected)


def test_factors_keep_to_their_range() -> None:
    colour = draw_colour(AugmentSettings(brightness=0.25), Draws(0, 0, torch.arange(2000)), channels=3)
    assert colour is not None
    assert (colour.contrast == 1).all()
    assert 0.75 <= colour.brightness.min() < 0.76
    assert 1.24 < colour.brightness.max() <= 1.25


def test_hue_turns_colours_by_its_angle_and_keeps_luma_and_strength() -> None:
    """In the plane of the two colour axes, as complex numbers."""
    angles = torch.tensor([0.0, 30.0, -75.0, 180.0, 120.0])
    turned = turn_hue(IMAGES, angles)
    grey = torch.tensor([0.299, 0.587, 0.114])
    torch.testing.assert_close(
        torch.einsum("c,bchw->bhw", grey, turned), torch.einsum("c,bchw->bhw", grey, IMAGES), atol=1e-5, rtol=0
    )
    axes = torch.tensor([[0.5959, -0.2746, -0.3213], [0.2115, -0.5227, 0.3112]])
    before, after = (torch.einsum("ac,bchw->abhw", axes, each) for each in (IMAGES, turned))
    before, after = (torch.complex(*each) for each in (before, after))
    factor = torch.polar(torch.ones(5), torch.deg2rad(angles))[:, None, None]
    torch.testing.assert_close(after, before * factor, atol=1e-5, rtol=0)
    torch.testing.assert_close(turned[0], IMAGES[0], atol=1e-6, rtol=0)


def test_hue_is_turned_before_the_factors_and_for_colour_only() -> None:
    colour = draw_colour(AugmentSettings(hue_deg=40, brightness=0.3), DRAWS, channels=3)
    assert colour is not None
    assert colour.hue_deg is not None
    assert colour.hue_deg.abs().max() <= 40
    plain = Colour(brightness=colour.brightness, contrast=colour.contrast, saturation=None)
    expected = adjust_colour(turn_hue(IMAGES, colour.hue_deg), plain)
    torch.testing.assert_close(adjust_colour(IMAGES, colour), expected)
    assert draw_colour(AugmentSettings(hue_deg=40), DRAWS, channels=1) is None

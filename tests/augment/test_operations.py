import pytest
import torch

from foveal.augment import AugmentSettings
from foveal.augment.draws import Draws
from foveal.augment.geometry import draw_geometry, warp_boxes
from foveal.augment.operations import OPERATIONS, draw_operations
from foveal.augment.photometric import draw_colour

DRAWS = Draws(0, 0, torch.arange(14_000))


def test_every_operation_is_as_likely() -> None:
    drawn = draw_operations(AugmentSettings(operations=1), DRAWS)
    assert drawn is not None
    counts = torch.stack([drawn.chosen[name].sum() for name in OPERATIONS])
    assert counts.sum() == 14_000
    assert ((counts - 1000).abs() < 130).all()  # four standard deviations
    assert 0 <= drawn.strength.min() < 0.001
    assert 0.999 < drawn.strength.max() <= 1
    assert drawn.sign.mean().abs() < 0.04


def test_several_are_drawn_with_repetition() -> None:
    drawn = draw_operations(AugmentSettings(operations=2, magnitude=(0.9, 0.9)), DRAWS)
    assert drawn is not None
    number = torch.stack([drawn.chosen[name] for name in OPERATIONS]).sum(dim=0)
    assert set(number.tolist()) == {1, 2}
    assert (number == 1).float().mean().item() == pytest.approx(1 / 14, abs=0.01)
    assert (drawn.strength == 0.9).all()
    assert draw_operations(AugmentSettings(), DRAWS) is None


def test_a_point_goes_where_the_operation_says() -> None:
    """By hand: the box of a pixel right of the centre of a 40 × 60 image, under each operation at full strength."""
    settings = AugmentSettings(operations=1, magnitude=(1.0, 1.0))
    drawn = draw_operations(settings, DRAWS)
    assert drawn is not None
    geometry = draw_geometry(settings, DRAWS, in_size_hw=(40, 60), out_size_hw=(40, 60))
    boxes, _ = warp_boxes([torch.tensor([[39.0, 19.0, 41.0, 21.0]])] * 14_000, geometry)  # (10, 0) from the centre
    centres = torch.cat(boxes).unflatten(1, (2, 2)).mean(dim=1) - torch.tensor([30.0, 20.0])
    places = {
        "identity": (10.0, 0.0),
        "posterise": (10.0, 0.0),
        "rotate": (10 * 3**0.5 / 2, -5.0),
        "shear_x": (10.0, 0.0),
        "shear_y": (10.0, -3.0),
        "translate_x": (10 + 27.0, 0.0),
        "translate_y": (10.0, 18.0),
    }
    for name, (x, y) in places.items():
        row = (drawn.chosen[name] & (drawn.sign == 1)).nonzero()[0, 0]
        expected = torch.tensor([x, y]) if x < 30 else centres[row]  # out of the image: nothing is left of it
        torch.testing.assert_close(centres[row], expected, atol=1e-4, rtol=0, msg=name)
    row = (drawn.chosen["translate_x"] & (drawn.sign == -1)).nonzero()[0, 0]
    torch.testing.assert_close(centres[row], torch.tensor([10 - 27.0, 0.0]), atol=1e-4, rtol=0)


def test_what_no_operation_moves_stays_to_the_last_bit() -> None:
    settings = AugmentSettings(operations=1)
    drawn = draw_operations(settings, DRAWS)
    assert drawn is not None
    geometry = draw_geometry(settings, DRAWS, in_size_hw=(20, 30), out_size_hw=(20, 30))
    turned = drawn.chosen["rotate"] | drawn.chosen["shear_x"] | drawn.chosen["shear_y"]
    assert torch.equal(geometry.whole_pixel, ~turned)


def test_colours_factors_are_one_unless_drawn_and_multiply_the_plain_ones() -> None:
    settings = AugmentSettings(operations=1, magnitude=(0.5, 0.5))
    drawn = draw_operations(settings, DRAWS)
    colour = draw_colour(settings, DRAWS, channels=3)
    assert drawn is not None
    assert colour is not None
    assert colour.saturation is not None
    for name in ("brightness", "contrast", "saturation"):
        factors = getattr(colour, name)
        assert (factors[~drawn.chosen[name]] == 1).all()
        assert sorted({round(each, 5) for each in factors[drawn.chosen[name]].tolist()}) == [0.55, 1.45]
    both = AugmentSettings(operations=1, magnitude=(0.5, 0.5), brightness=0.2)
    plain = draw_colour(AugmentSettings(brightness=0.2), DRAWS, channels=3)
    together = draw_colour(both, DRAWS, channels=3)
    assert plain is not None
    assert together is not None
    torch.testing.assert_close(together.brightness, plain.brightness * colour.brightness)
    grey = draw_colour(settings, DRAWS, channels=1)
    assert grey is not None
    assert grey.saturation is None

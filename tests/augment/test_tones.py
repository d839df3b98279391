"""Each operation on tones against Pillow's."""

from collections.abc import Callable

import pytest
import torch
from PIL import Image, ImageEnhance, ImageOps
from torch import Tensor

from foveal.augment import AugmentSettings
from foveal.augment.draws import Draws
from foveal.augment.operations import draw_operations
from foveal.augment.tones import Tones, adjust_tones, autocontrast, draw_tones, equalise, posterise, sharpen, solarise

IMAGES_U8 = torch.randint(0, 256, (4, 3, 33, 47), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
IMAGES_U8[1] = IMAGES_U8[1] // 3 + 40  # without black and white
IMAGES_U8[2, 1] = 200  # a channel of one value
IMAGES_U8[3] = torch.where(IMAGES_U8[3] > 30, 250, IMAGES_U8[3])  # mostly one value
IMAGES = IMAGES_U8.float() / 255


def pillows(change: Callable[[Image.Image], Image.Image]) -> Tensor:
    """(B, C, H, W), values of 0 to 255."""
    made = [change(Image.fromarray(each.permute(1, 2, 0).numpy())) for each in IMAGES_U8]
    shape = (*IMAGES_U8.shape[2:], 3)
    return torch.stack(
        [torch.frombuffer(bytearray(each.tobytes()), dtype=torch.uint8).view(shape).permute(2, 0, 1) for each in made]
    ).float()


@pytest.mark.parametrize(
    ("ours", "theirs", "off_by"),
    [
        (lambda x: posterise(x, torch.full((4,), 3)), lambda x: ImageOps.posterize(x, 5), 0.01),
        (lambda x: posterise(x, torch.full((4,), 0)), lambda x: x, 0.01),
        (lambda x: solarise(x, torch.full((4,), 100 / 255)), lambda x: ImageOps.solarize(x, 100), 0.01),
        (equalise, ImageOps.equalize, 0.01),
        (autocontrast, ImageOps.autocontrast, 1.01),  # Pillow rounds down
        (lambda x: sharpen(x, torch.full((4,), 1.9)), lambda x: ImageEnhance.Sharpness(x).enhance(1.9), 1.5),
        (
            lambda x: sharpen(x, torch.full((4,), 0.1)),
            lambda x: ImageEnhance.Sharpness(x).enhance(0.1),
            1.5,
        ),  # rounds twice
    ],
    ids=["posterise", "all bits", "solarise", "equalise", "autocontrast", "sharper", "smoother"],
)
def test_they_are_pillows(
    ours: Callable[[Tensor], Tensor], theirs: Callable[[Image.Image], Image.Image], off_by: float
) -> None:
    torch.testing.assert_close(ours(IMAGES) * 255, pillows(theirs), atol=off_by, rtol=0)


def test_only_the_images_that_take_an_operation_are_changed() -> None:
    off = torch.zeros(4, dtype=torch.bool)
    tones = Tones(
        sharpness=torch.tensor([1.0, 1.0, 1.0, 1.5]),
        autocontrast=off,
        equalise=torch.tensor([False, True, False, False]),
        solarise=torch.zeros(4),
        posterise=torch.zeros(4, dtype=torch.long),
    )
    changed = adjust_tones(IMAGES.clone(), tones)
    assert torch.equal(changed[[0, 2]], IMAGES[[0, 2]])
    assert torch.equal(changed[1:2], equalise(IMAGES[1:2]))
    assert torch.equal(changed[3:], sharpen(IMAGES[3:], torch.tensor([1.5])))


def test_strength_reaches_from_nothing_to_the_papers_strongest() -> None:
    draws = Draws(0, 0, torch.arange(6000))
    full, none = (
        draw_tones(draw_operations(AugmentSettings(operations=1, magnitude=m), draws)) for m in ((1, 1), (0, 0))
    )
    assert full is not None
    assert none is not None
    assert set(full.posterise.tolist()) == {0, 4}
    assert set(full.solarise.tolist()) == {0.0, 1.0}
    assert sorted({round(each, 6) for each in full.sharpness.tolist()}) == [0.1, 1.0, 1.9]
    assert not none.posterise.any()
    assert (none.sharpness == 1).all()
    assert draw_tones(None) is None


@pytest.mark.parametrize("change", [equalise, lambda x: posterise(x, torch.full((4,), 3))])
def test_values_are_counted_by_the_nearest_whole_one(change: Callable[[Tensor], Tensor]) -> None:
    for off in (-0.4, 0.4):
        shifted = ((IMAGES * 255 + off) / 255).clamp(0, 1)
        torch.testing.assert_close(change(shifted), change(IMAGES))

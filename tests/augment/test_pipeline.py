from dataclasses import replace

import pytest
import torch

from foveal.augment import AugmentSettings
from foveal.augment.draws import Draws
from foveal.augment.pipeline import (
    AugmentParams,
    augment_boxes,
    augment_images,
    augment_label_maps,
    augment_masks,
    draw,
    mix,
)
from foveal.errors import UsageError

IN_HW, OUT_HW = (40, 56), (32, 48)
ALL = AugmentSettings(
    hflip=0.5,
    vflip=0.2,
    rotate_deg=20,
    translate=0.1,
    scale=(0.8, 1.2),
    shear_deg=10,
    crop_area=(0.3, 1.0),
    brightness=0.4,
    contrast=0.4,
    saturation=0.4,
    grey=0.3,
    hue_deg=30,
    blur_px=1.0,
    noise=0.05,
    erase=0.5,
)
SAMPLES = torch.arange(100, 124)
IMAGES_U8 = torch.randint(0, 256, (24, *IN_HW, 3), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
IMAGES_U8 = IMAGES_U8.permute(0, 3, 1, 2)  # (B, H, W, C) -> (B, C, H, W), channels-last
IMAGES = IMAGES_U8.float() / 255


def drawn(
    settings: AugmentSettings,
    samples: torch.Tensor = SAMPLES,
    out_size_hw: tuple[int, int] = OUT_HW,
    channels: int = 3,
) -> AugmentParams:
    return draw(settings, Draws(1, 4, samples), in_size_hw=IN_HW, out_size_hw=out_size_hw, channels=channels)


FAMILIES = {
    "flip": AugmentSettings(hflip=0.5),
    "shift": AugmentSettings(translate=0.2),
    "affine": AugmentSettings(rotate_deg=20, shear_deg=10, scale=(0.5, 2.0)),
    "crop": AugmentSettings(crop_area=(0.1, 1.0)),
    "colour": AugmentSettings(brightness=0.4, contrast=0.4, saturation=0.4, grey=0.3),
    "erase": AugmentSettings(erase=0.5),
    "hue": AugmentSettings(hue_deg=90),
    "degraded": AugmentSettings(blur_px=1.5, noise=0.1),
    "operations": AugmentSettings(operations=1),
    "all": ALL,
}


@pytest.mark.parametrize("settings", FAMILIES.values(), ids=FAMILIES)
def test_an_item_alone_gives_what_it_gives_in_a_batch(settings: AugmentSettings) -> None:
    whole = augment_images(IMAGES, drawn(settings))
    for i in (0, 5, 23):
        alone = augment_images(IMAGES[i : i + 1], drawn(settings, SAMPLES[i : i + 1]))
        torch.testing.assert_close(alone[0], whole[i], atol=1e-6, rtol=0)


@pytest.mark.parametrize("settings", FAMILIES.values(), ids=FAMILIES)
def test_the_batchs_order_does_not_matter(settings: AugmentSettings) -> None:
    order = torch.randperm(24, generator=torch.Generator().manual_seed(0))
    whole = augment_images(IMAGES, drawn(settings))
    shuffled = augment_images(IMAGES[order], drawn(settings, SAMPLES[order]))
    torch.testing.assert_close(shuffled, whole[order], atol=1e-6, rtol=0)


def test_parts_of_a_batch_are_put_together_in_order(monkeypatch: pytest.MonkeyPatch) -> None:
    whole = augment_images(IMAGES, drawn(ALL))
    monkeypatch.setattr(
        "foveal.augment.pipeline.CACHED_BYTES_PER_THREAD", 7 * 4 * 3 * 32 * 48 // torch.get_num_threads()
    )
    torch.testing.assert_close(augment_images(IMAGES, drawn(ALL)), whole, atol=1e-6, rtol=0)


def test_off_gives_the_images_themselves() -> None:
    params = drawn(AugmentSettings(), out_size_hw=IN_HW)
    assert augment_images(IMAGES, params) is IMAGES
    assert torch.equal(augment_images(IMAGES_U8, params), IMAGES)
    images, targets = mix(IMAGES, torch.ones(24, 2), params)
    assert images is IMAGES
    assert targets.shape == (24, 2)


def test_uint8_images_of_any_layout_give_the_same() -> None:
    expected = augment_images(IMAGES, drawn(ALL))
    assert expected.shape == (24, 3, *OUT_HW)
    for images in (IMAGES_U8, IMAGES_U8.contiguous(), IMAGES.contiguous()):
        assert torch.equal(augment_images(images, drawn(ALL)), expected)


def test_bf16_is_computed_in_float32() -> None:
    images = IMAGES.bfloat16()
    augmented = augment_images(images, drawn(ALL))
    assert augmented.dtype == torch.bfloat16
    assert torch.equal(augmented, augment_images(images.float(), drawn(ALL)).bfloat16())
    params = drawn(replace(ALL, mixup=0.4, cutmix=1.0))
    mixed, targets = mix(augmented, torch.eye(24), params)
    assert mixed.dtype == torch.bfloat16
    assert targets.dtype == torch.float32
    assert torch.equal(mixed, mix(augmented.float(), torch.eye(24), params)[0].bfloat16())


@pytest.mark.parametrize("channels", [1, 2, 5])
def test_images_of_any_number_of_channels_are_augmented(channels: int) -> None:
    images = torch.rand(24, channels, *IN_HW, generator=torch.Generator().manual_seed(0))
    augmented = augment_images(images, drawn(ALL, channels=channels))
    assert augmented.shape == (24, channels, *OUT_HW)
    assert 0 <= augmented.min() <= augmented.max() <= 1


def test_boxes_masks_and_label_maps_follow_the_images() -> None:
    params = drawn(replace(ALL, operations=3, translate=0, magnitude=(0.2, 0.6)))
    pixels = torch.zeros(24, 1, *IN_HW)
    pixels[:, :, 10:30, 20:40] = 1
    plain = replace(params, colour=None, tones=None, degradation=None, erased_xyxy=None)
    geometric = augment_images(pixels, plain)[:, 0] > 0.5
    labels = augment_label_maps(pixels[:, 0].long(), params, void=255)
    masks = augment_masks([one.bool() for one in pixels], params)
    boxes, kept = augment_boxes([torch.tensor([[20.0, 10, 40, 30]])] * 24, params)
    assert ((labels == 1) != geometric).float().mean() < 0.01
    for i in range(24):
        assert torch.equal(masks[i][0], labels[i] == 1)
        rows, columns = masks[i][0].nonzero().unbind(1)
        x1, y1, x2, y2 = boxes[i][0].tolist()
        assert x1 - 0.51 <= columns.min()
        assert columns.max() + 1 <= x2 + 0.51
        assert y1 - 0.51 <= rows.min()
        assert rows.max() + 1 <= y2 + 0.51
        assert 0 < kept[i].item() <= 1


def test_another_epoch_looks_different() -> None:
    other = draw(ALL, Draws(1, 5, SAMPLES), in_size_hw=IN_HW, out_size_hw=OUT_HW, channels=3)
    difference = (augment_images(IMAGES, other) - augment_images(IMAGES, drawn(ALL))).abs().mean((1, 2, 3))
    assert difference.min() > 0.05


def test_what_was_not_drawn_for_is_refused() -> None:
    params = drawn(replace(ALL, mixup=0.2))
    with pytest.raises(UsageError, match=r"images: expected shape \(24, 3, 40, 56\), .* got \(24, 3, 56, 40\)"):
        augment_images(IMAGES.transpose(2, 3), params)
    with pytest.raises(UsageError, match=r"images: expected shape \(24, 3, 32, 48\), .* got \(24, 3, 40, 56\)"):
        mix(IMAGES, torch.ones(24, 2), params)
    with pytest.raises(UsageError, match=r"label maps: expected shape \(24, 40, 56\), .* got \(1, 40, 56\)"):
        augment_label_maps(torch.zeros(1, *IN_HW).long(), params, void=0)
    with pytest.raises(UsageError, match=r"masks: expected shape \(2, 40, 56\), .* got \(2, 4, 4\)"):
        augment_masks([torch.zeros(2, 4, 4).bool()] * 24, params)
    with pytest.raises(UsageError, match=r"boxes: expected one tensor for each of 24 images, got 2"):
        augment_boxes([torch.zeros(1, 4)] * 2, params)

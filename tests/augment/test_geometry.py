import math

import numpy as np
import pytest
import torch
import torch.nn.functional as F

from foveal.augment import AugmentSettings, geometry
from foveal.augment.draws import Draws
from foveal.augment.geometry import (
    Geometry,
    draw_geometry,
    warp_boxes,
    warp_images,
    warp_label_maps,
    warp_masks,
)

IN_HW, OUT_HW = (50, 70), (66, 54)
ALL = AugmentSettings(
    hflip=0.5,
    vflip=0.5,
    rotate_deg=40,
    translate=0.1,
    scale=(0.8, 1.3),
    shear_deg=15,
    crop_area=(0.5, 1.0),
)


def drawn(settings: AugmentSettings, count: int, in_hw: tuple[int, int], out_hw: tuple[int, int]) -> Geometry:
    return draw_geometry(settings, Draws(3, 1, torch.arange(count)), in_size_hw=in_hw, out_size_hw=out_hw)


def random_images(count: int, size_hw: tuple[int, int]) -> torch.Tensor:
    return torch.rand(count, 3, *size_hw, generator=torch.Generator().manual_seed(0))


def test_identity_is_bit_identical() -> None:
    images = random_images(3, IN_HW)
    geometry = drawn(AugmentSettings(), 3, IN_HW, IN_HW)
    assert geometry.is_identity
    assert warp_images(images, geometry) is images


@pytest.mark.parametrize(("field", "axis"), [("hflip", 3), ("vflip", 2)])
def test_a_flip_equals_torch_flip(field: str, axis: int) -> None:
    geometry = drawn(AugmentSettings(**{field: 1.0}), 3, IN_HW, IN_HW)
    images, (height, width) = random_images(3, IN_HW), IN_HW
    labels = (images[:, 0] * 9).long()
    boxes = torch.tensor([[2.0, 3.0, 20.0, 9.0]])
    mirrored = {3: [[width - 20.0, 3, width - 2.0, 9]], 2: [[2, height - 9.0, 20, height - 3.0]]}[axis]
    assert torch.equal(warp_images(images, geometry), images.flip(axis))
    assert torch.equal(warp_label_maps(labels, geometry, void=255), labels.flip(axis - 1))
    assert torch.equal(warp_masks([labels > 4] * 3, geometry)[1], (labels > 4).flip(axis - 1))
    assert torch.equal(warp_boxes([boxes] * 3, geometry)[0][2], torch.tensor(mirrored))


def test_shifts_are_of_whole_pixels_and_exact() -> None:
    geometry = drawn(AugmentSettings(hflip=0.5, translate=0.1), 20, IN_HW, IN_HW)
    assert geometry.whole_pixel.all()
    images = random_images(20, IN_HW)
    padded = F.pad(images, (7, 7, 5, 5), mode="replicate")
    for image, matrix, moved in zip(padded, geometry.matrices, warp_images(images, geometry), strict=True):
        flipped = matrix[0, 0] < 0
        left = int(matrix[0, 2]) - (IN_HW[1] if flipped else 0) + 7
        top = int(matrix[1, 2]) + 5
        expected = image[:, top : top + IN_HW[0], left : left + IN_HW[1]]
        assert torch.equal(moved, expected.flip(2) if flipped else expected)


def test_small_images_may_shift_by_less_than_a_pixel() -> None:
    geometry = drawn(AugmentSettings(translate=0.1), 20, (8, 8), (8, 8))
    assert not geometry.whole_pixel.any()
    assert (geometry.matrices[:, :, 2].abs() <= 0.8).all()


def test_sampling_equals_a_plain_loop() -> None:
    images, geometry = random_images(4, (9, 13)), drawn(ALL, 4, (9, 13), (7, 6))
    warped = warp_images(images, geometry)
    for b in range(4):
        for i in range(7):
            for j in range(6):
                x, y = geometry.matrices[b].numpy() @ np.array([j + 0.5, i + 0.5, 1])
                x, y = min(max(x - 0.5, 0), 12), min(max(y - 0.5, 0), 8)
                x0, y0 = math.floor(x), math.floor(y)
                x1, y1 = min(x0 + 1, 12), min(y0 + 1, 8)
                top = images[b, :, y0, x0] * (x0 + 1 - x) + images[b, :, y0, x1] * (x - x0)
                bottom = images[b, :, y1, x0] * (x0 + 1 - x) + images[b, :, y1, x1] * (x - x0)
                expected = top * (y0 + 1 - y) + bottom * (y - y0)
                torch.testing.assert_close(warped[b, :, i, j], expected.float(), atol=2e-5, rtol=0)


def test_resizing_alone_equals_interpolate() -> None:
    images = random_images(2, IN_HW)
    resized = warp_images(images, drawn(AugmentSettings(), 2, IN_HW, OUT_HW))
    expected = F.interpolate(images, OUT_HW, mode="bilinear", align_corners=False)
    torch.testing.assert_close(resized, expected, atol=2e-5, rtol=0)


def extent(pixels: torch.Tensor) -> torch.Tensor:
    """The box around the True pixels of (H, W)."""
    rows, columns = pixels.any(1).nonzero().flatten(), pixels.any(0).nonzero().flatten()
    return torch.tensor([columns[0], rows[0], columns[-1] + 1, rows[-1] + 1]).float()


@pytest.mark.parametrize(("in_hw", "out_hw"), [(IN_HW, OUT_HW), ((70, 50), (40, 80)), ((64, 64), (64, 64))])
def test_boxes_masks_label_maps_and_images_agree(in_hw: tuple[int, int], out_hw: tuple[int, int]) -> None:
    count, (height, width) = 60, in_hw
    box = torch.tensor([width // 3, height // 4, width // 3 + 21, height // 4 + 15])
    mask = torch.zeros(1, *in_hw, dtype=torch.bool)
    mask[0, box[1] : box[3], box[0] : box[2]] = True
    geometry = drawn(ALL, count, in_hw, out_hw)
    images = warp_images(mask[None].expand(count, 1, -1, -1).float().contiguous(), geometry)
    masks = warp_masks([mask] * count, geometry)
    labels = warp_label_maps(mask.long().expand(count, -1, -1), geometry, void=7)
    boxes, kept = warp_boxes([box[None].float()] * count, geometry)
    seen = [i for i in range(count) if kept[i] > 0.999]  # a clipped box holds corners that are out of sight
    assert len(seen) > 20
    for i in seen:
        for pixels in (masks[i][0], labels[i] == 1, images[i, 0] > 0.5):
            # A sheared corner is sharp: its tip may pass between the centres of pixels.
            assert (extent(pixels) - boxes[i][0]).abs().max() <= 1.5
        assert torch.equal(masks[i][0], labels[i] == 1)
        assert (masks[i][0] != (images[i, 0] > 0.5)).float().mean() < 0.01


def test_upright_boxes_agree_with_masks_within_a_pixel() -> None:
    settings = AugmentSettings(hflip=0.5, translate=0.1, scale=(0.8, 1.3), crop_area=(0.6, 1.0))
    geometry = drawn(settings, 60, IN_HW, OUT_HW)
    mask = torch.zeros(2, *IN_HW, dtype=torch.bool)
    mask[0, 11:31, 20:45] = True
    mask[1, 0:9, 3:12] = True
    pair = torch.tensor([[20.0, 11, 45, 31], [3.0, 0, 12, 9]])
    boxes, kept = warp_boxes([pair] * 60, geometry)
    masks = warp_masks([mask] * 60, geometry)
    assert any(kept[i][1] < 0.9 for i in range(60))
    for i in range(60):
        for n in range(2):
            if masks[i][n].any():
                assert (extent(masks[i][n]) - boxes[i][n]).abs().max() <= 0.5001
            else:
                assert (boxes[i][n, 2:] - boxes[i][n, :2]).min() <= 1


def test_what_left_the_image_is_void() -> None:
    matrices = torch.tensor([[[1.0, 0, 6], [0, 1, -2]]]).double()  # moves things 6 left and 2 down
    geometry = Geometry(matrices=matrices, in_size_hw=(5, 8), out_size_hw=(5, 8))
    labels = torch.ones(1, 5, 8, dtype=torch.uint8)
    moved = warp_label_maps(labels, geometry, void=255)
    expected = torch.full((1, 5, 8), 255, dtype=torch.uint8)
    expected[0, 2:, :2] = 1
    assert torch.equal(moved, expected)
    assert torch.equal(warp_masks([labels.bool()], geometry)[0], expected == 1)
    boxes, kept = warp_boxes([torch.tensor([[5.0, 0, 8, 5], [0.0, 0, 3, 3], [7.0, 1, 7, 1]])], geometry)
    assert torch.equal(boxes[0][0], torch.tensor([0.0, 2, 2, 5]))
    torch.testing.assert_close(kept[0], torch.tensor([6 / 15, 0, 0]))


def test_images_may_hold_different_numbers_of_things() -> None:
    geometry = drawn(ALL, 3, IN_HW, OUT_HW)
    one, none = torch.tensor([[3.0, 4, 20, 30]]), torch.zeros(0, 4)
    boxes, kept = warp_boxes([torch.cat([one, one]), none, one], geometry)
    assert [len(of_image) for of_image in boxes] == [2, 0, 1]
    assert [len(of_image) for of_image in kept] == [2, 0, 1]
    alone, _ = warp_boxes([one], geometry.rows(slice(2, 3)))
    torch.testing.assert_close(alone[0], boxes[2])
    masks = warp_masks(
        [torch.ones(2, *IN_HW).bool(), torch.ones(0, *IN_HW).bool(), torch.ones(1, *IN_HW).bool()], geometry
    )
    assert [tuple(of_image.shape) for of_image in masks] == [(2, *OUT_HW), (0, *OUT_HW), (1, *OUT_HW)]


def test_rotation_and_shear_keep_to_their_range_and_scale_is_a_magnification() -> None:
    geometry = drawn(AugmentSettings(rotate_deg=30, scale=(2.0, 2.0)), 500, IN_HW, IN_HW)
    linear = geometry.matrices[:, :, :2]
    torch.testing.assert_close(torch.linalg.det(linear), torch.full((500,), 0.25).double())
    angles = torch.atan2(linear[:, 1, 0], linear[:, 0, 0]).rad2deg()
    assert -30 <= angles.min() < -29
    assert 29 < angles.max() <= 30
    centre = torch.tensor([35.0, 25, 1]).double()
    torch.testing.assert_close(geometry.matrices @ centre, centre[:2].expand(500, 2))
    sheared = drawn(AugmentSettings(shear_deg=20), 500, IN_HW, IN_HW).matrices
    assert 19 < sheared[:, 0, 1].atan().rad2deg().abs().max() <= 20
    assert (sheared[:, 1, :2] == torch.tensor([0, 1])).all()


def test_a_mixed_batch_keeps_its_whole_pixel_images_exact() -> None:
    turned = torch.tensor([[0.9, 0.1, 2.0], [-0.1, 0.9, 3.0]]).double()
    mirrored = torch.tensor([[-1.0, 0, 70], [0, 1, 0]]).double()
    geometry = Geometry(matrices=torch.stack([turned, mirrored]), in_size_hw=IN_HW, out_size_hw=IN_HW)
    images = random_images(2, IN_HW)
    warped = warp_images(images, geometry)
    assert torch.equal(warped[1], images[1].flip(2))
    assert torch.equal(warped[:1], warp_images(images[:1], geometry.rows(slice(0, 1))))


def test_points_kept_inside_repeat_the_border() -> None:
    """What stands in for a border mode where the device has none."""
    images = torch.rand(2, 3, 7, 5)
    grid = torch.rand(2, 11, 13, 2) * 4 - 2
    border = F.grid_sample(images, grid, mode="bilinear", padding_mode="border", align_corners=False)
    inside = F.grid_sample(images, geometry._kept_inside(grid, (7, 5)), mode="bilinear", align_corners=False)
    assert torch.allclose(border, inside, atol=1e-5)

"""Mosaic: four images in one, and their boxes and label maps with them."""

import torch

from foveal.augment.draws import Draws
from foveal.augment.mosaic import Mosaic, draw_mosaic, mosaic_boxes, mosaic_pixels
from foveal.augment.settings import AugmentSettings

SIZE_HW = (12, 20)
DRAWS = Draws(0, 0, torch.arange(300))


def test_off_draws_nothing_and_a_sample_draws_for_itself() -> None:
    assert draw_mosaic(AugmentSettings(), DRAWS, size_hw=SIZE_HW) is None
    settings = AugmentSettings(mosaic=0.5)
    whole = draw_mosaic(settings, DRAWS, size_hw=SIZE_HW)
    alone = draw_mosaic(settings, Draws(0, 0, torch.tensor([9])), size_hw=SIZE_HW)
    assert whole is not None
    assert alone is not None
    assert torch.equal(alone.centres_xy[0], whole.centres_xy[9])
    taken = (whole.centres_xy > 0).all(dim=1)
    assert 0.4 < taken.float().mean() < 0.6
    assert (whole.centres_xy[taken] >= torch.tensor([5, 3])).all()
    assert (whole.centres_xy[taken] <= torch.tensor([15, 9])).all()


def test_every_pixel_comes_from_the_image_and_the_place_that_a_plain_loop_says() -> None:
    images = torch.rand(5, 3, *SIZE_HW, generator=torch.Generator().manual_seed(0))
    centres = torch.tensor([[7, 4], [0, 0], [5, 9], [15, 3], [10, 6]])
    made = mosaic_pixels(images, Mosaic(centres_xy=centres))
    height, width = SIZE_HW
    for row, (cx, cy) in enumerate(centres.tolist()):
        for y in range(height):
            for x in range(width):
                left, upper = x < cx, y < cy
                source = (row - left - 2 * upper) % 5
                there = images[source, :, y - cy + height * upper, x - cx + width * left]
                assert torch.equal(made[row, :, y, x], there)


def test_label_maps_move_as_images_do() -> None:
    labels = torch.randint(0, 9, (4, *SIZE_HW), dtype=torch.uint8)
    mosaic = draw_mosaic(AugmentSettings(mosaic=1.0), Draws(0, 0, torch.arange(4)), size_hw=SIZE_HW)
    assert mosaic is not None
    moved = mosaic_pixels(labels, mosaic)
    assert moved.dtype == torch.uint8
    assert torch.equal(moved.float(), mosaic_pixels(labels[:, None].float(), mosaic)[:, 0])


def test_boxes_cover_the_pixels_that_they_covered() -> None:
    """A filled box, drawn before, has the same pixels after as its box says."""
    images = torch.zeros(4, 1, *SIZE_HW)
    boxes = [torch.tensor([[2.0, 1, 9, 6], [12, 5, 19, 11]]), torch.zeros(0, 4), torch.tensor([[0.0, 0, 20, 12]])]
    boxes.append(torch.tensor([[8.0, 4, 12, 8]]))
    mosaic = Mosaic(centres_xy=torch.tensor([[7, 4], [10, 6], [0, 0], [15, 3]]))
    moved, left, origins = mosaic_boxes(boxes, mosaic, size_hw=SIZE_HW)
    number = 0
    for source, of_image in enumerate(boxes):
        for x1, y1, x2, y2 in of_image.int().tolist():
            marked = images.clone()
            marked[source, 0, y1:y2, x1:x2] = 1
            made = mosaic_pixels(marked, mosaic)
            for row in range(4):
                for x in (origins[row] == number).nonzero().flatten().tolist():
                    bx1, by1, bx2, by2 = moved[row][x].int().tolist()
                    area = max(0, bx2 - bx1) * max(0, by2 - by1)
                    assert round(left[row][x].item() * (x2 - x1) * (y2 - y1), 3) == area
                    assert made[row, 0, by1:by2, bx1:bx2].all()
                covered = sum(
                    left[row][x].item() * (x2 - x1) * (y2 - y1)
                    for x in (origins[row] == number).nonzero().flatten().tolist()
                )
                assert round(covered) == int(made[row].sum())
            number += 1

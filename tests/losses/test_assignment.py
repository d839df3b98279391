"""Who learns what, by hand."""

import torch

from foveal.losses.assignment import POINTS, Objects, assign

# A map of 4×4 cells of 8 pixels.
POINTS_XY = torch.tensor([[x * 8.0 + 4, y * 8.0 + 4] for y in range(4) for x in range(4)])
STRIDES = torch.full((16,), 8.0)


def objects(*rows: tuple[tuple[float, ...], int]) -> Objects:
    padding = ((0.0, 0.0, 0.0, 0.0), 0)
    boxes, labels = zip(*(*rows, padding), strict=True)
    valid = torch.tensor([[True] * len(rows) + [False]])
    return Objects(torch.tensor([boxes]), torch.tensor([labels]), valid)


def squares(half: float = 8.0) -> torch.Tensor:
    """A box around every point."""
    return torch.cat([POINTS_XY - half, POINTS_XY + half], dim=1)[None]


def test_points_inside_learn_and_the_best_has_its_iou() -> None:
    scores = torch.full((1, 16, 2), 0.1)
    found = assign(scores, squares(), POINTS_XY, STRIDES, objects(((0, 0, 16, 16), 1)))
    assert found.has_object[0].nonzero().flatten().tolist() == [0, 1, 4, 5]
    assert torch.equal(found.boxes_xyxy[0, 5], torch.tensor([0.0, 0, 16, 16]))
    assert not found.quality[0, :, 0].any()
    iou = 12 * 12 / (256 + 256 - 144)
    torch.testing.assert_close(found.quality[0, [0, 1, 4, 5], 1], torch.full((4,), iou))


def test_a_better_score_and_a_better_box_make_the_others_less() -> None:
    scores = torch.full((1, 16, 1), 0.1)
    scores[0, 5] = 0.2
    boxes = squares()
    boxes[0, 5] = torch.tensor([0.0, 0, 16, 16])
    found = assign(scores, boxes, POINTS_XY, STRIDES, objects(((0, 0, 16, 16), 0)))
    others = found.quality[0, [0, 1, 4], 0]
    assert found.quality[0, 5, 0] == 1
    torch.testing.assert_close(others, torch.full((3,), 0.5 * (144 / 368) ** 6))


def test_an_object_takes_so_many_points_and_no_more() -> None:
    found = assign(torch.full((1, 16, 1), 0.5), squares(), POINTS_XY, STRIDES, objects(((0, 0, 32, 32), 0)))
    assert int(found.has_object.sum()) == POINTS


def test_a_point_of_two_objects_learns_the_one_it_covers_best() -> None:
    two = objects(((0, 0, 16, 16), 0), ((0, 0, 32, 32), 1))
    found = assign(torch.full((1, 16, 2), 0.5), squares(), POINTS_XY, STRIDES, two)
    assert torch.equal(found.boxes_xyxy[0, 0], torch.tensor([0.0, 0, 16, 16]))
    assert found.quality[0, 0, 1] == 0
    assert torch.equal(found.boxes_xyxy[0, 10], torch.tensor([0.0, 0, 32, 32]))


def test_an_object_smaller_than_a_cell_still_has_a_point() -> None:
    found = assign(torch.full((1, 16, 1), 0.5), squares(2), POINTS_XY, STRIDES, objects(((14, 14, 15, 15), 0)))
    assert found.has_object[0].nonzero().flatten().tolist() == [5]


def test_nothing_is_learned_without_objects() -> None:
    found = assign(torch.full((1, 16, 1), 0.5), squares(), POINTS_XY, STRIDES, objects())
    assert not found.has_object.any()
    assert not found.quality.any()

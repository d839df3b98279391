"""Overlaps of boxes by hand and against each other."""

import numpy as np
import torch

from foveal.metrics.matching import box_iou
from foveal.ops.boxes import box_areas, from_distances, generalised_iou, pairwise_iou, to_distances


def drawn(count: int, seed: int) -> torch.Tensor:
    generator = torch.Generator().manual_seed(seed)
    corners = torch.rand(count, 2, generator=generator, dtype=torch.float64) * 50
    return torch.cat([corners, corners + torch.rand(count, 2, generator=generator, dtype=torch.float64) * 40], dim=1)


def test_overlaps_are_those_of_the_metrics() -> None:
    ours, theirs = drawn(20, 0), drawn(30, 1)
    np.testing.assert_allclose(pairwise_iou(ours, theirs).numpy(), box_iou(ours.numpy(), theirs.numpy()), atol=1e-12)
    assert pairwise_iou(torch.zeros(1, 4), torch.zeros(2, 4)).tolist() == [[0, 0]]
    assert box_areas(torch.tensor([[5.0, 5, 2, 9]])).item() == 0


def test_generalised_iou_by_hand() -> None:
    box = torch.tensor([0.0, 0, 2, 2])
    others = torch.tensor([[0.0, 0, 2, 2], [1, 0, 3, 2], [4, 0, 6, 2], [0, 0, 0, 0]])
    expected = torch.tensor([1, 2 / 6, -2 / 6, 0.0])
    torch.testing.assert_close(generalised_iou(box.expand(4, 4), others), expected)


def test_generalised_iou_draws_boxes_together() -> None:
    box = torch.tensor([0.0, 0, 2, 2], requires_grad=True)
    generalised_iou(box, torch.tensor([10.0, 0, 12, 2])).backward()
    assert box.grad is not None
    assert box.grad[2] > 0


def test_distances_are_a_box_seen_from_a_point() -> None:
    points = torch.tensor([[3.0, 4], [0, 0]])
    boxes = torch.tensor([[1.0, 1, 7, 9], [1, 1, 2, 2]])
    distances = to_distances(points, boxes)
    assert distances.tolist() == [[2, 3, 4, 5], [-1, -1, 2, 2]]
    assert torch.equal(from_distances(points, distances), boxes)

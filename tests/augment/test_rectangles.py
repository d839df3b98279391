import pytest
import torch
from scipy import stats

from foveal.augment.draws import Draws
from foveal.augment.rectangles import inside_rectangles, random_rectangles

DRAWS = Draws(5, 0, torch.arange(4000))


@pytest.mark.parametrize("size_hw", [(40, 40), (20, 90), (90, 20)])
def test_areas_are_even_and_rectangles_lie_inside(size_hw: tuple[int, int]) -> None:
    boxes = random_rectangles(DRAWS, "x", area=(0.08, 1.0), ratio=(3 / 4, 4 / 3), size_hw=size_hw)
    height, width = size_hw
    assert (boxes[:, :2] >= 0).all()
    assert (boxes[:, 2:] <= torch.tensor([width, height]) + 1e-9).all()
    w, h = (boxes[:, 2:] - boxes[:, :2]).unbind(1)
    shares = w * h / (height * width)
    assert stats.kstest(shares.numpy(), "uniform", args=(0.08, 0.92)).pvalue > 1e-3


def test_ratios_keep_to_their_range_where_they_fit() -> None:
    boxes = random_rectangles(DRAWS, "x", area=(0.05, 0.3), ratio=(0.5, 2.0), size_hw=(50, 50))
    w, h = (boxes[:, 2:] - boxes[:, :2]).unbind(1)
    logs = (w / h).log()
    low, high = torch.tensor([0.5, 2.0]).log().tolist()
    assert stats.kstest(logs.numpy(), "uniform", args=(low, high - low)).pvalue > 1e-3


def test_the_whole_area_is_the_whole_image() -> None:
    boxes = random_rectangles(DRAWS, "x", area=(1.0, 1.0), ratio=(3 / 4, 4 / 3), size_hw=(30, 70))
    torch.testing.assert_close(boxes, torch.tensor([[0.0, 0, 70, 30]]).double().expand(4000, 4))


def test_right_and_bottom_are_exclusive() -> None:
    inside = inside_rectangles(torch.tensor([[1, 2, 4, 3], [0, 0, 0, 0], [0, 0, 5, 4]]), (4, 5))
    expected = torch.zeros(3, 1, 4, 5, dtype=torch.bool)
    expected[0, 0, 2:3, 1:4] = True
    expected[2] = True
    assert torch.equal(inside, expected)

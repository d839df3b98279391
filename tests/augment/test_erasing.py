import torch

from foveal.augment import AugmentSettings
from foveal.augment.draws import Draws
from foveal.augment.erasing import draw_erased, erase


def test_off_draws_nothing() -> None:
    assert draw_erased(AugmentSettings(), Draws(0, 0, torch.arange(9)), size_hw=(8, 8)) is None


def test_rectangles_keep_to_the_papers_areas_and_ratios() -> None:
    draws = Draws(0, 0, torch.arange(3000))
    boxes = draw_erased(AugmentSettings(erase=0.5), draws, size_hw=(300, 400))
    assert boxes is not None
    w, h = (boxes[:, 2:] - boxes[:, :2]).unbind(1)
    erased = (w * h) > 0
    assert abs(erased.float().mean() - 0.5) < 0.04
    share = (w * h)[erased] / (300 * 400)
    ratio = w[erased] / h[erased]
    assert 0.019 < share.min() < 0.03
    assert 0.32 < share.max() < 0.335
    assert 0.29 < ratio.min() < 0.32
    assert 3.1 < ratio.max() < 3.4
    assert (boxes >= 0).all()
    assert (boxes <= torch.tensor([400, 300, 400, 300])).all()


def test_the_rectangle_alone_takes_the_mean_colour() -> None:
    images = torch.rand(2, 3, 6, 9, generator=torch.Generator().manual_seed(0))
    erased = erase(images, torch.tensor([[2, 1, 7, 4], [0, 0, 0, 0]]))
    expected = images.clone()
    expected[0, :, 1:4, 2:7] = images[0].mean((1, 2))[:, None, None]
    assert torch.equal(erased, expected)

"""The detector's losses against their formulas."""

import math

import pytest
import torch
from torch.autograd import gradcheck

from foveal.losses.detection import box_loss, distribution_loss, quality_loss


def test_quality_loss_by_hand() -> None:
    logits, quality = torch.tensor([[0.0, 2.0]]), torch.tensor([[0.8, 0.0]])
    second = 1 / (1 + math.exp(-2))
    expected = 0.3**2 * math.log(2) - second**2 * math.log(1 - second)
    assert quality_loss(logits, quality).item() == pytest.approx(expected)


def test_a_point_that_says_what_it_should_costs_nothing_more_to_change() -> None:
    quality = torch.tensor([0.2, 0.7, 1e-6], dtype=torch.float64)
    logits = torch.logit(quality).requires_grad_()
    quality_loss(logits, quality).backward()
    assert logits.grad is not None
    assert logits.grad.abs().max() < 1e-9


def test_distribution_loss_by_hand() -> None:
    """A side 2.25 strides away is three quarters at 2 and a quarter at 3."""
    logits = torch.randn(1, 4, 8)
    logs = logits.log_softmax(-1)[0]
    loss = distribution_loss(logits, torch.full((1, 4), 2.25), torch.tensor([2.0]))
    assert loss.item() == pytest.approx(-2 * float((0.75 * logs[:, 2] + 0.25 * logs[:, 3]).mean()), rel=1e-5)
    far = distribution_loss(logits, torch.full((1, 4), 99.0), torch.tensor([1.0]))
    assert far.item() == pytest.approx(-float(logs[:, 7].mean()), rel=0.02)


def test_box_loss_is_nothing_for_the_box_itself() -> None:
    boxes = torch.tensor([[0.0, 0, 4, 4], [1, 1, 2, 3]])
    assert box_loss(boxes, boxes, torch.ones(2)).item() == 0
    assert box_loss(boxes[:1], boxes[:1] + 2, torch.tensor([0.5])).item() == pytest.approx(
        0.5 * (1 - (4 / 28 - (36 - 28) / 36))
    )


def test_gradients() -> None:
    torch.manual_seed(0)
    logits = torch.randn(3, 4, 6, dtype=torch.float64, requires_grad=True)
    truth, weights = torch.rand(3, 4, dtype=torch.float64) * 5, torch.rand(3, dtype=torch.float64)
    assert gradcheck(lambda x: quality_loss(x[:, 0], torch.full((3, 6), 0.3, dtype=torch.float64)), logits)
    boxes = torch.tensor([[0.0, 0, 4, 5], [1, 1, 2, 3], [9, 9, 12, 11]], dtype=torch.float64, requires_grad=True)
    others = boxes.detach() + 0.7
    assert gradcheck(lambda x: box_loss(x, others, weights), boxes)
    single = torch.randn(3, 4, 6, requires_grad=True)
    distribution_loss(single, truth.float(), weights.float()).backward()
    assert single.grad is not None
    assert single.grad.abs().sum() > 0

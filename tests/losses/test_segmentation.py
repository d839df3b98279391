"""The pixels' losses against plain PyTorch and by hand."""

import pytest
import torch
import torch.nn.functional as F
from torch.autograd import gradcheck

from foveal.losses.names import PIXEL_LOSS_NAMES
from foveal.losses.segmentation import PIXEL_LOSSES, dice_loss, focal_loss, pixel_cross_entropy

VOID = 255


def drawn() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    labels = torch.randint(0, 3, (2, 4, 5), generator=generator)
    labels[0, 0] = VOID
    return torch.randn(2, 3, 4, 5, generator=generator, dtype=torch.float64), labels


def test_the_names_are_the_losses() -> None:
    assert tuple(PIXEL_LOSSES) == PIXEL_LOSS_NAMES


@pytest.mark.parametrize("weights", [None, torch.tensor([1.0, 2.0, 5.0])])
def test_cross_entropy_is_pytorchs(weights: torch.Tensor | None) -> None:
    logits, labels = drawn()
    expected = F.cross_entropy(logits.float(), labels, weight=weights, ignore_index=VOID)
    found = pixel_cross_entropy(logits, labels, ignore_index=VOID, class_weights=weights)
    torch.testing.assert_close(found, expected)


def test_focal_loss_by_hand() -> None:
    logits = torch.tensor([0.0, 2.0]).log_softmax(0).reshape(1, 2, 1, 1)
    right = float(logits.exp()[0, 1])
    loss = focal_loss(logits, torch.ones(1, 1, 1, dtype=torch.long), ignore_index=VOID)
    assert loss.item() == pytest.approx(-((1 - right) ** 2) * torch.tensor(right).log().item())


def test_dice_is_nothing_for_the_right_answer_and_one_for_the_wrong() -> None:
    labels = torch.tensor([[[0, 0, 1, 1, VOID]]])
    right = torch.full((1, 3, 1, 5), -50.0)
    right[0, 0, 0, :2] = right[0, 1, 0, 2:] = 50.0
    assert dice_loss(right, labels, ignore_index=VOID).item() == pytest.approx(0, abs=1e-5)
    assert dice_loss(right[:, [1, 0, 2]], labels, ignore_index=VOID).item() == pytest.approx(1, abs=1e-5)


@pytest.mark.parametrize("name", PIXEL_LOSSES)
def test_void_pixels_change_nothing_and_gradients_are_right(name: str) -> None:
    logits, labels = drawn()
    loss = PIXEL_LOSSES[name]
    changed = logits.clone()
    changed[0, :, 0] += 3
    torch.testing.assert_close(loss(logits, labels, ignore_index=VOID), loss(changed, labels, ignore_index=VOID))
    assert loss(logits, torch.full_like(labels, VOID), ignore_index=VOID).item() == 0
    single = logits.clone().requires_grad_()
    assert gradcheck(lambda x: loss(x, labels, ignore_index=VOID), single, eps=1e-2, atol=1e-3, rtol=1e-2)

"""The losses of labels against PyTorch and by hand."""

import pytest
import torch
import torch.nn.functional as F
from torch.autograd import gradcheck

from foveal.losses.labels import LABEL_LOSSES, binary_cross_entropy, focal
from foveal.losses.names import LABEL_LOSS_NAMES


def drawn() -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    logits = 2 * torch.randn(5, 3, generator=generator)
    return logits, torch.rand(5, 3, generator=generator).round()


def test_the_names_are_the_losses() -> None:
    assert tuple(LABEL_LOSSES) == LABEL_LOSS_NAMES


def test_binary_cross_entropy_is_pytorchs_sum_over_the_labels() -> None:
    logits, targets = drawn()
    expected = sum(F.binary_cross_entropy(logits[:, k].sigmoid(), targets[:, k]) for k in range(3))
    torch.testing.assert_close(binary_cross_entropy(logits, targets), expected)
    assert binary_cross_entropy(logits.bfloat16(), targets).dtype == torch.float32


def test_focal_loss_by_hand() -> None:
    logits, targets = drawn()
    total = 0.0
    for logit, target in zip(logits.flatten().tolist(), targets.flatten().tolist(), strict=True):
        p = 1 / (1 + 2.718281828459045**-logit)
        right = p if target else 1 - p
        total -= (1 - right) ** 2 * torch.tensor(right).log().item()
    assert focal(logits, targets).item() == pytest.approx(total / 5, rel=1e-5)


@pytest.mark.parametrize("name", LABEL_LOSSES)
def test_extreme_logits_are_finite_and_gradients_right(name: str) -> None:
    loss = LABEL_LOSSES[name]
    extreme = torch.tensor([[1e4, -1e4]], requires_grad=True)
    value = loss(extreme, torch.tensor([[0.0, 1.0]]))
    value.backward()
    assert torch.isfinite(value)
    assert extreme.grad is not None
    assert torch.isfinite(extreme.grad).all()
    logits, targets = drawn()
    single = logits.double().requires_grad_()
    assert gradcheck(lambda x: loss(x, targets), single, eps=1e-2, atol=1e-2, rtol=1e-2)

"""The losses of numbers by hand."""

import pytest
import torch

from foveal.losses.names import NUMBER_LOSS_NAMES
from foveal.losses.regression import NUMBER_LOSSES


def test_the_names_are_the_losses() -> None:
    assert tuple(NUMBER_LOSSES) == NUMBER_LOSS_NAMES


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mse", (0.25 + 9 + 0 + 1) / 4),
        ("mae", (0.5 + 3 + 0 + 1) / 4),
        ("huber", (0.125 + 2.5 + 0 + 0.5) / 4),  # of 3: 1·(3 - 1/2)
    ],
)
def test_by_hand(name: str, expected: float) -> None:
    outputs = torch.tensor([[0.5, 3.0], [2.0, -1.0]])
    targets = torch.tensor([[0.0, 0.0], [2.0, -2.0]])
    assert NUMBER_LOSSES[name](outputs, targets).item() == pytest.approx(expected)
    in_half = NUMBER_LOSSES[name](outputs.bfloat16(), targets)
    assert in_half.dtype == torch.float32
    assert in_half.item() == pytest.approx(expected)

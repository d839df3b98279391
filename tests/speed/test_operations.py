"""Operations are found, counted and sorted by kind."""

import pytest
import torch
from torch import nn

from foveal.speed.operations import KINDS, OTHER, OperationTimer, kind_of

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("operation", "kind"),
    [
        ("convolution", "convolutions"),
        ("convolution_backward", "convolutions"),
        ("addmm", "matrix products"),
        ("native_batch_norm_backward", "norms"),
        ("threshold_backward", "activations"),
        ("max_pool2d_with_indices", "pooling"),
        ("add_", "sums and joins"),
        ("_to_copy", "precision and layout"),
        ("grid_sampler_2d", OTHER),
    ],
)
def test_each_operation_has_a_kind(operation: str, kind: str) -> None:
    assert kind_of(operation) == kind
    assert kind in (*KINDS, OTHER)


def test_the_arithmetic_of_a_convolution_forward_and_backward() -> None:
    layer = nn.Conv2d(3, 8, (3, 5), padding=(1, 2), bias=False)
    images = torch.randn(2, 3, 7, 9, requires_grad=True)
    timer = OperationTimer(CPU)
    with timer.part("network"):
        layer(images).sum().backward()
    spent = timer.spent["network", "convolutions"]
    forward = 2 * 2 * 8 * 7 * 9 * 3 * 3 * 5
    assert spent.flop == 3 * forward  # backward: by the images and by the weights
    assert spent.seconds > 0


def test_it_counts_the_same_without_autograd() -> None:
    layer = nn.Conv2d(3, 8, 3, padding=1)
    timer = OperationTimer(CPU)
    with timer.part("network"), torch.inference_mode():
        layer(torch.randn(2, 3, 6, 6))
    assert timer.spent["network", "convolutions"].flop == 2 * 2 * 8 * 6 * 6 * 3 * 9


def test_memory_is_what_is_read_and_written() -> None:
    values = torch.ones(1000)
    timer = OperationTimer(CPU)
    with timer.part("one"):
        torch.relu(values)
    with timer.part("other"):
        values.view(10, 100)  # moves nothing
    assert timer.spent["one", "activations"].size_bytes == 2 * 4 * 1000
    assert [part for part, _ in timer.spent] == ["one"]

"""Suppression against the greedy loop that defines it."""

import pytest
import torch
from tests.ops.test_boxes import drawn

from foveal.ops.boxes import pairwise_iou
from foveal.ops.suppression import suppress


def greedy(boxes: torch.Tensor, scores: torch.Tensor, labels: torch.Tensor, threshold: float) -> list[int]:
    waiting = sorted(range(len(boxes)), key=lambda index: (-float(scores[index]), index))
    kept: list[int] = []
    while waiting:
        best = waiting.pop(0)
        kept.append(best)
        waiting = [
            other
            for other in waiting
            if labels[other] != labels[best] or float(pairwise_iou(boxes[best][None], boxes[other][None])) <= threshold
        ]
    return kept


@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.6])
@pytest.mark.parametrize("seed", range(4))
def test_it_is_the_greedy_loop(threshold: float, seed: int) -> None:
    boxes = drawn(150, seed)
    generator = torch.Generator().manual_seed(seed)
    scores = (torch.rand(150, generator=generator) * 20).round() / 20  # with ties
    labels = torch.randint(0, 3, (150,), generator=generator)
    assert suppress(boxes, scores, labels, threshold=threshold).tolist() == greedy(boxes, scores, labels, threshold)


def test_a_chain_of_neighbours_keeps_every_other() -> None:
    boxes = torch.tensor([[float(x), 0, x + 10.0, 10] for x in range(0, 60, 4)])
    scores = torch.linspace(1, 0.1, len(boxes))
    kept = suppress(boxes, scores, torch.zeros(len(boxes), dtype=torch.long), threshold=0.4)
    assert kept.tolist() == list(range(0, len(boxes), 2))


def test_nothing_is_kept_of_nothing() -> None:
    kept = suppress(torch.zeros(0, 4), torch.zeros(0), torch.zeros(0, dtype=torch.long), threshold=0.5)
    assert kept.tolist() == []

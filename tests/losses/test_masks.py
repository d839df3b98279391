"""What a detector's masks learn from."""

import numpy as np
import pytest
import torch

from foveal.losses.masks import best_cells, mask_dice_loss


def test_the_right_mask_costs_nothing_and_a_wrong_one_all() -> None:
    truth = torch.tensor([[True, True, False, False], [False, True, False, True]])
    everywhere = torch.ones_like(truth)
    right = torch.where(truth, 30.0, -30.0)
    assert mask_dice_loss(right, truth, within=everywhere).item() == pytest.approx(0, abs=1e-6)
    assert mask_dice_loss(-right, truth, within=everywhere).item() == pytest.approx(1, abs=1e-3)
    half = torch.stack([right[0], -right[1]])
    assert mask_dice_loss(half, truth, within=everywhere).item() == pytest.approx(0.5, abs=1e-3)
    assert mask_dice_loss(torch.zeros(0, 4), truth[:0], within=everywhere[:0]).item() == 0


def test_dice_by_hand_and_what_lies_outside_counts_nothing() -> None:
    logits, truth = torch.tensor([[0.0, 0.0, 5.0]]), torch.tensor([[True, False, True]])
    within = torch.tensor([[True, True, False]])
    expected = 1 - 2 * 0.5 / (0.25 + 0.25 + 1)
    assert mask_dice_loss(logits, truth, within=within).item() == pytest.approx(expected, abs=1e-3)


def chosen_by_loops(fits: list[float], objects: list[int], most: int) -> list[int]:
    queues: dict[int, list[int]] = {}
    for cell in sorted(range(len(fits)), key=lambda cell: -fits[cell]):
        queues.setdefault(objects[cell], []).append(cell)
    turns = [(turn, -fits[cell], cell) for queue in queues.values() for turn, cell in enumerate(queue)]
    return [cell for _, _, cell in sorted(turns)][:most]


@pytest.mark.parametrize("seed", range(6))
def test_every_object_has_its_best_cell_before_any_has_its_second(seed: int) -> None:
    rng = np.random.default_rng(seed)
    fits, objects = rng.random(40).round(1 if seed % 2 else 3).tolist(), rng.integers(0, 9, 40).tolist()
    for most in (0, 5, 20, 100):
        found = best_cells(torch.tensor(fits), torch.tensor(objects), most).tolist()
        assert found == chosen_by_loops(fits, objects, most)
    assert best_cells(torch.zeros(0), torch.zeros(0, dtype=torch.long), 3).tolist() == []

"""The order of samples is a permutation, keyed by seed and epoch."""

import torch

from foveal.feed.order import epoch_order, step_indices, steps_per_epoch


def test_every_sample_once_an_epoch() -> None:
    order = epoch_order(103, seed=1, epoch=0)
    assert sorted(order.tolist()) == list(range(103))
    taken = torch.cat([step_indices(order, step, 10) for step in range(steps_per_epoch(103, 10))])
    assert len(taken) == len(set(taken.tolist())) == 100


def test_keyed_by_seed_and_epoch() -> None:
    orders = [tuple(epoch_order(50, seed=seed, epoch=epoch).tolist()) for seed in (0, 1) for epoch in (0, 1)]
    assert len(set(orders)) == 4
    assert orders[0] == tuple(epoch_order(50, seed=0, epoch=0).tolist())


def test_a_set_smaller_than_a_step_is_taken_whole() -> None:
    assert steps_per_epoch(3, 10) == 1
    assert len(step_indices(epoch_order(3, seed=0, epoch=0), 0, 10)) == 3

"""The order of samples is a permutation, or draws classes equally; keyed by seed and epoch."""

from collections import Counter

import pytest
import torch

from foveal.feed.order import balanced_order, epoch_order, step_indices, steps_per_epoch


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


COUNTS = (1, 7, 30, 62)
LABELS = [label for label, count in enumerate(COUNTS) for _ in range(count)]


def drawn(epochs: int, labels: list[int] = LABELS) -> list[list[int]]:
    return [balanced_order(labels, seed=3, epoch=epoch).tolist() for epoch in range(epochs)]


def test_classes_are_drawn_equally_often() -> None:
    of_class: Counter[int] = Counter()
    for epoch, draws in enumerate(drawn(9), start=1):
        assert len(draws) == 100
        in_epoch = Counter(LABELS[draw % 100] for draw in draws)
        of_class += in_epoch
        assert max(in_epoch.values()) - min(in_epoch.values()) <= 1
        assert max(of_class.values()) - min(of_class.values()) <= 1, epoch


def test_every_image_of_a_class_is_drawn_as_often_to_one() -> None:
    """A class of 62 gets 25 draws an epoch: none of its images comes again before all have come."""
    times: Counter[int] = Counter()
    for draws in drawn(5):
        times.update(draw % 100 for draw in draws)
        for label in range(4):
            of_class = [times[sample] for sample in range(100) if LABELS[sample] == label]
            assert max(of_class) - min(of_class) <= 1


def test_no_draw_stands_twice_in_an_epoch() -> None:
    """So that a sample which comes again is augmented otherwise."""
    draws = drawn(1)[0]
    assert len(set(draws)) == 100
    again = sorted(draw // 100 for draw in draws if draw % 100 == 0)
    assert again == list(range(25))  # the one image of the first class


def test_the_balanced_order_is_keyed_by_seed_and_epoch() -> None:
    orders = [tuple(balanced_order(LABELS, seed=seed, epoch=epoch).tolist()) for seed in (0, 1) for epoch in (0, 1)]
    assert len(set(orders)) == 4
    assert torch.equal(balanced_order(LABELS, seed=0, epoch=1), torch.tensor(orders[1]))
    assert [LABELS[draw % 100] for draw in orders[0]] != sorted(LABELS[draw % 100] for draw in orders[0])


@pytest.mark.parametrize("labels", [[2, 2, 5], [0], [1, 0, 3, 2]])
def test_small_and_absent_classes(labels: list[int]) -> None:
    found = Counter(labels[draw % len(labels)] for draws in drawn(6, labels) for draw in draws)
    assert set(found) == set(labels)
    assert max(found.values()) - min(found.values()) <= 1

"""Which epoch's weights are kept."""

import math
from collections.abc import Sequence

import numpy as np
import pytest

from foveal.training.selection import is_as_good, is_better


def kept(values: Sequence[float], *, error: float, higher_is_better: bool = True) -> list[int]:
    """The epochs that would be kept, in their order."""
    best, chosen = None, []
    for epoch, value in enumerate(values):
        if is_better(value, best, higher_is_better=higher_is_better):
            best = value
        assert best is not None
        if is_as_good(value, error, best, higher_is_better=higher_is_better):
            chosen.append(epoch)
    return chosen


def test_the_latest_within_an_error_of_the_best_is_kept() -> None:
    assert kept([0.5, 0.7, 0.69, 0.6, 0.685], error=0.02) == [0, 1, 2, 4]
    assert kept([0.5, 0.7, 0.69, 0.6, 0.67], error=0.02) == [0, 1, 2]


def test_lower_may_be_better() -> None:
    assert kept([2.0, 1.0, 1.04, 1.2], error=0.05, higher_is_better=False) == [0, 1, 2]


def test_without_an_error_ties_go_to_the_later() -> None:
    assert kept([0.5, 0.7, 0.7, 0.699], error=0.0) == [0, 1, 2]


def test_a_tie_betters_nothing() -> None:
    assert is_better(0.7, None, higher_is_better=True)
    assert not is_better(0.7, 0.7, higher_is_better=True)


@pytest.mark.parametrize("count", [50, 400])
def test_among_equal_epochs_luck_no_longer_decides(count: int) -> None:
    """20 looks at equally good weights: the last is kept mostly, where a best of them would be anywhere."""
    random = np.random.default_rng(0)
    last = 0
    for _ in range(500):
        right = random.binomial(count, 0.8, 20) / count
        last += kept(right, error=math.sqrt(0.8 * 0.2 / count))[-1] >= 15
    assert last > 350

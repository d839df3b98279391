"""The sweep of the learning rate and what is read off it."""

import math
from itertools import pairwise

import numpy as np
import pytest
import torch
from tests.training.test_loop import linear, trainer
from torch import nn

from foveal.annotations import ClassLabel
from foveal.errors import FovealError
from foveal.feed.inputs import to_input
from foveal.training.rate_finder import HIGHEST, LOWEST, STEPS, is_over, smoothed, suggested_rate, swept_rates
from foveal.training.trials import sweep


def test_rates_rise_by_one_factor() -> None:
    rates = swept_rates()
    assert len(rates) == STEPS
    assert (rates[0], rates[-1]) == pytest.approx((LOWEST, HIGHEST))
    assert [after / before for before, after in pairwise(rates)] == pytest.approx([1e7 ** (1 / 99)] * 99)


@pytest.mark.parametrize("steepest", [1e-4, 3e-3, 0.05])
def test_the_steepest_fall_of_a_known_curve(steepest: float) -> None:
    """A loss that falls as a logistic function of the rate's logarithm, then explodes, with noise on it."""
    rates = np.array(swept_rates())
    place = np.log(rates / steepest)
    losses = 0.3 + 2 / (1 + np.exp(2 * place)) + np.where(place > 4, (place - 4) ** 2, 0)
    losses += np.random.default_rng(0).normal(0, 0.02, len(losses))
    ended = next((at + 1 for at in range(len(losses)) if is_over(losses[: at + 1])), len(losses))
    assert suggested_rate(rates, losses[:ended]) == pytest.approx(steepest, rel=0.5)
    assert suggested_rate(rates, [*losses[:ended], math.nan]) == suggested_rate(rates, losses[:ended])


def test_smoothing_is_the_mean_of_eleven_steps() -> None:
    losses = np.random.default_rng(0).normal(size=30)
    expected = [np.mean([losses[i] for i in range(30) if abs(i - at) <= 5]) for at in range(30)]
    assert smoothed(losses) == pytest.approx(expected)


def test_a_loss_that_never_falls_is_said() -> None:
    for losses in (np.linspace(1, 3, STEPS), [1.0, math.nan], [1.0] * STEPS):
        with pytest.raises(FovealError, match=r"--find-lr: no learning rate from 1e-06 to 10 made the loss fall"):
            suggested_rate(swept_rates(), losses)


def test_a_sweep_is_a_plain_loop_at_rising_rates_and_ends_when_the_loss_explodes() -> None:
    options = {"optimiser": "sgd", "weight_decay": 0.0, "momentum": 0.0, "ema": 0.0, "precision": "float32"}
    ours, plain = trainer(linear(), **options), linear()
    rates = np.geomspace(1e-3, 1e4, 30).tolist()
    losses = sweep(ours, rates)
    assert 5 < len(losses) < 30
    assert is_over(losses)
    assert not is_over(losses[:-1])
    images = to_input(ours.preprocess, ours.batches.store.gather(torch.arange(40)))
    labels = torch.tensor([sample.known(ClassLabel).index for sample in ours.batches.store.samples])
    expected = []
    for step, rate in enumerate(rates[: len(losses)]):
        batch = ours.batches.order(step // 5)[8 * (step % 5) :][:8]
        loss = nn.functional.cross_entropy(plain(images[batch]), labels[batch])
        expected.append(loss.item())
        plain.zero_grad()
        loss.backward()
        with torch.no_grad():
            for each in plain.parameters():
                each -= rate * each.grad  # type: ignore[operator]
    assert losses == pytest.approx(expected, rel=1e-3)

"""The plan's arithmetic: sizes, learning rates, and how many steps fit into a time."""

from dataclasses import replace

import pytest

from foveal.augment.settings import AugmentSettings
from foveal.recipes.options import TrainOptions
from foveal.training.budget import TimeBudget
from foveal.training.plan import Plan
from foveal.training.settings import parse_seconds

PLAN = Plan(
    num_samples=1000,
    batch_size=10,
    accumulate=2,
    total_steps=500,
    seed=0,
    lr=0.1,
    schedule="one_cycle",
    warmup=0.2,
    clip_norm=0.0,
    patience=0,
    train_sizes=(64, 128),
    augment=AugmentSettings(crop_area=(0.3, 1.0)),
    bfloat16=False,
    checkpoint_seconds=60.0,
)


def test_steps_and_images() -> None:
    assert PLAN.images_per_step == 20
    assert PLAN.steps_per_epoch == 50
    assert replace(PLAN, num_samples=7).steps_per_epoch == 1


def test_about_twenty_looks_at_the_held_out_images() -> None:
    assert PLAN.evaluate_every == 1
    assert replace(PLAN, total_steps=50 * 39).evaluate_every == 2
    assert replace(PLAN, total_steps=50 * 400).evaluate_every == 20
    assert replace(PLAN, total_steps=50 * 400, patience=3).evaluate_every == 1


def test_sizes_grow_to_the_full_one() -> None:
    assert PLAN.sizes() == [64, 80, 96, 112, 128]
    taken = [PLAN.size_at(step) for step in range(500)]
    assert taken == sorted(taken)
    assert taken[0] == 64
    assert taken[333:] == [128] * 167 or taken[334:] == [128] * 166
    assert replace(PLAN, train_sizes=(28, 28)).sizes() == [28]
    assert replace(PLAN, train_sizes=(40, 60)).sizes() == [40, 56, 60]


@pytest.mark.parametrize("total", [1, 2, 7, 100, 499, 1001])
@pytest.mark.parametrize("first", [0, 1, 50])
def test_counts_by_size_are_those_of_the_steps(total: int, first: int) -> None:
    plan = replace(PLAN, total_steps=total)
    counts = plan.steps_by_size(first)
    taken = [plan.size_at(step) for step in range(first, total)]
    assert counts == {size: taken.count(size) for size in plan.sizes()}


def test_learning_rates_rise_and_fall() -> None:
    rates = [PLAN.lr_at(step) for step in range(500)]
    assert max(rates) == pytest.approx(0.1, rel=1e-3)
    assert 90 <= rates.index(max(rates)) <= 110
    assert 0 < rates[0] < 0.02
    assert 0 < rates[-1] < 1e-4


def test_json_round_trip() -> None:
    assert Plan.from_json(PLAN.to_json()) == PLAN


BUDGET = TimeBudget(
    seconds=100.0, finish_seconds=10.0, step_seconds=dict.fromkeys(PLAN.sizes(), 0.1), evaluation_seconds=1.0
)


def test_the_steps_fill_the_time() -> None:
    total = BUDGET.total_steps(PLAN, elapsed=5.0)
    plan = replace(PLAN, total_steps=total)
    looks = -(-total // (50 * plan.evaluate_every))
    assert 83.5 < total * 0.1 + looks * 1.0 <= 85.0


def test_smaller_sizes_buy_more_steps() -> None:
    by_area = replace(BUDGET, step_seconds={size: 0.1 * (size / 128) ** 2 for size in PLAN.sizes()})
    assert by_area.total_steps(PLAN, elapsed=0.0) > 1.3 * BUDGET.total_steps(PLAN, elapsed=0.0)


def test_no_time_is_one_step() -> None:
    assert BUDGET.total_steps(PLAN, elapsed=99.0) == 1
    assert BUDGET.total_steps(PLAN, elapsed=99.0, done=40) == 41


def test_settings_are_checked() -> None:
    assert parse_seconds("1h30m") == 5400
    assert parse_seconds("90") == parse_seconds("90s") == parse_seconds("1.5m") == 90
    settings = TrainOptions(model="resnet18", augment={"hflip": 0.5})
    assert TrainOptions.from_json(settings.to_json()) == settings

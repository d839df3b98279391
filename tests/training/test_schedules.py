"""Schedules: bounds, ends, continuity, and torch's own where it has the same."""

import math
import subprocess
import sys

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from foveal.errors import UsageError
from foveal.training.names import SCHEDULE_NAMES
from foveal.training.schedules import SCHEDULES, learning_rate, one_cycle, step

names = st.sampled_from(SCHEDULE_NAMES)
shares = st.floats(0, 1)
warmups = st.floats(0, 0.99)
ENDS = {"constant": (1, 1), "step": (1, 0.01), "cosine": (1, 0), "one_cycle": (0.04, 4e-6), "plateau": (1, 1)}


@given(names, shares, warmups, st.floats(1e-6, 10))
def test_a_rate_is_never_negative_and_never_above_the_peak(
    name: str, progress: float, warmup: float, peak: float
) -> None:
    assert 0 <= learning_rate(name, progress, peak=peak, warmup=warmup) <= peak * (1 + 1e-12)


@given(names, st.floats(0.01, 0.9))
def test_the_peak_is_reached_when_the_warm_up_ends(name: str, warmup: float) -> None:
    assert learning_rate(name, warmup, peak=0.3, warmup=warmup) == pytest.approx(0.3)


@given(names, st.floats(0.05, 0.9), shares)
def test_the_rate_is_continuous_but_for_the_steps(name: str, warmup: float, progress: float) -> None:
    gap, slope = 1e-7, 2 * math.pi / min(warmup, 1 - warmup)
    after = min(1.0, progress + gap)
    rates = [learning_rate(name, at, peak=1.0, warmup=warmup) for at in (progress, after)]
    milestones = [warmup + (1 - warmup) * share for share in (0.5, 0.75)] if name == "step" else []
    if not any(progress - 1e-12 <= each <= after + 1e-12 for each in milestones):
        assert abs(rates[1] - rates[0]) <= slope * gap + 1e-12


@pytest.mark.parametrize("name", SCHEDULE_NAMES)
def test_the_ends(name: str) -> None:
    first, last = ENDS[name]
    assert SCHEDULES[name](0.0) == pytest.approx(first, abs=1e-15)
    assert SCHEDULES[name](1.0) == pytest.approx(last, abs=1e-15)
    assert learning_rate(name, 0.0, peak=2.0) == pytest.approx(2 * first, abs=1e-15)
    assert learning_rate(name, 1.0, peak=2.0, warmup=0.1) == pytest.approx(2 * last, abs=1e-15)


@pytest.mark.parametrize("name", ["constant", "step", "cosine"])
def test_the_warm_up_is_a_straight_line_from_0(name: str) -> None:
    rates = [learning_rate(name, progress, peak=0.5, warmup=0.2) for progress in (0.0, 0.05, 0.1, 0.2)]
    assert rates == pytest.approx([0.0, 0.125, 0.25, 0.5])


def test_step_drops_at_half_and_three_quarters() -> None:
    assert [step(at) for at in (0.499, 0.5, 0.749, 0.75)] == pytest.approx([1, 0.1, 0.1, 0.01])


@given(shares, shares)
def test_cosine_and_step_never_rise(one: float, other: float) -> None:
    for name in ("step", "cosine"):
        assert SCHEDULES[name](max(one, other)) <= SCHEDULES[name](min(one, other)) + 1e-15


@pytest.mark.parametrize("rise", [0.3, 0.45])
def test_one_cycle_is_torchs(rise: float) -> None:
    steps = 101
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    # torch peaks at pct_start·steps - 1 of its steps numbered from 0; ours at the share `rise` of the way.
    scheduler = torch.optim.lr_scheduler.OneCycleLR(
        optimiser,
        max_lr=1.0,
        total_steps=steps,
        pct_start=(rise * (steps - 1) + 1) / steps,
        cycle_momentum=False,
    )
    for index in range(steps):
        assert one_cycle(index / (steps - 1), rise=rise) == pytest.approx(scheduler.get_last_lr()[0], abs=1e-12)
        if index < steps - 1:
            optimiser.step()
            scheduler.step()


def test_warm_up_sets_the_rise_of_one_cycle() -> None:
    assert learning_rate("one_cycle", 0.1, peak=1.0, warmup=0.1) == 1.0
    assert learning_rate("one_cycle", 0.3, peak=1.0) == 1.0


def test_what_makes_no_sense_is_refused() -> None:
    with pytest.raises(UsageError, match="no schedule is called 'cosin'; did you mean cosine"):
        learning_rate("cosin", 0.0, peak=1.0)
    with pytest.raises(UsageError, match="there are: constant, step, cosine, one_cycle"):
        learning_rate("zzz", 0.0, peak=1.0)
    with pytest.raises(UsageError, match=r"progress is the share of training done, 0 to 1; got 1\.5"):
        learning_rate("cosine", 1.5, peak=1.0)
    with pytest.raises(UsageError, match="warmup is a share of training, 0 to below 1; got 1"):
        learning_rate("cosine", 0.5, peak=1.0, warmup=1.0)


def test_the_names_are_the_index_and_need_no_torch() -> None:
    assert tuple(SCHEDULES) == SCHEDULE_NAMES
    code = "import sys, foveal.training.names, foveal.training.schedules; assert 'torch' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)

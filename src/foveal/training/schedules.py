"""Learning rates over the course of training: pure functions of progress, 0 at the start and 1 at the end."""

import math
from collections.abc import Callable

from foveal.errors import UsageError, did_you_mean

ONE_CYCLE_RISE = 0.3
"""Share of training in which `one_cycle` rises, where no warm-up is asked for; fastai's and torch's value."""

PLATEAU_EPOCHS, PLATEAU_FACTOR = 5, 0.1
"""Epochs without a better held-out figure after which `plateau` lowers the rate, and to what share of it."""


def constant(progress: float) -> float:
    """1 throughout."""
    return 1.0


def step(progress: float) -> float:
    """1, then 1/10 from half of training and 1/100 from three quarters.

    He et al. 2015, arXiv:1512.03385, section 4.2: divided by 10 at 32k and 48k of 64k iterations.
    """
    return 0.1 ** ((progress >= 0.5) + (progress >= 0.75))


def cosine(progress: float) -> float:
    """Half a cosine from 1 to 0. Loshchilov & Hutter 2016, arXiv:1608.03983, equation 5 without restarts."""
    return 0.5 * (1 + math.cos(math.pi * progress))


def plateau(progress: float) -> float:
    """1 throughout; the loop multiplies by `PLATEAU_FACTOR` where the held-out figure stands still."""
    return 1.0


def one_cycle(progress: float, *, rise: float = ONE_CYCLE_RISE) -> float:
    """Up from 1/25 to 1 over the share `rise` of training, in (0, 1), then down to 1/250,000.

    Smith & Topin 2017, arXiv:1708.07120. Differs: both ways are half cosines, the rise is shorter than the
    fall, and momentum stays as it is; shape and end values are those of
    `torch.optim.lr_scheduler.OneCycleLR`.
    """
    first, last = 1 / 25, 1 / 25e4
    if progress < rise:
        return 1 + (first - 1) * cosine(progress / rise)
    return last + (1 - last) * cosine((progress - rise) / (1 - rise))


SCHEDULES: dict[str, Callable[[float], float]] = {
    "constant": constant,
    "step": step,
    "cosine": cosine,
    "one_cycle": one_cycle,
    "plateau": plateau,
}


def learning_rate(name: str, progress: float, *, peak: float, warmup: float = 0.0) -> float:
    """The learning rate at `progress` in [0, 1] of the schedule `name`, at most `peak`.

    `warmup` in [0, 1) is the share of training in which the rate rises in a straight line from 0 to the peak
    (Goyal et al. 2017, arXiv:1706.02677, section 2.2); the schedule then runs over what is left. `one_cycle`
    rises by itself: there `warmup` is its share of rise, 0.3 where it is 0.

    With progress = step / steps a warmed-up run spends its first step at a rate of 0; (step + 0.5) / steps,
    the middle of the step, avoids that.
    """
    if name not in SCHEDULES:
        raise UsageError(f"no schedule is called {name!r}; {did_you_mean(name, SCHEDULES)}")
    if not 0 <= progress <= 1:
        raise UsageError(f"progress is the share of training done, 0 to 1; got {progress}")
    if not 0 <= warmup < 1:
        raise UsageError(f"warmup is a share of training, 0 to below 1; got {warmup}")
    if name == "one_cycle":
        return peak * one_cycle(progress, rise=warmup or ONE_CYCLE_RISE)
    if progress < warmup:
        return peak * progress / warmup
    return peak * SCHEDULES[name]((progress - warmup) / (1 - warmup))

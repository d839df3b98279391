"""Steps of a copy of the run that is thrown away: measured, and tried at other batches and rates."""

import math
import time
from collections.abc import Sequence
from dataclasses import replace
from statistics import median

from foveal.training.loop import Trainer
from foveal.training.rate_finder import is_over

_NO_END = 10**9  # steps of a plan


def measure_step_seconds(trainer: Trainer, *, steps: int = 5, most_seconds: float = math.inf) -> dict[int, float]:
    """Median seconds of a training step by training size, on the real data; a size not measured by `most_seconds`
    is taken to cost as much a pixel as the one before it."""
    started = time.perf_counter()

    def in_time() -> bool:
        return trainer.processes.broadcast(lambda: time.perf_counter() - started < most_seconds)

    state = trainer.state
    state.plan = replace(state.plan, total_steps=max(state.plan.total_steps, _NO_END))
    sizes = state.plan.sizes()
    unlike = 2 if trainer.device.type == "cuda" else 1  # the first step picks kernels, a GPU's second is captured
    seconds: dict[int, float] = {}
    for index, size in enumerate(sizes):
        if seconds and not in_time():
            before = sizes[index - 1]
            seconds[size] = seconds[before] * (size / before) ** 2
            continue
        times: list[float] = []
        while len(times) <= unlike or (len(times) < unlike + steps and in_time()):
            start = time.perf_counter()
            trainer.step(size=size)
            trainer.settle()
            times.append(time.perf_counter() - start)
        seconds[size] = median(times[unlike:])
    return seconds


def try_batch(trainer: Trainer, batch_size: int) -> None:
    """A step with so many images at the last training size; on a GPU two, of which the second is captured."""
    state = trainer.state
    state.plan = replace(state.plan, total_steps=_NO_END, batch_size=batch_size, accumulate=1)
    for _ in range(2 if trainer.device.type == "cuda" else 1):
        trainer.step(size=state.plan.train_sizes[1])
        trainer.settle()


def sweep(trainer: Trainer, rates: Sequence[float]) -> list[float]:
    """The loss of a step at each of the rates, until it explodes; at the first training size."""
    state, losses = trainer.state, []
    for rate in rates:
        state.plan = replace(state.plan, total_steps=_NO_END, schedule="constant", warmup=0.0, lr=rate)
        trainer.step(size=state.plan.train_sizes[0])
        trainer.settle()
        progress = state.progress
        losses.append(progress.log_sums["loss"] / progress.log_images)
        progress.log_sums, progress.log_images = {}, 0
        if is_over(losses):
            break
    return losses

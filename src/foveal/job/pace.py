"""As many steps as fit into the time that was given: measured on a copy of the run before its first step."""

import time
from dataclasses import replace

from foveal.console import say
from foveal.feed.store import Store
from foveal.job.begun import Begun
from foveal.job.job import throw_away
from foveal.recipes import RECIPES
from foveal.training.budget import TimeBudget
from foveal.training.loop import Trainer
from foveal.training.settings import parse_seconds
from foveal.training.trials import measure_step_seconds

_MEASURED_SHARE = 0.05  # of the time given: to measure steps
_DECODE_SECONDS = 0.002  # of an image, at least
_REPORT_SECONDS = 1.0  # set aside for report.html when the time is given
_INTERVAL_SECONDS = 2e-5  # and for the bootstrap, a test image and class, at most:
_MOST_INTERVAL_SECONDS = 12.0


def planned(begun: Begun) -> TimeBudget | None:
    """The budget of a run with a time, whose plan is changed to end within it; None for others, and for those that go
    on with the plan that they had."""
    state, given = begun.state, begun.settings.time
    if given is None or state.progress.step:
        return None
    budget = _measured(begun, parse_seconds(given))
    watch = begun.asked.watch
    total = begun.asked.processes.broadcast(lambda: budget.total_steps(state.plan, elapsed=watch.total()))
    state.plan = replace(state.plan, total_steps=total)
    if total < state.plan.steps_per_epoch:
        say(
            f"warning: --time {given} leaves {total} steps, not once through the training images "
            f"({state.plan.steps_per_epoch} steps); {budget.finish_seconds:.0f} s are for the evaluation and report: "
            "give more time, or a smaller --size"
        )
    return budget


def _measured(begun: Begun, seconds: float) -> TimeBudget:
    """The budget of so many seconds, with what the parts of the run take of it."""
    trainer = throw_away(begun.fed)
    step_seconds = measure_step_seconds(trainer, most_seconds=_MEASURED_SHARE * seconds)
    evaluation = _look_seconds(trainer)
    parameters = sum(each.numel() for each in trainer.state.network.parameters())
    saving = 0.02 + 4 * parameters / 300e6  # a disk that writes 300 MB/s
    val = begun.fed.data.val
    forward = 3 * evaluation / len(val) if val else next(iter(step_seconds.values())) / begun.state.plan.batch_size
    return TimeBudget(
        seconds=seconds,
        finish_seconds=_finish_seconds(begun, val, forward),
        step_seconds=step_seconds,
        evaluation_seconds=evaluation + saving,
    )


def _look_seconds(trainer: Trainer) -> float:
    """Of a look at the held-out images."""
    start = time.perf_counter()
    if trainer.val_store is not None:
        trainer.evaluate(trainer.state.network)
    return time.perf_counter() - start


def _finish_seconds(begun: Begun, val: Store | None, forward: float) -> float:
    """Of the evaluation and the report at the end. forward: seconds of the network, by image."""
    dataset = begun.fed.dataset
    num_test = len(dataset.of_split("test"))
    decoded = len(begun.fed.data.train) + (len(val) if val else 0)
    decode = max(begun.asked.watch.times["decoding"] / decoded, _DECODE_SECONDS)  # ours may have come from the cache
    intervals = min(_MOST_INTERVAL_SECONDS, _INTERVAL_SECONDS * num_test * len(dataset.classes))
    judging = RECIPES[begun.settings.task].judging_seconds(begun.settings)
    return _REPORT_SECONDS + intervals + num_test * (decode + forward + judging)

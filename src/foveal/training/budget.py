"""How many steps fit into a time: planned from a short measurement, corrected as the run shows its real pace."""

import math
from dataclasses import dataclass, replace

from foveal.training.plan import Plan
from foveal.training.state import TrainState

TOLERANCE = 0.01  # of the budget: a smaller predicted miss leaves the plan alone


@dataclass(frozen=True, kw_only=True)
class TimeBudget:
    """A wall-time budget and what was measured before the first step. All in seconds."""

    seconds: float
    """For everything, the report included."""
    finish_seconds: float
    """Set aside for the evaluation and the report after training."""
    step_seconds: dict[int, float]
    """Of a training step, by training size."""
    evaluation_seconds: float
    """Of a look at the held-out images, and of saving the model."""

    def total_steps(self, plan: Plan, *, elapsed: float, done: int = 0) -> int:
        """Total steps such that those after `done` end in time; at least one more than `done`.

        elapsed: wall time already spent.
        """
        left = self.seconds - self.finish_seconds - elapsed
        low, high = done + 1, done + 2
        while self._predicted(plan, high, done) < left:
            low, high = high, 2 * high
        while high - low > 1:
            middle = (low + high) // 2
            low, high = (middle, high) if self._predicted(plan, middle, done) <= left else (low, middle)
        return low

    def replan(self, state: TrainState, *, elapsed: float) -> int:
        """The plan's total steps, or a corrected number where the run would miss its budget by over 1 %.

        A training size that the run has reached counts with its real pace, the others with what was measured.
        """
        seen = {int(size): seconds for size, seconds in state.progress.step_seconds.items()}
        now = replace(self, step_seconds={**self.step_seconds, **seen})
        plan, done = state.plan, state.progress.step
        end = elapsed + now._predicted(plan, plan.total_steps, done) + self.finish_seconds
        if abs(end - self.seconds) <= TOLERANCE * self.seconds:
            return plan.total_steps
        return now.total_steps(plan, elapsed=elapsed, done=done)

    def _predicted(self, plan: Plan, total_steps: int, done: int) -> float:
        """Seconds of the steps from `done` to `total_steps`, with their evaluations."""
        plan = replace(plan, total_steps=total_steps)
        steps = sum(count * self.step_seconds[size] for size, count in plan.steps_by_size(done).items())
        looks = math.ceil((total_steps - done) / plan.steps_per_epoch / plan.evaluate_every)
        return steps + looks * self.evaluation_seconds

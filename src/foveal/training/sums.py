"""What the loop sums up over steps, on the device until somebody wants to know it, and the records of that."""

import math
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from foveal.errors import DivergedError
from foveal.events import StepDone
from foveal.processes.group import Processes
from foveal.training.state import TrainState


@dataclass
class _Pending:
    """Steps that are not settled, all of one size."""

    steps: int = 0
    images: int = 0
    size: int = 0
    seconds: float = 0.0

    def add(self, images: int, *, size: int, seconds: float) -> None:
        self.steps, self.images, self.size = self.steps + 1, self.images + images, size
        self.seconds += seconds


class FigureSums:
    """The loss and the figures of the steps so far: those that are settled in the state's progress, the others here."""

    def __init__(self, names: Sequence[str], state: TrainState, *, device: torch.device, processes: Processes) -> None:
        self.pending = _Pending()
        self._names, self._state, self._processes = names, state, processes
        digits = torch.float32 if device.type == "mps" else torch.float64  # of which MPS has none
        self._sums = torch.zeros(len(names), dtype=digits, device=device)
        """Of each figure over this process's images, in the steps that are not settled."""

    def note(self, figures: Mapping[str, Tensor]) -> None:
        """Adds a batch's figures, each the sum over its images."""
        self._sums.add_(torch.stack([figures[name] for name in self._names]))

    def settle(self) -> None:
        """Waits for the device, and takes in the time and the figures, of all processes, of the steps since before."""
        progress, pending = self._state.progress, self.pending
        if not pending.steps:
            return
        start = time.perf_counter()
        sums = dict(zip(self._names, self._sums.tolist(), strict=True))
        self._sums.zero_()
        for name, value in self._processes.sum(sums).items():
            progress.epoch_sums[name] = progress.epoch_sums.get(name, 0.0) + value
            progress.log_sums[name] = progress.log_sums.get(name, 0.0) + value
        progress.epoch_images += pending.images
        progress.log_images += pending.images
        progress.images += pending.images
        seconds = pending.seconds + time.perf_counter() - start
        progress.note_steps(pending.steps, size=pending.size, seconds=seconds)
        self.pending = _Pending()

    def step_record(self, lr: float) -> StepDone:
        """The means since the record before. Raises DivergedError."""
        progress, plan = self._state.progress, self._state.plan
        means = {name: value / progress.log_images for name, value in progress.log_sums.items()}
        progress.log_sums, progress.log_images = {}, 0
        check_finite(means, self._state)
        return StepDone(
            step=progress.step,
            epoch=(progress.step - 1) // plan.steps_per_epoch + 1,
            loss=means.pop("loss"),
            figures=means,
            lr=lr,
            images_per_second=progress.images / progress.train_seconds,
            seconds=progress.seconds,
            size=plan.size_at(progress.step - 1),
        )

    def epoch_means(self) -> dict[str, float]:
        """The means of the epoch that ends here. Raises DivergedError."""
        progress = self._state.progress
        means = {name: value / progress.epoch_images for name, value in progress.epoch_sums.items()}
        progress.epoch_sums, progress.epoch_images = {}, 0
        check_finite(means, self._state)
        return means


def check_finite(means: Mapping[str, float], state: TrainState) -> None:
    """Raises DivergedError for a figure that is no number any more."""
    lost = {name: value for name, value in means.items() if not math.isfinite(value)}
    if lost:
        name, value = next(iter(lost.items()))
        raise DivergedError(
            f"training diverged: the {name.replace('_', ' ')} is {value} at step {state.progress.step}; "
            f"lower the learning rate (--lr, now {state.plan.lr:g}) or clip gradients (--clip-norm 1)"
        )

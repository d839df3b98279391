"""What a run will do, fixed before its first step and saved in every checkpoint: numbers only, no data, no network."""

import math
from dataclasses import asdict, dataclass
from typing import Any

from foveal.augment.settings import AugmentSettings
from foveal.feed.order import steps_per_epoch
from foveal.training.schedules import PLATEAU_FACTOR, learning_rate

SIZE_STEP = 16  # pixels between two training sizes: half of the coarsest stage's stride, so few sizes are odd ones


@dataclass(frozen=True, kw_only=True)
class Plan:
    """A run's resolved numbers. A step takes `batch_size` × `accumulate` images."""

    num_samples: int
    batch_size: int
    accumulate: int
    total_steps: int
    seed: int
    lr: float
    schedule: str
    warmup: float
    clip_norm: float
    patience: int
    train_sizes: tuple[int, int]
    """First and last side of the training images, in pixels; the longer one where they are no squares."""
    aspect: float = 1.0
    """Of their width and height."""
    augment: AugmentSettings
    bfloat16: bool
    checkpoint_seconds: float
    l1: float = 0.0
    l2: float = 0.0
    data: str = ""
    """Digest of the training and held-out images and their labels, in their order."""
    balanced: bool = False
    """Whether an epoch draws each class equally often, instead of each image once."""

    @property
    def images_per_step(self) -> int:
        """Images whose gradient one step takes; fewer where the data has fewer."""
        return min(self.batch_size * self.accumulate, self.num_samples)

    @property
    def steps_per_epoch(self) -> int:
        """Steps that go once through the training data."""
        return steps_per_epoch(self.num_samples, self.batch_size * self.accumulate)

    @property
    def penalties(self) -> dict[str, float]:
        """The strength of each of the loss's penalties that is on."""
        return {name: strength for name, strength in (("l1", self.l1), ("l2", self.l2)) if strength}

    @property
    def log_every(self) -> int:
        """Steps between two records: 20 records an epoch, and at most 2,000 a run."""
        return max(1, self.steps_per_epoch // 20, self.total_steps // 2000)

    @property
    def evaluate_every(self) -> int:
        """Epochs between two looks at the held-out images: about 20 looks a run, and one at its end.

        With early stopping and with the schedule `plateau` it is every epoch, because they count them.
        """
        if self.patience or self.schedule == "plateau":
            return 1
        return max(1, math.ceil(self.total_steps / self.steps_per_epoch / 20))

    def lr_at(self, step: int, *, lowered: int = 0) -> float:
        """Learning rate of step `step`, counted from 0, where a plateau has `lowered` it so many times."""
        rate = learning_rate(self.schedule, (step + 0.5) / self.total_steps, peak=self.lr, warmup=self.warmup)
        return rate * PLATEAU_FACTOR**lowered

    def sizes(self) -> list[int]:
        """The training sizes in their order, 16 pixels apart."""
        first, last = self.train_sizes
        return [*range(first, last, SIZE_STEP), last]

    def size_at(self, step: int) -> int:
        """Side of the training images of step `step`: grows evenly over the first two thirds of the run."""
        sizes = self.sizes()
        grown = int(1.5 * step / self.total_steps * len(sizes))
        return sizes[min(grown, len(sizes) - 1)]

    def steps_by_size(self, first: int = 0) -> dict[int, int]:
        """How many of the steps from `first` on are taken at each training size; the inverse of `size_at`."""
        sizes = self.sizes()
        ends = [math.ceil((index + 1) * self.total_steps / 1.5 / len(sizes)) for index in range(len(sizes))]
        ends[-1] = self.total_steps
        starts = [0, *ends[:-1]]
        return {size: max(0, end - max(start, first)) for size, start, end in zip(sizes, starts, ends, strict=True)}

    def to_json(self) -> dict[str, Any]:
        """Plain values for the checkpoint."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "Plan":
        """The record that `to_json` wrote."""
        sizes = tuple(value["train_sizes"])
        return cls(**{**value, "augment": AugmentSettings(**value["augment"]), "train_sizes": sizes})

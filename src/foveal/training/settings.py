"""Every setting of a run, resolved: what `config.json` and the model file hold. No torch here.

`foveal.recipes` makes one of what is asked for (`TrainOptions`), where each setting is explained.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Literal

from foveal.augment.settings import AugmentSettings
from foveal.errors import UsageError
from foveal.types import DeviceName, Fit, OnBadImage, Precision, TaskName

Balance = Literal["none", "loss", "sampler"]
Augmentation = Literal["auto", "none", "trivial", "randaugment"]
RecipeName = Literal["auto", "fast"]
ROLES = ("val_share", "test_share", "seed", "fraction", "folds", "fold")
"""Settings that decide what each image is for."""


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """How a run trains. None stands for what there is none of, never for what is still to be chosen."""

    task: TaskName
    recipe: RecipeName
    model: str
    weights: str | None
    """None draws fresh ones."""
    weights_sha256: str | None
    freeze: int
    size: int
    aspect: float
    fit: Fit
    epochs: float | None
    """None where the time decides."""
    time: str | None
    batch_size: int
    accumulate: int
    seed: int
    optimiser: str
    lr: float
    find_lr: bool
    momentum: float
    nesterov: bool
    weight_decay: float
    decay_all: bool
    l1: float
    l2: float
    drop_path: float
    schedule: str
    warmup: float
    clip_norm: float
    gradient_checkpointing: bool
    ema: float
    checkpoint_seconds: float
    tensorboard: bool
    patience: int
    train_sizes: tuple[int, int]
    own: Mapping[str, Any]
    """The task's own, by name; with those of the other tasks, which are None."""
    loss: str
    label_smoothing: float
    balance: Balance
    augmentation: Augmentation
    augment: AugmentSettings
    val_share: float
    test_share: float
    fraction: float
    folds: int
    fold: int
    on_bad_image: OnBadImage
    device: DeviceName
    precision: Precision

    def roles(self) -> dict[str, Any]:
        """What decides what each image is for: the options of `foveal.read.assign_roles`."""
        return {name: getattr(self, name) for name in ROLES}

    def to_json(self) -> dict[str, Any]:
        """Plain values for config.json: the task's own beside the others, all in one object."""
        values = asdict(self)
        own = values.pop("own")
        names = list(values)
        before = names.index("loss")
        return {
            **{name: values[name] for name in names[:before]},
            **own,
            **{name: values[name] for name in names[before:]},
        }


def parse_seconds(text: str) -> float:
    """The seconds in a time such as 90s, 10m, 1h30m or 45 (seconds). Raises UsageError."""
    match = re.fullmatch(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?", text.strip())
    seconds = (
        sum(float(part or 0) * unit for part, unit in zip(match.groups(), (3600, 60, 1), strict=True)) if match else 0
    )
    if seconds <= 0:
        raise UsageError(f"--time {text!r}: expected a time such as 90s, 10m or 1h30m")
    return seconds

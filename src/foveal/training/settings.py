"""Every choice of a training run. No torch here: the command line is made of these fields.

A field that is None is chosen from the data by `foveal.recipes`; `config.json` holds the resolved record.
"""

import math
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields
from typing import Any, Literal, get_args

from foveal.augment.settings import AugmentSettings
from foveal.errors import UsageError
from foveal.types import DeviceName, Fit, OnBadImage, Precision, TaskName

Balance = Literal["none", "loss", "sampler"]
Augmentation = Literal["auto", "none", "trivial", "randaugment"]
RecipeName = Literal["auto", "fast"]


@dataclass(frozen=True, kw_only=True)
class TrainSettings:
    """How to train. Every option of `foveal train` is a field here; None is chosen from the data by stated rules."""

    task: TaskName | None = None
    """What is learned: classify, one class an image; multilabel, any number of labels an image; regress, numbers of an
    image; detect, where the objects of each class are; segment, the class of every pixel."""
    target: tuple[str, ...] | None = None
    """A table's column to tell: numbers for regress, which it stands for; 0 and 1 for multilabel. Given again for each
    further one."""
    recipe: RecipeName = "auto"
    """What chooses the settings not given: auto, the usual rules; fast, quick training on images below 64 px."""
    model: str | None = None
    """Network by name; `foveal models` lists them."""
    weights: str | None = None
    """What to start from: a model file or run folder, a .pth or .safetensors in torchvision's layout, the https://
    address of one, or imagenet, the weights that torchvision publishes."""
    weights_sha256: str | None = None
    """SHA-256 of that file in hex; an address needs it."""
    freeze: int = 0
    """First stages of the network that stay as the weights have them."""
    size: int | None = None
    """Side of the network's input in pixels; the longer one where it is no square."""
    aspect: float | None = None
    """Width over height of the network's input; 1 is a square."""
    fit: Fit | None = None
    """How an image takes that shape: squash the whole, crop the centre, or pad with black."""
    epochs: float | None = None
    """Times through the training images."""
    time: str | None = None
    """Wall time for everything, report included, such as 90s, 10m or 1h30m; sets the number of steps."""
    batch_size: int | Literal["auto"] | None = None
    """Images a forward pass; auto tries how many fit into memory, at most as many as where it is not given."""
    accumulate: int = 1
    """Forward passes a step, whose gradients are averaged."""
    seed: int = 0
    """Seed of splits, weights, order, dropout and augmentation."""

    optimiser: str | None = None
    """sgd, adam, adamw, rmsprop, adagrad, muon, radam or lion."""
    lr: float | None = None
    """Peak learning rate."""
    find_lr: bool = False
    """Take the peak learning rate from a short sweep on the training images before training."""
    momentum: float | None = None
    """Of sgd, rmsprop and muon."""
    nesterov: bool | None = None
    """Nesterov's form of momentum (sgd)."""
    weight_decay: float | None = None
    """Pull of the weights towards 0."""
    decay_all: bool = False
    """Decay biases and norms' parameters too."""
    l1: float = 0.0
    """Strength of a penalty in the loss: the sum of the weights' magnitudes; biases and norms are free."""
    l2: float = 0.0
    """Strength of a penalty in the loss: half the sum of the weights' squares; biases and norms are free."""
    drop_path: float = 0.0
    """Probability of leaving out a residual branch in training, of the last block; linear by depth."""
    schedule: str | None = None
    """constant, step, cosine, one_cycle or plateau, which lowers the rate where the held-out figure stands still."""
    warmup: float | None = None
    """Share of training over which the learning rate rises."""
    clip_norm: float = 0.0
    """Largest norm of the gradient; 0 is off."""
    gradient_checkpointing: bool = False
    """Keep less of a step in memory and compute it again on the way back; for residual networks."""
    ema: float | None = None
    """Decay of the weights' moving average, below 1; 0 is off."""
    checkpoint_seconds: float = 60.0
    """Seconds between checkpoints; one is saved at a stop and at the end too."""
    tensorboard: bool = False
    """Write the run's curves for TensorBoard too, into its folder's tensorboard/."""
    patience: int = 0
    """Epochs without a better held-out figure before stopping early; 0 is off."""
    train_sizes: tuple[int, int] | None = None
    """First and last side of the training images in pixels; it grows from one to the other."""

    instances: bool | None = None
    """A mask for each object beside its box, for detect; where not given, on if any training object has one."""
    decoder: str | None = None
    """From a backbone's stages to pixels, for segment: unet, fpn or deeplabv3plus."""
    void: int | None = None
    """Index in the label maps of pixels that belong to no class, for segment; 255 always is one."""
    loss: str | None = None
    """cross_entropy, focal, mean_squared_error, lenet5_mse or lenet5_map; for multilabel binary_cross_entropy or focal;
    for regress huber, mse or mae; for segment cross_entropy, dice, focal or cross_entropy_dice."""
    label_smoothing: float | None = None
    """Share of each target spread over all classes."""
    balance: Balance | None = None
    """What rare classes get: none, no more than others; loss, more weight in the loss, by the inverse of the count (for
    segment by the root of that of the pixels); sampler, as many images an epoch as common ones."""

    augmentation: Augmentation = "auto"
    """Where augmentation starts from: auto is chosen from the data; trivial and randaugment put operations drawn for
    each image in the place of its turns and colours; the options below change single parts."""
    augment: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `AugmentSettings` by name, over what `augmentation` chose. On the command line and in `foveal.train`
    they are options of their own, such as hflip."""

    val_share: float = 0.1
    """Share of the training images held out where the data has no validation split."""
    test_share: float = 0.2
    """Share of the images outside val held out where the data has no test split."""
    fraction: float = 1.0
    """Share of the training images to train on; those of a smaller one are among those of a larger one."""
    folds: int = 0
    """Parts of a cross-validation: each is tested on by a run on the others; 0 is none."""
    fold: int = 0
    """The part to test on, 1 and up, in a single run; 0 is all, one after the other."""
    on_bad_image: OnBadImage = "error"
    """What an image that can't be decoded does: stop before training, all listed; or be left out, counted and named."""
    device: DeviceName = "auto"
    """Where to compute."""
    precision: Precision = "auto"
    """auto: bfloat16 where the device computes it natively and the network gains by it."""

    def __post_init__(self) -> None:
        for name, (low, high, words) in _RANGES.items():
            value = getattr(self, name)
            if value not in (None, "auto") and not low <= value < high:
                raise UsageError(f"--{name.replace('_', '-')} {value}: expected {words}")
        for name, known in _WORDS.items():
            value = getattr(self, name)
            if value is not None and value not in known:
                raise UsageError(f"--{name.replace('_', '-')} {value}: expected one of {', '.join(known)}")
        if self.val_share + self.test_share >= 1:
            raise UsageError(
                f"--val-share {self.val_share} and --test-share {self.test_share} leave nothing to train on"
            )
        if self.folds == 1:
            raise UsageError("--folds 1: expected 2 or more, or 0 for none")
        if self.folds and not self.fold and (self.find_lr or self.batch_size == "auto"):
            raise UsageError("--find-lr and --batch-size auto are for single runs: give --fold too, or the values")
        if self.fold > self.folds:
            raise UsageError(f"--fold {self.fold}: expected one of the --folds, 1 to {self.folds}, or 0 for all")
        self._check_weights()
        if self.time is not None:
            parse_seconds(self.time)
            if self.epochs is not None:
                raise UsageError("--time and --epochs both set the number of steps; give one of them")
        target: Any = self.target
        if target is not None:  # JSON brings lists, and in Python one name may come alone
            object.__setattr__(self, "target", (target,) if isinstance(target, str) else tuple(target))
        if self.train_sizes is not None:
            object.__setattr__(self, "train_sizes", tuple(self.train_sizes))  # JSON brings lists
            if not 1 <= self.train_sizes[0] <= self.train_sizes[1]:
                raise UsageError(f"--train-sizes {self.train_sizes}: expected a first side and one that is no smaller")
        AugmentSettings(**self.augment)

    @property
    def batch_size_given(self) -> int | None:
        """`batch_size` where it is a number."""
        return None if self.batch_size == "auto" else self.batch_size

    def _check_weights(self) -> None:
        digits = self.weights_sha256
        if digits is not None and not re.fullmatch("[0-9a-fA-F]{64}", digits):
            raise UsageError(f"--weights-sha256 {digits}: expected 64 hexadecimal digits, as sha256sum prints them")
        if digits is None and self.weights is not None and "://" in self.weights:
            raise UsageError("--weights with an address needs --weights-sha256 HEX, the SHA-256 of the file there")
        if self.weights is None and (self.freeze or digits is not None):
            option = f"--freeze {self.freeze}" if self.freeze else "--weights-sha256"
            raise UsageError(f"{option}: goes with --weights, which are not given")

    def to_json(self) -> dict[str, Any]:
        """Plain values for config.json."""
        return asdict(self)

    def roles(self) -> dict[str, Any]:
        """What decides what each image is for: the options of `foveal.read.assign_roles`."""
        return {name: getattr(self, name) for name in _ROLES}

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> "TrainSettings":
        """The record that `to_json` wrote. Raises UsageError for a field that does not exist."""
        unknown = sorted(set(value) - {each.name for each in fields(cls)})
        if unknown:
            raise UsageError(f"unknown settings: {', '.join(unknown)}")
        return cls(**value)


_ROLES = ("val_share", "test_share", "seed", "fraction", "folds", "fold")
_INFINITE = float("inf")
_RANGES: dict[str, tuple[float, float, str]] = {
    "size": (1, 16_385, "1 to 16,384 pixels"),
    "freeze": (0, _INFINITE, "0 or more stages"),
    "void": (0, 256, "0 to 255"),
    "aspect": (0.1, 10.1, "0.1 to 10"),
    "epochs": (1e-9, _INFINITE, "a number above 0"),
    "batch_size": (1, _INFINITE, "at least 1"),
    "accumulate": (1, _INFINITE, "at least 1"),
    "seed": (0, 2**63, "0 or more"),
    "lr": (1e-12, _INFINITE, "a number above 0"),
    "momentum": (0, 1, "0 to below 1"),
    "weight_decay": (0, _INFINITE, "0 or more"),
    "l1": (0, _INFINITE, "0 or more"),
    "l2": (0, _INFINITE, "0 or more"),
    "drop_path": (0, 1, "0 to below 1"),
    "warmup": (0, 1, "0 to below 1"),
    "clip_norm": (0, _INFINITE, "0 or more"),
    "ema": (0, 1, "0 to below 1"),
    "checkpoint_seconds": (0, _INFINITE, "0 or more seconds"),
    "patience": (0, _INFINITE, "0 or more"),
    "label_smoothing": (0, 1, "0 to below 1"),
    "val_share": (0, 1, "0 to below 1"),
    "test_share": (0, 1, "0 to below 1"),
    "fraction": (1e-9, math.nextafter(1, 2), "above 0, at most 1"),
    "folds": (0, _INFINITE, "0 or more"),
    "fold": (0, _INFINITE, "0 or more"),
}


_WORDS: dict[str, tuple[str, ...]] = {
    "task": get_args(TaskName),
    "recipe": get_args(RecipeName),
    "fit": get_args(Fit),
    "balance": get_args(Balance),
    "augmentation": get_args(Augmentation),
    "on_bad_image": get_args(OnBadImage),
    "device": get_args(DeviceName),
    "precision": get_args(Precision),
}
"""Fields that take one of a few words."""


def parse_seconds(text: str) -> float:
    """The seconds in a time such as 90s, 10m, 1h30m or 45 (seconds). Raises UsageError."""
    match = re.fullmatch(r"(?:(\d+(?:\.\d+)?)h)?(?:(\d+(?:\.\d+)?)m)?(?:(\d+(?:\.\d+)?)s?)?", text.strip())
    seconds = (
        sum(float(part or 0) * unit for part, unit in zip(match.groups(), (3600, 60, 1), strict=True)) if match else 0
    )
    if seconds <= 0:
        raise UsageError(f"--time {text!r}: expected a time such as 90s, 10m or 1h30m")
    return seconds

"""What a training is asked for: every option of `foveal train` is a field here or of its task. No torch.

None is chosen from the data, by the rules of `foveal.recipes`; `TrainSettings` is what comes of it.
"""

import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, fields, replace
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_type_hints

from foveal.augment.settings import AUGMENTATION, AugmentSettings
from foveal.errors import UsageError
from foveal.options import Option, mistakes, options_of
from foveal.recipes import RECIPES, own_options, with_own_checked
from foveal.training.names import OPTIMISER_NAMES, SCHEDULE_NAMES
from foveal.training.settings import ROLES, Augmentation, Balance, RecipeName, TrainSettings, parse_seconds
from foveal.types import DeviceName, Fit, OnBadImage, Precision, TaskName

DATA, NETWORK, STEPS, OPTIMISER = "Data", "Network and input", "Steps", "Optimiser"
LOSS, MACHINE = "Loss", "Machine and files"
HEADINGS = (DATA, NETWORK, STEPS, OPTIMISER, LOSS, AUGMENTATION, MACHINE)
"""Of the help, in their order; those of single tasks follow."""


@dataclass(frozen=True, kw_only=True)
class TrainOptions:
    """The options of a training; None leaves the choice to the rules."""

    task: Annotated[
        TaskName | None,
        Option(
            f"The task: {'; '.join(f'{name}, {recipe.learned}' for name, recipe in RECIPES.items())}.",
            choices=lambda: (*RECIPES,),
            group=DATA,
        ),
    ] = None
    recipe: Annotated[
        RecipeName,
        Option(
            "Rules that choose the settings not given: auto, the usual ones; fast, for images below 64 px.",
            group=NETWORK,
        ),
    ] = "auto"
    model: Annotated[str | None, Option("Network by name; `foveal models` lists them.", group=NETWORK)] = None
    weights: Annotated[
        str | None,
        Option(
            "Weights to start from: a model file or run folder, a .pth or .safetensors in torchvision's layout, the "
            "https:// address of one, or imagenet, the weights that torchvision publishes.",
            group=NETWORK,
        ),
    ] = None
    weights_sha256: Annotated[
        str | None, Option("SHA-256 of that file in hex; an address needs it.", group=NETWORK)
    ] = None
    freeze: Annotated[
        int,
        Option(
            "Stages of the network, counted from the input, whose weights are frozen.",
            low=0,
            unit="stages",
            group=NETWORK,
        ),
    ] = 0
    size: Annotated[
        int | None,
        Option(
            "Input size in pixels: the side of the square, or the longer side.",
            low=1,
            high=16_384,
            unit="pixels",
            group=NETWORK,
        ),
    ] = None
    aspect: Annotated[
        float | None,
        Option("Aspect ratio of the network's input, width / height; 1 is a square.", low=0.1, high=10, group=NETWORK),
    ] = None
    fit: Annotated[
        Fit | None,
        Option(
            "How an image is fitted to the input: squash the whole, crop the centre, or pad with black.", group=NETWORK
        ),
    ] = None
    epochs: Annotated[
        float | None, Option("Epochs to train: passes over the training images.", above=0, group=STEPS)
    ] = None
    time: Annotated[
        str | None,
        Option(
            "Wall time for everything, report included, such as 90s, 10m or 1h30m; sets the number of steps.",
            group=STEPS,
        ),
    ] = None
    batch_size: Annotated[
        int | Literal["auto"] | None,
        Option(
            "Batch size: images a forward pass; auto finds the largest that fits into memory, up to the default.",
            low=1,
            group=STEPS,
        ),
    ] = None
    accumulate: Annotated[
        int, Option("Gradient accumulation: forward passes a step, whose gradients are averaged.", low=1, group=STEPS)
    ] = 1
    seed: Annotated[
        int,
        Option(
            "Random seed of splits, initial weights, order, dropout and augmentation.",
            low=0,
            high=2**63 - 1,
            group=STEPS,
        ),
    ] = 0
    optimiser: Annotated[
        str | None,
        Option(
            "Optimiser: sgd, adam, adamw, rmsprop, adagrad, muon, radam or lion.",
            choices=OPTIMISER_NAMES,
            strict=False,
            group=OPTIMISER,
        ),
    ] = None
    lr: Annotated[float | None, Option("Peak learning rate.", above=0, group=OPTIMISER)] = None
    find_lr: Annotated[
        bool,
        Option(
            "Take the peak learning rate from a short sweep on the training images before training.", group=OPTIMISER
        ),
    ] = False
    momentum: Annotated[float | None, Option("Momentum of sgd, rmsprop and muon.", low=0, below=1, group=OPTIMISER)] = (
        None
    )
    nesterov: Annotated[bool | None, Option("Nesterov momentum (sgd).", group=OPTIMISER)] = None
    weight_decay: Annotated[
        float | None,
        Option(
            "Weight decay coefficient.",
            low=0,
            group=OPTIMISER,
        ),
    ] = None
    decay_all: Annotated[
        bool, Option("Apply weight decay to biases and normalisation parameters too.", group=OPTIMISER)
    ] = False
    l1: Annotated[
        float,
        Option(
            "L1 regularisation strength: this times the sum of the weights' magnitudes, without biases and norms.",
            low=0,
            group=OPTIMISER,
        ),
    ] = 0.0
    l2: Annotated[
        float,
        Option(
            "L2 regularisation strength: this times half the sum of the weights' squares, without biases and norms.",
            low=0,
            group=OPTIMISER,
        ),
    ] = 0.0
    drop_path: Annotated[
        float,
        Option(
            "Stochastic depth: probability of dropping the last block's residual branch; linear in depth.",
            low=0,
            below=1,
            group=OPTIMISER,
        ),
    ] = 0.0
    schedule: Annotated[
        str | None,
        Option(
            "Learning rate schedule: constant, step, cosine, one_cycle or plateau, which lowers the rate where the "
            "validation metric stops improving.",
            choices=SCHEDULE_NAMES,
            strict=False,
            group=OPTIMISER,
        ),
    ] = None
    warmup: Annotated[
        float | None,
        Option("Warm-up: share of training over which the learning rate rises.", low=0, below=1, group=OPTIMISER),
    ] = None
    clip_norm: Annotated[
        float, Option("Gradient clipping: largest norm of the gradient; 0 is off.", low=0, group=OPTIMISER)
    ] = 0.0
    gradient_checkpointing: Annotated[
        bool,
        Option("Save memory by recomputing activations in the backward pass; for residual networks.", group=MACHINE),
    ] = False
    ema: Annotated[
        float | None,
        Option(
            "Decay of the exponential moving average of the weights, below 1; 0 is off.",
            low=0,
            below=1,
            group=OPTIMISER,
        ),
    ] = None
    checkpoint_seconds: Annotated[
        float,
        Option(
            "Seconds between checkpoints; one is also saved when training is interrupted and at the end.",
            low=0,
            unit="seconds",
            group=MACHINE,
        ),
    ] = 60.0
    tensorboard: Annotated[
        bool, Option("Write the run's curves for TensorBoard too, into its folder's tensorboard/.", group=MACHINE)
    ] = False
    patience: Annotated[
        int, Option("Early stopping: epochs without a better validation metric; 0 is off.", low=0, group=STEPS)
    ] = 0
    train_sizes: Annotated[
        tuple[int, int] | None,
        Option("Progressive resizing: first and last input size of the training images in pixels.", group=NETWORK),
    ] = None
    own: Mapping[str, Any] = field(default_factory=dict)
    """The options that are a task's own, by name (`foveal.recipes`). Elsewhere they stand beside the others."""
    loss: Annotated[
        str | None,
        Option(
            "Loss: cross_entropy, focal, mean_squared_error, lenet5_mse or lenet5_map; for multilabel "
            "binary_cross_entropy or focal; for regress huber, mse or mae; for segment cross_entropy, dice, focal "
            "or cross_entropy_dice.",
            group=LOSS,
        ),
    ] = None
    label_smoothing: Annotated[
        float | None,
        Option("Label smoothing: share of each target spread over all classes.", low=0, below=1, group=LOSS),
    ] = None
    balance: Annotated[
        Balance | None,
        Option(
            "Class imbalance: none; loss weights rare classes more in the loss, by the inverse of "
            "the count (for segment by the root of that of the pixels); sampler draws them as often as common ones.",
            group=LOSS,
        ),
    ] = None
    augmentation: Annotated[
        Augmentation,
        Option(
            "Augmentation policy: auto is chosen from the data; trivial and randaugment put operations "
            "drawn for each image in the place of rotation and colour jitter; the options below change single parts.",
            group=AUGMENTATION,
        ),
    ] = "auto"
    augment: Mapping[str, Any] = field(default_factory=dict)
    """Fields of `AugmentSettings` by name, over what `augmentation` chose. Elsewhere they stand beside the others,
    such as hflip."""
    val_share: Annotated[
        float,
        Option(
            "Validation split where the data has none: share of the training images held out.",
            low=0,
            below=1,
            group=DATA,
        ),
    ] = 0.1
    test_share: Annotated[
        float,
        Option(
            "Test split where the data has none: share of the images outside the validation split held out.",
            low=0,
            below=1,
            group=DATA,
        ),
    ] = 0.2
    fraction: Annotated[
        float,
        Option(
            "Share of the training images to train on; those of a smaller one are among those of a larger one.",
            above=0,
            high=1,
            group=DATA,
        ),
    ] = 1.0
    folds: Annotated[
        int,
        Option(
            "Folds of a cross-validation: each is the test set of a run on the others; 0 is none.", low=0, group=DATA
        ),
    ] = 0
    fold: Annotated[
        int, Option("The fold to test on, 1 and up, in a single run; 0 is all, one after the other.", low=0, group=DATA)
    ] = 0
    on_bad_image: Annotated[
        OnBadImage,
        Option(
            "Images that can't be decoded: error lists all and stops before training; skip leaves them out, counted "
            "and named.",
            group=DATA,
        ),
    ] = "error"
    device: Annotated[DeviceName, Option("Device to compute on.", group=MACHINE)] = "auto"
    precision: Annotated[
        Precision,
        Option(
            "Numeric precision; auto is bfloat16 where the device computes it natively and the network gains by it.",
            group=MACHINE,
        ),
    ] = "auto"

    def __post_init__(self) -> None:
        for mistake in mistakes(self):
            raise UsageError(mistake)
        if self.val_share + self.test_share >= 1:
            raise UsageError(
                f"--val-share {self.val_share} and --test-share {self.test_share} leave nothing to train on"
            )
        self._check_folds()
        self._check_weights()
        if self.time is not None:
            parse_seconds(self.time)
            if self.epochs is not None:
                raise UsageError("--time and --epochs both set the number of steps; give one of them")
        if self.train_sizes is not None:
            object.__setattr__(self, "train_sizes", tuple(self.train_sizes))  # JSON brings lists
            if not 1 <= self.train_sizes[0] <= self.train_sizes[1]:
                raise UsageError(f"--train-sizes {self.train_sizes}: expected a first side and one that is no smaller")
        object.__setattr__(self, "own", with_own_checked(self.own))
        AugmentSettings(**self.augment)

    @property
    def batch_size_given(self) -> int | None:
        """`batch_size` where it is a number."""
        return None if self.batch_size == "auto" else self.batch_size

    def roles(self) -> dict[str, Any]:
        """What decides what each image is for: the options of `foveal.read.assign_roles`."""
        return {name: getattr(self, name) for name in ROLES}

    def to_json(self) -> dict[str, Any]:
        """Plain values by option, those of the task beside the others, as `from_json` takes them."""
        values = asdict(self)
        own = values.pop("own")
        return {**values, **own}

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> "TrainOptions":
        """The options in a config.json or a call, where all stand beside each other; of a task's own, None is not
        given. Raises UsageError for one that does not exist."""
        common, own = {each.name for each in fields(cls)} - {"own"}, own_options()
        unknown = sorted(set(values) - common - set(own))
        if unknown:
            raise UsageError(f"unknown settings: {', '.join(unknown)}")
        given = {name: values[name] for name in own if values.get(name) is not None}
        return cls(own=given, **{name: value for name, value in values.items() if name in common})

    def _check_folds(self) -> None:
        if self.folds == 1:
            raise UsageError("--folds 1: expected 2 or more, or 0 for none")
        if self.folds and not self.fold and (self.find_lr or self.batch_size == "auto"):
            raise UsageError("--find-lr and --batch-size auto are for single runs: give --fold too, or the values")
        if self.fold > self.folds:
            raise UsageError(f"--fold {self.fold}: expected one of the --folds, 1 to {self.folds}, or 0 for all")

    def _check_weights(self) -> None:
        digits = self.weights_sha256
        if digits is not None and not re.fullmatch("[0-9a-fA-F]{64}", digits):
            raise UsageError(f"--weights-sha256 {digits}: expected 64 hexadecimal digits, as sha256sum prints them")
        if digits is None and self.weights is not None and "://" in self.weights:
            raise UsageError("--weights with an address needs --weights-sha256 HEX, the SHA-256 of the file there")
        if self.weights is None and (self.freeze or digits is not None):
            option = f"--freeze {self.freeze}" if self.freeze else "--weights-sha256"
            raise UsageError(f"{option}: goes with --weights, which are not given")


@cache
def training_options() -> dict[str, Any]:
    """By name, the annotations of all options of a training, as a person may leave each out: the common ones, those of
    the tasks, and those of the augmentation."""
    owners = (TrainOptions, *dict.fromkeys(own_options().values()), AugmentSettings)
    made = {}
    for owner in owners:
        hints, defaults = (
            get_type_hints(owner, include_extras=True),
            {each.name: each.default for each in fields(owner)},
        )
        for name, option in options_of(owner).items():
            default = None if owner is AugmentSettings else defaults[name]
            shown = "" if default is None else f" [default: {default}]"
            made[name] = Annotated[get_args(hints[name])[0], replace(option, help=option.help + shown)]
    return made


def repeated(settings: TrainSettings, **changes: Any) -> TrainOptions:
    """The options that ask for these settings, but for the changes."""
    return TrainOptions.from_json({**settings.to_json(), **changes})

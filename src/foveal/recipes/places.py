"""What a detector and a segmentation are trained with where it is not said."""

import math

from foveal.augment.settings import AugmentSettings
from foveal.errors import UsageError
from foveal.preprocess import CELL
from foveal.recipes.facts import DataFacts
from foveal.recipes.optimisation import MOMENTUM, Chosen
from foveal.training.settings import TrainSettings

FIRST_SIDE = 0.6
"""First training side, as a share of the last: objects that small are still told apart."""
IMAGES_SEEN, FEWEST_EPOCHS, MOST_EPOCHS = 40_000, 12, 300
SCORES_LOSS = "cross_entropy"


def detection(asked: TrainSettings, facts: DataFacts) -> tuple[Chosen, AugmentSettings, str]:
    """The settings, the augmentation, and why it. Raises UsageError for what a detector can't do."""
    if asked.loss not in (None, SCORES_LOSS):
        raise UsageError(f"--loss {asked.loss}: a detector has losses of its own; leave it out")
    batch_size = 8 if facts.num_train < 1000 else 16
    chosen = {
        **_common(asked, facts, longest=416, batch_size=batch_size, rate=2e-3, ema_steps=500),
        "task": ("detect", "the data says where things are"),
        "batch_size": (batch_size, f"{facts.num_train:,} training images"),
        "loss": (SCORES_LOSS, "the detector's scores; its boxes have their own"),
        "balance": ("none", "goes with one loss over all classes"),
        "instances": (facts.with_masks > 0, f"{facts.with_masks:,} training objects have a mask"),
    }
    if asked.augment.get("mosaic") and (facts.with_masks > 0 if asked.instances is None else asked.instances):
        raise UsageError("--mosaic cuts objects, which masks can't follow: leave it out, or give --no-instances")
    augment = AugmentSettings(hflip=0.5, translate=0.1, scale=(0.7, 1.5), brightness=0.3, contrast=0.3, saturation=0.3)
    return chosen, augment, "boxes: mirroring, shifts, scale, colour"


def segmentation(asked: TrainSettings, facts: DataFacts) -> tuple[Chosen, AugmentSettings, str]:
    """The settings, the augmentation, and why it. Raises UsageError for what a segmentation can't do."""
    chosen = {
        **_common(asked, facts, longest=512, batch_size=8, rate=3e-3, ema_steps=300),
        "task": ("segment", "the data gives every pixel a class"),
        "decoder": ("unet", "joins the finest maps: sharp borders"),
        "batch_size": (8, "of this size"),
        "loss": (SCORES_LOSS, "of every pixel but void"),
        "balance": ("loss", "rare classes count as much in the mean IoU"),
    }
    augment = AugmentSettings(
        hflip=0.5, translate=0.1, scale=(0.75, 1.5), rotate_deg=5.0, brightness=0.3, contrast=0.3, saturation=0.3
    )
    return chosen, augment, "label maps: mirroring, shifts, scale, small turns, colour"


def _common(
    asked: TrainSettings, facts: DataFacts, *, longest: int, batch_size: int, rate: float, ema_steps: int
) -> Chosen:
    """rate: of AdamW for a batch of 8; by the batch's square root."""
    refuse_classifiers_options(asked)
    images_per_step = min((asked.batch_size_given or batch_size) * asked.accumulate, facts.num_train)
    steps_per_epoch = max(1, facts.num_train // images_per_step)
    side = max(CELL, min(longest, CELL * round(facts.longer / CELL)))
    taken = asked.size or side
    chosen: Chosen = {
        "model": ("resnet18_d_half", "the smallest of the residual networks: many passes in little time"),
        "size": (side, f"images of about {facts.longer} px, at most {longest}"),
        "aspect": (round(facts.aspect, 3), "that of the images"),
        "fit": ("squash", "the whole image"),
        "train_sizes": _train_sizes(taken, moved=asked.augmentation != "none"),
        "optimiser": ("adamw", "trains photographs in fewer epochs"),
        "lr": (round(rate * math.sqrt(images_per_step / 8), 7), f"{rate:g} for a batch of 8"),
        "momentum": (MOMENTUM, "usual"),
        "nesterov": (False, "is of sgd"),
        "weight_decay": (0.05, "usual, decoupled from the gradient"),
        "schedule": ("cosine", "the usual one"),
        "warmup": (0.05, "tames the first steps"),
        "ema": (max(0.9, 1 - 1 / min(ema_steps, 4 * steps_per_epoch)), "averages about the last four epochs"),
        "label_smoothing": (0.0, "goes with classes of whole images"),
    }
    if asked.time is None:
        epochs = min(MOST_EPOCHS, max(FEWEST_EPOCHS, round(IMAGES_SEEN / facts.num_train)))
        words = f"about {IMAGES_SEEN:,} images seen, {FEWEST_EPOCHS} to {MOST_EPOCHS} epochs"
        chosen["epochs"] = (float(epochs), words)
    return chosen


def _train_sizes(side: int, *, moved: bool) -> tuple[tuple[int, int], str]:
    """moved: whether augmentation shows things at other sizes too."""
    if not moved:
        return (side, side), "as it is used: nothing is shown at other sizes"
    first = min(side, max(CELL, 16 * round(FIRST_SIDE * side / 16)))
    return (first, side), "growing, so that early steps are cheap (Tan & Le 2021, arXiv:2104.00298)"


def refuse_classifiers_options(asked: TrainSettings) -> None:
    """Raises UsageError for an option that has nothing to act on where an image has no single class."""
    given = {
        "--recipe fast": asked.recipe == "fast",
        "--label-smoothing": bool(asked.label_smoothing),
        "--balance loss": asked.balance == "loss" and asked.task != "segment",
        "--balance sampler": asked.balance == "sampler",
        "--mixup": bool(asked.augment.get("mixup")),
        "--cutmix": bool(asked.augment.get("cutmix")),
    }
    for option, is_given in given.items():
        if is_given:
            raise UsageError(f"{option} is for classification, and the task is to {asked.task}: leave it out")

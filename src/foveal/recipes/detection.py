"""What a detector is trained with where it is not said."""

import math

from foveal.augment.settings import AugmentSettings
from foveal.errors import UsageError
from foveal.preprocess import CELL
from foveal.recipes.facts import DataFacts
from foveal.recipes.optimisation import MOMENTUM, Chosen
from foveal.training.settings import TrainSettings

LONGEST_SIDE = 416
IMAGES_SEEN, FEWEST_EPOCHS, MOST_EPOCHS = 40_000, 12, 300
RATE = 2e-3
"""Of AdamW for a batch of 8; by the batch's square root."""
EMA_STEPS = 500
DETECTORS_LOSS = "cross_entropy"


def detection(asked: TrainSettings, facts: DataFacts) -> tuple[Chosen, AugmentSettings, str]:
    """The settings, the augmentation, and why it. Raises UsageError for what goes with classification only."""
    refuse_classifiers_options(asked)
    if asked.loss not in (None, DETECTORS_LOSS):
        raise UsageError(f"--loss {asked.loss}: a detector has losses of its own; leave it out")
    batch_size = 8 if facts.num_train < 1000 else 16
    images_per_step = min((asked.batch_size or batch_size) * asked.accumulate, facts.num_train)
    side = max(CELL, min(LONGEST_SIDE, CELL * round(facts.longer / CELL)))
    taken = asked.size or side
    epochs = min(MOST_EPOCHS, max(FEWEST_EPOCHS, round(IMAGES_SEEN / facts.num_train)))
    rate = round(RATE * math.sqrt(images_per_step / 8), 7)
    steps_per_epoch = max(1, facts.num_train // images_per_step)
    chosen: Chosen = {
        "task": ("detect", "the data says where things are"),
        "model": ("resnet18_d", "the smallest of the residual networks for photographs"),
        "size": (side, f"images of about {facts.longer} px, at most {LONGEST_SIDE}"),
        "aspect": (round(facts.aspect, 3), "that of the images"),
        "fit": ("squash", "the whole image"),
        "train_sizes": ((taken, taken), "as it is used"),
        "batch_size": (batch_size, f"{facts.num_train:,} training images"),
        "optimiser": ("adamw", "trains photographs in fewer epochs"),
        "lr": (rate, f"{RATE:g} for a batch of 8"),
        "momentum": (MOMENTUM, "usual"),
        "nesterov": (False, "is of sgd"),
        "weight_decay": (0.05, "usual, decoupled from the gradient"),
        "schedule": ("cosine", "the usual one of detectors"),
        "warmup": (0.05, "tames the first steps"),
        "ema": (max(0.9, 1 - 1 / min(EMA_STEPS, 4 * steps_per_epoch)), "averages about the last four epochs"),
        "loss": (DETECTORS_LOSS, "the detector's scores; its boxes have their own"),
        "label_smoothing": (0.0, "the detector has its own targets"),
    }
    if asked.time is None:
        chosen["epochs"] = (
            float(epochs),
            f"about {IMAGES_SEEN:,} images seen, {FEWEST_EPOCHS} to {MOST_EPOCHS} epochs",
        )
    augment = AugmentSettings(hflip=0.5, translate=0.1, scale=(0.7, 1.5), brightness=0.3, contrast=0.3, saturation=0.3)
    return chosen, augment, "boxes: mirroring, shifts, scale, colour"


def refuse_classifiers_options(asked: TrainSettings) -> None:
    """Raises UsageError for what neither a detector nor a segmentation can do."""
    given = {
        "--recipe fast": asked.recipe == "fast",
        "--label-smoothing": bool(asked.label_smoothing),
        "--class-weights": asked.class_weights != "none",
        "--mixup": bool(asked.augment.get("mixup")),
        "--cutmix": bool(asked.augment.get("cutmix")),
    }
    for option, is_given in given.items():
        if is_given:
            raise UsageError(f"{option} is for classification, and the task is to {asked.task}: leave it out")

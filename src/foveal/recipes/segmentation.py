"""What a segmentation is trained with where it is not said."""

import math

from foveal.augment.settings import AugmentSettings
from foveal.preprocess import CELL
from foveal.recipes.detection import refuse_classifiers_options
from foveal.recipes.facts import DataFacts
from foveal.recipes.optimisation import MOMENTUM, Chosen
from foveal.training.settings import TrainSettings

LONGEST_SIDE = 512
IMAGES_SEEN, FEWEST_EPOCHS, MOST_EPOCHS = 40_000, 12, 300
RATE = 1e-3
"""Of AdamW for a batch of 8; by the batch's square root."""
EMA_STEPS = 300


def segmentation(asked: TrainSettings, facts: DataFacts) -> tuple[Chosen, AugmentSettings, str]:
    """The settings, the augmentation, and why it. Raises UsageError for what goes with classification only."""
    refuse_classifiers_options(asked)
    batch_size = 8
    images_per_step = min((asked.batch_size or batch_size) * asked.accumulate, facts.num_train)
    side = max(CELL, min(LONGEST_SIDE, CELL * round(facts.longer / CELL)))
    taken = asked.size or side
    epochs = min(MOST_EPOCHS, max(FEWEST_EPOCHS, round(IMAGES_SEEN / facts.num_train)))
    steps_per_epoch = max(1, facts.num_train // images_per_step)
    chosen: Chosen = {
        "task": ("segment", "the data gives every pixel a class"),
        "model": ("resnet18_d", "the smallest of the residual networks for photographs"),
        "decoder": ("unet", "joins the finest maps: sharp borders"),
        "size": (side, f"images of about {facts.longer} px, at most {LONGEST_SIDE}"),
        "aspect": (round(facts.aspect, 3), "that of the images"),
        "fit": ("squash", "the whole image"),
        "train_sizes": ((taken, taken), "as it is used"),
        "batch_size": (batch_size, "of this size"),
        "optimiser": ("adamw", "trains photographs in fewer epochs"),
        "lr": (round(RATE * math.sqrt(images_per_step / 8), 7), f"{RATE:g} for a batch of 8"),
        "momentum": (MOMENTUM, "usual"),
        "nesterov": (False, "is of sgd"),
        "weight_decay": (0.05, "usual, decoupled from the gradient"),
        "schedule": ("cosine", "the usual one"),
        "warmup": (0.05, "tames the first steps"),
        "ema": (max(0.9, 1 - 1 / min(EMA_STEPS, 4 * steps_per_epoch)), "averages about the last four epochs"),
        "loss": ("cross_entropy", "of every pixel but void"),
        "label_smoothing": (0.0, "none for pixels"),
    }
    if asked.time is None:
        words = f"about {IMAGES_SEEN:,} images seen, {FEWEST_EPOCHS} to {MOST_EPOCHS} epochs"
        chosen["epochs"] = (float(epochs), words)
    augment = AugmentSettings(
        hflip=0.5, translate=0.1, scale=(0.75, 1.5), rotate_deg=5.0, brightness=0.3, contrast=0.3, saturation=0.3
    )
    return chosen, augment, "label maps: mirroring, shifts, scale, small turns, colour"

"""What a detector and a segmentation are trained with where it is not given: the rules that they share."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from foveal.recipes.optimisation import MOMENTUM
from foveal.recipes.room import Chosen

if TYPE_CHECKING:
    from foveal.recipes.facts import DataFacts
    from foveal.recipes.options import TrainOptions

FIRST_SIDE = 0.6
"""First training side, as a share of the last: objects that small can still be recognised."""
IMAGES_SEEN, FEWEST_EPOCHS, MOST_EPOCHS = 40_000, 12, 300
SCORES_LOSS = "cross_entropy"


def located(
    asked: TrainOptions, facts: DataFacts, *, longest: int, batch_size: int, rate: float, ema_steps: int
) -> Chosen:
    """What the tasks share that say where things are. rate: of AdamW for a batch of 8; by the batch's square root."""
    from foveal.preprocess import CELL  # brings torch

    images_per_step = min((asked.batch_size_given or batch_size) * asked.accumulate, facts.num_train)
    steps_per_epoch = max(1, facts.num_train // images_per_step)
    side = max(CELL, min(longest, CELL * round(facts.longer / CELL)))
    taken = asked.size or side
    chosen: Chosen = {
        "model": ("resnet18_d_half", "the smallest of the residual networks: many passes in little time"),
        "size": (side, f"images of about {facts.longer} px, at most {longest}"),
        "aspect": (round(facts.aspect, 3), "that of the images"),
        "fit": ("squash", "the whole image"),
        "train_sizes": _train_sizes(taken, CELL, moved=asked.augmentation != "none"),
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


def _train_sizes(side: int, cell: int, *, moved: bool) -> tuple[tuple[int, int], str]:
    """moved: whether augmentation shows things at other sizes too."""
    if not moved:
        return (side, side), "as it is used: nothing is shown at other sizes"
    first = min(side, max(cell, 16 * round(FIRST_SIDE * side / 16)))
    return (first, side), "growing, so that early steps are cheap (Tan & Le 2021, arXiv:2104.00298)"

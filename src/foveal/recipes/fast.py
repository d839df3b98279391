"""`--recipe fast`: small images learned in the least time, after airbench94 (Jordan 2024, arXiv:2404.00498)."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

from foveal.augment.settings import AugmentSettings
from foveal.errors import UsageError
from foveal.networks import Needs
from foveal.recipes.optimisation import optimisation
from foveal.recipes.room import Chosen

if TYPE_CHECKING:
    from foveal.recipes.facts import DataFacts
    from foveal.recipes.options import TrainOptions

IMAGES_SEEN, FEWEST_EPOCHS, MOST_EPOCHS = 350_000, 7, 50
LARGEST_BATCH, SMALLEST_BATCH, STEPS_PER_EPOCH = 500, 32, 90
RATE = 0.15
"""Of Muon for the largest batch: the share of its norm by which a kernel changes in a step. By the batch's root."""
MOMENTUM = 0.65
SHIFT = 1 / 16  # of the side: two pixels of 32


def check_fast(facts: DataFacts, *, small_side: int) -> None:
    """Raises UsageError where the images are not small."""
    if facts.side >= small_side:
        raise UsageError(
            f"--recipe fast is for images below {small_side} px; these are about {facts.side} px: leave it out"
        )


def fast_optimisation(asked: TrainOptions, facts: DataFacts, needs: Needs) -> Chosen:
    """The settings of the training itself: the usual ones, but for what makes it fast."""
    batch_size = min(LARGEST_BATCH, max(SMALLEST_BATCH, facts.num_train // STEPS_PER_EPOCH))
    taken = asked.batch_size_given or batch_size
    images_per_step = min(taken * asked.accumulate, facts.num_train)
    epochs = min(MOST_EPOCHS, max(FEWEST_EPOCHS, round(IMAGES_SEEN / facts.num_train)))
    chosen = {
        **optimisation(replace(asked, batch_size=taken), facts, needs, small=True),
        "batch_size": (batch_size, f"about {STEPS_PER_EPOCH} steps an epoch, at most {LARGEST_BATCH}"),
        "epochs": (float(epochs), f"about {IMAGES_SEEN:,} images seen, {FEWEST_EPOCHS} to {MOST_EPOCHS} epochs"),
        "optimiser": ("muon", "learns most in a step"),
        "momentum": (MOMENTUM, "of few steps"),
        "ema": (0.0, "an average of so few steps brings nothing"),
        **({"label_smoothing": (0.2, "of the fast recipe")} if asked.loss in (None, "cross_entropy") else {}),
        "schedule": ("cosine", "of the fast recipe"),
    }
    if asked.optimiser in (None, "muon"):
        rate = round(RATE * math.sqrt(images_per_step / LARGEST_BATCH), 7)
        chosen["lr"] = (rate, f"{RATE:g} for a batch of {LARGEST_BATCH}")
        chosen["weight_decay"] = (0.0, "the rate is a share of the weights' norm")
        chosen["nesterov"] = (False, "is in muon")
    if asked.time is not None:
        del chosen["epochs"]
    return chosen


def fast_augmentation() -> tuple[AugmentSettings, str]:
    """Shifts by whole pixels, which interpolate nothing."""
    return AugmentSettings(translate=SHIFT), "the fast recipe: shifts alone; mirroring is left out (--hflip 0.5)"

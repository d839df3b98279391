"""What a regression and a task of several labels are trained with where it is not said: as a classifier, but for what
could change a target or cut away what has a label."""

from dataclasses import replace

from foveal.augment.settings import AugmentSettings
from foveal.errors import UsageError
from foveal.networks import Needs
from foveal.recipes.facts import DataFacts
from foveal.recipes.optimisation import Chosen
from foveal.recipes.places import refuse_classifiers_options
from foveal.training.settings import TrainSettings

LIGHT = 0.1
"""Largest relative change of brightness and contrast."""
SHIFT, SCALE = 0.1, (0.8, 1.25)
"""In place of crops, where an image has several labels."""
ENLARGED = 2
"""Pixels by which the input may be larger than the images, to be padded."""


def regression(asked: TrainSettings, facts: DataFacts, chosen: Chosen) -> tuple[Chosen, AugmentSettings, str]:
    """The settings, from those `chosen` for classes; the augmentation, and why it. Raises UsageError."""
    refuse_classifiers_options(asked)
    side = asked.size or chosen["size"][0]
    own: Chosen = {
        "task": ("regress", "the data gives numbers"),
        "loss": ("huber", "squared for small errors, and a wrong target pulls no harder than a spread"),
        "label_smoothing": (0.0, "goes with classes"),
        "balance": ("none", "goes with classes"),
        "fit": ("pad", "keeps angles and proportions, and cuts nothing away")
        if side <= facts.side + ENLARGED
        else ("squash", "the whole image, enlarged"),
        "train_sizes": ((side, side), "as it is used: at another size a target could be another"),
    }
    augment = AugmentSettings(brightness=LIGHT, contrast=LIGHT)
    reason = (
        "numbers: slight light alone. Mirroring, turns, shifts, scale and crops may change a target: add those that "
        "don't, such as --hflip 0.5 --translate 0.1"
    )
    return {**chosen, **own}, augment, reason


def label_sets(
    asked: TrainSettings, chosen: Chosen, augment: AugmentSettings, reason: str
) -> tuple[Chosen, AugmentSettings, str]:
    """The same for several labels an image, from what is chosen for one class; without crops. Raises UsageError."""
    if asked.balance in ("loss", "sampler"):
        raise UsageError(
            f"--balance {asked.balance} is for one class an image, and the task is multilabel: leave it out"
        )
    own: Chosen = {
        "task": ("multilabel", "the data gives sets of labels"),
        "loss": ("binary_cross_entropy", "each label by itself"),
        "label_smoothing": (0.0, "probabilities are compared with thresholds"),
        "balance": ("none", "each label has a threshold of its own"),
    }
    if augment.crop_area != AugmentSettings().crop_area:
        augment = replace(augment, crop_area=AugmentSettings().crop_area, translate=SHIFT, scale=SCALE)
        reason = "photographs: mirroring, small turns, shifts, scale, colour; no crops, which could cut away a label"
    return {**chosen, **own}, augment, reason


def check_outputs(asked: TrainSettings, needs: Needs) -> None:
    """Raises UsageError for a network whose outputs are made for classes."""
    if needs.classes_only:
        raise UsageError(
            f"--model {asked.model}: its outputs are distances to the codes of classes, and the task is to "
            f"{asked.task}: take another (foveal models)"
        )

"""Training a regression: numbers of an image. As a classifier, but for what could change a target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from foveal.annotations import Numbers
from foveal.augment.settings import AugmentSettings
from foveal.errors import DataError
from foveal.losses.names import NUMBER_LOSS_NAMES
from foveal.recipes.columns import Columns
from foveal.recipes.room import Chosen, Proposal, TaskRecipe
from foveal.recipes.whole_images import check_outputs, whole_image
from foveal.training.settings import TrainSettings
from foveal.types import Sample

if TYPE_CHECKING:
    from foveal.recipes.facts import DataFacts
    from foveal.recipes.options import TrainOptions

LIGHT = 0.1
"""Largest relative change of brightness and contrast."""
ENLARGED = 2
"""Pixels by which the input may be larger than the images, to be padded."""


def _propose(asked: TrainOptions, facts: DataFacts, own_module: bool) -> Proposal:
    chosen = whole_image(asked, facts, own_module).chosen
    check_outputs(asked, chosen["model"][0])
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
    return Proposal(chosen={**chosen, **own}, augment=augment, augment_reason=reason)


def _head(settings: TrainSettings, names: Sequence[str], train: Sequence[Sample]) -> dict[str, Any]:
    return {"loss": settings.loss, **_scale(names, train)}


def _scale(names: Sequence[str], train: Sequence[Sample]) -> dict[str, tuple[float, ...]]:
    """Mean and standard deviation of each target. Raises DataError where one is the same for all images."""
    import numpy as np

    if not train:
        return {}
    values = np.array([sample.known(Numbers).values for sample in train], np.float64)
    constant = [
        f"{names[column]} is {values[0, column]:g}" for column in np.flatnonzero(np.ptp(values, axis=0) == 0).tolist()
    ]
    if constant:
        raise DataError(f"{', '.join(constant)} for all {len(values)} training images: there is nothing to learn")
    return {"mean": tuple(values.mean(axis=0).tolist()), "spread": tuple(values.std(axis=0).tolist())}


RECIPE = TaskRecipe(
    name="regress",
    learned="numbers of an image",
    options=Columns,
    losses=NUMBER_LOSS_NAMES,
    words={"recipe": ("auto",), "balance": ("none",)},
    without=frozenset({"label_smoothing", "mixup", "cutmix", "mosaic"}),
    propose=_propose,
    head=_head,
)

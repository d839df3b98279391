"""Training for several labels an image. As a classifier, but for what could cut away what has a label."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args

from foveal.augment.settings import AugmentSettings
from foveal.losses.names import LABEL_LOSS_NAMES
from foveal.recipes.columns import Columns
from foveal.recipes.room import Chosen, Proposal, TaskRecipe
from foveal.recipes.whole_images import check_outputs, whole_image
from foveal.training.settings import RecipeName, TrainSettings
from foveal.types import Sample

if TYPE_CHECKING:
    from foveal.recipes.facts import DataFacts
    from foveal.recipes.options import TrainOptions

SHIFT, SCALE = 0.1, (0.8, 1.25)
"""In place of crops."""


def _propose(asked: TrainOptions, facts: DataFacts, own_module: bool) -> Proposal:
    usual = whole_image(asked, facts, own_module)
    check_outputs(asked, usual.chosen["model"][0])
    augment, reason = usual.augment, usual.augment_reason
    own: Chosen = {
        "task": ("multilabel", "the data gives sets of labels"),
        "loss": ("binary_cross_entropy", "each label by itself"),
        "label_smoothing": (0.0, "probabilities are compared with thresholds"),
        "balance": ("none", "each label has a threshold of its own"),
    }
    if augment.crop_area != AugmentSettings().crop_area:
        augment = replace(augment, crop_area=AugmentSettings().crop_area, translate=SHIFT, scale=SCALE)
        reason = "photographs: mirroring, small turns, shifts, scale, colour; no crops, which could cut away a label"
    return Proposal(chosen={**usual.chosen, **own}, augment=augment, augment_reason=reason)


def _head(settings: TrainSettings, classes: Sequence[str], train: Sequence[Sample]) -> dict[str, Any]:
    return {"loss": settings.loss, "label_smoothing": settings.label_smoothing}


RECIPE = TaskRecipe(
    name="multilabel",
    learned="any number of labels an image",
    options=Columns,
    losses=LABEL_LOSS_NAMES,
    words={"recipe": get_args(RecipeName), "balance": ("none",)},
    without=frozenset({"mosaic"}),
    propose=_propose,
    head=_head,
)

"""Training a classifier: one class an image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, get_args

from foveal.annotations import ClassLabel
from foveal.losses.names import LOSS_NAMES
from foveal.recipes.room import Proposal, TaskRecipe
from foveal.recipes.whole_images import whole_image
from foveal.training.settings import Balance, RecipeName, TrainSettings
from foveal.types import Sample

if TYPE_CHECKING:
    from foveal.recipes.facts import DataFacts
    from foveal.recipes.options import TrainOptions


def _propose(asked: TrainOptions, facts: DataFacts, own_module: bool) -> Proposal:
    usual = whole_image(asked, facts, own_module)
    return replace(usual, chosen={"task": ("classify", "one class an image"), **usual.chosen})


def _head(settings: TrainSettings, classes: Sequence[str], train: Sequence[Sample]) -> dict[str, Any]:
    weights = _class_weights(len(classes), train) if settings.balance == "loss" else None
    return {"loss": settings.loss, "label_smoothing": settings.label_smoothing, "class_weights": weights}


def _class_weights(num_classes: int, train: Sequence[Sample]) -> tuple[float, ...]:
    """By the inverse of the count."""
    counts = Counter(sample.known(ClassLabel).index for sample in train)
    return tuple(len(train) / (num_classes * max(1, counts[label])) if train else 1.0 for label in range(num_classes))


RECIPE = TaskRecipe(
    name="classify",
    learned="one class an image",
    losses=LOSS_NAMES,
    words={"recipe": get_args(RecipeName), "balance": get_args(Balance)},
    without=frozenset({"mosaic"}),
    propose=_propose,
    head=_head,
)

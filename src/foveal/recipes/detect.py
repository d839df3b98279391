"""Training a detector: boxes, and a mask for each object where the annotations have some."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from foveal.augment.settings import AugmentSettings
from foveal.errors import UsageError
from foveal.options import Option
from foveal.recipes.places import SCORES_LOSS, located
from foveal.recipes.room import Chosen, OwnOptions, Proposal, TaskRecipe
from foveal.training.settings import TrainSettings
from foveal.types import Sample, instances_in

if TYPE_CHECKING:
    from foveal.recipes.facts import DataFacts
    from foveal.recipes.options import TrainOptions

MASKS_SECONDS = 0.1
"""Of a test image, for its masks, which held-out looks leave out."""


@dataclass(frozen=True, kw_only=True)
class DetectOptions(OwnOptions):
    """What a detector learns beside boxes."""

    instances: Annotated[
        bool | None,
        Option(
            "Instance segmentation: a mask for each object, for detect; on where any training object has one.",
            group="Detection",
        ),
    ] = None


def _propose(asked: TrainOptions, facts: DataFacts, own_module: bool) -> Proposal:
    batch_size = 8 if facts.num_train < 1000 else 16
    chosen: Chosen = {
        **located(asked, facts, longest=416, batch_size=batch_size, rate=2e-3, ema_steps=500),
        "task": ("detect", "the data says where things are"),
        "batch_size": (batch_size, f"{facts.num_train:,} training images"),
        "loss": (SCORES_LOSS, "the detector's scores; its boxes have their own"),
        "balance": ("none", "goes with one loss over all classes"),
        "instances": (facts.with_masks > 0, f"{facts.with_masks:,} training objects have a mask"),
    }
    if asked.augment.get("mosaic") and asked.own.get("instances", facts.with_masks > 0):
        raise UsageError("--mosaic cuts objects, which masks can't follow: leave it out, or give --no-instances")
    augment = AugmentSettings(hflip=0.5, translate=0.1, scale=(0.7, 1.5), brightness=0.3, contrast=0.3, saturation=0.3)
    return Proposal(chosen=chosen, augment=augment, augment_reason="boxes: mirroring, shifts, scale, colour")


def _head(settings: TrainSettings, classes: Sequence[str], train: Sequence[Sample]) -> dict[str, Any]:
    return {"masks": settings.own["instances"]}


def _notes(settings: TrainSettings, train: Sequence[Sample]) -> tuple[str, ...]:
    """What is to be known of objects without masks, where masks are learned."""
    if not settings.own["instances"]:
        return ()
    learned = [each for each in instances_in(train) if not each.crowd]
    without = sum(each.mask is None for each in learned)
    if not without:
        return ()
    if without == len(learned):
        return ("no training object has a mask: masks are not learned, boxes are (--no-instances leaves them out)",)
    return (f"{without:,} of {len(learned):,} training objects have no mask: they teach none, and boxes as ever",)


RECIPE = TaskRecipe(
    name="detect",
    learned="where the objects of each class are",
    options=DetectOptions,
    losses=(SCORES_LOSS,),
    words={"recipe": ("auto",), "balance": ("none",)},
    without=frozenset({"label_smoothing", "mixup", "cutmix"}),
    own_module=False,
    propose=_propose,
    head=_head,
    notes=_notes,
    judging_seconds=lambda settings: MASKS_SECONDS if settings.own["instances"] else 0.0,
)

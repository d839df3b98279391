"""Training a segmentation: the class of every pixel."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

from foveal.augment.settings import AugmentSettings
from foveal.losses.names import PIXEL_LOSS_NAMES
from foveal.options import Option
from foveal.recipes.places import SCORES_LOSS, located
from foveal.recipes.room import Chosen, OwnOptions, Proposal, TaskRecipe
from foveal.training.settings import TrainSettings
from foveal.types import Dataset, Sample

if TYPE_CHECKING:
    from foveal.recipes.facts import DataFacts
    from foveal.recipes.options import TrainOptions

GROUP = "Segmentation"


@dataclass(frozen=True, kw_only=True)
class SegmentOptions(OwnOptions):
    """How stages become pixels, and which pixels count."""

    decoder: Annotated[
        str | None,
        Option("From a backbone's stages to pixels, for segment: unet, fpn or deeplabv3plus.", group=GROUP),
    ] = None
    void: Annotated[
        int | None,
        Option(
            "Index in the label maps of pixels to ignore (void), for segment; 255 always is one.",
            low=0,
            high=255,
            group=GROUP,
        ),
    ] = None


def _propose(asked: TrainOptions, facts: DataFacts, own_module: bool) -> Proposal:
    chosen: Chosen = {
        **located(asked, facts, longest=512, batch_size=8, rate=3e-3, ema_steps=300),
        "task": ("segment", "the data gives every pixel a class"),
        "decoder": ("unet", "joins the finest maps: sharp borders"),
        "batch_size": (8, "of this size"),
        "loss": (SCORES_LOSS, "of every pixel but void"),
        "balance": ("loss", "rare classes count as much in the mean IoU"),
    }
    augment = AugmentSettings(
        hflip=0.5, translate=0.1, scale=(0.75, 1.5), rotate_deg=5.0, brightness=0.3, contrast=0.3, saturation=0.3
    )
    reason = "label maps: mirroring, shifts, scale, small turns, colour"
    return Proposal(chosen=chosen, augment=augment, augment_reason=reason)


def _head(settings: TrainSettings, classes: Sequence[str], train: Sequence[Sample]) -> dict[str, Any]:
    own = {name: settings.own[name] for name in ("decoder", "void") if settings.own[name] is not None}
    weights = _class_weights(settings, len(classes), train) if settings.balance == "loss" else None
    return {"loss": settings.loss, **own, "class_weights": weights}


def _class_weights(settings: TrainSettings, num_classes: int, train: Sequence[Sample]) -> tuple[float, ...]:
    """By the root of the median frequency."""
    from foveal.feed.label_maps import median_frequency_weights  # brings torch

    if not train:
        return (1.0,) * num_classes
    return median_frequency_weights(train, num_classes, void=settings.own["void"])


def _prepared(dataset: Dataset, own: Mapping[str, Any]) -> Dataset:
    from foveal.read.annotated import without_void  # brings NumPy

    return without_void(dataset, own.get("void"))


RECIPE = TaskRecipe(
    name="segment",
    learned="the class of every pixel",
    options=SegmentOptions,
    losses=PIXEL_LOSS_NAMES,
    words={"recipe": ("auto",), "balance": ("none", "loss")},
    without=frozenset({"label_smoothing", "mixup", "cutmix"}),
    own_module=False,
    propose=_propose,
    head=_head,
    head_reads_files=True,
    prepared=_prepared,
)

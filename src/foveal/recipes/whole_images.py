"""What a network that sees whole images is trained with where it is not given: the rules that its tasks share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from foveal.augment.settings import AugmentSettings
from foveal.errors import UsageError
from foveal.networks import CUSTOM, Needs, needs_of
from foveal.recipes.fast import check_fast, fast_augmentation, fast_optimisation
from foveal.recipes.optimisation import optimisation
from foveal.recipes.room import Chosen, Proposal
from foveal.types import Fit

if TYPE_CHECKING:
    from foveal.recipes.facts import DataFacts
    from foveal.recipes.options import TrainOptions

SMALL_SIDE = 64
"""Below this side in pixels images count as small: signs, digits, thumbnails. From it on they are photographs."""
GROWING_SIDE = 96
"""From this side on training starts with smaller images."""
MANY_PHOTOGRAPHS = 5000
"""Training images from which photographs get the network of all channels."""
FIRST_SIDE = 0.75
"""First training side, as a share of the side in use."""


def whole_image(asked: TrainOptions, facts: DataFacts, own_module: bool) -> Proposal:
    """The settings of a classifier but for the task, from which the others depart. Raises UsageError, and ModelError
    for an unknown network."""
    small = facts.side < SMALL_SIDE
    model = _model(asked, facts, small, own_module)
    needs = needs_of(model[0])
    chosen: Chosen = {
        "aspect": (1.0, "a square"),
        "balance": ("none", "every image counts the same"),
        "model": model,
        **_input(asked, facts, needs, small),
    }
    if asked.recipe == "fast":
        check_fast(facts, small_side=SMALL_SIDE)
        chosen |= fast_optimisation(asked, facts, needs)
    else:
        chosen |= optimisation(asked, facts, needs, small=small)
    augment, reason = _augmentation(asked, facts, small)
    return Proposal(chosen=chosen, augment=augment, augment_reason=reason)


def check_outputs(asked: TrainOptions, model: str) -> None:
    """Raises UsageError for a network whose outputs are made for classes."""
    if needs_of(model).classes_only:
        raise UsageError(
            f"--model {asked.model}: its outputs are distances to the codes of classes, and the task is to "
            f"{asked.task}: take another (foveal models)"
        )


def _model(asked: TrainOptions, facts: DataFacts, small: bool, own_module: bool) -> tuple[str, str]:
    if own_module:
        return CUSTOM, "your own module"
    if asked.model is not None:
        return asked.model, "asked for"
    if asked.recipe == "fast":
        return "fastnet", "the fast recipe's own"
    if small:
        return (
            "resnet20_cifar",
            f"images below {SMALL_SIDE} px: the small residual network keeps their resolution",
        )
    if facts.num_train < MANY_PHOTOGRAPHS:
        return "resnet18_d_half", f"below {MANY_PHOTOGRAPHS:,} photographs: many passes of a narrow residual network"
    return "resnet18_d", "photographs: the smallest of the residual networks with all its channels"


def _input(asked: TrainOptions, facts: DataFacts, needs: Needs, small: bool) -> dict[str, tuple[Any, str]]:
    """The network's side, how an image takes it, and the training sides."""
    size, fit = _size_and_fit(facts, needs, small)
    side = asked.size or size[0]
    if side < GROWING_SIDE or needs.one_size or asked.augmentation == "none":
        why = (
            "its fully connected head is tied to one grid" if needs.one_size else "small, or not cropped: as it is used"
        )
        return {"size": size, "fit": fit, "train_sizes": ((side, side), why)}
    first = max(needs.min_size, 16 * round(FIRST_SIDE * side / 16))
    why = "growing, so that early steps are cheap (Tan & Le 2021, arXiv:2104.00298)"
    return {"size": size, "fit": fit, "train_sizes": ((first, side), why)}


def _size_and_fit(facts: DataFacts, needs: Needs, small: bool) -> tuple[tuple[int, str], tuple[Fit, str]]:
    if needs.own_size is not None:
        pads = needs.pads_from <= facts.side <= needs.own_size
        fit: tuple[Fit, str] = ("pad", "the digit centred, as published") if pads else ("squash", "the whole image")
        return (needs.own_size, "as published"), fit
    if small:
        side = max(16, 4 * round(facts.side / 4), needs.min_size)
        return (side, f"the images' own side, about {facts.side} px"), ("squash", "the whole image")
    side = max(min(128, 32 * (facts.side // 32)), needs.min_size)
    return (side, f"photographs of about {facts.side} px: enough to tell, and quick"), (
        "squash",
        "the whole image, nothing cut away",
    )


def _augmentation(asked: TrainOptions, facts: DataFacts, small: bool) -> tuple[AugmentSettings, str]:
    if asked.recipe == "fast":
        return fast_augmentation()
    if small and facts.channels == 1:
        settings = AugmentSettings(rotate_deg=10.0, translate=0.07, scale=(0.9, 1.1), shear_deg=6.0)
        return (
            settings,
            "small grey images: slight distortions, no mirroring (signs and digits lose their meaning)",
        )
    if small:
        settings = AugmentSettings(
            rotate_deg=8.0, translate=0.1, scale=(0.9, 1.15), brightness=0.1, contrast=0.1, erase=0.2
        )
        return (
            settings,
            f"small images: slight distortions; mirroring is left out below {SMALL_SIDE} px (--hflip 0.5)",
        )
    settings = AugmentSettings(
        hflip=0.5,
        rotate_deg=8.0,
        crop_area=(0.6, 1.0),
        brightness=0.3,
        contrast=0.3,
        saturation=0.3,
    )
    return settings, "photographs: crops of random area, mirroring, small turns, colour"

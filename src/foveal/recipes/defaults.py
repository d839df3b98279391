"""The settings a run takes where none are given: rules over the data's size, never over a data set's name."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from typing import Any

from foveal.augment.settings import AugmentSettings
from foveal.errors import ModelError, UsageError
from foveal.losses.names import LABEL_LOSS_NAMES, LOSS_NAMES, NUMBER_LOSS_NAMES, PIXEL_LOSS_NAMES
from foveal.networks import CUSTOM, Needs, needs_of
from foveal.recipes.facts import DataFacts
from foveal.recipes.fast import check_fast, fast_augmentation, fast_optimisation
from foveal.recipes.optimisation import Chosen, optimisation
from foveal.recipes.places import detection, segmentation
from foveal.recipes.whole_images import check_outputs, label_sets, regression
from foveal.training.names import OPTIMISER_NAMES, SCHEDULE_NAMES
from foveal.training.settings import TrainSettings
from foveal.types import Fit

SMALL_SIDE = 64
"""Below this side in pixels images count as small: signs, digits, thumbnails. From it on they are photographs."""
GROWING_SIDE = 96
"""From this side on training starts with smaller images."""
MANY_PHOTOGRAPHS = 5000
"""Training images from which photographs get the network of all channels."""
FIRST_SIDE = 0.75
"""First training side, as a share of the side in use."""

POLICIES: dict[str, tuple[dict[str, Any], str]] = {
    "trivial": ({"operations": 1}, "TrivialAugment: one operation an image (arXiv:2103.10158)"),
    "randaugment": (
        {"operations": 2, "magnitude": (0.9, 0.9)},
        "RandAugment: two operations an image at strength 9 of 10 (arXiv:1909.13719)",
    ),
}
"""By name, what they set, and in words; strengths are those of the paper's ResNet-50."""


@dataclass(frozen=True, kw_only=True)
class Recipe:
    """Settings without a None left (but for `time` and `epochs`, one of which is), and why each was chosen."""

    settings: TrainSettings
    augment: AugmentSettings
    reasons: Mapping[str, str]


def resolve(asked: TrainSettings, facts: DataFacts, *, own_module: bool = False) -> Recipe:
    """Fills what was not asked for. Raises UsageError or ModelError for names and sizes that can't be.

    own_module: the user brings the network, of which nothing is known.
    """
    _refuse_other_tasks_options(asked)
    if asked.task == "detect":
        return _resolved(asked, *detection(asked, facts))
    if asked.task == "segment":
        return _resolved(asked, *segmentation(asked, facts))
    chosen: dict[str, tuple[Any, str]] = {
        "aspect": (1.0, "a square"),
        "task": ("classify", "one class an image"),
        "balance": ("none", "every image counts the same"),
    }
    small = facts.side < SMALL_SIDE
    model = _model(asked, facts, small, own_module)
    chosen["model"] = model
    needs = needs_of(model[0])
    chosen |= _input(asked, facts, needs, small)
    if asked.recipe == "fast":
        check_fast(facts, small_side=SMALL_SIDE)
        chosen |= fast_optimisation(asked, facts, needs)
    else:
        chosen |= optimisation(asked, facts, needs, small=small)
    if asked.task == "regress":
        check_outputs(asked, needs)
        return _resolved(asked, *regression(asked, facts, chosen))
    if asked.task == "multilabel":
        check_outputs(asked, needs)
        return _resolved(asked, *label_sets(asked, chosen, *_augmentation(asked, facts, small)))
    return _resolved(asked, chosen, *_augmentation(asked, facts, small))


def _refuse_other_tasks_options(asked: TrainSettings) -> None:
    task = asked.task or "classify"
    for option in ("decoder", "void"):
        if getattr(asked, option) is not None and task != "segment":
            raise UsageError(f"--{option} is for segmentation, and the task is to {task}: leave it out")
    if task not in ("detect", "segment") and asked.augment.get("mosaic"):
        raise UsageError(f"--mosaic is for boxes and label maps, and the task is to {task}: leave it out")
    if asked.instances is not None and task != "detect":
        raise UsageError(f"--instances is for detection, and the task is to {task}: leave it out")
    if asked.target is not None and task not in ("regress", "multilabel"):
        raise UsageError(f"--target names columns of numbers, or of 0 and 1, and the task is to {task}: leave it out")


def _resolved(asked: TrainSettings, chosen: Chosen, base: AugmentSettings, augment_reason: str) -> Recipe:
    values = {name: value for name, (value, _) in chosen.items() if getattr(asked, name) is None}
    reasons = {name: chosen[name][1] for name in values}
    if asked.augmentation == "none":
        base, augment_reason = AugmentSettings(), "none was asked for"
    if asked.augmentation in POLICIES:
        drawn, augment_reason = POLICIES[asked.augmentation]
        # What the operations do themselves; mirroring, crops, shifts, scale and erasing stay.
        base = replace(base, rotate_deg=0.0, shear_deg=0.0, brightness=0.0, contrast=0.0, saturation=0.0, **drawn)
    augment = replace(base, **asked.augment)
    reasons["augment"] = augment_reason + (" and what was asked for" if asked.augment else "")
    settings = replace(asked, **values, augment=asdict(augment))
    _check_names(settings)
    return Recipe(settings=settings, augment=augment, reasons=reasons)


def _model(asked: TrainSettings, facts: DataFacts, small: bool, own_module: bool) -> tuple[str, str]:
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


def _input(asked: TrainSettings, facts: DataFacts, needs: Needs, small: bool) -> dict[str, tuple[Any, str]]:
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


def _augmentation(asked: TrainSettings, facts: DataFacts, small: bool) -> tuple[AugmentSettings, str]:
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


_LOSSES = {"segment": PIXEL_LOSS_NAMES, "regress": NUMBER_LOSS_NAMES, "multilabel": LABEL_LOSS_NAMES}
"""By task, where they aren't a classifier's."""


def _check_names(settings: TrainSettings) -> None:
    for option, value, names in (
        ("--optimiser", settings.optimiser, OPTIMISER_NAMES),
        ("--schedule", settings.schedule, SCHEDULE_NAMES),
        ("--loss", settings.loss, _LOSSES.get(str(settings.task), LOSS_NAMES)),
    ):
        if value not in names:
            raise UsageError(f"{option} {value}: expected one of {', '.join(names)}")
    least = needs_of(str(settings.model)).min_size
    if settings.size is not None and settings.size < least:
        raise ModelError(f"--size {settings.size}: {settings.model} needs at least {least} px")

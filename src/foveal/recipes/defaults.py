"""The settings a run takes where none are given: rules over the data's size, never over a data set's name."""

from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from foveal.augment.settings import AugmentSettings
from foveal.errors import ModelError
from foveal.networks import needs_of
from foveal.recipes import RECIPES, own_options
from foveal.recipes.facts import DataFacts
from foveal.recipes.options import TrainOptions
from foveal.recipes.refusals import refuse_others
from foveal.recipes.room import Proposal
from foveal.training.settings import TrainSettings

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
    """Settings, and why each was chosen that was not given."""

    settings: TrainSettings
    reasons: Mapping[str, str]


def resolve(asked: TrainOptions, facts: DataFacts, *, own_module: bool = False) -> Recipe:
    """Fills what was not asked for. Raises UsageError or ModelError for names and sizes that can't be.

    own_module: the user brings the network, of which nothing is known.
    """
    recipe = RECIPES[asked.task or next(iter(RECIPES))]
    refuse_others(asked, recipe)
    proposal = recipe.propose(asked, facts, own_module)
    augment, augment_reason = _augmented(asked, proposal)
    given = {**vars(asked), **asked.own, "batch_size": asked.batch_size_given}
    taken = {name: each for name, each in proposal.chosen.items() if given.get(name) is None}
    values = {**given, **{name: value for name, (value, _) in taken.items()}, "augment": augment}
    values["own"] = {name: values.get(name) for name in own_options()}
    settings = TrainSettings(**{each.name: values[each.name] for each in fields(TrainSettings)})
    _check_size(settings)
    reasons = {**{name: reason for name, (_, reason) in taken.items()}, "augment": augment_reason}
    return Recipe(settings=settings, reasons=reasons)


def _augmented(asked: TrainOptions, proposal: Proposal) -> tuple[AugmentSettings, str]:
    """The augmentation, and why it."""
    base, reason = proposal.augment, proposal.augment_reason
    if asked.augmentation == "none":
        base, reason = AugmentSettings(), "none was asked for"
    if asked.augmentation in POLICIES:
        drawn, reason = POLICIES[asked.augmentation]
        # What the operations do themselves; mirroring, crops, shifts, scale and erasing stay.
        base = replace(base, rotate_deg=0.0, shear_deg=0.0, brightness=0.0, contrast=0.0, saturation=0.0, **drawn)
    return replace(base, **asked.augment), reason + (" and what was asked for" if asked.augment else "")


def _check_size(settings: TrainSettings) -> None:
    least = needs_of(settings.model).min_size
    if settings.size < least:
        raise ModelError(f"--size {settings.size}: {settings.model} needs at least {least} px")

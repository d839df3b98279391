"""What counting is trained with: as a regression."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from foveal.recipes import regress
from foveal.recipes.room import OwnOptions
from foveal.training.settings import TrainSettings
from foveal.types import Sample


def _propose(asked: Any, facts: Any, own_module: bool) -> Any:
    proposal = regress.RECIPE.propose(asked, facts, own_module)
    return replace(proposal, chosen={**proposal.chosen, "task": ("counting", "asked for")})


def _head(settings: TrainSettings, classes: Sequence[str], train: Sequence[Sample]) -> dict[str, Any]:
    from tests.contracts.counting.learning import counts

    if not train:
        return {"loss": settings.loss}
    values = counts(train, len(classes))
    mean, std = values.mean(axis=0), values.std(axis=0).clip(1e-6)
    return {"loss": settings.loss, "mean": tuple(mean.tolist()), "spread": tuple(std.tolist())}


RECIPE = replace(regress.RECIPE, name="counting", options=OwnOptions, propose=_propose, head=_head)

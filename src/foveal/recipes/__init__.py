"""The tasks' recipes by name: their own options, and the rules for what is not given. Importing this loads no torch."""

from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any

from foveal.errors import UsageError
from foveal.index import Index

if TYPE_CHECKING:
    from foveal.recipes.room import TaskRecipe

RECIPES: "Index[TaskRecipe]" = Index(
    {
        "classify": "foveal.recipes.classify:RECIPE",
        "regress": "foveal.recipes.regress:RECIPE",
        "multilabel": "foveal.recipes.multilabel:RECIPE",
        "detect": "foveal.recipes.detect:RECIPE",
        "segment": "foveal.recipes.segment:RECIPE",
    }
)


@cache
def own_options() -> dict[str, type]:
    """By name, the options that are some task's own: the records that declare them."""
    found: dict[str, type] = {}
    for recipe in RECIPES.values():
        for name in recipe.option_names:
            found.setdefault(name, recipe.options)
    return found


def with_own_checked(given: Mapping[str, Any]) -> dict[str, Any]:
    """Options of tasks as their records keep them. Raises UsageError for one that does not exist or can't be."""
    declared = own_options()
    unknown = sorted(set(given) - set(declared))
    if unknown:
        raise UsageError(f"unknown settings: {', '.join(unknown)}")
    return {name: getattr(declared[name](**{name: value}), name) for name, value in given.items() if value is not None}

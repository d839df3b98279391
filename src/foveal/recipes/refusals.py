"""Options that have nothing to act on in a task: one rule over what each task takes."""

from collections.abc import Container
from typing import Any

from foveal.errors import UsageError
from foveal.recipes import RECIPES
from foveal.recipes.options import TrainOptions
from foveal.recipes.room import TaskRecipe


def refuse_others(asked: TrainOptions, recipe: TaskRecipe) -> None:
    """Raises UsageError for an option that was given and is not for this task; it names the tasks that it is for."""
    given: dict[str, Any] = {**vars(asked), **asked.augment}
    for name in asked.own:
        _refuse(_flag(name), recipe, {task for task, each in RECIPES.items() if name in each.option_names})
    for name in sorted(recipe.without):
        if given.get(name):
            _refuse(_flag(name), recipe, {task for task, each in RECIPES.items() if name not in each.without})
    for name in recipe.words:
        value = given[name]
        if value is not None:
            takers = {task for task, each in RECIPES.items() if value in each.words[name]}
            _refuse(f"{_flag(name)} {value}", recipe, takers)
    if asked.loss is not None and asked.loss not in recipe.losses:
        raise UsageError(f"--loss {asked.loss}: expected one of {', '.join(recipe.losses)}")


def _refuse(option: str, recipe: TaskRecipe, takers: Container[str]) -> None:
    if recipe.name not in takers:
        others = " and ".join(task for task in RECIPES if task in takers)
        raise UsageError(f"{option} is for {others}, and the task is to {recipe.name}: leave it out")


def _flag(name: str) -> str:
    return f"--{name.replace('_', '-')}"

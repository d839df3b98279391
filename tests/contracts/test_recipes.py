"""What every task's recipe has to keep."""

import subprocess
import sys
from dataclasses import fields, replace
from typing import Any

import pytest

from foveal.augment.settings import AugmentSettings
from foveal.errors import UsageError
from foveal.options import options_of
from foveal.recipes import RECIPES, own_options
from foveal.recipes.defaults import resolve
from foveal.recipes.facts import DataFacts
from foveal.recipes.options import TrainOptions, repeated
from foveal.tasks import TASKS
from foveal.training.settings import TrainSettings
from foveal.types import TaskName

FACTS = DataFacts(num_train=900, num_classes=3, side=100, longer=128, aspect=1.25, channels=3)
OPTIONAL = {"weights", "weights_sha256", "time"}
"""Settings that there may be none of."""


def test_each_task_has_one() -> None:
    assert list(RECIPES) == list(TASKS)
    assert [RECIPES[task].name for task in RECIPES] == list(RECIPES)


def test_importing_them_loads_no_torch() -> None:
    code = "import sys; from foveal.recipes import own_options; own_options(); from foveal.recipes import options; "
    code += "sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.mark.parametrize("task", RECIPES)
def test_its_settings_have_no_gap_and_come_again(task: TaskName) -> None:
    settings = resolve(TrainOptions(task=task), FACTS).settings
    assert {each.name for each in fields(TrainSettings) if getattr(settings, each.name) is None} == OPTIONAL
    assert settings.task == task
    assert resolve(repeated(settings), FACTS).settings == settings


@pytest.mark.parametrize("task", RECIPES)
def test_its_words_name_what_exists(task: TaskName) -> None:
    recipe = RECIPES[task]
    assert recipe.without <= set(options_of(TrainOptions)) | {each.name for each in fields(AugmentSettings)}
    assert set(recipe.words) == {"recipe", "balance"}
    assert resolve(TrainOptions(task=task), FACTS).settings.loss in recipe.losses


@pytest.mark.parametrize(
    ("task", "loss"), [(task, loss) for task in RECIPES if task != "detect" for loss in RECIPES[task].losses]
)
def test_the_loss_that_was_asked_for_is_its_tasks(task: TaskName, loss: str) -> None:
    settings = resolve(TrainOptions(task=task, loss=loss), FACTS).settings
    assert RECIPES[task].head(settings, ("a", "b"), ())["loss"] == loss


@pytest.mark.parametrize("task", RECIPES)
def test_options_of_other_tasks_are_refused_and_its_own_taken(task: TaskName) -> None:
    values: dict[str, Any] = {"target": ("a",), "instances": True, "decoder": "fpn", "void": 3}
    assert set(values) == set(own_options())
    for name, value in values.items():
        asked = TrainOptions(task=task, own={name: value})
        if name in RECIPES[task].option_names:
            assert resolve(asked, FACTS).settings.own[name] == value
        else:
            with pytest.raises(UsageError, match=f"^--{name} is for .*, and the task is to {task}: leave it out$"):
                resolve(asked, FACTS)


@pytest.mark.parametrize("task", RECIPES)
def test_what_it_has_no_use_for_is_refused_where_it_is_given(task: TaskName) -> None:
    for name in ("mosaic", "mixup", "cutmix", "label_smoothing"):
        common = name in options_of(TrainOptions)
        given: dict[str, Any] = {name: 0.2} if common else {"augment": {name: 0.2}}
        asked = TrainOptions(task=task, **given)
        if name in RECIPES[task].without:
            with pytest.raises(UsageError, match=f"^--{name.replace('_', '-')} is for "):
                resolve(asked, FACTS)
        else:
            assert resolve(asked, FACTS)
        off: dict[str, Any] = {name: 0.0} if common else {"augment": {name: 0.0}}
        assert resolve(replace(asked, **off), FACTS)

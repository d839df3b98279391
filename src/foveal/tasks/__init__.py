"""The tasks by name. Importing this loads no torch; `make_task` resolves the maker."""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import TYPE_CHECKING, Any

from foveal.answers import decision as decision_of

if TYPE_CHECKING:
    from foveal.tasks.task import Task

TASKS: dict[str, str] = {
    "classify": "foveal.tasks.classify",
    "regress": "foveal.tasks.regress",
    "multilabel": "foveal.tasks.multilabel",
    "detect": "foveal.tasks.detect",
    "segment": "foveal.tasks.segment",
}


def make_task(
    name: str, classes: Sequence[str], settings: Mapping[str, Any], decision: Mapping[str, Any] | None = None
) -> "Task":
    """The task called `name` for these classes; `settings` are its module's `Settings` as plain values, `decision` what
    is told on top of the scores."""
    module = import_module(TASKS[name])
    task: Task = module.make(tuple(classes), module.Settings(**settings), decision_of(name, decision or {}))
    return task

"""The tasks by name. Importing this loads no torch; `make_task` does."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from foveal.answers import decision as decision_of
from foveal.index import Index

if TYPE_CHECKING:
    from foveal.tasks.task import Room, Task

TASKS: "Index[Room]" = Index(
    {
        "classify": "foveal.tasks.classify:ROOM",
        "regress": "foveal.tasks.regress:ROOM",
        "multilabel": "foveal.tasks.multilabel:ROOM",
        "detect": "foveal.tasks.detect:ROOM",
        "segment": "foveal.tasks.segment:ROOM",
    }
)


def make_task(
    name: str, classes: Sequence[str], settings: Mapping[str, Any], decision: Mapping[str, Any] | None = None
) -> "Task":
    """The task called `name` for these classes; `settings` are those of its module as plain values, `decision` what is
    predicted on top of the scores."""
    room = TASKS[name]
    return room.make(tuple(classes), room.settings(**settings), decision_of(name, decision or {}))

"""What a prediction is, and how a network's outputs become one: a module for each task, without torch."""

from collections.abc import Mapping, Sequence
from typing import Any

from foveal.answers.answer import Answering, Room
from foveal.index import Index

ANSWERING: Index[Room] = Index(
    {
        "classify": "foveal.answers.classify:ROOM",
        "regress": "foveal.answers.regress:ROOM",
        "multilabel": "foveal.answers.multilabel:ROOM",
        "detect": "foveal.answers.detect:ROOM",
        "segment": "foveal.answers.segment:ROOM",
    }
)


def answering(task: str, classes: Sequence[str], settings: Mapping[str, Any]) -> Answering:
    """How the task called `task` answers for these classes; of its `settings` some say what its outputs mean."""
    return ANSWERING[task].make(tuple(classes), settings)


def decision(task: str, values: Mapping[str, Any]) -> Any:
    """The task's decision of these plain values, as `dataclasses.asdict` or JSON gives them. Raises UsageError."""
    plain = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    return ANSWERING[task].decision(**plain)

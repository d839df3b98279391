"""What a prediction is, and how a network's outputs become one: a module a task, by name. No torch here, nor in them.

Importing this loads none of them; `answering` resolves the maker.
"""

from collections.abc import Mapping, Sequence
from importlib import import_module
from typing import Any

from foveal.answers.answer import Answering

ANSWERING: dict[str, str] = {
    "classify": "foveal.answers.classify",
    "regress": "foveal.answers.regress",
    "multilabel": "foveal.answers.multilabel",
    "detect": "foveal.answers.detect",
    "segment": "foveal.answers.segment",
}


def answering(task: str, classes: Sequence[str], settings: Mapping[str, Any]) -> Answering:
    """How the task called `task` answers for these classes; some of its `settings` define what its outputs mean."""
    made: Answering = import_module(ANSWERING[task]).make(tuple(classes), settings)
    return made


def decision(task: str, values: Mapping[str, Any]) -> Any:
    """The task's decision of these plain values, as `dataclasses.asdict` or JSON gives them. Raises UsageError."""
    plain = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    return import_module(ANSWERING[task]).Decision(**plain)

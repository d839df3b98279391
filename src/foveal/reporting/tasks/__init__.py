"""How each task is shown, by its name. A task's module loads no torch before it makes pictures of evaluated images."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from foveal.reporting.tasks.presentation import Presentation

PRESENTATIONS: dict[str, str] = {
    "classify": "foveal.reporting.tasks.classify",
    "regress": "foveal.reporting.tasks.regress",
    "multilabel": "foveal.reporting.tasks.multilabel",
    "detect": "foveal.reporting.tasks.detect",
    "segment": "foveal.reporting.tasks.segment",
}


def presentation_of(task: str) -> "Presentation":
    """How the task of that name is shown."""
    presentation: Presentation = import_module(PRESENTATIONS[task]).PRESENTATION
    return presentation

"""How each task is shown, by its name. A task's module loads no torch before it makes pictures of evaluated images."""

from typing import TYPE_CHECKING

from foveal.index import Index

if TYPE_CHECKING:
    from foveal.reporting.tasks.presentation import Presentation

PRESENTATIONS: "Index[Presentation]" = Index(
    {
        "classify": "foveal.reporting.tasks.classify:PRESENTATION",
        "regress": "foveal.reporting.tasks.regress:PRESENTATION",
        "multilabel": "foveal.reporting.tasks.multilabel:PRESENTATION",
        "detect": "foveal.reporting.tasks.detect:PRESENTATION",
        "segment": "foveal.reporting.tasks.segment:PRESENTATION",
    }
)

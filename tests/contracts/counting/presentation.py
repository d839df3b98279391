"""How counting is shown: as a regression, but for its nouns."""

from dataclasses import replace

from foveal.reporting.tasks.presentation import Nouns
from foveal.reporting.tasks.regress import PRESENTATION as REGRESSION

PRESENTATION = replace(REGRESSION, nouns=Nouns(counted="object", learned=lambda number: f"{number} classes to count"))

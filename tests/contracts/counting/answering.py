"""How counting answers: as a regression does, with a number for each class."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from foveal.answers import regress
from foveal.answers.answer import Answering, NoDecision, Room


def _make(classes: tuple[str, ...], settings: Mapping[str, Any]) -> Answering:
    return replace(regress.make(classes, settings), task="counting")


ROOM = Room(decision=NoDecision, make=_make)

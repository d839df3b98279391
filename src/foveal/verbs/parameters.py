"""Parameters that several verbs have, with their help: each stands once."""

from pathlib import Path
from typing import Annotated, Any

from foveal.options import Option
from foveal.read import READERS
from foveal.types import DeviceName

Data = Annotated[Any, Option("Labelled images, as for train.", typed=Path)]
TrainedModel = Annotated[Path | str, Option("A model file or a run folder.", typed=Path)]
NewFolder = Annotated[Path | str, Option("The folder to make.", typed=Path)]
Format = Annotated[
    str | None, Option("The data's format, where a folder can be read as more than one.", choices=lambda: (*READERS,))
]
Device = Annotated[DeviceName, Option("Where to compute.")]


class Settings:
    """Annotates `**settings`: the options of a training, but for those of these names."""

    def __init__(self, *, without: tuple[str, ...] = ()) -> None:
        self.without = without

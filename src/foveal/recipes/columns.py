"""The option of tasks that learn columns of a table: which of them."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated, Any

from foveal.options import Option
from foveal.recipes.room import OwnOptions
from foveal.types import TaskName

READ_FOR: TaskName = "regress"
"""What a table is read for whose columns are named, where no task is: 0 and 1 are numbers too."""


@dataclass(frozen=True, kw_only=True)
class Columns(OwnOptions):
    """The columns that are learned."""

    target: Annotated[
        tuple[str, ...] | None,
        Option(
            "Target column of a table: numbers for regress, which it implies; 0 and 1 for multilabel. Repeat it "
            "for each further column.",
            group="Columns of a table",
        ),
    ] = None

    def __post_init__(self) -> None:
        super().__post_init__()
        target: Any = self.target
        if target is not None:  # JSON brings lists, and in Python one name may come alone
            object.__setattr__(self, "target", (target,) if isinstance(target, str) else tuple(target))


def columns_in(own: Mapping[str, Any]) -> tuple[str, ...] | None:
    """The columns that are named among the options that are tasks' own; None where none are."""
    return own.get("target")

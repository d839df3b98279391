"""What a task brings to its training: options of its own, what it takes of the others, and its rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields
from typing import TYPE_CHECKING, Any

from foveal.augment.settings import AugmentSettings
from foveal.errors import UsageError
from foveal.options import mistakes
from foveal.training.settings import TrainSettings
from foveal.types import Dataset, Sample, TaskName

if TYPE_CHECKING:
    from foveal.recipes.facts import DataFacts
    from foveal.recipes.options import TrainOptions

Chosen = dict[str, tuple[Any, str]]
"""By setting, the value and why."""


@dataclass(frozen=True, kw_only=True)
class Proposal:
    """What the rules would take for what is not given."""

    chosen: Chosen
    augment: AugmentSettings
    augment_reason: str


@dataclass(frozen=True, kw_only=True)
class OwnOptions:
    """The options of a task that has none of its own; those of others are records of their own, checked alike."""

    def __post_init__(self) -> None:
        for mistake in mistakes(self):
            raise UsageError(mistake)


Propose = Callable[["TrainOptions", "DataFacts", bool], Proposal]
"""(asked, facts, whether the user brings the network) -> what the rules would take. Raises UsageError for what the task
can't do."""
Head = Callable[[TrainSettings, Sequence[str], Sequence[Sample]], dict[str, Any]]
"""(settings, class names, training samples) -> the settings of the task itself, as plain values. Without samples, those
that follow from them are as if there were nothing to tell of them. Raises DataError where nothing can be learned."""


@dataclass(frozen=True, kw_only=True)
class TaskRecipe:
    """What is particular to training for a task."""

    name: TaskName
    learned: str
    """What is learned, in words."""
    options: type = OwnOptions
    losses: tuple[str, ...]
    """The words of `--loss`."""
    words: Mapping[str, tuple[str, ...]]
    """The words that it takes of the common options `recipe` and `balance`."""
    without: frozenset[str] = frozenset()
    """Common options, and parts of the augmentation, that have nothing to act on."""
    own_module: bool = True
    """Whether the network may be the user's own: one that sees whole images."""
    propose: Propose
    head: Head
    head_reads_files: bool = False
    """Whether the head's settings are taken from files, which takes its time."""
    prepared: Callable[[Dataset, Mapping[str, Any]], Dataset] = lambda dataset, own: dataset
    """The data set as the task's own options say."""
    notes: Callable[[TrainSettings, Sequence[Sample]], tuple[str, ...]] = lambda settings, train: ()
    """What is to be known of the training samples before they are learned."""
    judging_seconds: Callable[[TrainSettings], float] = lambda settings: 0.0
    """Of a test image, what its judgement takes beyond that of a held-out one; about."""

    @property
    def option_names(self) -> tuple[str, ...]:
        """Of its own options."""
        return tuple(each.name for each in fields(self.options))

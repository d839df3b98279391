"""An option of a command: its help, its range and its words in one annotation of the field that it is.

`lr: Annotated[float | None, Option("Peak learning rate.", above=0)] = None`. No torch: the command line is made of
these.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import cache
from types import NoneType, UnionType
from typing import Any, Literal, Union, get_args, get_origin, get_type_hints


@dataclass(frozen=True)
class Option:
    """What a person has to know of a value. `low` and `high` belong to its range, `above` and `below` do not."""

    help: str
    low: float | None = field(default=None, kw_only=True)
    high: float | None = field(default=None, kw_only=True)
    above: float | None = field(default=None, kw_only=True)
    below: float | None = field(default=None, kw_only=True)
    unit: str = field(default="", kw_only=True)
    """Of its range, such as pixels."""
    choices: Sequence[str] | Callable[[], Sequence[str]] = field(default=(), kw_only=True)
    """The words it takes, where its type does not say them."""
    group: str = field(default="", kw_only=True)
    """Under which heading it stands in the help."""
    typed: Any = field(default=None, kw_only=True)
    """Its type in a terminal, where Python takes more: a path for data."""
    strict: bool = field(default=True, kw_only=True)
    """Whether a terminal refuses other words than its choices; else who takes the option does."""
    many: bool = field(default=False, kw_only=True)
    """Whether one mention takes all the words that follow."""
    hyphens: bool = field(default=False, kw_only=True)
    """Whether its words may begin with a hyphen."""

    def words(self) -> Sequence[str]:
        """Its choices as they are now."""
        return self.choices() if callable(self.choices) else self.choices

    @property
    def has_range(self) -> bool:
        """Whether it is a number of some range."""
        return any(each is not None for each in (self.low, self.high, self.above, self.below))

    @property
    def range_words(self) -> str:
        """The range in words, such as "0 to below 1"."""
        low, high, above, below = self.low, self.high, self.above, self.below
        if low is not None and high is not None:
            words = f"{low:,} to {high:,}"
        elif low is not None and below is not None:
            words = f"{low:,} to below {below:,}"
        elif above is not None and high is not None:
            words = f"above {above:,}, at most {high:,}"
        elif above is not None:
            words = f"a number above {above:,}"
        else:
            words = f"at least {low:,}" if low else "0 or more"
        return f"{words} {self.unit}".rstrip()

    def holds(self, value: Any) -> bool:
        """Whether it is a number in the range."""
        return (
            isinstance(value, int | float)
            and not isinstance(value, bool)
            and math.isfinite(value)
            and (self.low is None or value >= self.low)
            and (self.high is None or value <= self.high)
            and (self.above is None or value > self.above)
            and (self.below is None or value < self.below)
        )


PYTHON_ONLY = "python only"
"""Annotates a parameter that a terminal has no words for, such as a network of the user's own."""


def options_of(owner: type) -> dict[str, Option]:
    """The options that the fields of a dataclass are, by their names and in their order."""
    hints = get_type_hints(owner, include_extras=True)
    found = {name: [each for each in get_args(hint) if isinstance(each, Option)] for name, hint in hints.items()}
    return {name: options[0] for name, options in found.items() if options}


def words_of(owner: type, name: str) -> tuple[str, ...]:
    """The words that an option takes: those of its type, or its choices; none where any text or number will do."""
    return (*_literals(get_type_hints(owner)[name]), *options_of(owner)[name].words())


def mistakes(record: Any) -> list[str]:
    """What is wrong with the values of a record whose fields are options, each in a line; None where a field takes it
    is not."""
    found = []
    for name, option, literals, optional in _checks(record.__class__):
        value, words = getattr(record, name), (*literals, *option.words())
        if (value is None and optional) or value in words:
            continue
        flag = f"--{name.replace('_', '-')} {value}"
        if option.has_range and not option.holds(value):
            found.append(f"{flag}: expected {option.range_words}")
        elif words and not option.has_range:
            found.append(f"{flag}: expected one of {', '.join(words)}")
    return found


@cache
def _checks(owner: type) -> list[tuple[str, Option, tuple[str, ...], bool]]:
    """Of each field its option, the words of its type, and whether it may be None: annotations take long to read."""
    hints = get_type_hints(owner)
    return [
        (name, option, _literals(hints[name]), NoneType in get_args(hints[name]))
        for name, option in options_of(owner).items()
    ]


def _literals(hint: Any) -> tuple[str, ...]:
    if get_origin(hint) is Literal:
        return get_args(hint)
    if get_origin(hint) in (Union, UnionType):
        return tuple(word for part in get_args(hint) for word in _literals(part))
    return ()

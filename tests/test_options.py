"""An option's help, range and words, read from the annotation of its field."""

import math
from dataclasses import dataclass
from typing import Annotated, Any, Literal

import pytest

from foveal.options import Option, mistakes, options_of, words_of


@dataclass(frozen=True, kw_only=True)
class Asked:
    side: Annotated[int | None, Option("Side.", low=1, high=16_384, unit="pixels")] = None
    rate: Annotated[float, Option("Rate.", above=0)] = 0.1
    share: Annotated[float | None, Option("Share.", low=0, below=1)] = None
    part: Annotated[float | None, Option("Part.", above=0, high=1)] = None
    stages: Annotated[int, Option("Stages.", low=0, unit="stages")] = 0
    batch_size: Annotated[int | Literal["auto"] | None, Option("Images.", low=1)] = None
    device: Annotated[Literal["cpu", "cuda"] | None, Option("Where.")] = None
    optimiser: Annotated[str | None, Option("Which.", choices=lambda: ("sgd", "adam"))] = None
    name: Annotated[str | None, Option("Any.")] = None
    note: str = "no option"


def test_the_options_are_the_annotated_fields() -> None:
    assert list(options_of(Asked)) == [
        *("side", "rate", "share", "part", "stages", "batch_size", "device", "optimiser", "name")
    ]
    assert options_of(Asked)["rate"].help == "Rate."


@pytest.mark.parametrize(
    ("given", "mistake"),
    [
        ({"side": 0}, "--side 0: expected 1 to 16,384 pixels"),
        ({"side": 16_385}, "--side 16385: expected 1 to 16,384 pixels"),
        ({"rate": 0.0}, "--rate 0.0: expected a number above 0"),
        ({"rate": math.nan}, "--rate nan: expected a number above 0"),
        ({"share": 1.0}, "--share 1.0: expected 0 to below 1"),
        ({"part": 0}, "--part 0: expected above 0, at most 1"),
        ({"stages": -1}, "--stages -1: expected 0 or more stages"),
        ({"batch_size": 0}, "--batch-size 0: expected at least 1"),
        ({"device": "gpu"}, "--device gpu: expected one of cpu, cuda"),
        ({"optimiser": "lamb"}, "--optimiser lamb: expected one of sgd, adam"),
    ],
)
def test_a_value_out_of_range_is_told_with_what_was_expected(given: dict[str, Any], mistake: str) -> None:
    assert mistakes(Asked(**given)) == [mistake]


def test_ends_that_belong_to_the_range_are_taken() -> None:
    ends = {"side": 16_384, "rate": 1e-12, "share": 0.0, "part": 1, "batch_size": "auto", "optimiser": "adam"}
    assert mistakes(Asked(**ends)) == []  # type: ignore[arg-type]
    assert mistakes(Asked()) == []


def test_words_come_from_the_type_or_the_choices() -> None:
    assert words_of(Asked, "device") == ("cpu", "cuda")
    assert words_of(Asked, "batch_size") == ("auto",)
    assert words_of(Asked, "optimiser") == ("sgd", "adam")
    assert words_of(Asked, "name") == ()

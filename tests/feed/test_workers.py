"""Processes that work for this one."""

import os
from collections.abc import Callable

import pytest

from foveal.errors import FovealError, ImageError
from foveal.feed.workers import Workers
from foveal.images import read_bytes


@pytest.mark.parametrize(
    ("work", "error", "words"), [(os._exit, FovealError, "has ended"), (str.encode, TypeError, "encode")]
)
def test_what_goes_wrong_in_a_process_is_told_here(
    work: Callable[[object], object], error: type[Exception], words: str
) -> None:
    with Workers(1) as workers, pytest.raises(error, match=words):
        workers.run(work, 3)


def test_an_error_of_an_image_comes_back_whole() -> None:
    with Workers(1) as workers:
        assert workers.run(str.upper, "a") == "A"
        with pytest.raises(ImageError, match=r"gone\.png: no such file"):
            workers.run(read_bytes, "gone.png")


def test_after_a_failure_the_others_go_on() -> None:
    with Workers(2) as workers:
        with pytest.raises(FovealError, match=r"has ended \(7\)"):
            workers.run(os._exit, 7)
        assert workers.run(str.upper, "a") == "A"
        with pytest.raises(FovealError, match="has ended"):
            workers.run(str.upper, "b")

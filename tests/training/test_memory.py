"""The batch that fits into memory, over a made-up memory."""

import pytest
import torch

from foveal.errors import FovealError
from foveal.training.memory import fitting_batch

CPU = torch.device("cpu")
FIXED, EACH = 1000, 10
"""Bytes of a process, and of an image of a step."""


@pytest.fixture
def tried(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The batches that were tried; their memory is counted as the most that the process had."""
    batches: list[int] = []
    monkeypatch.setattr(
        "foveal.training.memory.peak_memory_bytes", lambda device: FIXED + EACH * max(batches, default=0)
    )
    return batches


@pytest.mark.parametrize(
    ("total", "most", "expected"),
    [(100_000, 64, 64), (100_000, 50, 50), (100_000, 1, 1), (1500, 64, 16), (1405, 64, 8), (1301, 64, 4)],
)
def test_the_largest_that_takes_four_fifths_of_the_memory(
    tried: list[int], monkeypatch: pytest.MonkeyPatch, total: int, most: int, expected: int
) -> None:
    monkeypatch.setattr("foveal.training.memory.memory_bytes", lambda: total)
    assert fitting_batch(tried.append, most=most, device=CPU) == expected
    assert FIXED + EACH * max(tried) <= 0.8 * total  # nothing larger was tried


def test_a_step_that_fails_for_memory_ends_the_trials(tried: list[int]) -> None:
    def step(batch: int) -> None:
        if batch > 8:
            raise torch.OutOfMemoryError("CUDA out of memory")
        tried.append(batch)

    assert fitting_batch(step, most=64, device=CPU) == 8


def test_where_nothing_fits_it_is_said(tried: list[int], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("foveal.training.memory.memory_bytes", lambda: 1200)
    with pytest.raises(FovealError, match=r"--batch-size auto: not even 2 images at once take less than 80% of mem"):
        fitting_batch(tried.append, most=64, device=CPU)


def test_other_faults_are_not_taken_for_it() -> None:
    def step(batch: int) -> None:
        raise RuntimeError("shapes cannot be multiplied")

    with pytest.raises(RuntimeError, match="shapes cannot be multiplied"):
        fitting_batch(step, most=4, device=CPU)

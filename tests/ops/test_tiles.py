"""Tiles cover the image, have one size and overlap by as much as is asked."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from foveal.ops.tiles import tile_corners

SIDES = st.integers(1, 300)


@given(st.tuples(SIDES, SIDES), st.tuples(SIDES, SIDES), st.floats(0, 0.9))
def test_tiles_cover_the_image_and_overlap(image_hw: tuple[int, int], tile_hw: tuple[int, int], overlap: float) -> None:
    corners = tile_corners(image_hw, tile_hw, overlap=overlap)
    assert corners == sorted(corners, key=lambda corner: corner[::-1])  # row by row
    for axis in (0, 1):
        length, tile = image_hw[1 - axis], min(tile_hw[1 - axis], image_hw[1 - axis])
        starts = np.unique([corner[axis] for corner in corners])
        assert starts[0] == 0
        assert starts[-1] + tile == length
        steps = np.diff(starts)
        assert np.all(steps <= max(1, tile * (1 - overlap)))
        assert np.all(steps >= 1)
        assert steps.max(initial=0) - steps.min(initial=10**6) <= 1
    assert len(corners) == len(set(corners))


@pytest.mark.parametrize(
    ("image_hw", "expected"),
    [
        ((100, 100), [(0, 0)]),
        ((1, 500), [(0, 0), (80, 0), (160, 0), (240, 0), (320, 0), (400, 0)]),
        ((101, 100), [(0, 0), (0, 1)]),
    ],
)
def test_examples(image_hw: tuple[int, int], expected: list[tuple[int, int]]) -> None:
    assert tile_corners(image_hw, (100, 100), overlap=0.2) == expected

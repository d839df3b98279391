"""Outlines hold exactly a region's pixels, as COCO's rasteriser reads them; what has holes has none."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from foveal.annotations import Polygons
from foveal.ops.masks import rasterised, run_lengths, run_lengths_within
from foveal.ops.outlines import outline, regions

MAPS = st.tuples(st.integers(1, 9), st.integers(1, 12)).flatmap(
    lambda shape: arrays(np.uint8, shape, elements=st.integers(0, 2))
)


@given(MAPS)
def test_regions_make_up_the_map(labels: np.ndarray) -> None:
    made = np.full(labels.shape, 9, np.uint8)
    for label, (left, top), mask in regions(labels):
        rows, columns = slice(top, top + mask.shape[0]), slice(left, left + mask.shape[1])
        assert np.all(made[rows, columns][mask] == 9)  # no pixel twice
        made[rows, columns][mask] = label
        assert ndimage.label(mask)[1] == 1
        assert mask.any(axis=0).all()
        assert mask.any(axis=1).all()
    assert np.array_equal(made, labels)


@given(MAPS)
def test_an_outline_holds_the_region_exactly(labels: np.ndarray) -> None:
    for _, (left, top), mask in regions(labels):
        whole = np.zeros(labels.shape, bool)
        whole[top : top + mask.shape[0], left : left + mask.shape[1]] = mask
        ring = outline(mask)
        filled = ndimage.binary_fill_holes(mask, np.ones((3, 3)))  # the background's pixels are joined at corners too
        assert (ring is None) == (not np.array_equal(filled, mask))
        if ring is not None:
            polygon = Polygons((tuple(np.add(ring, (left, top)).reshape(-1).tolist()),))
            assert np.array_equal(rasterised(polygon, labels.shape), whole)
            x, y = ring.T
            assert abs(np.dot(x, np.roll(y, -1)) - np.dot(y, np.roll(x, -1))) / 2 == mask.sum()
        found = run_lengths_within(mask, (left, top), labels.shape)
        assert found == run_lengths(whole)
        assert np.array_equal(rasterised(found, labels.shape), whole)


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        (["#"], [(1, 0), (1, 1), (0, 1), (0, 0)]),
        (["##", "#."], [(2, 0), (2, 1), (1, 1), (1, 2), (0, 2), (0, 0)]),
    ],
)
def test_corners_go_clockwise(rows: list[str], expected: list[tuple[int, int]]) -> None:
    mask = np.array([[pixel == "#" for pixel in row] for row in rows])
    ring = outline(mask)
    assert ring is not None
    assert [tuple(corner) for corner in ring.tolist()] == expected

"""Masks as polygons, run lengths and pixels."""

import numpy as np

from foveal.ops.masks import compressed, rasterised, run_lengths
from foveal.types import Polygons


def test_run_lengths_keep_every_pixel() -> None:
    mask = np.random.default_rng(0).random((7, 11)) < 0.4
    assert np.array_equal(rasterised(run_lengths(mask), (7, 11)), mask)


def test_counts_run_down_the_columns() -> None:
    assert np.argwhere(rasterised(compressed([3, 2, 7], (4, 3)), (4, 3))).tolist() == [[0, 1], [3, 0]]


def test_polygons_fill_the_pixels_inside_any_ring() -> None:
    rings = ((1.0, 1.0, 4.0, 1.0, 4.0, 3.0, 1.0, 3.0), (6.0, 0.0, 8.0, 0.0, 8.0, 2.0, 6.0, 2.0))
    expected = np.zeros((5, 9), bool)
    expected[1:3, 1:4] = True
    expected[0:2, 6:8] = True
    assert np.array_equal(rasterised(Polygons(rings), (5, 9)), expected)

"""Masks as polygons, run lengths and pixels."""

import json

import numpy as np
import pytest

from foveal.annotations import Polygons
from foveal.ops.masks import (
    areas,
    as_run_lengths,
    compressed,
    from_json,
    mask_iou,
    on_grid,
    pixels_of,
    rasterised,
    run_lengths,
    to_json,
)


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


def test_masks_go_into_plain_values_and_back() -> None:
    mask = np.random.default_rng(0).random((7, 11)) < 0.4
    written = json.loads(json.dumps(to_json(run_lengths(mask))))
    assert written["size"] == [7, 11]
    assert from_json(written) == run_lengths(mask)
    assert np.array_equal(pixels_of(written), mask)
    assert areas([run_lengths(mask), run_lengths(~mask)]).tolist() == [mask.sum(), 77 - mask.sum()]
    assert areas([]).shape == (0,)


def test_the_overlap_of_masks() -> None:
    rng = np.random.default_rng(0)
    ours, theirs = rng.random((3, 8, 6)) < 0.5, rng.random((4, 8, 6)) < 0.5
    crowd = np.array([False, True, False, False])
    found = mask_iou([run_lengths(each) for each in ours], [run_lengths(each) for each in theirs], crowd)
    for row, one in enumerate(ours):
        for column, other in enumerate(theirs):
            whole = one.sum() if crowd[column] else (one | other).sum()
            assert found[row, column] == pytest.approx((one & other).sum() / whole)
    assert mask_iou([], [run_lengths(theirs[0])], crowd[:1]).shape == (0, 1)


def test_an_outline_on_a_grid_is_what_its_pixels_are() -> None:
    """An ellipse of 60×30 pixels, on a grid that is turned, scaled and only half on it: by outline and by pixels."""
    angles = np.linspace(0, 2 * np.pi, 60, endpoint=False)
    ring = np.stack([50 + 30 * np.cos(angles), 40 + 15 * np.sin(angles)], axis=1)
    outline = Polygons((tuple(ring.ravel().tolist()),))
    pixels = as_run_lengths(outline, (90, 120))
    assert np.array_equal(rasterised(pixels, (90, 120)), rasterised(outline, (90, 120)))
    turn = np.deg2rad(30)
    linear = 0.5 * np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    to_grid = np.column_stack([linear, [16, 16] - linear @ [70, 40]])
    y, x = np.mgrid[:32, :32] + 0.5
    back = (np.stack([x, y], axis=2) - to_grid[:, 2]) @ np.linalg.inv(linear).T
    expected = ((back[..., 0] - 50) / 30) ** 2 + ((back[..., 1] - 40) / 15) ** 2 < 1
    for mask in (outline, pixels):
        found = on_grid(mask, to_grid, 32)
        assert expected.sum() > 100
        assert (found & expected).sum() / (found | expected).sum() > 0.9

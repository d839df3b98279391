"""Views of a batch for test-time augmentation."""

from collections.abc import Sequence

import numpy as np
import pytest

from foveal.answers import answering
from foveal.errors import UsageError
from foveal.inference.views import plain_view, run_views
from foveal.inference.views import test_time_views as time_views


def test_views_shift_and_mirror() -> None:
    images = np.arange(2 * 64 * 32, dtype=np.int32).reshape(2, 64, 32, 1)
    plain = [view(images) for view in time_views((64, 32), mirrored=False)]
    assert len(plain) == 5
    assert np.array_equal(plain[0], images)
    assert np.array_equal(plain[2][:, 2:], images[:, :-2])  # two rows down, a 32nd of 64
    assert np.array_equal(plain[2][:, 0], images[:, 0])  # the edge repeated
    assert np.array_equal(plain[3][:, :, :-1], images[:, :, 1:])
    both = [view(images) for view in time_views((64, 32), mirrored=True)]
    assert len(both) == 10
    assert np.array_equal(both[5], images[:, :, ::-1])
    assert np.array_equal(plain_view()[0](images), images)
    assert all(view.flags.c_contiguous for view in both)  # engines take them as they lie in memory


@pytest.mark.parametrize("task", ["detect", "segment"])
def test_views_of_places_are_not_merged(task: str) -> None:
    made = answering(task, ("a", "b"), {})
    views: Sequence[object] = [lambda images: images] * 2
    with pytest.raises(UsageError, match=f"--tta: views of an image can't be merged for the task {task}"):
        run_views(made, lambda images: {}, np.zeros((1, 8, 8, 3), np.uint8), views=views)  # type: ignore[arg-type]

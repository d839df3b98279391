"""Views of a batch for test-time augmentation: images (B, H, W, C) uint8 -> as many of the same shape."""

from collections.abc import Callable, Sequence

import numpy as np

from foveal.answers.answer import Answering, Outputs
from foveal.errors import UsageError

SHIFT_SHARE = 1 / 32  # of the side, for the shifted views

Run = Callable[[np.ndarray], Outputs]
"""Decoded images (B, H, W, C) uint8 -> a network's outputs."""
View = Callable[[np.ndarray], np.ndarray]


def run_views(answering: Answering, run: Run, images_u8: np.ndarray, *, views: Sequence[View]) -> Outputs:
    """`run` of each view of the batch, merged as the task does; one view is `run` itself.

    Raises UsageError where the task can't merge them.
    """
    if len(views) > 1 and answering.merge is None:
        raise UsageError(f"--tta: views of an image can't be merged for the task {answering.task}; leave it out")
    outputs = [run(view(images_u8)) for view in views]
    return outputs[0] if answering.merge is None or len(outputs) == 1 else answering.merge(outputs)


def plain_view() -> list[View]:
    """The image unchanged."""
    return [lambda images: images]


def test_time_views(size_hw: tuple[int, int], *, mirrored: bool) -> list[View]:
    """The image and four copies shifted by a 32nd of its side; each mirrored too where training mirrored.

    Edges are repeated into what a shift leaves free.
    """
    dy, dx = (max(1, round(side * SHIFT_SHARE)) for side in size_hw)
    shifts = [(0, 0), (-dy, 0), (dy, 0), (0, -dx), (0, dx)]
    views: list[View] = [_shift(*shift) for shift in shifts]
    if mirrored:
        views += [_mirror(view) for view in list(views)]
    return views


def _shift(dy: int, dx: int) -> View:
    def view(images: np.ndarray) -> np.ndarray:
        rows = (np.arange(images.shape[1]) - dy).clip(0, images.shape[1] - 1)
        columns = (np.arange(images.shape[2]) - dx).clip(0, images.shape[2] - 1)
        return images.take(rows, axis=1).take(columns, axis=2)

    return view


def _mirror(view: View) -> View:
    return lambda images: np.ascontiguousarray(view(images)[:, :, ::-1])

"""A network over decoded images, in float32: what evaluation and prediction both run, so that their logits agree."""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn

from foveal.device import full_float32, sent
from foveal.errors import UsageError
from foveal.preprocess import Preprocess
from foveal.tasks.task import Outputs, Task

BATCH_SIZE = 32
SHIFT_SHARE = 1 / 32  # of the side, for the shifted views of test-time augmentation

Run = Callable[[Tensor], Outputs]
"""Decoded images (B, C, H, W) uint8 -> a network's outputs, float32 on the CPU."""
View = Callable[[Tensor], Tensor]


def forward(network: nn.Module, preprocess: Preprocess, images_u8: Tensor, *, device: torch.device) -> Outputs:
    """images_u8: (B, C, H, W) -> the network's outputs on the CPU. The network has to be in evaluation mode."""
    with torch.inference_mode(), full_float32():
        inputs = preprocess.to_input(sent(images_u8, device)).contiguous(memory_format=torch.channels_last)
        return {name: value.float().cpu() for name, value in network(inputs).items()}


def forward_views(task: Task, run: Run, images_u8: Tensor, *, views: Sequence[View]) -> Outputs:
    """`run` of each view of the batch, merged by the task; one view is `run` itself.

    Raises UsageError where the task can't merge them.
    """
    if len(views) > 1 and task.merge is None:
        raise UsageError(f"--tta: views of an image can't be merged for the task {task.name}; leave it out")
    outputs = [run(view(images_u8)) for view in views]
    return outputs[0] if task.merge is None or len(outputs) == 1 else task.merge(outputs)


def plain_view() -> list[View]:
    """The image as it is."""
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
    def view(images: Tensor) -> Tensor:
        rows = (torch.arange(images.shape[2]) - dy).clamp(0, images.shape[2] - 1)
        columns = (torch.arange(images.shape[3]) - dx).clamp(0, images.shape[3] - 1)
        return images[:, :, rows][:, :, :, columns]

    return view


def _mirror(view: View) -> View:
    return lambda images: view(images).flip(3)

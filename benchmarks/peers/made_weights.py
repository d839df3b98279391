"""Weights and images that anyone can compute again: no random numbers, which may change with PyTorch's version."""

import math
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor

PERIOD = 65_521  # a prime, so that rows of kernels don't repeat
SHIFT = 7_919  # between two tensors
IMAGES = (2, 3, 64, 96)
_OF_IMAGES = 10_000  # a place that no tensor has


def made_state(shapes: Mapping[str, Sequence[int]], *, gain: float) -> dict[str, Tensor]:
    """A float32 value for each of a network's tensors, by its name and its place in the list.

    gain: of the second moment by a layer, so that deep networks neither vanish nor overflow.
    """
    return {name: _tensor(name, shape, place, gain) for place, (name, shape) in enumerate(shapes.items())}


def made_images() -> Tensor:
    """`IMAGES` in float32, from -1 to 1."""
    return _spread(IMAGES, _OF_IMAGES)


def _tensor(name: str, shape: Sequence[int], place: int, gain: float) -> Tensor:
    values = _spread(shape, place)
    if len(shape) > 1:
        return values.mul_(math.sqrt(3 * gain / math.prod(shape[1:])))
    if name.endswith((".weight", "running_var")):
        return values.div_(4).add_(1)
    return values.div_(10)


def _spread(shape: Sequence[int], place: int) -> Tensor:
    """Value i is that of the integer (i + SHIFT · place) mod PERIOD, mixed: even over -1 to 1."""
    whole = torch.arange(PERIOD)
    for _ in range(2):
        whole = ((whole ^ (whole >> 16)) * 73_244_475) % 2**32
    block = (whole.double() / 2**31 - 1).float().roll(-SHIFT * place)
    count = math.prod(shape)
    return block.repeat(-(-count // PERIOD))[:count].reshape(tuple(shape)).clone()

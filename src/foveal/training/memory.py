"""The batch that fits into memory, and the error where one does not."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

import torch

from foveal.device import is_out_of_memory, memory_bytes, peak_memory_bytes
from foveal.errors import FovealError

MEMORY_SHARE = 0.8
"""Of the memory of the machine, or of the GPU, that a step may take."""


class OutOfMemory(FovealError, MemoryError):
    """Memory that does not suffice, with what was tried and what to lower; `is_out_of_memory` knows it as torch's."""


@contextmanager
def saying_what_is_too_large(what: str, *, remedy: str) -> Iterator[None]:
    """Raises OutOfMemory in the place of torch's own error where memory does not suffice.

    what: such as "a step with 32 images of 128 px". remedy: what to do, after "…: ".
    """
    try:
        yield
    except (RuntimeError, MemoryError) as error:
        if not is_out_of_memory(error):
            raise
        raise OutOfMemory(f"out of memory in {what} at once: {remedy}") from error


def fitting_batch(step: Callable[[int], None], *, most: int, device: torch.device) -> int:
    """The largest batch of 2, 4, 8 … and `most` whose step takes at most `MEMORY_SHARE` of the memory.

    step: takes a real one with so many images. One that would take more, by what those before took, is not tried.
    Raises FovealError where no batch fits.
    """
    budget = MEMORY_SHARE * _total_bytes(device)
    before, fits = peak_memory_bytes(device), 0
    for batch in (*(2**power for power in range(1, most.bit_length()) if 2**power < most), most):
        try:
            step(batch)
        except (RuntimeError, MemoryError) as error:
            if not is_out_of_memory(error):
                raise
            break
        peak = peak_memory_bytes(device)
        if peak > budget:
            break
        fits = batch
        if peak + (peak - before) > budget:
            break
    if not fits:
        raise FovealError(
            f"--batch-size auto: not even {min(2, most)} images at once take less than {MEMORY_SHARE:.0%} of memory "
            f"({budget / 2**30:.1f} GiB): lower --size, or take a smaller --model"
        )
    return fits


def _total_bytes(device: torch.device) -> int:
    if device.type == "cuda":
        return torch.cuda.get_device_properties(device).total_memory
    return memory_bytes()

"""Seconds of a piece of work on a device, synchronisation included."""

import time
from collections.abc import Callable

import torch


def synchronise(device: torch.device) -> None:
    """Waits until the device has done all it was given; a CPU has."""
    if device.type == "cuda":
        torch.cuda.synchronize(device)
    elif device.type == "mps":
        torch.mps.synchronize()


def timings(work: Callable[[], object], device: torch.device, *, least_seconds: float, most: int = 1000) -> list[float]:
    """Seconds of each of at least 3 and at most `most` calls, as many as `least_seconds` hold, after one unmeasured."""
    work()
    synchronise(device)
    seconds: list[float] = []
    while len(seconds) < 3 or (sum(seconds) < least_seconds and len(seconds) < most):
        start = time.perf_counter()
        work()
        synchronise(device)
        seconds.append(time.perf_counter() - start)
    return seconds


def best_seconds(work: Callable[[], object], device: torch.device, *, least_seconds: float = 0.5) -> float:
    """The quickest call: what the machine can do when nothing disturbs it."""
    return min(timings(work, device, least_seconds=least_seconds))

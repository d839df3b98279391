"""A profile of a training step and of a prediction: the seconds of each part, and how near they are to the best."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from foveal.evaluation.forward import forward
from foveal.feed.inputs import as_batch
from foveal.preprocess import Preprocess
from foveal.speed.ceilings import Ceilings
from foveal.speed.clock import synchronise, timings
from foveal.speed.operations import ARITHMETIC, OperationTimer, Spent
from foveal.training.loop import Trainer

DATA, NETWORK, UPDATE, LOADING = "gather and augment", "network", "update of the weights", "decode and resize"
BETWEEN = "between operations"
"""Python, autograd and kernel launches: the network's time that is in none of its operations."""
_SECONDS = 2.0  # of calls whose median counts
_TIMED_CALLS = 3

Operations = Mapping[tuple[str, str], Spent]
"""By (block, kind)."""
Blocks = dict[str, Callable[[], object]]
"""What a call does, in order."""


@dataclass(frozen=True, kw_only=True)
class Part:
    """One part of the work on a batch."""

    name: str
    seconds: float
    share: float
    """Of the whole."""
    ceiling: str | None = None
    """What its rate is compared with: a field of `Ceilings`, or None."""
    of_ceiling: float | None = None
    """Its rate over the ceiling."""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """The work on one batch, and its parts from the largest on."""

    name: str
    batch_size: int
    seconds: float
    """The median of plain calls, without profiling."""
    parts: tuple[Part, ...]

    @property
    def images_per_second(self) -> float:
        """At this batch."""
        return self.batch_size / self.seconds

    def share(self, name: str) -> float:
        """Of the part called `name`; 0 where there is none."""
        return sum(part.share for part in self.parts if part.name == name)

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return {**vars(self), "images_per_second": self.images_per_second, "parts": [vars(p) for p in self.parts]}


def profile_training(trainer: Trainer, ceilings: Ceilings, precision: str) -> Profile:
    """The training step at the run's last size. The steps are real ones: for a run that is thrown away."""
    plan = trainer.state.plan
    indices = torch.arange(plan.batch_size)
    batch: list[Any] = []

    def data() -> None:
        batch[:] = trainer.batches.make(indices, epoch=0, size=plan.train_sizes[1])

    trainer.state.network.train()
    blocks: Blocks = {
        DATA: data,
        NETWORK: lambda: trainer.learn(*batch),
        UPDATE: lambda: trainer.update(plan.lr_at(0)),
    }
    return _profile("training step", blocks, plan.batch_size, trainer.device, ceilings, precision)


def profile_prediction(
    network: nn.Module, preprocess: Preprocess, files: Sequence[bytes], *, device: torch.device, ceilings: Ceilings
) -> Profile:
    """Image files to outputs, as one batch: decoded on all cores, then through the network in float32."""
    network.eval()
    batch: list[Tensor] = []
    with ThreadPoolExecutor(os.cpu_count()) as pool:

        def load() -> None:
            batch[:] = [as_batch(np.stack(list(pool.map(preprocess.load, files))))]

        blocks: Blocks = {LOADING: load, NETWORK: lambda: forward(network, preprocess, *batch, device=device)}
        images = "image" if len(files) == 1 else "images"
        return _profile(f"prediction of {len(files)} {images}", blocks, len(files), device, ceilings, "float32")


def _profile(
    name: str, blocks: Blocks, batch_size: int, device: torch.device, ceilings: Ceilings, precision: str
) -> Profile:
    plain = _block_seconds(blocks, device)
    seconds = sum(plain.values())
    profiled = min((_operations(blocks, device) for _ in range(_TIMED_CALLS)), key=_total)
    parts = []
    for block, taken in plain.items():
        spent = {kind: sums for (part, kind), sums in profiled.items() if part == block}
        if block == NETWORK:
            parts += _network_parts(spent, taken, seconds, ceilings, precision)
        else:
            parts.append(_whole_part(block, spent, taken, seconds, batch_size, ceilings))
    parts.sort(key=lambda part: -part.seconds)
    return Profile(name=name, batch_size=batch_size, seconds=seconds, parts=tuple(parts))


def _block_seconds(blocks: Blocks, device: torch.device) -> dict[str, float]:
    """The median seconds of each block, over whole calls without profiling."""
    taken: dict[str, list[float]] = {block: [] for block in blocks}

    def call() -> None:
        for block, work in blocks.items():
            start = time.perf_counter()
            work()
            synchronise(device)
            taken[block].append(time.perf_counter() - start)

    calls = len(timings(call, device, least_seconds=_SECONDS))
    return {block: median(seconds[-calls:]) for block, seconds in taken.items()}


def _operations(blocks: Blocks, device: torch.device) -> Operations:
    """What the operations of one call took."""
    timer = OperationTimer(device)
    for block, work in blocks.items():
        with timer.part(block):
            work()
    return timer.spent


def _total(operations: Operations) -> float:
    return sum(spent.seconds for spent in operations.values())


def _network_parts(
    spent: Mapping[str, Spent], taken: float, seconds: float, ceilings: Ceilings, precision: str
) -> list[Part]:
    """A part a kind of operation, and what of the network's time is in none of them.

    Operations were timed in calls of their own: where they add up to more than the plain ones, all are scaled down.
    """
    timed = sum(sums.seconds for sums in spent.values())
    scale = min(1.0, taken / timed)
    parts = []
    for kind, sums in spent.items():
        ceiling, best, amount = "memory_bytes_s", ceilings.memory_bytes_s, sums.size_bytes
        if kind in ARITHMETIC:
            ceiling = "convolution_flop_s" if kind == ARITHMETIC[0] else "matrix_flop_s"
            best, amount = getattr(ceilings, ceiling)[precision], sums.flop
        parts.append(
            Part(
                name=kind,
                seconds=scale * sums.seconds,
                share=scale * sums.seconds / seconds,
                ceiling=ceiling,
                of_ceiling=amount / (scale * sums.seconds) / best,
            )
        )
    between = taken - scale * timed
    return [*parts, Part(name=BETWEEN, seconds=between, share=between / seconds)]


def _whole_part(
    block: str, spent: Mapping[str, Spent], taken: float, seconds: float, batch_size: int, ceilings: Ceilings
) -> Part:
    if block == LOADING:
        rate = batch_size / taken / ceilings.decode_images_s
        return Part(name=block, seconds=taken, share=taken / seconds, ceiling="decode_images_s", of_ceiling=rate)
    if block == UPDATE:
        rate = sum(sums.size_bytes for sums in spent.values()) / taken / ceilings.memory_bytes_s
        return Part(name=block, seconds=taken, share=taken / seconds, ceiling="memory_bytes_s", of_ceiling=rate)
    return Part(name=block, seconds=taken, share=taken / seconds)

"""How counting is learned and judged: as a regression of the objects' numbers."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict, replace
from functools import partial
from typing import Any

import numpy as np
import torch
from torch import Tensor

from foveal.annotations import Objects
from foveal.answers.regress import Scale
from foveal.feed.store import Store
from foveal.tasks import regress
from foveal.tasks.task import Room, Task
from foveal.types import Sample


def counts(samples: Sequence[Sample], num_classes: int) -> np.ndarray:
    """(B, K) float64: how many objects of each class."""
    found = [Counter(each.label for each in sample.known(Objects).instances) for sample in samples]
    return np.array([[each[label] for label in range(num_classes)] for each in found], np.float64)


def _make(classes: tuple[str, ...], settings: Any, decision: Any) -> Task:
    scale = Scale.of(asdict(settings), len(classes))
    return replace(
        regress.make(classes, settings, decision), name="counting", encode=partial(_encode, scale, len(classes))
    )


def _encode(scale: Scale, num_classes: int, store: Store, indices: Tensor) -> Tensor:
    return torch.from_numpy(scale.standardised(counts(store.samples_at(indices), num_classes))).float()


ROOM = Room(settings=regress.Settings, make=_make)

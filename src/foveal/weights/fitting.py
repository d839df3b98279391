"""Weights fitted to a new network: what is taken as it is, adapted, left out, and what of the network is new."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from foveal.errors import ModelError
from foveal.networks.build import build_backbone, without_weights
from foveal.tasks import make_task
from foveal.tasks.task import Task
from foveal.weights.files import Weights

LEAST_SHARE = 0.9
"""Of the backbone's tensors, that have to fit. Fewer are another network's, and a start from half of one is none."""
_SHOWN = 4  # names; more are counted by the part of the network
_BACKBONE = "backbone."


@dataclass(frozen=True, kw_only=True)
class Origin:
    """What a training started from, in plain values, for the run's config.json and the model file."""

    source: str
    """The file's name, its address without secrets, or imagenet and the file's name."""
    sha256: str
    network: str
    licence: str
    """Of published weights, in words; empty where nothing is known of it."""
    mean: tuple[float, ...]
    """Of the input, a channel's, as `std`."""
    std: tuple[float, ...]
    taken: int
    """How many tensors were taken as they are."""
    adapted: tuple[str, ...]
    """The first convolution, where the images have other channels."""
    classes: str
    """How those of the head came: by name, by their order, or new."""
    left_out: tuple[str, ...]
    """Tensors of the file that were not taken."""
    new: tuple[str, ...]
    """Tensors of the network that the file has none for."""

    def words(self) -> str:
        """What was done, in a line."""
        adapted = f", {len(self.adapted)} adapted to the channels ({_listed(self.adapted)})" if self.adapted else ""
        left_out = f"; of the file {len(self.left_out)} left out ({_listed(self.left_out)})" if self.left_out else ""
        new = f"; of the network {len(self.new)} new ({_listed(self.new)})" if self.new else ""
        return f"{self.taken} tensors taken{adapted}, classes {self.classes}{left_out}{new}"

    def to_json(self) -> dict[str, Any]:
        """Plain values."""
        return asdict(self)

    @classmethod
    def from_json(cls, value: Mapping[str, Any]) -> "Origin":
        """The record that `to_json` wrote."""
        plain: dict[str, Any] = {name: tuple(each) if isinstance(each, list) else each for name, each in value.items()}
        return cls(**plain)


@dataclass(frozen=True, kw_only=True)
class Start:
    """Where a training starts: tensors that take the place of the fresh network's, and what is to be known of them."""

    origin: Origin
    tensors: Mapping[str, Tensor]
    """By the network's names, in its shapes."""
    seen_hashes: np.ndarray
    """(N,) uint64, of the images that the weights were trained on or chosen by, as far as it is known."""

    @torch.no_grad()
    def put_into(self, network: nn.Module) -> None:
        """Copies the tensors over the network's own."""
        own = network.state_dict()
        for name, value in self.tensors.items():
            own[name].copy_(value)


def fit(weights: Weights, task: Task, *, network: str, channels: int, source: str, sha256: str, licence: str) -> Start:
    """The weights as the named network with this task's head takes them, for images of so many channels.

    Raises ModelError where they are another network's.
    """
    if weights.network != network:
        raise ModelError(
            f"{source}: its weights are of {weights.network}, not of {network}: give --model {weights.network}, or "
            "leave --model out"
        )
    shapes = _shapes(network, task, channels)
    first = next(name for name, shape in shapes.items() if len(shape) == 4)
    of_classes = _class_tensors(network, task, channels, shapes)
    fitting = _in_shape(weights, task, first=first, channels=channels, of_classes=of_classes)
    tensors = {
        name: fitting[name] for name, shape in shapes.items() if name in fitting and fitting[name].shape == shape
    }
    _check_share(tensors, shapes, network, source)
    adapted = (first,) if first in tensors and weights.tensors[first].shape[1] != channels else ()
    by = "by their order" if weights.classes is None else "by name"
    origin = Origin(
        source=source,
        sha256=sha256,
        network=network,
        licence=licence,
        mean=_per_channel(weights.mean, channels),
        std=_per_channel(weights.std, channels),
        taken=len(tensors) - len(adapted),
        adapted=adapted,
        classes=by if of_classes & set(tensors) else "new",
        left_out=tuple(name for name, value in weights.tensors.items() if _counts(value) and name not in tensors),
        new=tuple(name for name in shapes if name not in tensors),
    )
    return Start(origin=origin, tensors=tensors, seen_hashes=weights.seen_hashes)


def _in_shape(weights: Weights, task: Task, *, first: str, channels: int, of_classes: set[str]) -> dict[str, Tensor]:
    """The file's tensors that may be taken if their shape agrees: the first convolution for so many channels, classes
    in the task's order and only where they are the same, and a head only of the same task."""
    rows = _class_rows(weights, task)
    found = {}
    for name, value in weights.tensors.items():
        if weights.task != task.name and not name.startswith(_BACKBONE):
            continue
        if name == first and value.ndim == 4:
            value = with_channels(value, channels)
        if name in of_classes:
            if rows is None or len(value) != len(rows):
                continue
            value = value[rows]
        found[name] = value
    return found


def with_channels(kernel: Tensor, channels: int) -> Tensor:
    """(O, C, k, k) -> (O, `channels`, k, k): an image whose channels are all alike gives what it gave before.

    To fewer channels, those that fall to one in turn are added up (RGB to grey: all three). To more, they are repeated
    in turn and divided by how often (grey to RGB: a third each).
    """
    before = kernel.shape[1]
    if channels < before:
        return torch.stack([kernel[:, index::channels].sum(dim=1) for index in range(channels)], dim=1)
    taken = [index % before for index in range(channels)]
    copies = torch.tensor([taken.count(index) for index in taken], dtype=kernel.dtype)
    return kernel[:, taken] / copies.view(1, -1, 1, 1)


def _per_channel(values: Sequence[float], channels: int) -> tuple[float, ...]:
    """Means or deviations of as many channels, in the same turns: the mean of those that were added up."""
    if channels >= len(values):
        return tuple(values[index % len(values)] for index in range(channels))
    parts = [values[index::channels] for index in range(channels)]
    return tuple(round(sum(part) / len(part), 4) for part in parts)


def _shapes(network: str, task: Task, channels: int) -> dict[str, torch.Size]:
    with without_weights():
        built = task.learning.build(build_backbone(network, in_channels=channels))
    return {name: value.shape for name, value in built.state_dict().items() if _counts(value)}


def _class_tensors(network: str, task: Task, channels: int, shapes: Mapping[str, torch.Size]) -> set[str]:
    """Names of the tensors that have a row a class: those whose shape changes with one class more."""
    settings = {name: None if name == "class_weights" else value for name, value in task.settings.items()}
    more = make_task(task.name, (*task.classes, "one more"), settings)
    return {name for name, shape in _shapes(network, more, channels).items() if shapes[name] != shape}


def _class_rows(weights: Weights, task: Task) -> list[int] | None:
    """The file's row for each class of the task: by name, where they are the same; None where they are others."""
    if weights.classes is None:
        return list(range(len(task.classes)))
    if set(weights.classes) != set(task.classes):
        return None
    return [weights.classes.index(name) for name in task.classes]


def _check_share(tensors: Iterable[str], shapes: Iterable[str], network: str, source: str) -> None:
    backbone = [name for name in shapes if name.startswith(_BACKBONE)]
    taken = sum(name.startswith(_BACKBONE) for name in tensors)
    if taken < LEAST_SHARE * len(backbone):
        raise ModelError(
            f"{source}: {taken} of the {len(backbone)} tensors of {network}'s backbone fit, and "
            f"{100 * LEAST_SHARE:.0f} % are needed; by its names it is of {network}, but its layers have other widths "
            "(such as ResNeXt's)"
        )


def _counts(value: Tensor) -> bool:
    """Whether a tensor is a weight or a statistic, and no counter or hash."""
    return value.is_floating_point()


def _listed(names: Sequence[str]) -> str:
    if len(names) <= _SHOWN:
        return ", ".join(names)
    parts = Counter(name.partition(".")[0] for name in names)
    return ", ".join(f"{part} {count}" for part, count in parts.items())

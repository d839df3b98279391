"""Everything that changes while a network trains, and its checkpoint: one safetensors file, never pickle."""

import json
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors import SafetensorError, safe_open
from safetensors.torch import save_file
from torch import Tensor, nn

from foveal.errors import RunError
from foveal.files import atomic_path
from foveal.training.ema import WeightAverage
from foveal.training.plan import Plan

_SEEN_BEFORE = "seen_before"


@dataclass(kw_only=True)
class Progress:
    """The counters of a run; plain numbers, so that JSON keeps them exactly."""

    step: int = 0
    seconds: float = 0.0
    """Over all resumes."""
    train_seconds: float = 0.0
    """Spent in steps alone."""
    images: int = 0
    best: float | None = None
    best_epoch: int = 0
    """The epoch that last bettered the figure; a tie does not count."""
    flat_epochs: int = 0
    """Epochs since the figure was bettered or the rate was lowered for it; counted by the schedule `plateau`."""
    lowered: int = 0
    """How often the rate was lowered for it."""
    epoch_sums: dict[str, float] = field(default_factory=dict)
    """Sums over this epoch's images, by figure."""
    epoch_images: int = 0
    step_seconds: dict[str, float] = field(default_factory=dict)
    """Running mean of a step's seconds, by training size (JSON's keys are text)."""
    log_sums: dict[str, float] = field(default_factory=dict)
    """Sums over the images since the last step record."""
    log_images: int = 0

    def note_steps(self, count: int, *, size: int, seconds: float) -> None:
        """Takes in how long so many steps at this training size took."""
        self.train_seconds += seconds
        mean = seconds / count
        before = self.step_seconds.get(str(size), mean)
        self.step_seconds[str(size)] = mean + 0.95**count * (before - mean)


@dataclass(kw_only=True)
class TrainState:
    """Network, optimiser, moving average and counters of one run."""

    network: nn.Module
    optimiser: torch.optim.Optimizer
    ema: WeightAverage | None
    plan: Plan
    frozen: tuple[nn.Module, ...] = ()
    """Modules of the network that nothing changes: they stay in evaluation mode."""
    progress: Progress = field(default_factory=Progress)
    seen_before: np.ndarray = field(default_factory=lambda: np.zeros(0, np.uint64))
    """(N,) uint64: hashes of the images that the weights it started from were trained on or chosen by."""


def save_checkpoint(state: TrainState, path: Path) -> None:
    """Writes everything that continues the run, atomically."""
    header, tensors = packed(state)
    with atomic_path(path) as temporary:
        save_file(tensors, temporary, metadata={"foveal_checkpoint": json.dumps(header)})


def packed(state: TrainState) -> tuple[dict[str, Any], dict[str, Tensor]]:
    """Everything that continues the run: plain values, and tensors by name on the CPU."""
    tensors = {f"network.{name}": value for name, value in state.network.state_dict().items()}
    for index, slots in state.optimiser.state_dict()["state"].items():
        tensors |= {
            f"optimiser.{index}.{name}": torch.as_tensor(value) for name, value in slots.items() if value is not None
        }
    header: dict[str, Any] = {"plan": state.plan.to_json(), "progress": vars(state.progress)}
    if state.ema is not None:
        average = state.ema.state_dict()
        tensors |= {f"ema.{name}": value for name, value in average["average"].items()}
        header["ema_updates"] = average["updates"]
    tensors[_SEEN_BEFORE] = torch.from_numpy(state.seen_before.view(np.int64))
    return header, _owned(tensors)


def load_checkpoint(state: TrainState, path: Path) -> None:
    """Puts the checkpoint at `path` into `state`, in place.

    Raises RunError for a file that is none, and where it was trained on other data or another network.
    """
    try:
        with safe_open(path, framework="pt") as file:
            header = json.loads(file.metadata()["foveal_checkpoint"])
            # Copies: the file is mapped, and Windows replaces no mapped file at the next save.
            tensors = {name: file.get_tensor(name).clone() for name in file.keys()}  # noqa: SIM118 - not a dict
    except (OSError, SafetensorError, KeyError, TypeError, json.JSONDecodeError) as error:
        raise RunError(f"{path}: can't be read as a checkpoint: {error}") from None
    plan = Plan.from_json(header["plan"])
    if plan.data != state.plan.data:
        raise RunError(
            f"{path.parent}: the data changed since this run started ({plan.num_samples:,} training images then, "
            f"{state.plan.num_samples:,} now): other images, labels or held-out ones; start a new run"
        )
    try:
        unpack(state, header, tensors)
    except RuntimeError as error:
        raise RunError(f"{path}: its weights do not fit this network: {error}") from None


def unpack(state: TrainState, header: dict[str, Any], tensors: dict[str, Tensor]) -> None:
    """Puts what `packed` gave into `state`, in place. Raises RuntimeError where the network is another."""
    state.network.load_state_dict(_below(tensors, "network."))
    state.plan = Plan.from_json(header["plan"])
    state.progress = Progress(**header["progress"])
    slots: dict[int, dict[str, Tensor]] = {}
    for name, value in _below(tensors, "optimiser.").items():
        index, _, slot = name.partition(".")
        slots.setdefault(int(index), {})[slot] = value
    groups = state.optimiser.state_dict()["param_groups"]
    state.optimiser.load_state_dict({"state": slots, "param_groups": groups})
    if state.ema is not None:
        state.ema.load_state_dict({"updates": header["ema_updates"], "average": _below(tensors, "ema.")})
    if _SEEN_BEFORE in tensors:  # an older checkpoint has none
        state.seen_before = tensors[_SEEN_BEFORE].numpy().view(np.uint64)


def _below(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): value for name, value in tensors.items() if name.startswith(prefix)}


def _owned(tensors: dict[str, Any]) -> dict[str, Tensor]:
    """Each tensor contiguous in the default layout and in memory of its own, as safetensors wants it."""
    return {name: value.detach().cpu().clone(memory_format=torch.contiguous_format) for name, value in tensors.items()}

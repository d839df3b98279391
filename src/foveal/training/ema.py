"""The exponential moving average of a network's weights."""

from typing import Any

import torch
from torch import Tensor, nn

from foveal.errors import ModelError, UsageError


class WeightAverage:
    """An exponential moving average of a module's parameters and float buffers, after Polyak & Juditsky 1992.

    average += (1 - d)·(value - average), d = min(decay, (1 + t) / (10 + t)) at update t = 0, 1, …: the early
    average forgets the random start instead of carrying it for 1 / (1 - decay) updates. Batch-norm statistics
    are averaged with the weights they belong to; integer buffers are copied. Averages are held in at least
    float32, where a step of 1 - d is not rounded away, on the module's device. Pass the module itself, not
    its compiled or distributed wrapper, whose parameters have other names.
    """

    def __init__(self, module: nn.Module, *, decay: float) -> None:
        if not 0 <= decay < 1:
            raise UsageError(f"decay must be in [0, 1), got {decay}")
        self.decay = decay
        self.updates = 0
        self._average = {name: _averaged_copy(value) for name, value in module.state_dict().items()}

    @torch.no_grad()
    def update(self, module: nn.Module) -> None:
        """Moves the average towards the module's present weights; one call after each optimiser step."""
        values = module.state_dict()
        decay = min(self.decay, (1 + self.updates) / (10 + self.updates))
        averages, targets = [], []
        for name, average in self._average.items():
            if average.is_floating_point():
                averages.append(average)
                targets.append(values[name].to(average.dtype))
            else:
                average.copy_(values[name])
        torch._foreach_lerp_(averages, targets, 1 - decay)
        self.updates += 1

    @torch.no_grad()
    def copy_to(self, module: nn.Module) -> None:
        """Writes the average over the module's weights and buffers, in the module's own dtypes."""
        module.load_state_dict(self._average)

    def state_dict(self) -> dict[str, Any]:
        """`{"updates": int, "average": {name: tensor}}`; the tensors are the average itself, not copies."""
        return {"updates": self.updates, "average": dict(self._average)}

    @torch.no_grad()
    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Takes over what `state_dict` gave, bit for bit. Raises ModelError where names or shapes differ."""
        mine, theirs = _shapes(self._average), _shapes(state["average"])
        differing = sorted(name for name in mine.keys() | theirs.keys() if mine.get(name) != theirs.get(name))
        if differing:
            first = differing[0]
            raise ModelError(
                "the saved weight average is of another network: "
                f"{len(differing)} of {len(mine)} tensors differ, first {first!r}, "
                f"expected {mine.get(first, 'no such tensor')}, got {theirs.get(first, 'no such tensor')}"
            )
        for name, average in self._average.items():
            average.copy_(state["average"][name])
        self.updates = state["updates"]


def _averaged_copy(value: Tensor) -> Tensor:
    """A copy that shares nothing, in at least float32 where it is a float; the layout stays."""
    wide = torch.promote_types(value.dtype, torch.float32) if value.is_floating_point() else value.dtype
    return value.detach().to(wide, copy=True)


def _shapes(tensors: dict[str, Tensor]) -> dict[str, tuple[int, ...]]:
    return {name: tuple(tensor.shape) for name, tensor in tensors.items()}

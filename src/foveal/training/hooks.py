"""What a run's owner gives the loop: where weights go, when to stop, how many steps are left."""

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from torch import nn

from foveal.training.state import TrainState

SaveCheckpoint = Callable[[TrainState], None]
SaveBest = Callable[[nn.Module, Mapping[str, float], int], None]
"""Called with (the weights to keep, their held-out figures, the epoch)."""


@dataclass(frozen=True, kw_only=True)
class Hooks:
    """Functions that the loop calls; as they are by default it saves nothing and runs to the end of its plan, as where
    a run is only measured."""

    save_checkpoint: SaveCheckpoint = lambda state: None
    save_best: SaveBest = lambda network, val, epoch: None
    stop: Callable[[], str | None] = lambda: None
    """Names a reason to end after the current step, or None; the same to all processes."""
    replan: Callable[[TrainState], int] | None = None
    """Gives new total steps: asked after each epoch, and every `replan_seconds` within one, on rank 0."""
    replan_seconds: float = math.inf


NO_HOOKS = Hooks()

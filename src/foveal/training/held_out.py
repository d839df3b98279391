"""A look at the held-out images while a network trains, and what it means for the weights to keep."""

from contextlib import AbstractContextManager, nullcontext

import torch
from torch import nn

from foveal.device import sent
from foveal.feed.inputs import to_input
from foveal.feed.store import Store
from foveal.preprocess import Preprocess
from foveal.processes.group import Processes
from foveal.tasks.task import Task
from foveal.training.batches import encoded
from foveal.training.memory import saying_what_is_too_large
from foveal.training.plan import Plan
from foveal.training.schedules import PLATEAU_EPOCHS
from foveal.training.selection import is_as_good, is_better
from foveal.training.state import TrainState

_AT_ONCE = 32  # images at least: nothing is kept for a backward pass
_SMALLER_LOOK = f"lower --size, or --batch-size where it is above {_AT_ONCE}"


def held_out_figures(
    network: nn.Module,
    task: Task,
    store: Store,
    preprocess: Preprocess,
    plan: Plan,
    *,
    device: torch.device,
    processes: Processes,
) -> tuple[dict[str, float], float]:
    """The task's figures of the held-out images, in training's precision; and the standard error of the primary one.

    Each of several processes looks at its share of them. Raises OutOfMemory.
    """
    network.eval()
    records = []
    own = torch.arange(len(store))[processes.share(len(store))]
    at_once = max(_AT_ONCE, plan.batch_size)
    what = f"a look at {min(at_once, len(own))} held-out images of {max(preprocess.size_hw)} px"
    with torch.inference_mode(), autocast(plan, device), saying_what_is_too_large(what, remedy=_SMALLER_LOOK):
        for indices in own.split(at_once) if len(own) else ():
            images = sent(store.gather(indices), device)
            inputs = to_input(preprocess, images).contiguous(memory_format=torch.channels_last)
            targets = encoded(task, store, indices, device)
            records.append(task.judging.validation_record(network(inputs), targets))
    return task.judging.validation_metrics(processes.gather(records))


def is_to_keep(state: TrainState, value: float, error: float, *, epoch: int, higher_is_better: bool) -> bool:
    """Takes in an epoch's held-out figure; whether its weights are the ones to keep for now."""
    progress = state.progress
    progress.flat_epochs += 1
    if is_better(value, progress.best, higher_is_better=higher_is_better):
        progress.best, progress.best_epoch, progress.flat_epochs = value, epoch, 0
    if state.plan.schedule == "plateau" and progress.flat_epochs == PLATEAU_EPOCHS:
        progress.lowered, progress.flat_epochs = progress.lowered + 1, 0
    assert progress.best is not None
    return is_as_good(value, error, progress.best, higher_is_better=higher_is_better)


def autocast(plan: Plan, device: torch.device) -> AbstractContextManager[object]:
    """The precision in which the plan computes."""
    return torch.autocast(device.type, dtype=torch.bfloat16) if plan.bfloat16 else nullcontext()

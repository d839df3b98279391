"""A step on several processes: each learns from its share of the images, and all take the same update."""

import math
from collections.abc import Sequence
from functools import reduce

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from foveal.device import sent
from foveal.errors import RunError, UsageError
from foveal.processes.group import Processes
from foveal.training.plan import Plan
from foveal.training.state import TrainState, packed, unpack


class GradientSum:
    """Makes each gradient the sum of the processes' gradients, in one message a step.

    Batch norms' running statistics become the mean over the processes, weighted by their images; other float buffers
    become rank 0's; frozen ones stay. So all hold the same network after each step, to the bit.

    Nothing is wrapped, so names and layouts stay; a step of several parts sends once, and a process without images
    sends zeros. Differs: `DistributedDataParallel` begins to send while the backward pass still computes, and wants the
    same passes of every process. On a CPU, where that pass has every core, the overlap gains nothing measurable.
    """

    def __init__(self, network: nn.Module, processes: Processes, *, frozen: Sequence[nn.Module] = ()) -> None:
        self._processes = processes
        if processes.world == 1:
            return
        statistics = {id(each) for part in network.modules() if isinstance(part, _BatchNorm) for each in part.buffers()}
        self._parameters = [each for each in network.parameters() if each.requires_grad]
        kept = {id(each) for part in frozen for each in part.buffers()}
        self._buffers = [each for each in network.buffers() if each.is_floating_point() and id(each) not in kept]
        self._averaged = [id(each) in statistics for each in self._buffers]
        has_gradient = torch.zeros(len(self._parameters), device=self._parameters[0].device)
        self._message, slots = _message([*self._parameters, *self._buffers, has_gradient])
        self._gradients = slots[: len(self._parameters)]
        self._states = slots[len(self._parameters) : -1]
        self._has_gradient = slots[-1]

    @torch.no_grad()
    def __call__(self, share: float) -> None:
        """share: of the step's images, this process's. A parameter that nobody has a gradient of gets none."""
        if self._processes.world == 1:
            return
        has = [each.grad is not None for each in self._parameters]
        self._has_gradient.copy_(sent(torch.tensor(has), self._has_gradient.device))
        for parameter, slot in zip(self._parameters, self._gradients, strict=True):
            slot.zero_() if parameter.grad is None else slot.copy_(parameter.grad)
        for buffer, slot, averaged in zip(self._buffers, self._states, self._averaged, strict=True):
            slot.copy_(buffer).mul_(share if averaged else float(self._processes.first))
        self._processes.all_reduce(self._message)
        somewhere = has if all(has) else self._has_gradient.bool().tolist()  # asked only then: it waits for the device
        for parameter, slot, given in zip(self._parameters, self._gradients, somewhere, strict=True):
            if parameter.grad is not None:
                parameter.grad.copy_(slot)
            elif given:
                parameter.grad = torch.empty_like(parameter).copy_(slot)
        for buffer, slot in zip(self._buffers, self._states, strict=True):
            buffer.copy_(slot)


def synchronised(network: nn.Module, device: torch.device, processes: Processes) -> nn.Module:
    """The network as several processes train it: on GPUs its batch norms take their statistics over all of them.

    On CPUs, for which torch has no such norm, each process takes those of its own share. Raises UsageError for devices
    that can't work together.
    """
    if processes.world == 1 or device.type == "cpu":
        return network
    if device.type != "cuda":
        raise UsageError(f"{processes.world} processes need CPUs or CUDA devices, not {device.type}: use --device cpu")
    if processes.local_world > torch.cuda.device_count():
        raise UsageError(
            f"{processes.local_world} processes on a machine with {torch.cuda.device_count()} GPUs: start one a GPU"
        )
    module: nn.Module = nn.SyncBatchNorm.convert_sync_batchnorm(network)
    return module


def share_state(state: TrainState, processes: Processes) -> None:
    """Gives every process rank 0's plan, weights, optimiser and counters, read from a checkpoint or fresh.

    Raises RunError where they were given other data, UsageError where a share of a step is too small to be learned
    from.
    """
    if processes.world == 1:
        return
    data = state.plan.data
    header, tensors = processes.broadcast(lambda: packed(state))
    if not processes.first:
        unpack(state, header, tensors)
    if data != state.plan.data:
        raise RunError(f"process {processes.rank} found other images or labels than the first: give all the same data")
    _check_shares(state.network, state.plan, processes.world)


def _check_shares(network: nn.Module, plan: Plan, world: int) -> None:
    parts = math.ceil(plan.images_per_step / plan.batch_size)
    smallest = plan.images_per_step // parts // world
    norms = [part for part in network.modules() if isinstance(part, _BatchNorm)]
    least = 0 if not norms else 1 if isinstance(norms[0], nn.SyncBatchNorm) else 2
    if smallest < least:
        raise UsageError(
            f"--batch-size {plan.batch_size} over {world} processes leaves one with {smallest} images, and batch norm "
            f"needs {least}: take {least * world} images a batch, or fewer processes"
        )


def _message(tensors: list[Tensor]) -> tuple[Tensor, list[Tensor]]:
    """A flat tensor with room for all of them, and in it a view of each, in its shape and layout."""
    dtype = reduce(torch.promote_types, [each.dtype for each in tensors])
    message = torch.zeros(sum(each.numel() for each in tensors), dtype=dtype, device=tensors[0].device)
    parts = message.split([each.numel() for each in tensors])
    return message, [_laid_out(part, each) for part, each in zip(parts, tensors, strict=True)]


def _laid_out(part: Tensor, like: Tensor) -> Tensor:
    """A view of the flat part as `like` lies in memory, so that copies between them run straight through."""
    channels_last = like.ndim == 4 and like.is_contiguous(memory_format=torch.channels_last)
    return part.as_strided(like.shape, like.stride()) if channels_last else part.view(like.shape)

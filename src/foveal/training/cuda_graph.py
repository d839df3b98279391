"""A training step on a GPU, captured once as a CUDA graph and replayed: one launch where there were hundreds.

A small network's operations take a GPU less time than Python takes to ask for them. CUDA graphs: Nguyen et al. 2021,
"Accelerating PyTorch with CUDA Graphs".
"""

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

Work = Callable[[Tensor, Tensor], None]
Shapes = tuple[torch.Size, torch.Size]


@dataclass(frozen=True)
class _Captured:
    graph: torch.cuda.CUDAGraph
    inputs: Tensor
    targets: Tensor
    """What the graph reads: to be filled before each replay."""


class CapturedSteps:
    """The same work on batch after batch: as it is for the first of each shape, captured and replayed for the others.

    What the work does has to be the same each time but for the values of tensors that stay: it may wait for nothing,
    decide by no value, and take nothing from the CPU. Random draws go on from the seed that is set before each call.
    """

    def __init__(self) -> None:
        self._shapes: Shapes | None = None
        self._graph: _Captured | None = None
        """Of these shapes alone: it keeps a step's memory, and sizes grow and do not come back."""

    def __call__(self, work: Work, inputs: Tensor, targets: Tensor) -> None:
        """`work(inputs, targets)`, always the same one; on the device: inputs (B, C, H, W), targets (B, …)."""
        shapes = inputs.shape, targets.shape
        if shapes != self._shapes:
            self._shapes, self._graph = shapes, None
            work(inputs, targets)  # kernels are chosen and the optimiser's state is made, which can't be captured
            return
        if self._graph is None:
            self._graph = self._capture(work, inputs, targets)
        self._graph.inputs.copy_(inputs)
        self._graph.targets.copy_(targets)
        self._graph.graph.replay()

    def _capture(self, work: Work, inputs: Tensor, targets: Tensor) -> _Captured:
        """Nothing is computed yet."""
        made = _Captured(torch.cuda.CUDAGraph(), inputs.clone(), targets.clone())
        with torch.cuda.graph(made.graph, capture_error_mode="thread_local"):
            work(made.inputs, made.targets)
        return made

"""Preprocessing and network as one module: what every export is made of. Legend: B batch, C channels."""

import torch
from torch import Tensor, nn

from foveal.feed.inputs import standardised
from foveal.preprocess import Preprocess


class Graph(nn.Module):
    """Decoded images (B, H, W, C) in the preprocessing's depth -> the outputs called `names`, in their order.

    The images are what `Preprocess.load` gives, so that no caller has arithmetic of its own. The network has to be in
    evaluation mode; it is shared, not copied.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, network: nn.Module, preprocess: Preprocess) -> None:
        super().__init__()
        self.network = network
        self.white = preprocess.white
        self.register_buffer("mean", torch.tensor(preprocess.mean).view(1, -1, 1, 1))
        self.register_buffer("std", torch.tensor(preprocess.std).view(1, -1, 1, 1))
        self.example = torch.zeros(2, *preprocess.size_hw, preprocess.channels, dtype=getattr(torch, preprocess.depth))
        """Two images to trace with: for a single one, tracing would take its batch for a constant."""
        with torch.inference_mode():
            self.names = tuple(network(self._inputs(self.example)))
        self.eval()

    def forward(self, images: Tensor) -> tuple[Tensor, ...]:
        outputs = self.network(self._inputs(images))
        return tuple(outputs[name] for name in self.names)

    def _inputs(self, images: Tensor) -> Tensor:
        # (B, H, W, C) -> (B, C, H, W)
        scaled = images.permute(0, 3, 1, 2).to(torch.float32) / self.white
        return standardised(scaled, self.mean, self.std)

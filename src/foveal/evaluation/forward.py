"""A network over decoded images, in float32: what evaluation and prediction both run, so that their logits agree."""

import torch
from torch import Tensor, nn

from foveal.device import full_float32, sent
from foveal.feed.inputs import to_input
from foveal.preprocess import Preprocess
from foveal.tasks.task import Outputs

BATCH_SIZE = 32


def forward(network: nn.Module, preprocess: Preprocess, images_u8: Tensor, *, device: torch.device) -> Outputs:
    """images_u8: (B, C, H, W) -> the network's outputs on the CPU, each contiguous, as NumPy reads it fastest.

    The network has to be in evaluation mode.
    """
    with torch.inference_mode(), full_float32():
        inputs = to_input(preprocess, sent(images_u8, device)).contiguous(memory_format=torch.channels_last)
        return {name: value.float().cpu().contiguous() for name, value in network(inputs).items()}

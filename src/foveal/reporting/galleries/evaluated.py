"""What a gallery is made of, and images as they are shown."""

from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from foveal.evaluation.evaluate import Evaluation
from foveal.feed.store import Store
from foveal.images import decode
from foveal.tasks.task import Task
from foveal.types import Sample

MOST_SHOWN = 24
"""Pictures of a kind."""


@dataclass(frozen=True, kw_only=True)
class Evaluated:
    """A network, the images that it was evaluated on, and what came of it."""

    task: Task
    evaluation: Evaluation
    store: Store
    network: nn.Module
    device: torch.device


def as_pictures(images: Tensor) -> list[np.ndarray]:
    """(B, C, H, W) of 8 or 16 bits -> B arrays (H, W, C), uint8."""
    return [decode(image) for image in images.permute(0, 2, 3, 1).contiguous().cpu().numpy()]


def whole_image(sample: Sample) -> np.ndarray:
    """The image at its own size, as shown: uint8 (H, W, 1 or 3), of other channels the first."""
    image = decode(sample.image.read(), name=sample.image.name)
    return image if image.shape[2] in (1, 3) else image[:, :, :1]

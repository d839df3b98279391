"""Networks of a few weights for every task, as users bring their own: what the model files beside this were made of."""

import numpy as np
import torch
from torch import Tensor, nn

CLASSES = ("ant", "bee", "cat")
SIZE_HW = (32, 48)
TASKS = ("classify", "multilabel", "regress", "detect", "detect-masks", "segment")


def tiny(task: str) -> nn.Module:
    """The module, as drawn."""
    if task in ("classify", "multilabel", "regress"):
        return nn.Sequential(
            nn.Conv2d(3, 4, 3, stride=2),
            nn.BatchNorm2d(4),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(1),
            nn.Flatten(),
            nn.Linear(4, len(CLASSES)),
        )
    return Pixels() if task == "segment" else Cells(masks=task == "detect-masks")


class Pixels(nn.Module):
    """Images (B, 3, H, W) -> {"logits": (B, 3, H, W)}."""

    def __init__(self) -> None:
        super().__init__()
        self.last = nn.Conv2d(3, len(CLASSES), 5, padding=2)

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return {"logits": self.last(images)}


class Cells(nn.Module):
    """Images (B, 3, H, W) -> what a detector of one map of stride 8 gives, with or without masks."""

    def __init__(self, *, masks: bool) -> None:
        super().__init__()
        self.stem = nn.Conv2d(3, 4, 4, stride=4)
        self.classify = nn.Conv2d(4, len(CLASSES), 2, stride=2)
        self.locate = nn.Conv2d(4, 4 * 16, 2, stride=2)
        self.shared = nn.Conv2d(4, 8, 1) if masks else None
        self.control = nn.Conv2d(4, 169, 2, stride=2) if masks else None

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        features = self.stem(images)
        logits = self.classify(features)
        height, width = logits.shape[2:]
        y, x = ((torch.arange(side, device=images.device) + 0.5) * 8 for side in (height, width))
        outputs = {
            "logits": logits.flatten(2).transpose(1, 2),
            "distances": self.locate(features).flatten(2).transpose(1, 2).unflatten(2, (4, 16)),
            "points": torch.stack([x.repeat(height), y.repeat_interleave(width)], dim=1),
            "strides": torch.full((height * width,), 8.0, device=images.device),
        }
        if self.shared is not None and self.control is not None:
            weights = self.control(features).flatten(2).transpose(1, 2)
            outputs |= {"mask_maps": self.shared(features), "mask_weights": weights}
        return outputs


def pictures() -> list[np.ndarray]:
    """Images of two sizes, none of them the network's, (H, W, 3) uint8: squares of colours."""
    random = np.random.default_rng(5)
    grids = [random.integers(0, 256, (*shape, 3), np.uint8) for shape in ((6, 7), (9, 5))]
    return [np.kron(grid, np.ones((9, 11, 1), np.uint8)) for grid in grids]

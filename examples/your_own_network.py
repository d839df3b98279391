"""A network of your own in place of a named one: any `nn.Module` from images (B, C, H, W) to logits (B, K).

    python examples/your_own_network.py

Trains a small network on scikit-learn's bundled digits and loads its model file again. The file holds the weights,
the classes and the preprocessing, but no code: who loads it brings the module.
"""

from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn

import foveal


class TwoConvolutions(nn.Module):
    """Grey images (B, 1, 16, 16) -> logits (B, K). It has no softmax: the loss takes logits."""

    def __init__(self, num_classes: int) -> None:
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 16, 3, padding=1),
            nn.ReLU(),
            nn.MaxPool2d(2),
            nn.Conv2d(16, 32, 3, padding=1),
            nn.ReLU(),
            nn.AdaptiveAvgPool2d(2),
        )
        self.classifier = nn.Linear(32 * 2 * 2, num_classes)

    def forward(self, images: Tensor) -> Tensor:
        return self.classifier(self.features(images).flatten(1))


def main(out: Path = Path("own-network-run"), *, epochs: float = 20) -> None:
    """Leaves the run folder `out`."""
    digits = load_digits()
    images = np.round(digits.images / 16 * 255).astype(np.uint8)  # (1797, 8, 8)

    torch.manual_seed(0)  # the module is yours, and so are its first weights
    result = foveal.train((images, digits.target), model=TwoConvolutions(10), size=16, epochs=epochs, out=out)

    model = foveal.load(result["model"], module=TwoConvolutions(10))
    for index in (0, 1, 2):  # it may have learned from these: this shows the call, not a score
        prediction = model(images[index])
        truth = digits.target[index]
        print(f"a {truth}, read as {prediction.label} with probability {prediction.score:.3f}")

    description = foveal.describe(TwoConvolutions(10), size=16, channels=1)
    print(f"{description.parameters:,} parameters, {description.multiply_adds:,} multiply-adds an image")


if __name__ == "__main__":
    main()

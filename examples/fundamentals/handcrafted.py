"""Learned features against handcrafted ones: how many images each needs.

    python examples/fundamentals/handcrafted.py MNIST

Histograms of oriented gradients (Dalal & Triggs 2005) by scikit-image with a linear support vector machine by
scikit-learn, and a small convolutional network, both taught by the same images: 100 of them, then more. Needs
scikit-image (`pip install scikit-image`). docs/handcrafted.md reads the figures.
"""

import sys
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from statistics import mean

import numpy as np
import torch
from experiments import Answer, Images, accuracy, chart, load, main, spread, table, to_zero, train
from sklearn.svm import LinearSVC
from torch import Tensor, nn

try:
    from skimage.feature import hog
except ModuleNotFoundError:
    sys.exit("the gradient histograms need scikit-image: pip install scikit-image")

COUNTS = (100, 300, 1_000, 3_000, 10_000, 30_000)
STEPS, PHOTOGRAPH_STEPS = 600, 300
KINDS = ("gradient histograms, linear machine", "convolutional network")
CELLS = 7
"""Along a side, whose gradients make a histogram each."""


def histograms(images: Tensor) -> np.ndarray:
    """(N, C, H, W) -> (N, features)."""
    cell = images.shape[2] // CELLS
    rows = images.movedim(1, 3).numpy()
    return np.stack(
        [
            hog(row, orientations=9, pixels_per_cell=(cell, cell), cells_per_block=(2, 2), channel_axis=-1)
            for row in rows
        ]
    )


def are_photographs(images: Images) -> bool:
    """By their side."""
    return images.train.shape[2] >= 64


def network(images: Images) -> nn.Sequential:
    """Halves the side, of photographs quarters it first, until it is about four, with a norm after each convolution."""
    widths = [images.channels, 32, 64, *([128, 256] if are_photographs(images) else [])]
    layers: list[nn.Module] = []
    for number, (inputs, outputs) in enumerate(pairwise(widths)):
        stride = 4 if number == 0 and are_photographs(images) else 2
        layers += [nn.Conv2d(inputs, outputs, 5, padding=2, stride=stride), nn.BatchNorm2d(outputs), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(16 * widths[-1], images.num_classes))


def learned(images: Images, rows: slice, *, seed: int, steps: int) -> float:
    """Test images that the network gets right, in per cent, taught by some of the training images."""
    torch.manual_seed(seed)
    few = replace(images, train=images.train[rows], train_labels=images.train_labels[rows])
    net = network(images).to(memory_format=torch.channels_last)  # type: ignore[call-overload]
    optimiser = torch.optim.AdamW(net.parameters(), lr=2e-3, weight_decay=0.1)
    batch_size = min(64, len(few.train))
    for _ in train(net, few, optimiser=optimiser, steps=steps, seed=seed, batch_size=batch_size, rate=to_zero):
        pass
    return 100 * accuracy(net, images.test, images.test_labels)


def handcrafted(features: np.ndarray, images: Images, rows: slice, tested: np.ndarray) -> float:
    """The same of the histograms and a linear machine."""
    machine = LinearSVC(C=1.0).fit(features[rows], images.train_labels[rows].numpy())
    return 100 * float(machine.score(tested, images.test_labels.numpy()))


def answer(data: Path | None, *, seeds: int = 3) -> Answer:
    """Minutes on MNIST or a thousand photographs; each seed is taught by other images as far as there are enough."""
    images = load(data, side=None if data else 14).first(COUNTS[-1], 2_000)
    counts = [count for count in COUNTS if count < len(images.train)]
    counts.append(len(images.train))
    steps = (PHOTOGRAPH_STEPS if are_photographs(images) else STEPS) if data else 30
    taught, tested = histograms(images.train), histograms(images.test)
    found: dict[str, dict[int, list[float]]] = {kind: {count: [] for count in counts} for kind in KINDS}
    for seed in range(seeds):
        for count in counts:
            start = seed * count if (seed + 1) * count <= len(images.train) else 0
            rows = slice(start, start + count)
            found[KINDS[0]][count].append(handcrafted(taught, images, rows, tested))
            found[KINDS[1]][count].append(learned(images, rows, seed=seed, steps=steps))
    rows_told = [[kind, *(spread(values, 1) for values in by_count.values())] for kind, by_count in found.items()]
    lines = {
        kind: [(float(count), mean(values)) for count, values in by_count.items()] for kind, by_count in found.items()
    }
    head = ["test images right, %, taught by", *(f"{count:,}" for count in counts)]
    drawing = chart(lines, title="Test images right, %, by training images", across="training images", log_x=True)
    return Answer(name="handcrafted", table=table(head, rows_told), chart=drawing, figures=found)


if __name__ == "__main__":
    main(answer, __doc__)

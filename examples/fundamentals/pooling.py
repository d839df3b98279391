"""Pooling and translation: how well shifted digits are read, with and without pooling.

    python examples/fundamentals/pooling.py MNIST

Four networks of the same parameters that differ in how they come from 28×28 to 7×7 pixels: maxima, means, steps of the
convolution alone (no pooling), and maxima trained on shifted images, one drawn shift a batch. Tested on images shifted
by 0 to 8 pixels, which none but the last ever saw. docs/pooling.md reads the figures.
"""

from pathlib import Path
from statistics import mean

import torch
import torch.nn.functional as F
from experiments import Answer, Images, accuracy, chart, load, main, spread, table, to_zero, train
from torch import Tensor, nn

SHIFTS = (0, 1, 2, 3, 4, 6, 8)
TRAINED_SHIFT = 4
KINDS = ("max pooling", "average pooling", "no pooling", "max pooling, shifted in training")


def network(kind: str, images: Images) -> nn.Sequential:
    """Two convolutions, each followed by what halves the maps, and one linear layer over all of the last map."""
    layers: list[nn.Module] = []
    for inputs, outputs in ((images.channels, 16), (16, 32)):
        layers.append(nn.Conv2d(inputs, outputs, 5, padding=2, stride=2 if kind == "no pooling" else 1))
        layers.append(nn.ReLU())
        if kind != "no pooling":
            layers.append(nn.AvgPool2d(2) if kind == "average pooling" else nn.MaxPool2d(2))
    side = images.train.shape[2] // 4
    return nn.Sequential(*layers, nn.Flatten(), nn.Linear(32 * side**2, images.num_classes))


def shifted(batch: Tensor, right: int, down: int, *, fill: float) -> Tensor:
    """Moved by whole pixels; what comes in is background."""
    most = max(abs(right), abs(down))
    padded = F.pad(batch, (most,) * 4, value=fill)
    height, width = batch.shape[2:]
    return padded[:, :, most - down : most - down + height, most - right : most - right + width]


def answer(data: Path | None, *, seeds: int = 3) -> Answer:
    """Minutes on MNIST."""
    images = load(data, side=None if data else 16).first(20_000, 2_000)
    steps = 2 * len(images.train) // 128 if data else 30
    background = float(images.train.min())

    def anywhere(batch: Tensor) -> Tensor:
        right, down = torch.randint(-TRAINED_SHIFT, TRAINED_SHIFT + 1, (2,)).tolist()
        return shifted(batch, right, down, fill=background)

    rows, lines, figures = [], {}, []
    for kind in KINDS:
        by_shift: dict[int, list[float]] = {shift: [] for shift in SHIFTS}
        for seed in range(seeds):
            torch.manual_seed(seed)
            net = network(kind, images)
            optimiser = torch.optim.Adam(net.parameters(), lr=1e-3)
            augment = {"augment": anywhere} if "shifted" in kind else {}
            for _ in train(net, images, optimiser=optimiser, steps=steps, seed=seed, rate=to_zero, **augment):
                pass
            for shift, found in by_shift.items():
                ways = {(shift, 0), (-shift, 0), (0, shift), (0, -shift)}
                moved = (shifted(images.test, *way, fill=background) for way in sorted(ways))
                found.append(100 * mean(accuracy(net, each, images.test_labels) for each in moved))
        rows.append([kind, *(spread(found, 1) for found in by_shift.values())])
        lines[kind] = [(float(shift), mean(found)) for shift, found in by_shift.items()]
        figures.append({"network": kind, "accuracy": by_shift})
    head = ["test images right, %, shifted by", *(f"{shift} px" for shift in SHIFTS)]
    drawing = chart(lines, title="Test images right, %, by shift", across="pixels shifted")
    return Answer(name="pooling", table=table(head, rows), chart=drawing, figures=figures)


if __name__ == "__main__":
    main(answer, __doc__)

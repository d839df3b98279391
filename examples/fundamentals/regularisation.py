"""Augmentation, dropout, weight decay and their absence: the gap between training and test.

    python examples/fundamentals/regularisation.py MNIST

A network learns 1,000 images by heart, in sixty passes; then with each remedy, and with all. docs/regularisation.md
reads the figures.
"""

from pathlib import Path

import torch
from experiments import Answer, Images, accuracy, chart, load, main, spread, table, to_zero, train
from torch import Tensor, nn

from foveal.augment.draws import Draws
from foveal.augment.pipeline import augment_images, draw
from foveal.augment.settings import AugmentSettings

TAUGHT, PASSES = 1_000, 60
DISTORTED = AugmentSettings(rotate_deg=10.0, translate=0.07, scale=(0.9, 1.1), shear_deg=6.0)
REMEDIES: dict[str, set[str]] = {
    "nothing": set(),
    "weight decay": {"decay"},
    "dropout": {"dropout"},
    "augmentation": {"augmentation"},
    "all three": {"decay", "dropout", "augmentation"},
}


def network(images: Images, *, dropout: bool) -> nn.Sequential:
    return nn.Sequential(
        *(nn.Conv2d(images.channels, 32, 5, padding=2, stride=2), nn.ReLU()),
        *(nn.Conv2d(32, 64, 5, padding=2, stride=2), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(1024, 128), nn.ReLU()),
        *([nn.Dropout(0.5)] if dropout else []),
        nn.Linear(128, images.num_classes),
    )


class Distortion:
    """Another small turn, shift, scale and shear of each image at each call."""

    def __init__(self, seed: int) -> None:
        self.seed, self.calls = seed, 0

    def __call__(self, batch: Tensor) -> Tensor:
        self.calls += 1
        size_hw = (batch.shape[2], batch.shape[3])
        draws = Draws(self.seed, self.calls, torch.arange(len(batch)))
        params = draw(DISTORTED, draws, in_size_hw=size_hw, out_size_hw=size_hw, channels=batch.shape[1])
        low = batch.min()
        return augment_images(batch - low, params) + low  # what comes in is background, which is the lowest


def answer(data: Path | None, *, seeds: int = 3) -> Answer:
    """Minutes on MNIST."""
    images = load(data, side=None if data else 16).first(TAUGHT, 10_000)
    steps = PASSES * len(images.train) // 100 if data else 40
    rows, lines, figures = [], {}, []
    for name, remedies in REMEDIES.items():
        taught, unseen, curves = [], [], []
        for seed in range(seeds):
            torch.manual_seed(seed)
            net = network(images, dropout="dropout" in remedies)
            optimiser = torch.optim.AdamW(net.parameters(), lr=1e-3, weight_decay=0.5 if "decay" in remedies else 0.0)
            more = {"augment": Distortion(seed)} if "augmentation" in remedies else {}
            steps_taken = train(
                net, images, optimiser=optimiser, steps=steps, seed=seed, batch_size=100, rate=to_zero, **more
            )
            curve = []
            for step, _ in enumerate(steps_taken, start=1):
                if step % max(1, steps // 10) == 0:
                    curve.append(
                        (float(step), 100 - 100 * accuracy(net, images.test[:2000], images.test_labels[:2000]))
                    )
            taught.append(100 * accuracy(net, images.train, images.train_labels))
            unseen.append(100 * accuracy(net, images.test, images.test_labels))
            curves.append(curve)
        gaps = [seen - new for seen, new in zip(taught, unseen, strict=True)]
        rows.append([name, spread(taught, 2), spread(unseen, 2), spread(gaps, 2)])
        lines[name] = [
            (points[0][0], sum(wrong for _, wrong in points) / len(points)) for points in zip(*curves, strict=True)
        ]
        figures.append({"remedy": name, "training": taught, "test": unseen, "curves": curves})
    head = ["with", "training images right, %", "test images right, %", "gap"]
    drawing = chart(lines, title="Test images that are wrong, %, by step", across="step", log_y=True)
    return Answer(name="regularisation", table=table(head, rows), chart=drawing, figures=figures)


if __name__ == "__main__":
    main(answer, __doc__)

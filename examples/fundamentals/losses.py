"""Cross-entropy against mean squared error, for the same network on the same images.

    python examples/fundamentals/losses.py MNIST

Three losses over K outputs: cross-entropy of the softmax, the mean squared distance of the softmax from the one-hot
target, and that of the outputs themselves. Each gets the best of a few learning rates, found on training images held
out, with a seed that is not counted. docs/losses.md reads the figures.
"""

from collections.abc import Callable
from pathlib import Path
from statistics import mean

import torch
import torch.nn.functional as F
from experiments import Answer, Images, accuracy, chart, load, main, spread, table, to_zero, train
from torch import Tensor, nn

Loss = Callable[[Tensor, Tensor], Tensor]
RATES = (0.03, 0.1, 0.3, 1.0, 3.0)
TRIAL_SEED = 1000
HELD_OUT = 1 / 6
"""Of the training images, for the choice of a rate."""


def one_hot(labels: Tensor, like: Tensor) -> Tensor:
    return F.one_hot(labels, like.shape[1]).float()


LOSSES: dict[str, Loss] = {
    "cross-entropy": F.cross_entropy,
    "squared error of the softmax": lambda logits, labels: F.mse_loss(logits.softmax(1), one_hot(labels, logits)),
    "squared error of the outputs": lambda logits, labels: F.mse_loss(logits, one_hot(labels, logits)),
}


def network(images: Images) -> nn.Sequential:
    return nn.Sequential(
        *(nn.Conv2d(images.channels, 16, 5, padding=2, stride=2), nn.ReLU()),
        *(nn.Conv2d(16, 32, 5, padding=2, stride=2), nn.ReLU()),
        *(nn.AdaptiveAvgPool2d(4), nn.Flatten(), nn.Linear(512, images.num_classes)),
    )


def wrong_and_sure(loss: Loss) -> float:
    """The gradient by the outputs where the network is sure of a wrong class (0.99 of the softmax), as a multiple of
    that where it has no opinion."""
    return _gradient(loss, 6.8) / _gradient(loss, 0.0)


def _gradient(loss: Loss, first: float) -> float:
    logits = torch.tensor([[first, *[0.0] * 9]], requires_grad=True)
    loss(logits, torch.tensor([1])).backward()
    assert logits.grad is not None
    return float(logits.grad.norm())


def errors(images: Images, loss: Loss, rate: float, *, steps: int, seed: int) -> list[tuple[float, float]]:
    """(step, share of the test images that are wrong), ten times on the way."""
    torch.manual_seed(seed)
    net = network(images)
    optimiser = torch.optim.SGD(net.parameters(), lr=rate, momentum=0.9)
    found = []
    for step, _ in enumerate(
        train(net, images, optimiser=optimiser, steps=steps, seed=seed, loss=loss, rate=to_zero), start=1
    ):
        if step % max(1, steps // 10) == 0:
            found.append((float(step), 1 - accuracy(net, images.test, images.test_labels)))
    return found


def answer(data: Path | None, *, seeds: int = 3) -> Answer:
    """Minutes on MNIST."""
    images = load(data, side=None if data else 16)
    choosing = images.for_choices(HELD_OUT)
    steps = len(images.train) // 128 if data else 40
    rows, lines, figures = [], {}, []
    for name, loss in LOSSES.items():
        trials = {rate: errors(choosing, loss, rate, steps=steps // 2, seed=TRIAL_SEED)[-1][1] for rate in RATES}
        best = min(trials, key=lambda rate: trials[rate])
        curves = [errors(images, loss, best, steps=steps, seed=seed) for seed in range(seeds)]
        early, late = ([100 * curve[place][1] for curve in curves] for place in (1, -1))
        rows.append([name, f"{best:g}", spread(early, 2), spread(late, 2), f"{wrong_and_sure(loss):.2f}"])
        lines[name] = [(points[0][0], 100 * mean(share for _, share in points)) for points in zip(*curves, strict=True)]
        figures.append({"loss": name, "trials": trials, "rate": best, "curves": curves})
    head = ["loss", "best rate", "wrong after a fifth, %", "wrong after an epoch, %", "gradient where sure and wrong"]
    drawing = chart(lines, title="Test images that are wrong, %", across="step", log_y=True)
    return Answer(name="losses", table=table(head, rows), chart=drawing, figures=figures)


if __name__ == "__main__":
    main(answer, __doc__)
